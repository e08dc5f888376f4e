"""A closed loop of keep-alive connections against one page: requests a second, nothing more.

Runs as a process of its own, so that the client's work is not counted as the server's:
``python -m tests.bench.load URL COOKIE CONNECTIONS SECONDS`` prints one JSON object.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


async def _connection(host: str, port: int, request: bytes, until: float) -> tuple[int, int]:
    reader, writer = await asyncio.open_connection(host, port)
    good = bad = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        if headers.get(b"transfer-encoding") == b"chunked":
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(headers.get(b"content-length", b"0")))
        good, bad = (good + 1, bad) if head.startswith(b"HTTP/1.1 200") else (good, bad + 1)
        if headers.get(b"connection") == b"close":
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()
    return good, bad


async def _run(url: str, cookie: str, connections: int, seconds: float) -> dict[str, float]:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n"
        "Accept: text/html\r\nAccept-Encoding: identity\r\n\r\n"
    ).encode()
    begun = time.perf_counter()
    until = begun + seconds
    done = await asyncio.gather(
        *(_connection(host, port, request, until) for _ in range(connections))
    )
    took = time.perf_counter() - begun
    return {
        "per_second": round(sum(good for good, _ in done) / took, 1),
        "not_200": sum(bad for _, bad in done),
    }


if __name__ == "__main__":
    _url, _cookie, _connections, _seconds = sys.argv[1:]
    sys.stdout.write(
        json.dumps(asyncio.run(_run(_url, _cookie, int(_connections), float(_seconds))))
    )
