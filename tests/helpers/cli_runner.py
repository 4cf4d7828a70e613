"""Runs `labkit` commands in this process, as `labkit.cli.main` would end them."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from unittest import mock

from labkit import cli


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code.
        raw: what it wrote to standard output.
        err: what it wrote to standard error.
    """

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode()


def labkit(*arguments: object, stdin: bytes = b"") -> Ended:
    """Run a command."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    read = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with (
        mock.patch.dict(os.environ, {"LABKIT_DEBUG": ""}),
        mock.patch.object(sys, "argv", ["labkit", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", read),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        out.flush()
        err.flush()
    assert isinstance(code, int)
    return Ended(code, out.buffer.getvalue(), err.buffer.getvalue().decode())


def assert_refused(ended: Ended, *texts: str) -> None:
    """Assert exit code 1, nothing on standard output, a message, and no traceback."""
    assert (ended.code, ended.raw) == (1, b"")
    assert ended.err.startswith("labkit: ")
    assert "Traceback" not in ended.err
    assert "unexpected error" not in ended.err
    for text in texts:
        assert text in ended.err
