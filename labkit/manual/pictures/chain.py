"""The chain of certificates as a picture: root and device connected, the CSR signer apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.manual.pictures import svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.certificates.chain import Chain, Link, Signer

_WIDTH = 340
_BOX_WIDTH = 320
_BOX_HEIGHT = 74
_ARROW = 52
_LINE = 16
_LETTERS = 40
"""How many letters of a name fit into a box; the picture's title has the whole name."""


def draw_chain(chain: Chain) -> Markup:
    """Draw who signed what, as SVG.

    A line connects the root and the device's certificate if the signature verifies; otherwise the
    line is broken, with a word. No line leads to the CSR signer.

    Args:
        chain: the result of `labkit.certificates.chain.examine`.
    """
    parts, y = [], 10
    if chain.root:
        parts.append(_certificate("Root CA", chain.root, y))
        itself = "signs itself: verified" if chain.root.problem is None else "does NOT sign itself"
        colour = _colour(chain.root.problem)
        parts.append(svg.text(itself, _BOX_WIDTH, y + _LINE, colour=colour, anchor="end"))
        y += _BOX_HEIGHT
        parts.append(_arrow(chain.device, y))
        y += _ARROW
    else:
        missing = "no root certificate: nothing to verify with"
        parts.append(svg.text(missing, 20, y + 12, colour=svg.BAD))
        y += 24
    parts.append(_certificate("Device certificate", chain.device, y))
    y += _BOX_HEIGHT
    if chain.signer:
        y += 26
        parts.append(_signer(chain.signer, y))
        y += _BOX_HEIGHT
    return svg.picture(_WIDTH, y + 10, " ".join(_description(chain)), parts)


def _description(chain: Chain) -> Iterator[str]:
    if chain.root:
        yield f"Root CA: {chain.root.name}."
    yield f"Device certificate: {chain.device.name}."
    yield from (text for _, text in chain.sentences())


def _certificate(role: str, link: Link, y: int) -> Markup:
    problem = None if link.validity.word == "valid" else link.validity.word
    last = str(link.validity), _colour(problem), ""
    return _box(y, role, link.name, link.certificate.key_short, last)


def _signer(signer: Signer, y: int) -> Markup:
    text, colour = "signed the request alone, no certificate", svg.QUIET
    if signer.problem:
        text, colour = "the request's signature does NOT verify", svg.BAD
    elif signer.is_root:
        text, colour = "the root's own key signed the request", svg.BAD
    elif signer.is_certified:
        text = "its key is the one in the certificate"
    return _box(y, "CSR signer (apart)", signer.name, signer.key_short, (text, colour, "5 4"))


def _box(y: int, role: str, name: str, key: str, last: tuple[str, str, str]) -> Markup:
    """Draw a box: role, name, key, and a last text with its colour and the dashes of the box."""
    text, colour, dashes = last
    short = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    return Markup().join(
        [
            svg.box((10, y), (_BOX_WIDTH, _BOX_HEIGHT), dashes=dashes),
            svg.text(role, 20, y + _LINE, "bold"),
            svg.text(short, 20, y + 2 * _LINE),
            svg.text(f"key {key} …", 20, y + 3 * _LINE, "mono"),
            svg.text(text, 20, y + 4 * _LINE, colour=colour),
        ]
    )


def _arrow(device: Link, y: int) -> Markup:
    """Draw the line from the root down to the device's certificate, broken or whole."""
    colour = _colour(device.problem)
    x, middle, end = 40, y + _ARROW // 2, y + _ARROW
    if device.problem is None:
        line, text = f"M{x} {y}V{end - 8}", "signed by the root's key: verified"
    else:
        line = (
            f"M{x} {y}V{middle - 6}M{x} {middle + 6}V{end - 8}"
            f"M{x - 6} {middle - 6}l12 12m0-12l-12 12"
        )
        text = "BROKEN: the root's key did not sign it"
    drawn = svg.path(line, colour, width="2") + svg.head(f"M{x} {end}l-5 -9h10z", colour)
    return drawn + svg.text(text, x + 16, middle + 4, colour=colour)


def _colour(problem: str | None) -> str:
    return svg.GOOD if problem is None else svg.BAD
