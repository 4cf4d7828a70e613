"""Inputs of an issuance, each fault in them, and a twin without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from certificate_makers import (
    CA_FALSE,
    CA_TRUE,
    CN,
    DER,
    NOW,
    ORGANIZATION,
    PEM,
    ec_key,
    make_ca,
    private_pem,
    public_pem,
    rsa_key,
    unchecked_ca,
    unchecked_request,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from labkit import certificates
from labkit.certificates import signing
from labkit.keys import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Files:
    """What one gives to `openssl x509 -req`, as the bytes of files."""

    csr: bytes
    ca: bytes
    ca_key: bytes
    public_key: bytes
    days: int = 500
    now: datetime = NOW


def good_files() -> Files:
    """Return inputs with no fault in them."""
    return Files(
        csr=unchecked_request(rsa_key("signer")).public_bytes(PEM),
        ca=make_ca().public_bytes(PEM),
        ca_key=private_pem(ec_key("ca")),
        public_key=public_pem(ec_key("device")),
    )


def issue_from(files: Files) -> x509.Certificate:
    """Load the files and issue, as the command line does."""
    return certificates.Issuer(
        certificates.load_certificate(files.ca), certificates.load_private_key(files.ca_key)
    ).issue(
        certificates.load_request(files.csr),
        public_key=PublicKey.from_pem(files.public_key),
        now=files.now,
        serial_number=99,
        valid_days=files.days,
    )


def with_ca(key: object, ca: x509.Certificate | None = None) -> Callable[[Files], Files]:
    """Return a change that puts another CA and its key into the inputs."""
    return lambda files: replace(
        files, ca=(ca or make_ca(key)).public_bytes(PEM), ca_key=private_pem(key)
    )


def with_signer(key: object) -> Callable[[Files], Files]:
    """Return a change that lets another key sign the request."""
    return lambda files: replace(files, csr=unchecked_request(key).public_bytes(PEM))


def with_names(*names: x509.NameAttribute) -> Callable[[Files], Files]:
    """Return a change that puts other names into the request."""
    return lambda files: replace(
        files, csr=unchecked_request(rsa_key("signer"), *names).public_bytes(PEM)
    )


def with_days(days: int) -> Callable[[Files], Files]:
    """Return a change of the validity."""
    return lambda files: replace(files, days=days)


def with_broken_signature(files: Files) -> Files:
    """Change one letter of the request's subject after it was signed."""
    der = certificates.load_request(files.csr).public_bytes(DER)
    assert der.count(b"my-thing") == 1
    return replace(files, csr=der.replace(b"my-thing", b"my-thinG"))


def name(text: str) -> x509.NameAttribute:
    """Return a common name that nothing has checked."""
    with certificates.ignore_name_warnings():
        return x509.NameAttribute(CN, text, _validate=False)


def key_usage(*, sign: bool) -> x509.KeyUsage:
    """Return a key usage with or without keyCertSign."""
    return signing.key_usage(digital_signature=True, key_cert_sign=sign)


def version_1_ca() -> x509.Certificate:
    """Return a CA certificate of version 1: no extensions, so no CA:TRUE."""
    return signing.version_1(unchecked_ca(ec_key("ca")), ec_key("ca"))


