"""A server of somebody else, whose pages attack; it remembers who asked it for what."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.net import HOST


class Foreign:
    """The pages by their path, and what was asked for: method, host and path."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []

    def url(self, html: str, host: str = "evil.example", path: str = "/attack") -> str:
        """Serve a page and return its address."""
        self.pages[path] = html
        return f"http://{host}:{self.port}{path}"


@contextmanager
def foreign_server() -> Iterator[Foreign]:
    """Run the server; any host name leads to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            foreign.asked.append((self.command, self.headers.get("Host", ""), self.path))
            html = foreign.pages.get(self.path)
            body = (html or "").encode()
            self.send_response(404 if html is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    foreign = Foreign(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield foreign
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
