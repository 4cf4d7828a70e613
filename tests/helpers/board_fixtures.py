"""Fixtures of tests that boot a board against a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from board_bench import Authority, BareBoard, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def authority() -> Authority:
    """The authority of the device certificates."""
    return Authority()


@pytest.fixture
def board(tmp_path: Path) -> BareBoard:
    """A blank board."""
    return BareBoard(tmp_path)


@pytest.fixture
def serve(
    tmp_path: Path, authority: Authority, board: BareBoard
) -> Iterator[Callable[..., Server]]:
    """Let the board's endpoint be a server with the given behaviour."""
    servers = []

    def start(behaviour: str = "accept", **settings: object) -> Server:
        servers.append(Server(tmp_path, authority, behaviour=behaviour, **settings))
        board.connect_to(servers[-1])
        return servers[-1]

    yield start
    for server in servers:
        server.close()
