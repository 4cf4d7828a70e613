"""Which key signed what: the root certificate, the device's certificate and the request.

Names prove nothing: each statement is the result of verifying a signature, or of comparing keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.certificates.description import Description, describe
from labkit.certificates.rules import spki, verify_issued_by, verify_request
from labkit.certificates.subjects import ignore_name_warnings, subject_text
from labkit.certificates.words import Validity, printable, validity
from labkit.errors import CertificateError
from labkit.keys import short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cryptography import x509

    from labkit.keys import PublicKey


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate of the chain.

    Attributes:
        certificate: the certificate's fields.
        validity: whether it is valid at the given time.
        problem: why the root's key did not sign it; None if the signature verifies.
    """

    certificate: Description
    validity: Validity
    problem: str | None

    @property
    def name(self) -> str:
        """The certificate's subject, printable."""
        return printable(self.certificate.subject)


@dataclass(frozen=True, slots=True)
class Signer:
    """The CSR signer.

    Attributes:
        name: the subject in the request, printable.
        key_short: the short fingerprint of the key that signed the request.
        problem: why the signature does not verify, or None.
        is_certified: whether it is also the key in the device's certificate.
        is_root: whether it is the root's key, which should sign certificates only.
    """

    name: str
    key_short: str
    problem: str | None
    is_certified: bool
    is_root: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Which key signed what; its repr is a list of sentences.

    Attributes:
        device: the device's certificate.
        root: the certificate authority's certificate; None if it is missing.
        signer: the CSR signer; None without a request.
        holds_device_key: whether the certificate holds the device's key; None if the key is
            unknown.
    """

    device: Link
    root: Link | None
    signer: Signer | None
    holds_device_key: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether both signatures verify and both certificates are valid."""
        links = [self.device, *([self.root] if self.root else [])]
        return bool(self.root) and all(
            link.problem is None and link.validity.word == "valid" for link in links
        )

    def sentences(self) -> Iterator[tuple[bool, str]]:
        """Yield each result: whether it is good, and the sentence."""
        device, root = self.device, self.root
        if root is None:
            yield (
                False,
                "The root certificate is missing, so the device's certificate cannot be verified.",
            )
        else:
            key = root.certificate.key_short
            yield root.problem is None, _signed(key, "itself", root.problem)
            yield device.problem is None, _signed(key, "the device's certificate", device.problem)
            yield root.validity.word == "valid", f"The root's certificate is {root.validity}."
        valid = device.validity.word == "valid"
        yield valid, f"The device's certificate is {device.validity}."
        if self.holds_device_key is not None:
            which = "the device's own" if self.holds_device_key else "NOT the device's own"
            key = device.certificate.key_short
            yield self.holds_device_key, f"The key in it ({key} …) is {which}."
        if signer := self.signer:
            if signer.problem:
                yield False, f"The request's signature does NOT verify: {signer.problem}"
            elif signer.is_root:
                yield False, "The root's own key signed the request: a CSR signer needs its own."
            else:
                yield (
                    True,
                    (
                        f"The CSR signer's key ({signer.key_short} …) signed the request"
                        " and no certificate."
                    ),
                )
            if signer.is_certified and self.holds_device_key is False:
                yield False, "The certificate holds the CSR signer's key."

    def __repr__(self) -> str:
        """Return the sentences, each with ok or NOT before it."""
        return "\n".join(f"{'ok ' if good else 'NOT'}  {text}" for good, text in self.sentences())


def _signed(key_short: str, what: str, problem: str | None) -> str:
    if problem:
        return f"The root's key ({key_short} …) did NOT sign {what}: {problem}"
    return f"The root's key ({key_short} …) signed {what}: verified."


def examine(
    certificate: x509.Certificate,
    ca: x509.Certificate | None,
    *,
    now: datetime,
    csr: x509.CertificateSigningRequest | None = None,
    public_key: PublicKey | None = None,
) -> Chain:
    """Find out by verifying which key signed what.

    Args:
        certificate: the device's certificate.
        ca: the certificate of the CA that should have signed it.
        now: the time at which the certificates must be valid, with a time zone.
        csr: the request that the certificate was issued for.
        public_key: the device's key.
    """
    link = Link(
        describe(certificate),
        validity(describe(certificate), now),
        _why_not(certificate, ca) if ca else None,
    )
    root = Link(describe(ca), validity(describe(ca), now), _why_not(ca, ca)) if ca else None
    certified = spki(certificate.public_key())
    return Chain(
        device=link,
        root=root,
        signer=_signer(csr, certified, ca) if csr else None,
        holds_device_key=None if public_key is None else certified == public_key.der,
    )


def _why_not(certificate: x509.Certificate, ca: x509.Certificate) -> str | None:
    """Return why a CA's key did not sign a certificate, or None if it did."""
    try:
        verify_issued_by(certificate, ca)
    except CertificateError as error:
        return printable(str(error))
    return None


def _signer(
    csr: x509.CertificateSigningRequest, certified: bytes, ca: x509.Certificate | None
) -> Signer:
    problem = None
    try:
        verify_request(csr)
    except CertificateError as error:
        problem = printable(str(error))
    key = spki(csr.public_key())
    is_root = ca is not None and key == spki(ca.public_key())
    with ignore_name_warnings():
        name = printable(subject_text(csr.subject))
    return Signer(name, short_fingerprint(key), problem, key == certified, is_root)
