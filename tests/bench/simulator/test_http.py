from __future__ import annotations

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event, Timer
from typing import TYPE_CHECKING

import pytest

from labkit.bench.simulator.http import HttpServer, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator


def echo(request: Request) -> Response:
    """Answer with the request."""
    if request.path == "/fault":
        raise ZeroDivisionError
    return json_response(
        200,
        {
            "method": request.method,
            "path": request.path,
            "raw_path": request.raw_path,
            "query": dict(request.query),
            "body": request.body.decode(),
            "mark": request.headers.get("x-mark"),
        },
    )


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Return where a server listens."""
    server = HttpServer(echo)
    host, port = server.start().removeprefix("http://").split(":")
    yield host, int(port)
    server.close()


def ask(
    address: tuple[str, int], *request: object, **more: object
) -> tuple[int, dict[str, object]]:
    """Return the status and the JSON of an answer."""
    with closing(http.client.HTTPConnection(*address, timeout=5)) as connection:
        connection.request(*request, **more)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_handler_sees_the_whole_request(address: tuple[str, int]) -> None:
    """Method, path (raw and decoded), query, headers and body arrive as they were sent."""
    status, seen = ask(address, "PUT", "/a%2Fb/c?x=1&x=2&y=", body=b"{}", headers={"X-Mark": "m"})
    assert status == 200
    assert seen == {
        "method": "PUT",
        "path": "/a/b/c",
        "raw_path": "/a%2Fb/c",
        "query": {"x": ["1", "2"], "y": [""]},
        "body": "{}",
        "mark": "m",
    }


def test_fault_in_a_handler_ends_its_call_only(address: tuple[str, int]) -> None:
    """A handler's exception is a 500 for that call, and the server goes on."""
    assert ask(address, "GET", "/fault")[0] == 500
    assert ask(address, "GET", "/")[0] == 200


def test_other_host_name_is_refused(address: tuple[str, int]) -> None:
    """A web page that reaches loopback through a name of its own gets nothing."""
    assert ask(address, "GET", "/", headers={"Host": "evil.example:80"})[0] == 421
    assert ask(address, "GET", "/", headers={"Host": f"localhost:{address[1]}"})[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": "many"}, 400),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": str(2 << 20)}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_body_of_unclear_or_excessive_length_is_refused(
    address: tuple[str, int], headers: dict[str, str], status: int
) -> None:
    """A body is read only if its length is a number, and at most 1 MiB."""
    assert ask(address, "POST", "/", headers=headers)[0] == status


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("OPTIONS", 405), ("NONSENSE", 405)])
def test_unknown_method_is_refused_in_json(
    address: tuple[str, int], method: str, status: int
) -> None:
    """What http.server would answer with 501 and a page of HTML is a 4xx in JSON as well."""
    got, answer = ask(address, method, "/")
    assert (got, "error" in answer) == (status, status != 200)


@pytest.mark.parametrize("line", ["nonsense", "GET / HTTP/9.9", "GET / FTP/1.1"])
def test_what_is_no_request_is_refused_in_json(address: tuple[str, int], line: str) -> None:
    """The connection is closed after the answer: what follows is anybody's guess."""
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(f"{line}\r\n\r\n".encode())
        got = b"".join(iter(lambda: client.recv(4096), b""))
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    assert "error" in json.loads(got.partition(b"\r\n\r\n")[2])


def test_server_listens_on_loopback_only(address: tuple[str, int]) -> None:
    """The address is 127.0.0.1, whatever the machine's others are."""
    assert address[0] == "127.0.0.1"


def test_close_ends_idle_connections() -> None:
    """After close, nobody listens and kept-alive connections are gone."""
    server = HttpServer(echo)
    host, port = server.start().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as idle:
        idle.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        server.close()
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_close_finishes_the_answer_that_is_in_progress() -> None:
    """A client that asked before the end gets its answer: the call that ends a bench is one."""
    asked, closing_began = Event(), Event()

    def slow(_: Request) -> Response:
        asked.set()
        closing_began.wait(5)
        return json_response(200, {"stopping": True})

    server = HttpServer(slow)
    host, port = server.start().removeprefix("http://").split(":")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(ask, (host, int(port)), "POST", "/stop")
        assert asked.wait(5)
        Timer(0.3, closing_began.set).start()
        server.close()
        assert answer.result() == (200, {"stopping": True})
