"""The secret scan finds the lab's secrets and credentials in any format."""

from __future__ import annotations

import base64
import html
import json
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_forms import FORMS, KEY, logged

from labkit.errors import SecretError
from labkit.record.scan.scanning import Finding, Known, find, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

# A key by its numbers

SCALAR = 0x1F3A5C7E9B2D4F60_8192A3B4C5D6E7F8_0A1B2C3D4E5F6071_8293A4B5C6D7E8F9
KEYS = {
    "EC": ec.derive_private_key(SCALAR, ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}
OTHER = {
    "EC": ec.derive_private_key(SCALAR * 3 % 2**250, ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}


def number(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> int:
    """Return the private number of a key."""
    numbers = key.private_numbers()
    return numbers.p if isinstance(numbers, rsa.RSAPrivateNumbers) else numbers.private_value


def octets(value: int) -> bytes:
    """Return a number in as many bytes as it has."""
    return value.to_bytes(-(-value.bit_length() // 8))


NUMBER_FORMS: dict[str, Callable[[int], bytes]] = {
    "raw": lambda n: b"\0\xff" * 9 + octets(n) + b"end",
    "decimal": lambda n: f"d = {n}\n".encode(),
    "decimal in JSON in JSON": lambda n: json.dumps(json.dumps({"d": n})).encode(),
    "Python's hex": lambda n: f"{n:#x}".encode(),
    "hex of an odd number of digits": lambda n: f"k=0{octets(n).hex()};".encode(),
    "a C macro": lambda n: f"#define D 0x{n:X}ULL\n".encode(),
    **{
        form: lambda n, form=form: FORMS[form](octets(n), "A")[1]
        for form in FORMS
        if "PEM" not in form
    },
}


def test_a_known_number_is_found_and_another_is_not() -> None:
    """A scalar or prime alone is found in each format, and another key's is not."""
    for kind, key in KEYS.items():
        known = [Known.key("CA key", key)]
        for form, written in NUMBER_FORMS.items():
            found = find({"a.txt": written(number(key))}, known)
            assert {each.kind for each in found} == {"CA key"}, (form, kind)
            assert find({"a.txt": written(number(OTHER[kind]))}, known) == [], (form, kind)


def pem_lines(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> list[str]:
    """Return the lines of a key's PEM."""
    form = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode().splitlines()


def test_one_line_of_a_known_key_is_enough() -> None:
    """Each line of an RSA key's PEM after the modulus is found."""
    known = [Known.key("imported key", KEYS["RSA"])]
    lines = zip(pem_lines(KEYS["RSA"])[9:25], pem_lines(OTHER["RSA"])[9:25], strict=True)
    for ours, other in lines:
        assert find({"a": logged([ours])}, known) != [], ours
        assert find({"a": logged([other])}, known) == [], other


# A text

PASSWORDS = (
    "hunter22",
    "~~~???>>",
    'ab"c\\d%41&e/ü?',
    "correct horse battery",
    "wJalrXUt+FEMI/K7MD" * 9,
)

TEXT_FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda s: f"ssid lab, key {s}\n".encode(),
    "in JSON": lambda s: json.dumps({"p": s}).encode(),
    "in JSON of another writer": lambda s: json.dumps({"p": s}, ensure_ascii=False).encode(),
    "in JSON in JSON": lambda s: json.dumps({"p": json.dumps({"q": s})}).encode(),
    "in JSON in HTML": lambda s: html.escape(json.dumps({"p": s})).encode(),
    "in a URL": lambda s: f"http://h/?p={quote(s, safe='')}&a=b".encode(),
    "in UTF-16": lambda s: f"key {s}\n".encode("utf-16-le"),
    "in base64": lambda s: base64.b64encode(s.encode()),
    "in base64, one byte on": lambda s: base64.b64encode(b"u" + s.encode() + b"!!"),
    "in base64, two bytes on": lambda s: base64.b64encode(b"u:" + s.encode()),
    "in base64 for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).rstrip(b"="),
    "in base64 in JSON in base64": lambda s: base64.b64encode(
        json.dumps({"note": base64.b64encode(s.encode()).decode()}).encode()
    ),
    "in hex": lambda s: s.encode().hex().encode(),
    "in HEX with colons": lambda s: s.encode().hex(":").upper().encode(),
    "in a dump": lambda s: FORMS["hexdump"](s.encode(), "A")[1],
    "in a C array": lambda s: FORMS["a C array"](s.encode(), "A")[1],
    "in a page": lambda s: FORMS["Python's bytes"](s.encode(), "A")[1],
}


def test_a_known_text_is_found() -> None:
    """A password, passphrase or token is found; another of the same length is not."""
    for secret in PASSWORDS:
        known = [Known.text("Wi-Fi password", secret)]
        other = secret.translate(str.maketrans("abcdehnortu~", "ghijkgzzxyzw"))
        for form, written in TEXT_FORMS.items():
            found = {each.kind for each in find({"a": written(secret)}, known)}
            assert found == {"Wi-Fi password"}, (form, secret)
            assert find({"a": written(other)}, known) == [], (form, other)


def test_a_dump_is_read_to_its_end() -> None:
    """Also next to another dump, and in characters that look like hex digits."""
    for form in ("hexdump", "xxd", "the device's dump"):
        other = FORMS[form](b"something else in a dump", "A")[1]
        for secret in ("0123456789abcdef ok", "deadbeefdeadbeef!!!"):
            rows = FORMS[form](secret.encode(), "A")[1]
            known = [Known.text("passphrase", secret)]
            assert find({"a": rows + b"\n" + other}, known) != [], (form, secret)
            assert find({"a": other + b"\n" + rows}, known) != [], (form, secret)
        assert find({"a": other + b"\n" + other}, known) == [], form


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=8, max_size=40),
    st.sampled_from(sorted(TEXT_FORMS)),
)
def test_any_known_text_is_found(secret: str, form: str) -> None:
    """With any characters."""
    assert find({"a": TEXT_FORMS[form](secret)}, [Known.text("passphrase", secret)]) != []


def test_a_short_text_is_not_searched_for() -> None:
    """A text of fewer than six characters occurs by chance; a lab without a passphrase has none."""
    for secret in ("", "4711a"):
        assert find({"a": f"anything {secret}".encode()}, [Known.text("passphrase", secret)]) == []
    assert find({"a": b"anything 4711ab"}, [Known.text("passphrase", "4711ab")]) != []


# Credentials

ID, LONG = "AKIA" + "Z7QWERTYUIOPASDF", "kJ8s/Df+3lQpXz0RtYvB6nMa1WcEhGuI2oP5xK9d"
JOT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJlLXRoaW5n"
CREDENTIALS = {
    "AWS access key id": f"id {ID} in use",
    "AWS secret access key": f"aws_secret_access_key = {LONG}",
    "AWS session token": f'"SessionToken": "IQoJb3JpZ2luX2VjE{LONG * 3}"',
    "token (JWT)": f"got {JOT}",
    "Authorization header": f"> Authorization: Bearer {LONG}",
    "token in a URL": "http://127.0.0.1:8888/lab?token=0d1f2e3c4b5a69788796a5b4c3d2e1f0",
    "token": '{"token": "0d1f2e3c4b5a69788796a5b4c3d2e1f0"}',
    "password in a URL": "mqtt://device:pa55word@broker.example:1883",
    "Wi-Fi password": '#define clientcredentialWIFI_PASSWORD    "pa55 word"',
    "PIN": "pkcs11:token=lab;object=ca?pin-value=2468",
    "password": 'connect(user="lab", password="pa55 word")',
    "secret key (minisign)": base64.b64encode(b"EdScB2" + bytes(range(152))).decode(),
    "private key (PuTTY)": "PuTTY-User-Key-File-3: ssh-ed25519",
    "private key (JWK)": '{"kty": "EC", "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}',
    "private key (numbers)": "priv:\n    00:9b:2d:4f:60:81:92:a3:b4:c5",
    "private key (OpenSSH)": base64.b64encode(b"openssh-key-v1\0" + bytes(99)).decode(),
}


def test_a_credential_is_found() -> None:
    """By the words before it or by its own prefix; also in nested JSON and in base64."""
    for kind, text in CREDENTIALS.items():
        for content in (
            text,
            json.dumps({"line": json.dumps({"log": text})}),
            base64.b64encode(f"some words\n{text}\n".encode()).decode(),
        ):
            assert kind in {each.kind for each in find({"a.log": content.encode()})}, content


WIFI_HEADERS = (
    'static const char clientcredentialWIFI_PASSWORD[] = "pa55word";',
    'static const char * clientcredentialWIFI_PASSWORD =\n    "pa55word";',
    '#define clientcredentialWIFI_PASSWORD \\\n    "pa55" \\\n    "word"',
    '#define clientcredentialWIFI_PASSWORD ( "pa55word" )',
    '#define clientcredentialWIFI_PASSWORD /* the lab\'s */ "pa55word"',
    '/* #define clientcredentialWIFI_PASSWORD "pa55word" */',
    '#if 0\n#define clientcredentialWIFI_PASSWORD "pa55word"\n#endif',
    '#define clientcredentialWIFI_PASSWORD "Paste \\x70\\x61ss here"',
    '-    #define clientcredentialWIFI_PASSWORD    "pa55word"',
    'edit(text, "clientcredentialWIFI_PASSWORD", "pa55word")',
    "edit(text, 'clientcredentialWIFI_PASSWORD', 'pa55word')",
)


def test_a_wifi_password_is_found() -> None:
    """As each release of the demos writes it, commented out, in a diff, in a page's cell."""
    for header in WIFI_HEADERS:
        found = {each.kind for each in find({"x.h": header.encode()})}
        assert "Wi-Fi password" in found, header
        emptied = header.replace("pa55word", "").replace("pa55", "").replace("word", "")
        emptied = emptied.replace("Paste \\x70\\x61ss here", "")
        assert find({"x.h": emptied.encode()}) == [], emptied


def test_a_value_that_cannot_be_read_counts_as_one() -> None:
    """An expression can contain a password; the name of another macro does not."""
    define = "#define clientcredentialWIFI_PASSWORD "
    assert find({"x.h": f"{define}QUOTED(WORD)\n".encode()}) != []
    assert find({"x.h": f"{define}WORD\n".encode()}) == []


# Messages


def test_no_message_and_no_repr_has_a_secret() -> None:
    """It has kind, file, place and what to do, and no part of the secret."""
    secrets = ["hunter22", LONG]
    known = [Known.text("password", each) for each in secrets] + [Known.key("CA key", KEYS["EC"])]
    text = "\n".join([*secrets, *CREDENTIALS.values(), *pem_lines(KEYS["EC"])])
    found = find({"run/notes.txt": text.encode()}, known)
    assert len({each.kind for each in found}) > 12
    with pytest.raises(SecretError) as caught:
        refuse(found)
    text = "".join(traceback.format_exception(caught.value)) + repr(found) + repr(known)
    assert "run/notes.txt, line 1: password" in text
    assert "make the record again" in text
    assert caught.value.__cause__ is caught.value.__context__ is None
    for secret in [*secrets, ID, JOT, "pa55", "2468", *pem_lines(KEYS["EC"])[1:-1], str(SCALAR)]:
        assert secret not in text


def test_a_long_list_is_cut() -> None:
    """Twenty are listed, the others counted; without findings nothing is refused."""
    refuse([])
    with pytest.raises(SecretError, match="and 5 more"):
        refuse(Finding(f"{n}.txt", "token", "line 1") for n in range(25))


def test_the_marker_of_a_key_is_not_needed() -> None:
    """An encrypted key is a secret as well, in PEM and without."""
    der = KEYS["EC"].private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"words")
    )
    for form in ("PEM", "hex", "base64"):
        name, content = FORMS[form](der, f"ENCRYPTED {KEY}")
        assert "private key" in find({name: content})[0].kind
