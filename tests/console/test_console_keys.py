"""Console text with several keys: the device's is returned, with notes, or none."""

from __future__ import annotations

import pytest
from console_shapes import HEADER, dump, key, rows, text

from labkit import console
from labkit.errors import DumpError, NoDumpError

KEY, OTHER = key("device"), key("other")

OTHER_OWNERS = (
    "Code signing public key, 91 bytes:",
    "Code verification public key, 91 bytes:",
    "Root CA public key, 91 bytes:",
    "server public key, 91 bytes:",
    "Public key of the signer, 91 bytes:",
    "OTA update public key, 91 bytes",
    "ECDH peer public key, 91 bytes:",
    "bootloader's public key, 91 bytes:",
)


def _titled(title: str) -> list[str]:
    return [f"8 920 [OTA] {title}", *rows(OTHER)]


def _xxd(of: bytes, digits: int = 8) -> list[str]:
    return [
        f"{at:0{digits}x}: {of[at : at + 16].hex(' ', -2)}  0Y0...*.H.=...."
        for at in range(0, 91, 16)
    ]


@pytest.mark.parametrize("title", OTHER_OWNERS)
@pytest.mark.parametrize("last", [True, False])
def test_a_key_of_another_owner_is_skipped(title: str, *, last: bool) -> None:
    """A dump whose title names another owner never counts, before or after the device's."""
    parts = (dump(KEY), _titled(title)) if last else (_titled(title), dump(KEY))
    log = console.parse(text(*parts))
    assert log.public_key() == KEY
    assert any("another key" in note and title in note for note in log.notes)


@pytest.mark.parametrize("title", OTHER_OWNERS)
def test_a_key_of_another_owner_alone_is_refused(title: str) -> None:
    """Without the device's dump, the error names the title of the dump that was skipped."""
    with pytest.raises(NoDumpError, match=title) as error:
        console.parse(text(_titled(title))).public_key()
    assert "FORCE_GENERATE" not in str(error.value)


@pytest.mark.parametrize(
    "title", ["Device public key, 91 bytes:", "Public Key in Hex Format, 91 bytes:", HEADER]
)
def test_other_titles_of_a_device_key_are_read(title: str) -> None:
    """A title that names no other owner is the device's."""
    assert console.parse(text([f"8 9 [OTA] {title}", *rows(KEY)])).public_key() == KEY


@pytest.mark.parametrize(
    "printed",
    [
        _xxd(OTHER.der),
        _xxd(OTHER.der, 7),
        [OTHER.der.hex()],
        [OTHER.der.hex()[:60], OTHER.der.hex()[60:]],
    ],
    ids=["xxd", "older xxd", "xxd -ps -c 91", "xxd -ps"],
)
def test_a_key_printed_by_hand_after_the_boards_is_refused(printed: list[str]) -> None:
    """The output of `xxd` with another key does not replace the board's dump."""
    with pytest.raises(DumpError, match="holds another key than the board's dump in line 1"):
        console.parse(text(dump(KEY), ["$ xxd key.der"], printed)).public_key()


def test_the_boards_own_key_printed_by_hand_is_read() -> None:
    """The output of `xxd` with the same key changes nothing."""
    log = console.parse(text(dump(KEY), ["$ xxd key.der"], _xxd(KEY.der)))
    assert log.public_key() == KEY
    assert log.notes[1] == "it holds the same key as the dump before it, line 1"


def test_a_key_is_noted_that_is_not_in_the_last_dump_but_one() -> None:
    """Of three dumps, the first with another key is noted, also if the last two are the same."""
    log = console.parse(text(dump(OTHER), dump(KEY), dump(KEY)))
    assert log.notes[1] == "it holds another key than the dump before it, line 1"
