"""gunicorn's configuration: a threaded server, because nothing in a request waits for PagerDuty.

``PORT``, ``HOST``, ``WEB_WORKERS`` and ``WEB_THREADS`` come from the environment. A process
uses one processor, whatever its threads, so there are as many as processors unless told otherwise.
"""

import gc
import sys

from gunicorn.http import wsgi
from gunicorn.workers.base import Worker

from portal.environment import Environment, web_server

_env = Environment()
_server = web_server(_env)
if _env.mistakes:
    sys.exit("\n".join(f"{one.text} {one.hint}" for one in _env.mistakes))
bind = f"{_server.host}:{_server.port}"
worker_class = "portal.web_worker.BufferingWorker"
workers = _server.workers
threads = _server.threads
timeout = 30
graceful_timeout = 5
# The worker keeps what a client does not take of an answer: the kernel would pass it by.
sendfile = False
control_socket_disable = True
# gunicorn takes the path that the site lies under from a header, which many proxies pass on from
# anybody; it would stand in every link, those of the cached card too.
forwarder_headers = ""

_with_banner = wsgi.Response.default_headers


def _without_banner(response: wsgi.Response) -> list[str]:
    """Answer without gunicorn's ``Server`` line, which tells an attacker what to look up."""
    return [line for line in _with_banner(response) if not line.startswith("Server:")]


wsgi.Response.default_headers = _without_banner


def post_worker_init(worker: Worker) -> None:
    """Keep the loaded application out of the garbage collector's rounds.

    Rendering a page makes and drops many small objects; at Python's own thresholds the collector
    would walk the whole application several times a page.
    """
    del worker
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
