"""Certificates: what is issued holds what it should, and is proven to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from certificate_makers import (
    CA_FALSE,
    CA_NAME,
    CA_TRUE,
    CODE,
    DER,
    NOW,
    ORGANIZATION,
    THING_NAME,
    device_key,
    ec_key,
    make_ca,
    rsa_key,
    unchecked_ca,
    unchecked_request,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from labkit import certificates
from labkit.certificates import issuing, rules, signing
from labkit.errors import CertificateError
from labkit.keys import PublicKey


@pytest.mark.parametrize("ca_key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
@pytest.mark.parametrize("signer", [ec_key("signer"), rsa_key("signer")], ids=["EC", "RSA"])
def test_a_device_certificate_is_what_the_issue_asks_for(ca_key: object, signer: object) -> None:
    """Version 3, CA:FALSE, digitalSignature, clientAuth, key identifiers, 500 days, SHA-256."""
    ca = make_ca(ca_key)
    csr = certificates.certificate_request(signer, THING_NAME)
    certificate = certificates.Issuer(ca, ca_key).issue(
        csr, public_key=device_key(), now=NOW, serial_number=1 << 126
    )
    get = certificate.extensions.get_extension_for_class
    usage = get(x509.KeyUsage)
    assert certificate.version is x509.Version.v3
    assert (get(x509.BasicConstraints).value, get(x509.BasicConstraints).critical) == (
        CA_FALSE,
        True,
    )
    assert (usage.value, usage.critical) == (
        signing.key_usage(digital_signature=True),
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
        (rsa_key("ca", 1024), {}, "Key of the CA: expected .* got RSA-1024"),
        (ec_key("ca", ec.SECP384R1), {}, "Key of the CA: expected .* got EC P-384"),
        (None, {"serial_number": 0}, "Serial number: expected 1 to 159 bits, .* got 0 bits"),
        (None, {"serial_number": -5}, "got 3 bits and a minus sign"),
        (None, {"serial_number": 1 << 159}, "got 160 bits"),
        (None, {"valid_days": -1}, "expected 1 day or more, got -1"),
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
    with pytest.raises(CertificateError, match="got RSA-1024"):
        certificates.certificate_request(rsa_key("signer", 1024), THING_NAME)
    with pytest.raises(CertificateError, match="Common name"):
        certificates.certificate_request(ec_key("signer"), x509.Name([ORGANIZATION]))
    assert certificates.certificate_request(ec_key("signer"), THING_NAME).is_signature_valid


def test_the_same_inputs_give_the_same_bytes() -> None:
    """ECDSA nonces come from key and message; another serial number gives other bytes."""

    def certificate(serial_number: int, *, x509v1: bool) -> bytes:
        csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
        return (
            certificates.Issuer(make_ca(), ec_key("ca"))
            .issue(
                csr, public_key=device_key(), now=NOW, serial_number=serial_number, x509v1=x509v1
            )
            .public_bytes(DER)
        )

    for x509v1 in (False, True):
        assert certificate(5, x509v1=x509v1) == certificate(5, x509v1=x509v1)
        assert certificate(5, x509v1=x509v1) != certificate(6, x509v1=x509v1)


def test_a_given_subject_takes_the_place_of_the_requests() -> None:
    """A request without a common name can be issued under another subject, and only so."""
    csr = unchecked_request(ec_key("signer"), ORGANIZATION)
    issuer = certificates.Issuer(make_ca(), ec_key("ca"))
    arguments = {"public_key": device_key(), "now": NOW, "serial_number": 9}
    assert issuer.issue(csr, subject=THING_NAME, **arguments).subject == THING_NAME
    with pytest.raises(CertificateError, match="Common name"):
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
    ca = make_ca(ca_key)
    other = ec_key("x") if ca_key is ec_key("ca") else rsa_key("x")
    sign = signing.sign
    monkeypatch.setattr(signing, "sign", lambda builder, _: sign(builder, other))
    with pytest.raises(CertificateError, match="did not sign this certificate"):
        certificates.Issuer(ca, ca_key).issue(
            csr, public_key=device_key(), now=NOW, serial_number=9
        )


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
    with pytest.raises(CertificateError, match=r"got a different key\."):
        verify(certificate, public_key=stranger, ca=ca, csr=csr)
    forgotten = issuer.issue(
        certificates.certificate_request(ec_key("other signer"), THING_NAME),
        public_key=signer,
        now=NOW,
        serial_number=9,
    )
    with pytest.raises(CertificateError, match="CSR signer's: -force_pubkey was missing"):
        verify(forgotten, public_key=key, ca=ca, csr=csr)
    with pytest.raises(CertificateError, match="the CA's: this is the CA's own certificate"):
        verify(ca, public_key=key, ca=ca)
    with pytest.raises(CertificateError, match=r"Signature: the key of .* did not sign"):
        verify(certificate, public_key=key, ca=make_ca(ec_key("other CA")))


def test_issued_by_looks_at_name_and_signature() -> None:
    """A namesake, a stranger and a changed certificate are not the issuer's; the issuer's is."""
    ca = make_ca()
    csr = certificates.certificate_request(ec_key("signer"), THING_NAME)
    certificate = certificates.Issuer(ca, ec_key("ca")).issue(
        csr, public_key=device_key(), now=NOW, serial_number=9
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
    with pytest.raises(CertificateError, match='Issuer: expected "CN=my-thing,O=My Lab", got'):
        certificates.verify_issued_by(certificate, stranger)


def test_a_verification_certificate_proves_the_registration_code() -> None:
    """Its common name is the code, the CA signed it, and its key is not the CA's."""
    ca = make_ca()
    make = certificates.Issuer(ca, ec_key("ca")).verification_certificate
    public_key = rsa_key("verification").public_key()
    arguments = {"now": NOW, "serial_number": 3}
    certificate = make(CODE, public_key=public_key, **arguments)
    assert certificates.common_name(certificate.subject) == CODE
    certificates.verify_issued_by(certificate, ca)
    with pytest.raises(CertificateError, match=r"64 hexadecimal digits .* got 63 characters"):
        make(CODE[1:], public_key=public_key, **arguments)
    with pytest.raises(CertificateError, match="expected a temporary key, got the CA's own"):
        make(CODE, public_key=ec_key("ca").public_key(), **arguments)
    with pytest.raises(CertificateError, match="got RSA-1024"):
        make(CODE, public_key=rsa_key("signer", 1024).public_key(), **arguments)
    with pytest.raises(CertificateError, match="CA certificate: it expired"):
        make(CODE, public_key=public_key, now=NOW + timedelta(days=4000), serial_number=3)


def test_a_ca_without_key_identifier_still_gets_one_into_what_it_issues() -> None:
    """The authority key identifier falls back to the usual digest of the CA's key."""
    ca = unchecked_ca(ec_key("ca"), CA_TRUE)
    certificate = certificates.Issuer(ca, ec_key("ca")).issue(
        unchecked_request(rsa_key("signer")), public_key=device_key(), now=NOW, serial_number=9
    )
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert found == x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())


def test_describe_reads_well_and_says_what_is_there() -> None:
    """Every line of the text comes from the certificate."""
    ca = make_ca()
    certificate = certificates.Issuer(ca, ec_key("ca")).issue(
        unchecked_request(rsa_key("signer")), public_key=device_key(), now=NOW, serial_number=0xABC
    )
    described = certificates.describe(certificate)
    assert described.key_short == device_key().short
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
    """Kinds that nothing here accepts are named too, since messages must say what got."""
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
