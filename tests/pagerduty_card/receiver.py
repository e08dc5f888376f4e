"""An address on 127.0.0.1 that takes webhooks and answers what it is told to."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Taken:
    headers: dict
    body: bytes


@dataclass
class Receiver:
    url: str
    deliveries: list = field(default_factory=list)


@contextmanager
def receiver(statuses=()):
    """Listen; ``statuses`` are answered first, then 202."""
    remaining = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = remaining.pop(0) if remaining else 202
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            found.deliveries.append(Taken(dict(self.headers), body))

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
