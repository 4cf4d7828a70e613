"""The device's certificate: its fields in plain words, its chain, and another beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from markupsafe import Markup

from labkit.certificates import describe, load_certificate, load_request
from labkit.certificates.chain import examine
from labkit.certificates.words import Difference, differences, in_words, printable
from labkit.errors import CertificateError
from labkit.keys import PublicKey
from labkit.manual.pictures.chain import draw_chain
from labkit.manual.widgets.panel import Panel, button

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from labkit.certificates import Description
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_T = TypeVar("_T")

_OTHERS = {"rootCA.pem": "the CA's", "verificationCert.pem": "the verification certificate"}
_WORDS = {"same": "quiet", "differs": "warn"}


class CertificatePanel(Panel):
    """The device's certificate in words and who signed it, or with another side by side.

    Args:
        lab: the lab whose device has the certificate. Its clock says what day it is.
        other: a certificate to compare with: PEM text, PEM or DER bytes, or as it was loaded.

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
        self.other: Description | None = None
        if other is not None:
            self._compare(other)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Compare with another certificate of the lab or with a file's; or show it alone."""
        return {
            "compare": lambda press: self._compare(self._lab.file(press.value).read_bytes()),
            "drop": lambda press: self._compare(press.file or b""),
            "alone": lambda _press: self._alone(),
        }

    def _compare(self, other: x509.Certificate | str | bytes) -> None:
        loaded = other if isinstance(other, x509.Certificate) else load_certificate(other)
        try:
            self.other = describe(loaded)
        except ValueError as error:
            raise CertificateError(
                f"The certificate cannot be put into words: {printable(str(error))}. "
                "Look at it with openssl x509 -text."
            ) from error

    def _alone(self) -> None:
        self.other = None

    def _read(self, name: str, load: Callable[[bytes], _T]) -> _T | None:
        """Return a file of the lab, where the device's route has made it."""
        path = self._lab.workspace.path(name)
        return load(path.read_bytes()) if path.exists() else None

    def text(self) -> str:
        """Return the fields with their meanings and who signed what; or both, side by side."""
        if self.other:
            compared = differences(self.certificate, self.other)
            return "\n".join([_summary(compared), *map(_difference_text, compared)])
        fields = (
            f"{field.name:<22}  {field.value}\n{'':22}  {field.meaning}"
            for field in in_words(self.certificate)
        )
        return "\n".join([*fields, "", repr(self.chain)])

    def draw(self, *, live: bool) -> Markup:
        """Draw the chain and the fields, or both certificates side by side."""
        body = self._side_by_side(self.other) if self.other else self._alone_drawn()
        return (self._buttons() if live else Markup()) + body

    def _buttons(self) -> Markup:
        there = [name for name in _OTHERS if self._lab.workspace.path(name).exists()]
        buttons = [button("compare", f"compare with {_OTHERS[name]}", name) for name in there]
        if self.other:
            buttons.append(button("alone", "show it alone"))
        return Markup(
            '<p>{}<label>compare with a file <input type="file" data-key="drop" data-press="drop">'
            "</label></p>"
        ).format(Markup("").join(buttons))

    def _alone_drawn(self) -> Markup:
        sentences = Markup("").join(
            Markup('<li><span class="{}">{}</span> {}</li>').format(
                "good" if good else "bad", "ok" if good else "NOT", text
            )
            for good, text in self.chain.sentences()
        )
        rows = Markup("").join(
            Markup(
                '<tr><th scope="row">{}</th><td class="lk-value">{}</td><td>{}</td></tr>'
            ).format(field.name, field.value, field.meaning)
            for field in in_words(self.certificate)
        )
        return Markup(
            '<div class="lk-chain">{}<ul>{}</ul></div>'
            '<table><thead><tr><th scope="col">field</th><th scope="col">the certificate says</th>'
            '<th scope="col">which means</th></tr></thead><tbody>{}</tbody></table>'
        ).format(draw_chain(self.chain), sentences, rows)

    def _side_by_side(self, other: Description) -> Markup:
        compared = differences(self.certificate, other)
        rows = Markup("").join(
            Markup(
                '<tr><th scope="row">{}</th><td class="{}">{}</td><td class="lk-value">{}</td>'
                '<td class="lk-value">{}</td></tr>'
            ).format(each.name, _WORDS.get(each.word, "warn"), each.word, *_shown(each))
            for each in compared
        )
        return Markup(
            '<p>{}</p><table><thead><tr><th scope="col">field</th><th scope="col">compared</th>'
            '<th scope="col">first: the device\'s</th><th scope="col">second</th></tr></thead>'
            "<tbody>{}</tbody></table>"
        ).format(_summary(compared), rows)


def _summary(compared: tuple[Difference, ...]) -> str:
    apart = [each.name for each in compared if each.word != "same"]
    if not apart:
        return "The device's certificate (first) and the second are the same one."
    return (
        f"The device's certificate (first) and the second differ in {len(apart)} of "
        f"{len(compared)} fields: {', '.join(apart)}."
    )


def _shown(each: Difference) -> Iterator[str]:
    return (value or "not there" for value in each.values)


def _difference_text(each: Difference) -> str:
    first, second = _shown(each)
    if each.word == "same":
        return f"{each.name:<22}  same: {first}"
    return f"{each.name:<22}  {each.word}\n{'':22}  first   {first}\n{'':22}  second  {second}"
