"""The device's certificate: its fields in plain words, its chain, and a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from markupsafe import Markup

from labkit.certificates import describe, load_certificate, load_request
from labkit.certificates.chain import examine
from labkit.certificates.words import Difference, differences, explained, printable
from labkit.errors import CertificateError
from labkit.keys import PublicKey
from labkit.manual.pictures.chain import draw_chain
from labkit.manual.widgets.html import cell, heading, joined, paragraph, row, table
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.certificates import Description
    from labkit.lab.lab import Lab

_T = TypeVar("_T")

_TONES = {"same": "quiet", "differs": "warn"}


class CertificatePanel(Panel):
    """The device's certificate in words and who signed it, or with another side by side.

    Args:
        lab: the lab whose device has the certificate. Its clock decides what is valid now.
        other: a certificate to compare with: PEM text, PEM or DER bytes, or a loaded certificate.

    Attributes:
        certificate: the device's certificate in words.
        chain: who signed what, verified.
        other: the second certificate in words, or None.

    Raises:
        CertificateError: one of the certificates cannot be read.
    """

    title = "Certificate"

    def __init__(self, lab: Lab, other: x509.Certificate | str | bytes | None = None) -> None:
        super().__init__()
        self._lab = lab
        device = load_certificate(lab.file("deviceCert.pem").read_bytes())
        maker = lab.procedure.maker("deviceCert.pem")
        self.certificate = describe(device)
        self.chain = examine(
            device,
            self._read("rootCA.pem", load_certificate),
            now=lab.workbench(maker.name if maker else "").now,
            csr=self._read("deviceCert.csr", load_request),
            public_key=self._read("DevicePublicKey.pem", PublicKey.from_pem),
        )
        self.other = None if other is None else _described(other)

    def _read(self, name: str, load: Callable[[bytes], _T]) -> _T | None:
        """Return the content of a file of the lab; None if it does not exist yet."""
        path = self._lab.workspace.path(name)
        return load(path.read_bytes()) if path.exists() else None

    def text(self) -> str:
        """Return the fields with their meanings and who signed what; or both, side by side."""
        if self.other:
            compared = differences(self.certificate, self.other)
            return "\n".join([_summary(compared), *map(_difference_text, compared)])
        fields = (
            f"{field.name:<22}  {field.value}\n{'':22}  {field.meaning}"
            for field in explained(self.certificate)
        )
        return "\n".join([*fields, "", repr(self.chain)])

    def draw(self, *, live: bool) -> Markup:
        """Draw the chain and the fields, or both certificates side by side."""
        del live  # it has no buttons
        return self._side_by_side(self.other) if self.other else self._alone()

    def _alone(self) -> Markup:
        sentences = joined(
            Markup('<li><span class="{}">{}</span> {}</li>').format(
                "good" if good else "bad", "ok" if good else "NOT", text
            )
            for good, text in self.chain.sentences()
        )
        rows = (
            row(heading(field.name), cell(field.value, "lk-value"), cell(field.meaning))
            for field in explained(self.certificate)
        )
        return Markup('<div class="lk-chain">{}<ul>{}</ul></div>{}').format(
            draw_chain(self.chain), sentences, table(("field", "value", "which means"), rows)
        )

    def _side_by_side(self, other: Description) -> Markup:
        compared = differences(self.certificate, other)
        rows = (
            row(
                heading(each.name),
                cell(each.word, _TONES.get(each.word, "warn")),
                *(cell(value, "lk-value") for value in _values(each)),
            )
            for each in compared
        )
        columns = ("field", "compared", "first: the device's", "second")
        return paragraph(_summary(compared)) + table(columns, rows)


def _described(other: x509.Certificate | str | bytes) -> Description:
    loaded = other if isinstance(other, x509.Certificate) else load_certificate(other)
    try:
        return describe(loaded)
    except ValueError as error:
        raise CertificateError(
            f"The certificate cannot be described: {printable(str(error))}. "
            "Read it with: openssl x509 -text."
        ) from error


def _summary(compared: tuple[Difference, ...]) -> str:
    apart = [each.name for each in compared if each.word != "same"]
    if not apart:
        return "The device's certificate (first) and the second are the same."
    return (
        f"The device's certificate (first) and the second differ in {len(apart)} of "
        f"{len(compared)} fields: {', '.join(apart)}."
    )


def _values(each: Difference) -> Iterator[str]:
    return (value or "not present" for value in each.values)


def _difference_text(each: Difference) -> str:
    first, second = _values(each)
    if each.word == "same":
        return f"{each.name:<22}  same: {first}"
    return f"{each.name:<22}  {each.word}\n{'':22}  first   {first}\n{'':22}  second  {second}"
