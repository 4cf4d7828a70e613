"""`labkit key` on consoles that print the key as PEM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from console_shapes import key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["pem", "json"])
def test_key_takes_a_key_that_is_printed_as_pem(tmp_path: Path, form: str) -> None:
    """Without a dump the last PEM block of the log counts, and a note says so."""
    log = tmp_path / "console.log"
    log.write_text(f"> pki export key\n{key('old').pem}> pki generate key\n{key().pem}> \n")
    done = labkit("key", log, "--format", form)
    assert done.code == 0
    assert (key().pem if form == "pem" else key().der.hex()) in done.out
    assert "printed its key as PEM" in done.err


def test_key_refuses_a_damaged_pem_on_the_console(tmp_path: Path) -> None:
    """A lost character is an error; the block before it is not used instead."""
    log = tmp_path / "console.log"
    damaged = key().pem.replace("MFkw", "MFk", 1)
    log.write_text(f"{key('old').pem}{damaged}")
    assert_refused(labkit("key", log), str(log), "PEM")
