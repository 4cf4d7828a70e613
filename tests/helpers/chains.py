"""Certificates of a device and their chains, at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certificate_makers import NOW, THING_NAME, device_key, ec_key, make_ca

from labkit import certificates
from labkit.certificates.chain import Chain, examine

if TYPE_CHECKING:
    from cryptography import x509


CSR = certificates.certificate_request(ec_key("signer"), THING_NAME)


def issue(ca: x509.Certificate | None = None) -> x509.Certificate:
    """Issue the device's certificate."""
    return certificates.Issuer(ca or make_ca(), ec_key("ca")).issue(
        CSR, public_key=device_key(), now=NOW, serial_number=2
    )


def chain(certificate: x509.Certificate, ca: x509.Certificate | None, **given: object) -> Chain:
    """Examine a chain at the time of its making."""
    return examine(
        certificate, ca, **({"now": NOW, "csr": CSR, "public_key": device_key()} | given)
    )
