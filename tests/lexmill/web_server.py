"""A real HTTP server in a thread, with the faults that tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass
class Web:
    """What a server serves, and what it was asked."""

    pages: dict[str, bytes] = field(default_factory=dict)  # path -> body
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  # path -> more headers
    answer: Callable[[str, str, bytes], Answer | None] = lambda method, path, body: None  # comes first
    ranges: bool = True  # answer requests for parts of a page
    cut: int | None = None  # send this many bytes of a page at most, then hang up
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Authorization
    url: str = ""


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    """Serve on a free port of the loopback address; `web.url` is set, without a slash at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _respond(self, web)

        do_HEAD = do_POST = do_GET  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _respond(handler: BaseHTTPRequestHandler, web: Web) -> None:
    web.asked.append((handler.command, handler.path, handler.headers.get("Authorization", "")))
    sent = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    status, headers, body = web.answer(handler.command, handler.path, sent) or _page(handler.path, web)
    wanted = handler.headers.get("Range", "")
    if status == 200 and web.ranges:
        headers = headers | {"Accept-Ranges": "bytes"}
        if wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last or len(body) - 1), len(body) - 1)
            headers = headers | {"Content-Range": f"bytes {first}-{end}/{len(body)}"}
            status, body = 206, body[int(first) : end + 1]
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body[: web.cut])


def _page(path: str, web: Web) -> Answer:
    plain = path.partition("?")[0]
    if plain not in web.pages:
        return 404, {}, b"no such page"
    return 200, web.headers.get(plain, {}), web.pages[plain]
