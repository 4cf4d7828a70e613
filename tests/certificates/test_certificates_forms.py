"""The forms in which people have a certificate, a request or a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from certificate_makers import (
    NOW,
    THING_NAME,
    ec_key,
    make_ca,
    private_pem,
    public_pem,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7, pkcs12

from labkit import certificates
from labkit.errors import CertificateError, PublicKeyError
from labkit.keys import SPKI_HEADER, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = ec_key("device")
CERTIFICATE = make_ca().public_bytes(Encoding.PEM)
REQUEST = certificates.certificate_request(ec_key("signer"), THING_NAME).public_bytes(Encoding.PEM)
NOT_ENCRYPTED = serialization.NoEncryption()


def _literal(text: str) -> str:
    return "#define keyPEM \\\n" + " \\\n".join(f'"{line}\\n"' for line in text.splitlines()) + "\n"


FORMS: dict[str, Callable[[str], bytes]] = {
    "text around it": lambda text: f"Bag Attributes\n    name: x\n{text}\nend\n".encode(),
    "BOM and CRLF": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "NUL at the end": lambda text: text.encode() + b"\0",
    "indented": lambda text: ("    " + text.replace("\n", "\n\t")).encode(),
    "quoted": lambda text: f'"{text}"'.encode(),
    "mail": lambda text: "".join(f"> {line}\n" for line in text.splitlines()).encode(),
    "backslash n": lambda text: text.replace("\n", r"\n").encode(),
    "backslash r n": lambda text: text.replace("\n", r"\r\n").encode(),
    "C literal": lambda text: _literal(text).encode(),
    "sum of strings": lambda text: " +\n".join(f"'{x}\\n'" for x in text.splitlines()).encode(),
    "JSON": lambda text: json.dumps({"certificateId": "ab", "certificatePem": text}).encode(),
    "JSON with escaped slashes": lambda text: (
        json.dumps({"pem": text}).replace("/", "\\/").encode()
    ),
    "one line": lambda text: text.replace("\n", " ").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_pem_file_is_read(form: str) -> None:
    """Certificate, request, private and public key are read from each form."""
    wrap = FORMS[form]
    pem = CERTIFICATE.decode()
    assert certificates.to_pem(certificates.load_certificate(wrap(pem))) == pem
    request = REQUEST.decode()
    assert certificates.to_pem(certificates.load_request(wrap(request))) == request
    loaded = certificates.load_private_key(wrap(private_pem(KEY).decode()))
    assert loaded.public_key() == KEY.public_key()
    assert PublicKey.from_file(wrap(public_pem(KEY).decode())) == PublicKey.from_key(KEY)


@pytest.mark.parametrize("form", FORMS)
def test_a_character_lost_in_any_form_is_refused(form: str) -> None:
    """A tolerant reader still does not accept a damaged body."""
    text = CERTIFICATE.decode()
    damaged = FORMS[form](text[:200] + text[201:])
    with pytest.raises(CertificateError):
        certificates.load_certificate(damaged)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_certificates_of_a_pkcs7_bundle(encoding: Encoding) -> None:
    """One certificate is read; of several, all can be listed and none is chosen."""
    one = certificates.load_certificate(CERTIFICATE)
    alone = pkcs7.serialize_certificates([one], encoding)
    both = pkcs7.serialize_certificates([one, make_ca()], encoding)
    assert certificates.load_certificate(alone) == one
    assert len(certificates.load_certificates(both)) == 2
    with pytest.raises(CertificateError, match="found 2 certificates in a PKCS #7 bundle"):
        certificates.load_certificate(both)


def test_a_private_key_in_pkcs12() -> None:
    """It is opened with its passphrase only."""
    locked = pkcs12.serialize_key_and_certificates(
        b"ca", KEY, None, None, serialization.BestAvailableEncryption(b"word")
    )
    assert certificates.needs_passphrase(locked)
    assert certificates.load_private_key(locked, "word").public_key() == KEY.public_key()
    with pytest.raises(CertificateError, match="The PKCS #12 file is encrypted"):
        certificates.load_private_key(locked)
    with pytest.raises(CertificateError, match="The passphrase does not open"):
        certificates.load_private_key(locked, "other")
    with pytest.raises(CertificateError, match="found a PKCS #12 file"):
        certificates.load_certificate(locked)


def test_a_private_key_is_read_by_its_bytes() -> None:
    """PKCS #8 under the label of an EC key is read, and so is DER."""
    relabelled = private_pem(KEY).replace(b"BEGIN PRI", b"BEGIN EC PRI")
    relabelled = relabelled.replace(b"END PRI", b"END EC PRI")
    der = KEY.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, NOT_ENCRYPTED)
    for octets in (relabelled, der):
        assert certificates.load_private_key(octets).public_key() == KEY.public_key()


