"""Loading: the content of a file is read, or named; never shown."""

from __future__ import annotations

import pytest
from certificate_makers import (
    CA_NAME,
    DER,
    NOW,
    PEM,
    THING_NAME,
    ec_key,
    make_ca,
    private_pem,
    public_pem,
    rsa_key,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import certificates
from labkit.errors import CertificateError

PASSPHRASE = "correct horse"  # noqa: S105 a passphrase of the tests
DASHES = b"-" * 5


def block(label: str, body: bytes) -> bytes:
    """Return a PEM block, its markers put together so that no file holds one."""
    first, last = f"BEGIN {label}".encode(), f"END {label}".encode()
    return DASHES + first + DASHES + b"\n" + body + b"\n" + DASHES + last + DASHES + b"\n"


def certificate_pem() -> bytes:
    """Return the CA's certificate in PEM."""
    return make_ca().public_bytes(PEM)


def request_pem() -> bytes:
    """Return a request in PEM."""
    return certificates.certificate_request(ec_key("signer"), THING_NAME).public_bytes(PEM)


@pytest.mark.parametrize(
    "dress",
    [
        lambda pem: pem,
        lambda pem: pem.decode(),
        lambda pem: pem.replace(b"\n", b"\r\n"),
        lambda pem: b"\xef\xbb\xbf" + pem,
        lambda pem: b"Certificate:\n    Data:\n" + pem + b"trailing words\n",
        lambda pem: pem.replace(b"\n", b"\n\n"),
        lambda pem: pem.strip(),
    ],
    ids=["bytes", "text", "CRLF", "BOM", "words round it", "blank lines", "no last newline"],
)
def test_pem_is_read_however_it_was_saved(dress: object) -> None:
    """Line ends, a byte order mark and text round the block do not matter."""
    assert certificates.load_certificate(dress(certificate_pem())) == make_ca()
    assert certificates.load_request(dress(request_pem())).subject == THING_NAME


def test_der_is_read_too() -> None:
    """Bytes that are a certificate or a request in DER are taken as such."""
    csr = certificates.load_request(request_pem())
    assert certificates.load_certificate(make_ca().public_bytes(DER)) == make_ca()
    assert certificates.load_request(csr.public_bytes(DER)) == csr


def test_to_pem_is_read_back() -> None:
    """PEM text ends in a newline and gives the same object."""
    pem = certificates.to_pem(make_ca())
    assert pem.endswith("-----\n")
    assert certificates.load_certificate(pem) == make_ca()


OTHERS = {
    "nothing": (b"  \n", "found nothing: the file is empty"),
    "words": (b"hello", "found 5 bytes that are neither PEM nor DER"),
    "a public key": (public_pem(ec_key("device")), "found a public key"),
    "a private key": (private_pem(ec_key("device")), "found a private key"),
    "two certificates": (certificate_pem() * 2, "found 2 certificates"),
    "two requests": (request_pem() * 2, "found 2 certificate requests"),
    "both": (
        private_pem(ec_key("device")) + public_pem(ec_key("device")),
        "found a private key and a public key",
    ),
    "an RSA public key": (block("RSA PUBLIC KEY", b"AA=="), "found an RSA PUBLIC KEY block"),
    "DER of a public key": (
        ec_key("device")
        .public_key()
        .public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "found a public key in DER",
    ),
    "DER of a private key": (
        ec_key("device").private_bytes(
            DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "found a private key in DER",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (certificates.load_certificate, "Expected a certificate"),
        (certificates.load_request, "Expected a certificate request"),
    ],
    ids=["certificate", "request"],
)
def test_what_stands_there_instead_is_named(load: object, expected: str, what: str) -> None:
    """The message says what was expected, what was found and which file to give."""
    octets, found = OTHERS[what]
    with pytest.raises(CertificateError) as caught:
        load(octets)
    assert str(caught.value).startswith(expected)
    assert found in str(caught.value)
    assert "Give the" in str(caught.value)


@pytest.mark.parametrize(
    ("load", "octets", "message"),
    [
        (certificates.load_certificate, request_pem(), "found a certificate request"),
        (certificates.load_request, certificate_pem(), "found a certificate"),
        (
            certificates.load_certificate,
            certificates.load_request(request_pem()).public_bytes(DER),
            "found a certificate request in DER",
        ),
        (certificates.load_request, make_ca().public_bytes(DER), "found a certificate in DER"),
        (certificates.load_certificate, certificate_pem()[:-40], "without its last line"),
        (certificates.load_request, request_pem()[:-40], "without its last line"),
        (certificates.load_certificate, block("CERTIFICATE", b"AAAA"), "It is damaged"),
        (certificates.load_certificate, block("CERTIFICATE", b"?"), "is not base64"),
        (certificates.load_certificate, block("CERTIFICATE", b""), "It is damaged"),
        (certificates.load_request, block("CERTIFICATE REQUEST", b"AAAA"), "It is damaged"),
        (certificates.load_private_key, certificate_pem(), "found a certificate"),
        (certificates.load_private_key, public_pem(ec_key("device")), "found a public key"),
        (certificates.load_private_key, b"", "found nothing"),
        (certificates.load_private_key, private_pem(ec_key("x")) * 2, "found 2 private keys"),
        (certificates.load_private_key, private_pem(ec_key("x"))[:-30], "without its last line"),
        (certificates.load_private_key, block("PRIVATE KEY", b"AAAA"), "The file is damaged"),
        (
            certificates.load_private_key,
            private_pem(ed25519.Ed25519PrivateKey.generate()),
            "Expected an RSA or EC private key, got a key of another type",
        ),
    ],
)
def test_each_mistaken_or_damaged_file_has_its_message(
    load: object, octets: bytes, message: str
) -> None:
    """One kind taken for another, a copy cut off, a damaged body."""
    with pytest.raises(CertificateError, match=message):
        load(octets)


@pytest.mark.parametrize("key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE, PASSPHRASE.encode()])
def test_a_private_key_is_read_as_it_was_written(key: object, passphrase: str | None) -> None:
    """With and without a passphrase, as text or bytes."""
    pem = certificates.private_key_to_pem(key, passphrase)
    assert (b"ENCRYPTED" in pem) is (passphrase is not None)
    assert certificates.load_private_key(pem, passphrase).public_key() == key.public_key()
    assert certificates.load_private_key(pem.decode(), passphrase)


@pytest.mark.parametrize("key", [ec_key("ca"), rsa_key("ca")], ids=["EC", "RSA"])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_the_older_forms_of_openssl_are_read(key: object, passphrase: str | None) -> None:
    """`EC PRIVATE KEY` and `RSA PRIVATE KEY` blocks, encrypted or not."""
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(PEM, form, encryption)
    assert certificates.load_private_key(pem, passphrase).public_key() == key.public_key()


def test_ec_parameters_before_the_key_are_left_alone() -> None:
    """`openssl ecparam -genkey` writes a block of parameters first."""
    pem = block("EC PARAMETERS", b"BggqhkjOPQMBBw==") + private_pem(ec_key("ca"))
    assert certificates.load_private_key(pem).public_key() == ec_key("ca").public_key()


def test_passphrases_are_asked_for_refused_and_never_shown() -> None:
    """Missing, wrong, needless, empty and too long have a message each, none with the phrase."""
    locked = certificates.private_key_to_pem(ec_key("ca"), PASSPHRASE)
    plain = certificates.private_key_to_pem(ec_key("ca"))
    for load, message in (
        (lambda: certificates.load_private_key(locked), "is encrypted: give its passphrase"),
        (lambda: certificates.load_private_key(locked, ""), "is encrypted: give its passphrase"),
        (lambda: certificates.load_private_key(locked, "battery"), "does not open the private key"),
        (lambda: certificates.load_private_key(plain, PASSPHRASE), "is not encrypted"),
        (lambda: certificates.private_key_to_pem(ec_key("ca"), ""), "1 to 1,023 bytes"),
        (lambda: certificates.private_key_to_pem(ec_key("ca"), "x" * 1024), "1 to 1,023 bytes"),
    ):
        with pytest.raises(CertificateError, match=message) as caught:
            load()
        assert PASSPHRASE not in str(caught.value)
        assert "battery" not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.binary(max_size=200), st.sampled_from(["", "CERTIFICATE", "CERTIFICATE REQUEST"]))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(octets: bytes, label: str) -> None:
    """No input raises anything but CertificateError, bare or dressed as PEM."""
    source = block(label, octets) if label else octets
    for load in (certificates.load_certificate, certificates.load_request):
        with pytest.raises(CertificateError):
            load(source)
    with pytest.raises(CertificateError):
        certificates.load_private_key(block("PRIVATE KEY", octets))


def test_a_signature_of_which_not_all_bits_count_is_refused() -> None:
    """The bit string's first byte says how many last bits do not count; verifiers ignore it."""
    octets = make_ca().public_bytes(DER)
    size = len(make_ca().signature) + 1
    assert octets[-size] == 0
    assert certificates.load_certificate(octets) == make_ca()
    for unused in range(1, 8):
        changed = octets[:-size] + bytes([unused]) + octets[1 - size :]
        with pytest.raises(CertificateError, match="damaged"):
            certificates.load_certificate(changed)


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=200)
def test_a_changed_byte_is_read_or_refused(position: int, change: int) -> None:
    """A certificate with one byte changed never raises anything but CertificateError."""
    octets = bytearray(make_ca().public_bytes(DER))
    octets[position % len(octets)] ^= change
    try:
        changed = certificates.load_certificate(bytes(octets))
        certificates.verify_ca(changed, NOW)
        certificates.verify_issued_by(changed, make_ca())
    except CertificateError:
        return
    pytest.fail("a changed certificate passed for the CA's")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["EC", "RSA"],
)
def test_no_message_holds_key_material(make: object) -> None:
    """A damaged private key is refused without a line of it in the message."""
    lines = private_pem(make()).splitlines()
    lines[1] = lines[1][:-8] + b"AAAAAAAA"
    with pytest.raises(CertificateError) as caught:
        certificates.load_private_key(b"\n".join([lines[0], *lines[2:]]))
    assert not any(line.decode() in str(caught.value) for line in lines[1:-1])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_request_and_a_ca_of_odd_algorithms_are_refused_in_words() -> None:
    """Keys of kinds that are not used here end in CertificateError, at loading or at issuing."""
    odd = ed25519.Ed25519PrivateKey.generate()
    csr = x509.CertificateSigningRequestBuilder(THING_NAME).sign(odd, None)
    issuer = certificates.Issuer(make_ca(), ec_key("ca"))
    with pytest.raises(CertificateError, match=r"Key of the CSR signer: .* got Ed25519"):
        issuer.issue(csr, public_key=None, now=NOW, serial_number=9)
    with pytest.raises(CertificateError, match=r"Key of the CA: .* got Ed25519"):
        certificates.root_ca(odd, CA_NAME, now=NOW, serial_number=9)
