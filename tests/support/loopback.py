"""A web server on this machine for tests and the benchmark: ranges, delays, mistakes.

It serves a folder as PhysioNet does: ranges, strong ETags, ``If-Match``. Each answer goes
through `Loopback.change`, where a test makes it wrong.
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Answer", "Loopback", "Request"]

_CHUNK = 16 * 2**10
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")


@dataclass(slots=True, kw_only=True)
class Request:
    """A request, and how much of its answer was sent."""

    number: int
    """From 1, in the order in which requests came."""
    path: str
    """Decoded, from the root of the folder, without ``/`` in front."""
    target: str
    """As it was sent, percent-encoded."""
    headers: dict[str, str]
    """By name, in lower case."""
    span: tuple[int, int] | None
    """Bytes `[start, stop)` of ``Range``."""
    n_sent: int = 0
    """Bytes of the body that the system took."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer that is about to be sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """Unless they hold ``Content-Length``, the length of the body is announced."""
    body: bytes = b""
    announce: bool = True
    """Whether a length is announced; else the end of the connection is the end."""
    wait_s: float = 0.0
    """How long to wait before the head, in seconds."""


def _unchanged(_: Request, answer: Answer) -> Answer:
    return answer


class Loopback:
    """A server of a folder; use it with ``with``.

    Every request takes `delay_s` before its answer begins, and a connection gives at
    most `bytes_per_s`.
    """

    def __init__(
        self, root: Path, *, delay_s: float = 0.0, bytes_per_s: float | None = None
    ) -> None:
        self.root = root
        self.requests: list[Request] = []
        # Bytes that the system takes before the client does; None: up to megabytes.
        self.send_buffer: int | None = None
        # From a request and the right answer to the answer that is sent.
        self.change: Callable[[Request, Answer], Answer] = _unchanged
        self._delay_s = delay_s
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def url(self) -> str:
        """Address of the folder, with ``/`` at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def n_sent(self) -> int:
        """Bytes of all bodies so far."""
        return sum(request.n_sent for request in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self) -> None:
                # A client that hangs up is what some tests are about.
                with suppress(ConnectionError, TimeoutError):
                    super().handle()

            def do_GET(self) -> None:
                loopback.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        match = _RANGE.fullmatch(headers.get("range", ""))
        with self._lock:
            request = Request(
                number=len(self.requests) + 1,
                # A proxy is sent whole addresses.
                path=unquote(urlsplit(handler.path).path).lstrip("/"),
                target=handler.path,
                headers=headers,
                span=None if match is None else (int(match[1]), int(match[2]) + 1),
            )
            self.requests.append(request)
        if self.send_buffer is not None:
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer
            )
        answer = self.change(request, self._right(request))
        time.sleep(self._delay_s + answer.wait_s)
        handler.send_response(answer.status)
        announced = {"Content-Length": str(len(answer.body))} if answer.announce else {}
        for name, value in (announced | answer.headers).items():
            handler.send_header(name, value)
        stated = (announced | answer.headers).get("Content-Length")
        if stated != str(len(answer.body)):
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        for start in range(0, len(answer.body), _CHUNK):
            part = answer.body[start : start + _CHUNK]
            handler.wfile.write(part)
            request.n_sent += len(part)
            if self._bytes_per_s is not None:
                time.sleep(len(part) / self._bytes_per_s)

    def _right(self, request: Request) -> Answer:
        """Return what a good server would answer."""
        path = self.root / request.path
        if not path.is_file():
            return Answer(status=404, body=b"not found\n")
        status = path.stat()
        etag = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": f'"{etag.hexdigest()[:16]}"',
            "Last-Modified": formatdate(status.st_mtime, usegmt=True),
        }
        wanted = request.headers.get("if-match", headers["ETag"])
        since = request.headers.get("if-unmodified-since", headers["Last-Modified"])
        if (wanted, since) != (headers["ETag"], headers["Last-Modified"]):
            return Answer(status=412, headers=headers)
        if request.span is None:
            return Answer(status=200, headers=headers, body=path.read_bytes())
        start, stop = request.span
        if start >= status.st_size:
            headers["Content-Range"] = f"bytes */{status.st_size}"
            return Answer(status=416, headers=headers)
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(stop - start)
        last = start + len(body) - 1
        headers["Content-Range"] = f"bytes {start}-{last}/{status.st_size}"
        return Answer(status=206, headers=headers, body=body)