# Fault, the inputs with it, the inputs nearest to it that are right, what the message says.
FAULTS = [
    (
        "CSR signature broken",
        with_broken_signature,
        lambda files: files,
        r"Certificate request: its signature does not verify .* Make it again: openssl req",
    ),
    (
        "EC CSR signature broken",
        lambda files: with_broken_signature(with_signer(ec_key("signer"))(files)),
        with_signer(ec_key("signer")),
        r"Certificate request: its signature does not verify .* Make it again: openssl req",
    ),
    (
        "CA key is not the CA certificate's",
        lambda files: replace(files, ca_key=private_pem(ec_key("other CA"))),
        with_ca(ec_key("other CA")),
        r"CA key: expected the private key of .*Lab root CA.*got a different key",
    ),
    (
        "CA certificate says CA:FALSE",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_FALSE)),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE)),
        r"expected basicConstraints CA:TRUE, got CA:FALSE",
    ),
    (
        "CA certificate without basicConstraints",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), key_usage(sign=True))),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=True))),
        r"expected basicConstraints CA:TRUE, got none",
    ),
    (
        "CA certificate of version 1",
        lambda files: replace(files, ca=version_1_ca().public_bytes(PEM)),
        with_ca(ec_key("ca")),
        r"got none \(as in a version 1 certificate\)",
    ),
    (
        "CA may not sign certificates",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=False))),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=True))),
        r"keyUsage does not have keyCertSign",
    ),
    (
        "CA certificate expired",
        lambda files: replace(files, now=NOW + timedelta(days=3650, seconds=1), days=1),
        lambda files: replace(files, now=NOW + timedelta(days=3649), days=1),
        r"expired on 2035-12-30 09:00:00 UTC, and now it is 2035-12-30 09:00:01 UTC\. Make a new",
    ),
    (
        "CA certificate not valid yet",
        lambda files: replace(files, now=NOW - timedelta(seconds=1)),
        lambda files: replace(files, now=NOW),
        r"valid from 2026-01-01 09:00:00 UTC, and now it is 2026-01-01 08:59:59 UTC",
    ),
    (
        "leaf outlives its CA",
        with_days(3651),
        with_days(3650),
        r"CA's, 2035-12-30 09:00:00 UTC, got 2035-12-31 09:00:00 UTC\. Ask for at most 3650 days",
    ),
    (
        "leaf outlives its CA on its last day",
        lambda files: replace(files, now=NOW + timedelta(days=3649, hours=1), days=1),
        lambda files: replace(files, now=NOW + timedelta(days=3649), days=1),
        r"got 2035-12-30 10:00:00 UTC\. No whole day is left: make a new CA",
    ),
    (
        "RSA-1024 CA",
        with_ca(rsa_key("ca", 1024), unchecked_ca(rsa_key("ca", 1024), CA_TRUE)),
        with_ca(rsa_key("ca")),
        r"Key of the CA: expected EC P-256, or RSA with 2048 bits or more, got RSA-1024",
    ),
    (
        "RSA-1024 CSR signer",
        with_signer(rsa_key("signer", 1024)),
        with_signer(rsa_key("signer")),
        r"Key of the CSR signer: expected .* got RSA-1024; make a new one",
    ),
    (
        "P-521 CA",
        with_ca(ec_key("ca", ec.SECP521R1), unchecked_ca(ec_key("ca", ec.SECP521R1), CA_TRUE)),
        with_ca(ec_key("ca")),
        r"Key of the CA: expected EC P-256, .* got EC P-521",
    ),
    (
        "P-384 CSR signer",
        with_signer(ec_key("signer", ec.SECP384R1)),
        with_signer(ec_key("signer")),
        r"Key of the CSR signer: expected EC P-256, .* got EC P-384",
    ),
    (
        "P-521 device key",
        lambda files: replace(files, public_key=public_pem(ec_key("device", ec.SECP521R1))),
        lambda files: files,
        r"P-256",
    ),
    (
        "no common name",
        with_names(ORGANIZATION),
        with_names(ORGANIZATION, name("my-thing")),
        r'Common name: expected one, got the subject "O=My Lab"',
    ),
    (
        "empty common name",
        with_names(name("")),
        with_names(name("x")),
        r"Common name: expected 1 to 64 characters, got none",
    ),
    (
        "blank common name",
        with_names(name("  ")),
        with_names(name("x")),
        r"Common name: expected 1 to 64 characters, got none",
    ),
    (
        "common name too long",
        with_names(name("x" * 65)),
        with_names(name("x" * 64)),
        r"expected at most 64 characters \(RFC 5280\), got 65",
    ),
    (
        "two common names",
        with_names(name("a"), name("b")),
        with_names(name("a")),
        r"Common name: expected one, got 2 of them",
    ),
    (
        "common name with a NUL",
        with_names(name("a\0b")),
        with_names(name("ab")),
        r"expected printable characters, got 'a\\x00b'",
    ),
    (
        "the CA's own key as device key",
        lambda files: replace(files, public_key=public_pem(ec_key("ca"))),
        lambda files: files,
        r"Device key: expected the device's own public key, got the CA's",
    ),
    (
        "the CSR signer's key as device key",
        lambda files: replace(
            with_signer(ec_key("signer"))(files), public_key=public_pem(ec_key("signer"))
        ),
        with_signer(ec_key("signer")),
        r"got the CSR signer's .* -force_pubkey",
    ),
    (
        "garbage for a CSR",
        lambda files: replace(files, csr=b"garbage"),
        lambda files: files,
        r"Expected a certificate request, found 7 bytes that are neither PEM nor DER",
    ),
    (
        "no days",
        with_days(0),
        with_days(1),
        r"Validity: expected 1 day or more, got 0",
    ),
    (
        "days without end",
        with_days(10**7),
        with_days(1),
        r"Validity: 10000000 days end after the year 9999",
    ),
]
