"""A small HTTP/1.1 server on loopback: one function answers every request.

::

    server = HttpServer(lambda request: json_response(200, {"path": request.path}))
    url = server.start()            # "http://127.0.0.1:43210"
    server.close()

Headers and body are sent in one write, with TCP_NODELAY: with two writes, Nagle's algorithm and
delayed acknowledgements cost 40 ms a call.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 1 << 20
"""No call of the simulated services has a larger body."""

_IDLE_TIMEOUT_S = 120

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: such as "GET".
        raw_path: the path as received, percent-encoded, without the query.
        query: each name of the query with its values, decoded.
        headers: names in lower case.
        body: the bytes of the body.
    """

    method: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request; Content-Length is added when it is sent."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]
"""Answers a request; called in a thread of the connection."""


def json_response(
    status: int, content: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is `content` as JSON."""
    body = json.dumps(content).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


class HttpServer:
    """Serves a handler on 127.0.0.1, each connection in its own thread.

    A request with another Host is refused with 421: it comes from a web page that reached loopback
    through its own name (DNS rebinding).

    Args:
        handler: answers every request; an exception becomes a 500 and an entry in the log.
        name: the name of the threads.
    """

    def __init__(self, handler: Handler, *, name: str = "http") -> None:
        self._handler = handler
        self._name = name
        self._server: _Server | None = None

    def start(self, port: int = 0) -> str:
        """Listen on a port (0: a free one) and return the URL."""
        self._server = _Server((LOOPBACK, port), self._handler)
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=self._name, daemon=True
        ).start()
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening, finish the answers in progress, and close every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.stop_reading()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for the threads
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Handler) -> None:
        self.handler = handler
        self._open: set[socket.socket] = set()
        self._open_guard = threading.Lock()
        super().__init__(address, _Connection)
        self.own_names = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    def server_bind(self) -> None:
        # HTTPServer's own method resolves the host's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as in socketserver
        with self._open_guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 as in socketserver
        with self._open_guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def stop_reading(self) -> None:
        """End every connection after the answer that is in progress."""
        with self._open_guard:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as in socketserver
        _log.debug("connection %s of %s ended with an error", request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_TIMEOUT_S
    server: _Server

    def _answer(self) -> None:
        body = self._read_body()
        if body is None:
            return
        if self.headers.get("Host", "").lower() not in self.server.own_names:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "the Host header is not this server's")
            return
        raw_path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command, raw_path, parse_qs(query, keep_blank_values=True), headers, body
        )
        try:
            response = self.server.handler(request)
        except Exception:  # noqa: BLE001 an error in a handler ends its call, not the server
            _log.exception("%s %s", self.command, raw_path)
            response = json_response(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
        self._send(response)

    def _read_body(self) -> bytes | None:
        if "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the request has no Content-Length. Send one.")
            return None
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.BAD_REQUEST, "the Content-Length is not a number")
            return None
        if int(length) > MAX_BODY_BYTES:
            most = MAX_BODY_BYTES >> 20
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {most} MiB")
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer and close: the next bytes on this connection may be the rest of a body."""
        self.close_connection = True
        self._send(json_response(status, {"error": message}, {"Connection": "close"}))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 as in http.server
        """Refuse a request that http.server rejects: a bad request line, an unknown method."""
        unknown_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if unknown_method else HTTPStatus(code)
        self._refuse(status, message or status.phrase)

    def _send(self, response: Response) -> None:
        status = HTTPStatus(response.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append(f"Content-Length: {len(response.body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head + response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 as in http.server
        _log.debug(format, *args)
