"""Certificates: what is issued holds what it should, and nothing else is ever signed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labkit import certificates
from labkit.certificates import issuing, rules
from labkit.errors import CertificateError, LabError, PublicKeyError
from labkit.keys import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
CODE = "0123456789abcdef" * 4
CA_NAME = certificates.parse_subject("CN=Lab root CA,O=My Lab")
THING_NAME = certificates.parse_subject("CN=my-thing,O=My Lab")
DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM


@cache
def ec_key(purpose: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> object:
    """Return one EC key a purpose, the same throughout the tests."""
    assert purpose
    return ec.generate_private_key(curve())


@cache
def rsa_key(purpose: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one RSA key a purpose, the same throughout the tests."""
    assert purpose
    return rsa.generate_private_key(65537, bits)


def device_key() -> PublicKey:
    """Return the device's public key."""
    return PublicKey.from_key(ec_key("device"))


def make_ca(key: object = None, **changes: object) -> x509.Certificate:
    """Make the lab's CA, or one that differs in what is given."""
    arguments = {"now": NOW, "serial_number": 1} | changes
    return certificates.root_ca(key or ec_key("ca"), CA_NAME, **arguments)


def unchecked_ca(
    key: object, *extensions: x509.ExtensionType, name: x509.Name = CA_NAME, days: int = 3650
) -> x509.Certificate:
    """Make a CA certificate that `root_ca` would not make."""
    builder = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        1,
        NOW.replace(tzinfo=None),
        (NOW + timedelta(days=days)).replace(tzinfo=None),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256())


def unchecked_request(key: object, *names: x509.NameAttribute) -> x509.CertificateSigningRequest:
    """Make a request that `certificate_request` would not make."""
    name = x509.Name(list(names)) if names else THING_NAME
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256())


