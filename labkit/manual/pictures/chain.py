"""The chain of certificates as a picture: root and device joined, the CSR signer apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.certificates.chain import Chain, Link, Signer

_WIDTH = 340
_BOX_WIDTH = 320
_BOX_HEIGHT = 74
_ARROW = 52
_LINE = 16
_LETTERS = 40
"""Letters of a name that fit into a box; the whole name stands in the picture's description."""

_GOOD = "var(--lk-good, #0b6b2e)"
_BAD = "var(--lk-bad, #b3161b)"
_QUIET = "var(--lk-quiet, #555)"


def draw_chain(chain: Chain) -> Markup:
    """Draw who signed what, as SVG.

    A line joins the root and the device's certificate where the signature verifies; where it does
    not, the line is broken and says so. The CSR signer stands apart: no line leads to it.

    Args:
        chain: what `labkit.certificates.chain.examine` found out.
    """
    parts, y = [], 10
    if chain.root:
        parts.append(_certificate("Root CA", chain.root, y))
        itself = "signs itself: verified" if chain.root.problem is None else "does NOT sign itself"
        parts.append(_text(itself, y + _LINE, end=True, colour=_colour(chain.root.problem)))
        y += _BOX_HEIGHT
        parts.append(_arrow(chain.device, y))
        y += _ARROW
    else:
        parts.append(_text("no root certificate: nothing to verify with", y + 12, colour=_BAD))
        y += 24
    parts.append(_certificate("Device certificate", chain.device, y))
    y += _BOX_HEIGHT
    if chain.signer:
        y += 26
        parts.append(_signer(chain.signer, y))
        y += _BOX_HEIGHT
    described = " ".join(_description(chain))
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{w}" viewBox="0 0 {w} {h}" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
        "<title>{title}</title>{parts}</svg>"
    ).format(w=_WIDTH, h=y + 10, title=described, parts=Markup("").join(parts))


def _description(chain: Chain) -> Iterator[str]:
    if chain.root:
        yield f"Root CA: {chain.root.name}."
    yield f"Device certificate: {chain.device.name}."
    yield from (text for _, text in chain.sentences())


def _certificate(role: str, link: Link, y: int) -> Markup:
    key = f"key {link.certificate.key_short} …"
    valid = None if link.validity.word == "valid" else link.validity.word
    return _box(y) + Markup("").join(
        [
            _text(role, y + _LINE, bold=True),
            _text(_short(link.name), y + 2 * _LINE),
            _text(key, y + 3 * _LINE, mono=True),
            _text(str(link.validity), y + 4 * _LINE, colour=_colour(valid)),
        ]
    )


def _signer(signer: Signer, y: int) -> Markup:
    says, bad = "signed the request alone, no certificate", False
    if signer.problem:
        says, bad = "the request's signature does NOT verify", True
    elif signer.is_root:
        says, bad = "the root's own key signed the request", True
    elif signer.is_certified:
        says = "its key is the one in the certificate"
    return _box(y, dashed=True) + Markup("").join(
        [
            _text("CSR signer (apart)", y + _LINE, bold=True),
            _text(_short(signer.name), y + 2 * _LINE),
            _text(f"key {signer.key_short} …", y + 3 * _LINE, mono=True),
            _text(says, y + 4 * _LINE, colour=_BAD if bad else _QUIET),
        ]
    )


def _arrow(device: Link, y: int) -> Markup:
    """Draw the line from the root down to the device's certificate, broken or whole."""
    colour = _colour(device.problem)
    x, middle, end = 40, y + _ARROW // 2, y + _ARROW
    if device.problem is None:
        line = Markup('<path d="M{x} {y}V{end}" stroke="{c}" stroke-width="2"/>')
        says = "signed by the root's key: verified"
    else:
        line = Markup(
            '<path d="M{x} {y}V{above}M{x} {below}V{end}M{left} {above}l12 12m0-12l-12 12" '
            'stroke="{c}" stroke-width="2"/>'
        )
        says = "BROKEN: the root's key did not sign it"
    drawn = line.format(
        x=x, y=y, end=end - 8, above=middle - 6, below=middle + 6, left=x - 6, c=colour
    )
    head = Markup('<path d="M{} {}l-5 -9h10z" fill="{}"/>').format(x, end, colour)
    return drawn + head + _text(says, middle + 4, x=x + 16, colour=colour)


def _box(y: int, *, dashed: bool = False) -> Markup:
    return Markup(
        '<rect x="10" y="{}" width="{}" height="{}" rx="5" fill="none" stroke="currentColor"{}/>'
    ).format(y, _BOX_WIDTH, _BOX_HEIGHT, Markup(' stroke-dasharray="5 4"') if dashed else "")


def _text(
    text: str,
    y: int,
    *,
    x: int = 20,
    colour: str = "",
    bold: bool = False,
    mono: bool = False,
    end: bool = False,
) -> Markup:
    style = Markup(' fill="{}"').format(colour) if colour else Markup()
    if bold:
        style += Markup(' font-weight="600"')
    if mono:
        style += Markup(' font-family="monospace"')
    if end:
        x, style = _BOX_WIDTH, style + Markup(' text-anchor="end"')
    return Markup('<text x="{}" y="{}"{}>{}</text>').format(x, y, style, text)


def _colour(problem: str | None) -> str:
    return _GOOD if problem is None else _BAD


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
