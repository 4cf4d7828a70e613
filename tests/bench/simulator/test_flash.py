"""A simulated board's flash file and the images in it."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from board_bench import image

from labkit.bench.simulator.board.flash import Flash, Image, ImageError

if TYPE_CHECKING:
    from pathlib import Path


def test_flash_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The flash file is 0600 from its first byte on, and holds what was written."""
    flash = Flash(tmp_path / "boards" / "0" / "flash.json")
    assert flash.read().image is None
    flash.change(image=image(key="k"), private_key=b"\x00\xff", generated=3)
    held = flash.change(certificate=b"c")
    assert (held.image, held.private_key, held.certificate, held.generated) == (
        *(image(key="k"), b"\x00\xff", b"c"),
        3,
    )
    assert flash.read() == held
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "boards" / "0" / "flash.json").stat().st_mode) == 0o600


def test_reprs_hold_no_key(tmp_path: Path) -> None:
    """Neither an image nor the flash's contents show a key when they are printed."""
    flash = Flash(tmp_path / "flash.json")
    held = flash.change(image=image(key="secret"), private_key=b"secret")
    assert "secret" not in repr(held)
    assert "secret" not in repr(held.image)


def test_reader_never_sees_half_a_flash(tmp_path: Path) -> None:
    """While one thread writes, every read gives the old or the new contents."""
    flash = Flash(tmp_path / "flash.json")
    flash.change(certificate=b"0" * 5000)
    writer = threading.Thread(
        target=lambda: [flash.change(certificate=b"%d" % (n % 10) * 5000) for n in range(200)]
    )
    writer.start()
    while writer.is_alive():
        assert len(set(flash.read().certificate)) == 1
    writer.join()
    assert [it.name for it in tmp_path.iterdir()] == ["flash.json"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], '"format": 1'),
        ({"format": 1, "release": "v1.0.0", "macros": {}}, "expected one of 201910.00, 202203.00"),
        ({"format": 1, "release": "202203.00", "macros": []}, '"macros": expected an object'),
        ({"format": 1, "release": "202203.00", "macros": {"a b": "1"}}, "'a b'"),
        ({"format": 1, "release": "202203.00", "macros": {"port": 8883}}, "whose value is text"),
    ],
)
def test_what_is_no_image_is_refused(document: object, message: str) -> None:
    """An image that the board cannot run is refused with the entry at fault."""
    with pytest.raises(ImageError) as caught:
        Image.parse(document)
    assert message in str(caught.value)