def private_pem(key: object) -> bytes:
    """Return a key in PEM."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key: object) -> bytes:
    """Return the public half of a key in PEM."""
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


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
    return certificates.issue(
        certificates.load_request(files.csr),
        public_key=PublicKey.from_pem(files.public_key),
        ca=certificates.load_certificate(files.ca),
        ca_key=certificates.load_private_key(files.ca_key),
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


CN = NameOID.COMMON_NAME
ORGANIZATION = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "My Lab")
CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)
CA_FALSE = x509.BasicConstraints(ca=False, path_length=None)


def name(text: str) -> x509.NameAttribute:
    """Return a common name that nothing has checked."""
    with certificates.names_as_they_are():
        return x509.NameAttribute(CN, text, _validate=False)


def key_usage(*, sign: bool) -> x509.KeyUsage:
    """Return a key usage with or without keyCertSign."""
    return issuing._key_usage(digital_signature=True, key_cert_sign=sign)  # noqa: SLF001 a shape that root_ca never makes


def version_1_ca() -> x509.Certificate:
    """Return a CA certificate of version 1: no extensions, so no CA:TRUE."""
    return issuing._version_1(unchecked_ca(ec_key("ca")), ec_key("ca"))  # noqa: SLF001 a shape that root_ca never makes


# Fault, the inputs with it, the inputs nearest to it that are right, what the message says.
FAULTS = [
    (
        "CSR signature broken",
        with_broken_signature,
        lambda files: files,
        r"Certificate request: expected the signature .* Make it again: openssl req",
    ),
    (
        "CA key is not the CA certificate's",
        lambda files: replace(files, ca_key=private_pem(ec_key("other CA"))),
        with_ca(ec_key("other CA")),
        r"CA key: expected the private key of .*Lab root CA.*came another one",
    ),
    (
        "CA certificate says CA:FALSE",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_FALSE)),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE)),
        r"expected basicConstraints CA:TRUE, came CA:FALSE",
    ),
    (
        "CA certificate without basicConstraints",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), key_usage(sign=True))),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=True))),
        r"expected basicConstraints CA:TRUE, came none",
    ),
    (
        "CA certificate of version 1",
        lambda files: replace(files, ca=version_1_ca().public_bytes(PEM)),
        with_ca(ec_key("ca")),
        r"came none \(as in a version 1 certificate\)",
    ),
    (
        "CA may not sign certificates",
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=False))),
        with_ca(ec_key("ca"), unchecked_ca(ec_key("ca"), CA_TRUE, key_usage(sign=True))),
        r"keyUsage leaves out keyCertSign",
    ),
    (
        "CA certificate expired",
        lambda files: replace(files, now=NOW + timedelta(days=3650, seconds=1), days=1),
        lambda files: replace(files, now=NOW + timedelta(days=3649), days=1),
        r"CA certificate: expired on 2035-12-30, and it is 2035-12-30 now\. Make a new CA",
    ),
    (
        "CA certificate not valid yet",
        lambda files: replace(files, now=NOW - timedelta(seconds=1)),
        lambda files: replace(files, now=NOW),
        r"valid from 2026-01-01 09:00:00 UTC, and it is 2026-01-01 08:59:59 UTC now",
    ),
    (
        "leaf outlives its CA",
        with_days(3651),
        with_days(3650),
        r"no later than the CA's, 2035-12-30, came 2035-12-31\. Ask for at most 3650 days",
    ),
    (
        "leaf outlives its CA on its last day",
        lambda files: replace(files, now=NOW + timedelta(days=3649, hours=1), days=1),
        lambda files: replace(files, now=NOW + timedelta(days=3649), days=1),
        r"No whole day is left, or make a new CA",
    ),
    (
        "RSA-1024 CA",
        with_ca(rsa_key("ca", 1024), unchecked_ca(rsa_key("ca", 1024), CA_TRUE)),
        with_ca(rsa_key("ca")),
        r"Key of the CA: expected EC P-256, or RSA with 2048 bits or more, came RSA-1024",
    ),
    (
        "RSA-1024 CSR signer",
        with_signer(rsa_key("signer", 1024)),
        with_signer(rsa_key("signer")),
        r"Key of the CSR signer: expected .* came RSA-1024; make a new one",
    ),
    (
        "P-521 CA",
        with_ca(ec_key("ca", ec.SECP521R1), unchecked_ca(ec_key("ca", ec.SECP521R1), CA_TRUE)),
        with_ca(ec_key("ca")),
        r"Key of the CA: expected EC P-256, .* came EC P-521",
    ),
    (
        "P-384 CSR signer",
        with_signer(ec_key("signer", ec.SECP384R1)),
        with_signer(ec_key("signer")),
        r"Key of the CSR signer: expected EC P-256, .* came EC P-384",
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
        r'common name: expected one, came the subject "O=My Lab"',
    ),
    (
        "empty common name",
        with_names(name("")),
        with_names(name("x")),
        r"common name: expected 1 to 64 characters, came an empty one",
    ),
    (
        "blank common name",
        with_names(name("  ")),
        with_names(name("x")),
        r"common name: expected 1 to 64 characters, came an empty one",
    ),
    (
        "common name too long",
        with_names(name("x" * 65)),
        with_names(name("x" * 64)),
        r"expected at most 64 characters \(RFC 5280\), came 65",
    ),
    (
        "two common names",
        with_names(name("a"), name("b")),
        with_names(name("a")),
        r"common name: expected one, came 2 of them",
    ),
    (
        "common name with a NUL",
        with_names(name("a\0b")),
        with_names(name("ab")),
        r"expected printable characters, came 'a\\x00b'",
    ),
    (
        "the CA's own key as device key",
        lambda files: replace(files, public_key=public_pem(ec_key("ca"))),
        lambda files: files,
        r"Device key: expected the device's own public key, came the CA's",
    ),
    (
        "the CSR signer's key as device key",
        lambda files: replace(
            with_signer(ec_key("signer"))(files), public_key=public_pem(ec_key("signer"))
        ),
        with_signer(ec_key("signer")),
        r"came that of the CSR signer .* -force_pubkey",
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
        r"Validity: expected 1 day or more, came 0",
    ),
    (
        "days without end",
        with_days(10**7),
        with_days(1),
        r"Validity: 10000000 days end after the year 9999",
    ),
]


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count what the CA signs."""
    made: list[object] = []
    sign = issuing._sign  # noqa: SLF001 to see that nothing is signed

    def counted(builder: x509.CertificateBuilder, key: object) -> x509.Certificate:
        made.append(builder)
        return sign(builder, key)

    monkeypatch.setattr(issuing, "_sign", counted)
    return made


