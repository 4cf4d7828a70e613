"""The control URL: power, reset, flashing and planted faults over HTTP and JSON.

::

    GET  /                       the bench: account, region, boards
    GET  /boards/<thing>           one board
    GET  /boards/<thing>/handshake the last attempt to connect as the gateway saw it, or null, and
                                   whether the board has tried to connect
    GET  /handshake                the same of the last client at the gateway's common port
    POST /boards/<thing>           {}: create a board for the thing
    POST /boards/<thing>/flash     an image, which runs at the next boot
    POST /boards/<thing>/reset     {}
    POST /boards/<thing>/power     {"on": true}
    POST /boards/<thing>/clock     {"speed": "fast"} or {"speed": 1}
    POST /boards/<thing>/fault     {"plant": NAME}, {"seed": TEXT} for a secret choice, or both;
                                   {"plant": null} removes the fault and restores the flash;
                                   {"fixed": true} removes it  and keeps the flash as it is
    POST /stop                     {}

A board is named after its thing, percent-encoded. The first POST for a thing creates its board. A
board's state includes whether it has a fault, not which. A POST needs the content type
application/json, which a web page of another origin cannot send. Errors are ``{"error": "..."}``
with a status of 4xx.
"""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from labkit.bench.simulator.board.board_clock import FAST, Speed
from labkit.bench.simulator.board.flash import FlashDamagedError, Image, ImageError
from labkit.bench.simulator.faults import UnknownFaultError
from labkit.bench.simulator.gateway.attempts import Attempts
from labkit.bench.simulator.http import HttpServer, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.bench.simulator.board.board import Board

MOST_BOARDS: Final = 64
"""Each board has a port and two threads; a lab has a handful."""

_ACTIONS = ("flash", "reset", "power", "clock", "fault")
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""Source: botocore's `iot` model, shape ThingName."""


class _RefusedError(Exception):
    """A request that cannot be carried out; the message states why."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The control server of a bench.

    Args:
        boards: the boards on it, by thing name.
        plug_in: adds the board of a thing.
        about: the members of GET / next to the boards.
        stop: ends the service.
        attempts: the attempts to connect that the gateway saw.
        activity: called at every request.
    """

    def __init__(
        self,
        boards: Mapping[str, Board],
        *,
        about: Mapping[str, Any],
        plug_in: Callable[[str], None],
        stop: Callable[[], None],
        attempts: Attempts | None = None,
        activity: Callable[[], None] = lambda: None,
    ) -> None:
        self._boards, self._about = boards, dict(about)
        self._plug_in, self._stop, self._activity = plug_in, stop, activity
        self._attempts = attempts or Attempts()
        self._server = HttpServer(self._handle, name="control")

    def start(self) -> str:
        """Listen.

        Returns:
            The control URL.
        """
        return self._server.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _handle(self, request: Request) -> Response:
        self._activity()
        try:
            return json_response(HTTPStatus.OK, self._answer(request))
        except _RefusedError as error:
            return json_response(error.status, {"error": str(error)})

    def _answer(self, request: Request) -> dict[str, Any]:
        parts = [unquote(part) for part in request.raw_path.split("/") if part]
        if request.method == "GET":
            return self._get(parts)
        if request.method == "POST":
            return self._post(parts, _json_object(request))
        raise _RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED, f"expected GET or POST, got {request.method}"
        )

    def _get(self, parts: list[str]) -> dict[str, Any]:
        match parts:
            case []:
                boards = list(self._boards.items())
                return {**self._about, "boards": {name: board.state for name, board in boards}}
            case ["boards", thing]:
                return self._board(thing).state
            case ["boards", thing, "handshake"]:
                return self._last_attempt(self._board(thing).name)
            case ["handshake"]:
                return self._last_attempt("")
        raise _no_such_path(parts)

    def _last_attempt(self, client: str) -> dict[str, Any]:
        last, has_tried = self._attempts.last(client)
        return {"handshake": last and last.to_json(), "has_tried": has_tried}

    def _post(self, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        match parts:
            case ["boards", thing]:
                return self._created(thing).state
            case ["boards", thing, action] if action in _ACTIONS:
                board = self._created(thing)
                getattr(self, f"_{action}")(board, body)
                return board.state
            case ["stop"]:
                self._stop()
                return {"stopping": True}
        raise _no_such_path(parts)

    def _board(self, thing: str) -> Board:
        if thing in self._boards:
            return self._boards[thing]
        raise _RefusedError(
            HTTPStatus.NOT_FOUND, f"no board {thing[:20]!r}: POST /boards/<thing> creates one"
        )

    def _created(self, thing: str) -> Board:
        """Return the board of a thing; create it if there is none."""
        if not _THING_NAME.fullmatch(thing):
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST,
                f"expected a thing name, 1 to 128 of a-z A-Z 0-9 : _ -, got {thing[:20]!r}",
            )
        if thing not in self._boards:
            if len(self._boards) >= MOST_BOARDS:
                raise _RefusedError(
                    HTTPStatus.CONFLICT, f"the bench has {MOST_BOARDS} boards already"
                )
            self._plug_in(thing)
        return self._board(thing)

    def _flash(self, board: Board, body: dict[str, Any]) -> None:
        try:
            board.flash(Image.parse(body))
        except ImageError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
        except FlashDamagedError as error:
            raise _RefusedError(HTTPStatus.CONFLICT, str(error)) from None

    def _reset(self, board: Board, _: dict[str, Any]) -> None:
        board.reset()

    def _power(self, board: Board, body: dict[str, Any]) -> None:
        if not isinstance(on := body.get("on"), bool):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, 'expected {"on": true} or {"on": false}')
        board.power(on=on)

    def _clock(self, board: Board, body: dict[str, Any]) -> None:
        board.speed = _speed(body.get("speed"))

    def _fault(self, board: Board, body: dict[str, Any]) -> None:
        name, seed = body.get("plant"), body.get("seed")
        if body == {"fixed": True}:
            board.remove_fault(keeps_flash=True)
            return
        known = isinstance(name, str | None) and isinstance(seed, str | None)
        if not known or not body.keys() & {"plant", "seed"}:
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST,
                'expected {"plant": NAME or null}, {"seed": TEXT}, both, or {"fixed": true}',
            )
        if name is None and seed is None:
            board.remove_fault()
            return
        try:
            board.plant(name, seed)
        except UnknownFaultError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None


def _speed(value: object) -> Speed:
    if value == FAST:
        return FAST
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, int | float) and number and 1 <= value < math.inf:
        return float(value)
    raise _RefusedError(
        HTTPStatus.BAD_REQUEST, 'expected {"speed": "fast"} or a number from 1 (real time) up'
    )


def _json_object(request: Request) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise _RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected Content-Type: application/json, got {content_type[:60]!r}",
        )
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "expected a JSON object as the body")
    return body


def _no_such_path(parts: list[str]) -> _RefusedError:
    return _RefusedError(HTTPStatus.NOT_FOUND, f"there is no path /{'/'.join(parts)[:80]}")