def _spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.DER, form)


HEX_FORMS: dict[str, Callable[[bytes], str]] = {
    "rows": lambda der: "\n".join(der[at : at + 16].hex(" ", -2) for at in range(0, 91, 16)),
    "colons": lambda der: der.hex(":"),
    "upper case": lambda der: der.hex().upper(),
    "C array": lambda der: "{ " + ", ".join(f"0x{byte:02x}" for byte in der) + " };\r\n",
    "bare point": lambda der: der[26:].hex(),
    "x and y": lambda der: der[27:].hex(" "),
}


@pytest.mark.parametrize("form", HEX_FORMS)
def test_the_hex_digits_of_a_public_key_are_read(form: str) -> None:
    """Digits are read whatever is between them; one changed digit is refused."""
    key = PublicKey.from_key(KEY)
    assert PublicKey.from_file(HEX_FORMS[form](key.der).encode()) == key
    damaged = key.der[:-1] + bytes([key.der[-1] ^ 1])
    with pytest.raises(PublicKeyError, match="not a point on P-256"):
        PublicKey.from_file(HEX_FORMS[form](damaged).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_spki(ec.derive_private_key(7, ec.SECP384R1())), "a P-384 key"),
        (_spki(ec.derive_private_key(7, ec.SECP521R1())), "a P-521 key"),
        (_spki(ec.derive_private_key(7, ec.SECP256K1())), "a secp256k1 key"),
        (_spki(rsa.generate_private_key(65537, 2048)), "an RSA key"),
        (bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + b"\2" + bytes(32),
         "a compressed one"),
        (private_pem(KEY), "found a private key"),
        (SPKI_HEADER + b"\4" + bytes(64), "not a point"),
    ],
)  # fmt: skip
def test_another_key_is_named(content: bytes, message: str) -> None:
    """The message names the key, and does not ask for a new capture, which cannot help."""
    with pytest.raises(PublicKeyError, match=message) as error:
        PublicKey.from_file(content)
    assert ("Capture" in str(error.value)) == (message == "not a point")


CODE = "94e0" * 16


@pytest.mark.parametrize(
    ("given", "is_read"),
    [
        (CODE, True),
        (f'"{CODE}"', True),
        (f"'{CODE}'\r\n", True),
        (f'{{\n    "registrationCode": "{CODE}"\n}}\n', True),
        (f"{CODE}0", False),
        (f"{CODE} {CODE}", False),
        (CODE.upper(), False),
    ],
)
def test_a_registration_code_is_read_in_quotes_and_json(given: str, *, is_read: bool) -> None:
    """The code is taken out of what the AWS CLI prints; other digits are refused."""
    key = ec_key("ca")
    issuer = certificates.Issuer(make_ca(key), key)
    facts = {"public_key": ec_key("proof").public_key(), "now": NOW, "serial_number": 7}
    if is_read:
        made = issuer.verification_certificate(given, **facts)
        assert certificates.common_name(made.subject) == CODE
    else:
        with pytest.raises(CertificateError, match="expected 64 hexadecimal digits"):
            issuer.verification_certificate(given, **facts)