@pytest.mark.parametrize(
    ("bad", "good", "message"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_each_fault_is_refused_before_signing_and_its_twin_is_not(
    bad: Callable[[Files], Files],
    good: Callable[[Files], Files],
    message: str,
    signatures: list[object],
) -> None:
    """A fault has its own message and leaves nothing signed; without it a certificate comes."""
    files = good_files()
    faulty, right = bad(files), good(files)
    signatures.clear()
    with pytest.raises((CertificateError, PublicKeyError), match=message) as caught:
        issue_from(faulty)
    assert not signatures
    assert isinstance(caught.value, LabError)
    assert issue_from(right).public_key() == ec_key("device").public_key()
    assert len(signatures) == 1


@pytest.mark.parametrize("ca_key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
@pytest.mark.parametrize("signer", [ec_key("signer"), rsa_key("signer")], ids=["EC", "RSA"])
def test_a_device_certificate_is_what_the_issue_asks_for(ca_key: object, signer: object) -> None:
    """Version 3, CA:FALSE, digitalSignature, clientAuth, key identifiers, 500 days, SHA-256."""
    ca = make_ca(ca_key)
    csr = certificates.certificate_request(signer, THING_NAME)
    certificate = certificates.issue(
        csr, public_key=device_key(), ca=ca, ca_key=ca_key, now=NOW, serial_number=1 << 126
    )
    get = certificate.extensions.get_extension_for_class
    usage = get(x509.KeyUsage)
    assert certificate.version is x509.Version.v3
    assert (get(x509.BasicConstraints).value, get(x509.BasicConstraints).critical) == (
        CA_FALSE,
        True,
    )
    assert (usage.value, usage.critical) == (
        issuing._key_usage(digital_signature=True),  # noqa: SLF001 spelling out nine flags tells less
        True,
    )
    assert list(get(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert get(x509.SubjectKeyIdentifier).value == x509.SubjectKeyIdentifier.from_public_key(
        certificate.public_key()
    )
    ca_identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert get(x509.AuthorityKeyIdentifier).value.key_identifier == ca_identifier.digest
    assert len(list(certificate.extensions)) == 5
    assert certificate.not_valid_before_utc == NOW
    assert certificate.not_valid_after_utc == NOW + timedelta(days=500)
    assert certificate.subject == THING_NAME
    assert certificate.issuer == CA_NAME
    assert certificate.serial_number == 1 << 126
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificates.public_key(certificate) == device_key()


def test_a_root_ca_is_what_aws_asks_for() -> None:
    """Version 3, CA:TRUE critical, keyCertSign and cRLSign critical, a key identifier, itself."""
    for key in (ec_key("ca"), rsa_key("ca")):
        ca = make_ca(key)
        get = ca.extensions.get_extension_for_class
        assert (get(x509.BasicConstraints).value, get(x509.BasicConstraints).critical) == (
            CA_TRUE,
            True,
        )
        assert get(x509.KeyUsage).value.key_cert_sign
        assert get(x509.KeyUsage).value.crl_sign
        assert not get(x509.KeyUsage).value.digital_signature
        assert get(x509.SubjectKeyIdentifier)
        assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=3650)
        certificates.verify_issued_by(ca, ca)
        certificates.verify_ca(ca, NOW)


@pytest.mark.parametrize(
    ("key", "changes", "message"),
    [
        (rsa_key("ca", 1024), {}, "Key of the CA: expected .* came RSA-1024"),
        (ec_key("ca", ec.SECP384R1), {}, "Key of the CA: expected .* came EC P-384"),
        (None, {"serial_number": 0}, "Serial number: expected 1 to 159 bits, .* came 0 bits"),
        (None, {"serial_number": -5}, "came 3 bits and a minus sign"),
        (None, {"serial_number": 1 << 159}, "came 160 bits"),
        (None, {"valid_days": -1}, "expected 1 day or more, came -1"),
    ],
)
def test_a_root_ca_is_not_made_of_anything(
    key: object, changes: dict[str, object], message: str
) -> None:
    """Weak keys, serial numbers that RFC 5280 forbids and empty validities are refused."""
    with pytest.raises(CertificateError, match=message):
        make_ca(key, **changes)
    assert make_ca(serial_number=(1 << 159) - 1)


def test_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    """Local time taken for UTC would shift validity by hours."""
    with pytest.raises(ValueError, match="time zone"):
        make_ca(now=datetime(2026, 1, 1))  # noqa: DTZ001 the fault


def test_a_request_needs_a_strong_key_and_a_common_name() -> None:
    """What `issue` would refuse is not requested."""
    with pytest.raises(CertificateError, match="came RSA-1024"):
        certificates.certificate_request(rsa_key("signer", 1024), THING_NAME)
    with pytest.raises(CertificateError, match="common name"):
        certificates.certificate_request(ec_key("signer"), x509.Name([ORGANIZATION]))
    assert certificates.certificate_request(ec_key("signer"), THING_NAME).is_signature_valid


def test_the_same_inputs_give_the_same_bytes() -> None:
    """ECDSA nonces come from key and message; another serial number gives other bytes."""

    def certificate(serial_number: int, *, x509v1: bool) -> bytes:
        csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
        return certificates.issue(
            csr,
            public_key=device_key(),
            ca=make_ca(),
            ca_key=ec_key("ca"),
            now=NOW,
            serial_number=serial_number,
            x509v1=x509v1,
        ).public_bytes(DER)

    for x509v1 in (False, True):
        assert certificate(5, x509v1=x509v1) == certificate(5, x509v1=x509v1)
        assert certificate(5, x509v1=x509v1) != certificate(6, x509v1=x509v1)


def test_a_given_subject_takes_the_place_of_the_requests() -> None:
    """A request without a common name can be issued under another subject, and only so."""
    csr = unchecked_request(ec_key("signer"), ORGANIZATION)
    issuer = certificates.Issuer(make_ca(), ec_key("ca"))
    arguments = {"public_key": device_key(), "now": NOW, "serial_number": 9}
    assert issuer.issue(csr, subject=THING_NAME, **arguments).subject == THING_NAME
    with pytest.raises(CertificateError, match="common name"):
        issuer.issue(csr, **arguments)


@pytest.mark.parametrize("ca_key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
def test_the_version_1_shape_has_no_extensions_and_verifies(ca_key: object) -> None:
    """Same names, key and dates as version 3, no version field, no extensions."""
    issuer = certificates.Issuer(make_ca(ca_key), ca_key)
    csr = certificates.certificate_request(rsa_key("signer"), THING_NAME)
    arguments = {"public_key": device_key(), "now": NOW, "serial_number": 9}
    old, new = issuer.issue(csr, x509v1=True, **arguments), issuer.issue(csr, **arguments)
    assert (old.version, new.version) == (x509.Version.v1, x509.Version.v3)
    assert not list(old.extensions)
    for attribute in ("subject", "issuer", "serial_number", "not_valid_after_utc"):
        assert getattr(old, attribute) == getattr(new, attribute)
    certificates.verify_device_certificate(old, public_key=device_key(), ca=issuer.ca, csr=csr)


@pytest.mark.parametrize("whose", ["signer", "ca", "stranger"])
@pytest.mark.parametrize("x509v1", [False, True])
def test_a_certificate_with_another_key_never_leaves_issue(
    whose: str, monkeypatch: pytest.MonkeyPatch, *, x509v1: bool
) -> None:
    """Were the wrong key certified, the proof after signing would stop it."""
    wrong = ec_key(whose).public_key()
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    issuer = certificates.Issuer(make_ca(), ec_key("ca"))
    monkeypatch.setattr(issuing, "_loaded", lambda _: wrong)
    with pytest.raises(CertificateError, match="Certificate: expected the device's key"):
        issuer.issue(csr, public_key=device_key(), now=NOW, serial_number=9, x509v1=x509v1)


@pytest.mark.parametrize("ca_key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
def test_a_certificate_with_a_wrong_signature_never_leaves_issue(
    ca_key: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were another key to sign, the proof after signing would stop it."""
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    issuer = certificates.Issuer(make_ca(ca_key), ca_key)
    other = ec_key("x") if ca_key is ec_key("ca") else rsa_key("x")
    sign = issuing._sign  # noqa: SLF001 the step that goes wrong
    monkeypatch.setattr(issuing, "_sign", lambda builder, _: sign(builder, other))
    with pytest.raises(CertificateError, match="does not verify with the CA's key"):
        issuer.issue(csr, public_key=device_key(), now=NOW, serial_number=9)


def test_verify_device_certificate_says_whose_key_came() -> None:
    """The right certificate passes; another key, another CA and the CA itself are told apart."""
    ca, key = make_ca(), device_key()
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    issuer = certificates.Issuer(ca, ec_key("ca"))
    certificate = issuer.issue(csr, public_key=key, now=NOW, serial_number=9)
    verify = certificates.verify_device_certificate
    verify(certificate, public_key=key, ca=ca, csr=csr)
    verify(certificate, public_key=key, ca=ca)
    stranger, signer = (PublicKey.from_key(ec_key(whose)) for whose in ("stranger", "signer"))
    with pytest.raises(CertificateError, match=r"came another one\."):
        verify(certificate, public_key=stranger, ca=ca, csr=csr)
    forgotten = issuer.issue(
        certificates.certificate_request(ec_key("other signer"), THING_NAME),
        public_key=signer,
        now=NOW,
        serial_number=9,
    )
    with pytest.raises(CertificateError, match="CSR signer's: -force_pubkey was left out"):
        verify(forgotten, public_key=key, ca=ca, csr=csr)
    with pytest.raises(CertificateError, match="the CA's: this is the CA's own certificate"):
        verify(ca, public_key=key, ca=ca)
    with pytest.raises(CertificateError, match=r"Signature: the key of .* did not sign"):
        verify(certificate, public_key=key, ca=make_ca(ec_key("other CA")))


def test_issued_by_looks_at_name_and_signature() -> None:
    """A namesake, a stranger and a changed certificate are not the issuer's; the issuer's is."""
    ca = make_ca()
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    certificate = certificates.issue(
        csr, public_key=device_key(), ca=ca, ca_key=ec_key("ca"), now=NOW, serial_number=9
    )
    namesake = make_ca(ec_key("other CA"))
    stranger = certificates.root_ca(ec_key("ca"), THING_NAME, now=NOW, serial_number=1)
    changed = certificates.load_certificate(
        certificate.public_bytes(DER).replace(b"my-thing", b"my-thinG")
    )
    assert certificates.is_issued_by(certificate, ca)
    assert not certificates.is_issued_by(certificate, namesake)
    assert not certificates.is_issued_by(changed, ca)
    assert not certificates.is_issued_by(certificate, make_ca(rsa_key("ca")))
    with pytest.raises(CertificateError, match='Issuer: expected "CN=my-thing,O=My Lab", came'):
        certificates.verify_issued_by(certificate, stranger)


def test_a_verification_certificate_proves_the_registration_code() -> None:
    """Its common name is the code, the CA signed it, and its key is not the CA's."""
    ca = make_ca()
    arguments = {"ca": ca, "ca_key": ec_key("ca"), "now": NOW, "serial_number": 3}
    certificate = certificates.verification_certificate(
        CODE, public_key=rsa_key("verification").public_key(), **arguments
    )
    assert certificates.common_name(certificate.subject) == CODE
    certificates.verify_issued_by(certificate, ca)
    with pytest.raises(CertificateError, match=r"64 hexadecimal digits .* came 63 characters"):
        certificates.verification_certificate(
            CODE[1:], public_key=rsa_key("verification").public_key(), **arguments
        )
    with pytest.raises(CertificateError, match="expected a throw-away key, came the CA's own"):
        certificates.verification_certificate(
            CODE, public_key=ec_key("ca").public_key(), **arguments
        )
    with pytest.raises(CertificateError, match="came RSA-1024"):
        certificates.verification_certificate(
            CODE, public_key=rsa_key("signer", 1024).public_key(), **arguments
        )
    with pytest.raises(CertificateError, match="CA certificate: expired"):
        certificates.verification_certificate(
            CODE,
            public_key=rsa_key("verification").public_key(),
            **arguments | {"now": NOW + timedelta(days=4000)},
        )


def test_a_ca_without_key_identifier_still_gets_one_into_what_it_issues() -> None:
    """The authority key identifier falls back to the usual digest of the CA's key."""
    ca = unchecked_ca(ec_key("ca"), CA_TRUE)
    certificate = certificates.issue(
        unchecked_request(rsa_key("signer")),
        public_key=device_key(),
        ca=ca,
        ca_key=ec_key("ca"),
        now=NOW,
        serial_number=9,
    )
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert found == x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())


def test_describe_reads_well_and_says_what_is_there() -> None:
    """Every line of the text comes from the certificate."""
    ca = make_ca()
    certificate = certificates.issue(
        unchecked_request(rsa_key("signer")),
        public_key=device_key(),
        ca=ca,
        ca_key=ec_key("ca"),
        now=NOW,
        serial_number=0xABC,
    )
    described = certificates.describe(certificate)
    assert described.key_sha256 == device_key().sha256
    assert described.certificate_id == certificate.fingerprint(hashes.SHA256()).hex()
    identifiers = [item.text for item in described.extensions if "KeyId" in item.name]
    assert repr(described).splitlines() == [
        "subject         CN=my-thing,O=My Lab",
        "issuer          CN=Lab root CA,O=My Lab",
        "serial number   abc",
        "valid           2026-01-01 09:00:00 UTC to 2027-05-16 09:00:00 UTC, 500 days",
        f"public key      EC P-256, SHA-256 {device_key().short} …",
        "signature       ecdsa-with-SHA256",
        "version         3",
        "extension       basicConstraints: CA:FALSE (critical)",
        "extension       keyUsage: digitalSignature (critical)",
        "extension       extendedKeyUsage: clientAuth",
        f"extension       subjectKeyIdentifier: {identifiers[0]}",
        f"extension       authorityKeyIdentifier: {identifiers[1]}",
        f"certificate id  {described.certificate_id}",
    ]
    text = repr(certificates.describe(make_ca(rsa_key("ca"))))
    assert "issuer          CN=Lab root CA,O=My Lab (itself)" in text
    assert "RSA-2048" in text
    assert "sha256WithRSAEncryption" in text
    assert "keyCertSign, cRLSign (critical)" in text


def test_an_issuer_shows_its_name_and_no_key() -> None:
    """The repr is safe to print."""
    assert repr(certificates.Issuer(make_ca(), ec_key("ca"))) == "Issuer(CN=Lab root CA,O=My Lab)"


def test_key_algorithms_have_their_usual_names() -> None:
    """Kinds that nothing here accepts are named too, since messages must say what came."""
    named = certificates.key_algorithm
    assert named(ec_key("ca").public_key()) == "EC P-256"
    assert named(rsa_key("ca").public_key()) == "RSA-2048"
    assert named(ec.generate_private_key(ec.SECP256K1()).public_key()) == "EC secp256k1"
    assert named(ed25519.Ed25519PrivateKey.generate().public_key()) == "Ed25519"


def test_verify_ca_without_a_time_leaves_validity_out() -> None:
    """The account looks at shape first, and at validity by its own clock."""
    late = NOW + timedelta(days=4000)
    rules.verify_ca(make_ca())
    with pytest.raises(CertificateError, match="expired"):
        rules.verify_ca(make_ca(), late)


@pytest.mark.slow
def test_issuing_is_at_least_a_third_as_fast_as_bare_signing() -> None:
    """All checks together cost less than twice the work of building and signing."""
    issuer = certificates.Issuer(make_ca(), ec_key("ca"))
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    der, public_key = device_key().der, device_key()

    def bare() -> object:
        key = serialization.load_der_public_key(der)
        builder = issuing._builder(  # noqa: SLF001 the same certificate
            csr.subject,
            CA_NAME,
            key,
            9,
            issuing._validity(NOW, 500),  # noqa: SLF001 as above
        )
        builder = issuer._with_client_extensions(builder, key)  # noqa: SLF001 as above
        return builder.sign(ec_key("ca"), hashes.SHA256(), ecdsa_deterministic=True)

    def checked() -> object:
        return issuer.issue(csr, public_key=public_key, now=NOW, serial_number=9)

    def seconds(work: Callable[[], object]) -> float:
        start = time.process_time()
        for _ in range(200):
            work()
        return time.process_time() - start

    rounds = [(seconds(bare), seconds(checked)) for _ in range(10)]
    assert min(row[0] for row in rounds) / min(row[1] for row in rounds) > 1 / 3
