"""Ways to write bytes down, each as somebody has done it; nothing here is labkit's.

A form takes DER and the label that its PEM has, and gives a file: name and content.
"""

from __future__ import annotations

import base64
import html
import json
import random
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FORMS", "KEY", "NOT_SECRET", "SECRET", "pem"]

KEY = "PRIVATE" + " KEY"
PREFIX = "{} {} [iot_thread] "


def pem(der: bytes, label: str, width: int = 64) -> str:
    """Return DER in PEM."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), width))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def logged(lines: list[str]) -> bytes:
    """Return lines as the logging task prints them."""
    rows = [PREFIX.format(7 + n, 1200 + 3 * n) + line for n, line in enumerate(lines)]
    return "\n".join(["0 0 [Tmr Svc] WiFi module initialized.", *rows, "40 99 [IP] end"]).encode()


def groups(der: bytes, size: int, separator: str) -> str:
    """Return hex digits in groups."""
    return separator.join(der[at : at + size].hex() for at in range(0, len(der), size))


def dump(der: bytes, columns: int = 16) -> list[str]:
    """Return the rows that the device prints: groups of two bytes."""
    return [groups(der[at : at + columns], 2, " ") for at in range(0, len(der), columns)]


def characters(row: bytes) -> str:
    """Return what a dump shows beside a row's bytes."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def xxd(der: bytes) -> str:
    """Return what xxd prints."""
    rows = [(at, der[at : at + 16]) for at in range(0, len(der), 16)]
    return "".join(f"{at:08x}: {groups(row, 2, ' '):<39}  {characters(row)}\n" for at, row in rows)


def hexdump(der: bytes) -> str:
    """Return what hexdump -C prints."""
    lines = []
    for at in range(0, len(der), 16):
        row = der[at : at + 16]
        halves = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
        lines.append(f"{at:08x}  {halves}  |{characters(row)}|\n")
    return "".join(lines)


def page(source: str, output: str) -> bytes:
    """Return a page of two cells, of which the second shows something."""
    text = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title\n", "Words."]}
    stream = {"name": "stdout", "output_type": "stream", "text": output.splitlines(keepends=True)}
    code = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "b",
        "metadata": {},
        "outputs": [stream],
        "source": source.splitlines(keepends=True),
    }
    whole = {"cells": [text, code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1).encode()


def c_literals(text: str) -> str:
    """Return a text as the documentation writes it into a header."""
    return " \\\n".join(f'    "{line}\\n"' for line in text.splitlines())


def in_html(text: str) -> str:
    """Return a text for an attribute, in which whatever can be escaped is."""
    return html.escape(text).replace("+", "&#43;").replace("/", "&#x2f;").replace("\n", "&#10;")


def b64(data: bytes) -> str:
    """Return base64 on one line."""
    return base64.b64encode(data).decode()


FORMS: dict[str, Callable[[bytes, str], tuple[str, bytes]]] = {
    "PEM": lambda d, n: ("a.pem", pem(d, n).encode()),
    "PEM with CRLF": lambda d, n: ("a.txt", pem(d, n).replace("\n", "\r\n").encode()),
    "PEM in a C literal": lambda d, n: (
        "x.c",
        f"static const char key[] =\n{c_literals(pem(d, n))};\n".encode(),
    ),
    "PEM in a C comment": lambda d, n: ("x.h", f"/*\n{pem(d, n)}*/\n#define x 1\n".encode()),
    "PEM in a diff": lambda d, n: (
        "x.diff",
        "".join(f"-{line}\n" for line in c_literals(pem(d, n)).splitlines()).encode(),
    ),
    "PEM in JSON": lambda d, n: ("a.json", json.dumps({"keyPair": pem(d, n)}).encode()),
    "PEM in a C literal in JSON in JSON": lambda d, n: (
        "journal.jsonl",
        json.dumps({"facts": json.dumps({"diff": c_literals(pem(d, n))})}).encode(),
    ),
    "PEM in a console log": lambda d, n: ("console.log", logged(pem(d, n).splitlines())),
    "PEM in narrow lines without BEGIN": lambda d, n: (
        "console.log",
        logged(pem(d, n, 32).splitlines()[1:-1]),
    ),
    "narrow base64 in a list on one line": lambda d, _: (
        "a.json",
        json.dumps(textwrap.wrap(b64(d), 24), separators=(",", ":")).encode(),
    ),
    "PEM in UTF-16": lambda d, n: ("a.txt", pem(d, n).encode("utf-16")),
    "PEM in a URL": lambda d, n: ("a.txt", f"http://h/?q={quote(pem(d, n), safe='')}&b=1".encode()),
    "PEM in HTML": lambda d, n: (
        "report.html",
        f"<pre>{in_html(pem(d, n))}</pre>".encode(),
    ),
    "PEM in base64": lambda d, n: ("a.txt", f"blob: {b64(pem(d, n).encode())}\n".encode()),
    "PEM in a page's output": lambda d, n: ("pages/01.ipynb", page("lab", pem(d, n))),
    "PEM in a page's source": lambda d, n: ("pages/01.ipynb", page(f'k = """{pem(d, n)}"""', "ok")),
    "DER": lambda d, _: ("a.bin", d),
    "DER in the middle of a binary file": lambda d, _: ("a.bin", b"\0\1\2" * 99 + d + b"\xff" * 9),
    "base64": lambda d, _: ("flash.json", json.dumps({"key": b64(d), "n": 1}).encode()),
    "base64 for URLs": lambda d, _: (
        "a.txt",
        b"k=" + base64.urlsafe_b64encode(d).rstrip(b"=") + b"; end",
    ),
    "base64 with something before it": lambda d, _: ("a.txt", f"path/x{b64(d)}\n".encode()),
    "base64 of more than the key": lambda d, _: ("a.txt", (b64(b"a header " + d) + "\n").encode()),
    "base64 in lines": lambda d, _: ("a.txt", base64.encodebytes(d)),
    "hex": lambda d, _: ("a.txt", f"key: {d.hex()}\n".encode()),
    "HEX": lambda d, _: ("a.txt", f"key={d.hex().upper()};".encode()),
    "hex with colons": lambda d, _: (
        "a.txt",
        "\n".join(f"    {line}" for line in textwrap.wrap(d.hex(":"), 45)).encode(),
    ),
    "hex with blanks": lambda d, _: ("a.txt", d.hex(" ").encode()),
    "a C array": lambda d, _: (
        "x.c",
        f"uint8_t k[] = {{ {', '.join(f'0x{b:02X}' for b in d)} }};".encode(),
    ),
    "a C array in lines": lambda d, _: (
        "x.c",
        "\n".join(textwrap.wrap(", ".join(f"0x{b:02x}" for b in d), 72)).encode(),
    ),
    "hex escapes": lambda d, _: ("x.c", ('"' + "".join(f"\\x{b:02x}" for b in d) + '"').encode()),
    "octal escapes": lambda d, _: ("x.c", ('"' + "".join(f"\\{b:03o}" for b in d) + '"').encode()),
    "Python's bytes": lambda d, _: ("pages/01.ipynb", page("der", repr(d))),
    "the device's dump": lambda d, _: ("console.log", logged([f"{len(d)} bytes:", *dump(d)])),
    "the device's dump, bare rows": lambda d, _: (
        "console.log",
        ("3 0 [iot_thread] key:\n\n" + " \n".join(dump(d)) + "\n4 1 [iot_thread] end").encode(),
    ),
    "xxd": lambda d, _: ("a.txt", xxd(d).encode()),
    "hexdump": lambda d, _: ("console.log", logged(hexdump(d).splitlines())),
    "hex in JSON in base64": lambda d, _: (
        "a.txt",
        f"export STATE={b64(json.dumps({'key': d.hex()}).encode())}\n".encode(),
    ),
    "base64 in base64": lambda d, _: ("a.txt", b64(b64(d).encode()).encode()),
}
"""Places and forms, by what they are called."""


def _forms_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Iterator[tuple[str, bytes]]:
    yield KEY, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    kind = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC"
    old = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    yield f"{kind} {KEY}", old


def _certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab-device")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _version_1(certificate: bytes) -> bytes:
    """Return the inner part of a certificate as version 1 has it: first a serial number of 1."""
    tbs = x509.load_der_x509_certificate(certificate).tbs_certificate_bytes
    at = tbs.index(b"\xa0\x03\x02\x01\x02")
    content = tbs[at + 5 :]
    size = len(content)
    return b"\x30" + (b"\x81" if size < 256 else b"\x82") + size.to_bytes(1 + size // 256) + content


def _request(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab-device")])
    request = x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)


_EC, _RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
_ED = ed25519.Ed25519PrivateKey.generate()

SECRET = {
    **dict(_forms_of(_EC)),
    **{f"RSA's {label}" if label == KEY else label: der for label, der in _forms_of(_RSA)},
    f"P-384's EC {KEY}": list(_forms_of(ec.generate_private_key(ec.SECP384R1())))[1][1],
    f"Ed25519's {KEY}": _ED.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    f"ENCRYPTED {KEY}": _EC.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    ),
}
"""DER of private keys, by label; one with `'s ` has the label behind it."""

NOT_SECRET = {
    "PUBLIC KEY": _EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "RSA's PUBLIC KEY": _RSA.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ),
    "RSA PUBLIC KEY": _RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
    "CERTIFICATE": _certificate(_EC),
    "RSA's CERTIFICATE": _certificate(_RSA),
    "CERTIFICATE of version 1": _version_1(_certificate(_EC)),
    "CERTIFICATE REQUEST": _request(_EC),
    "random bytes": random.Random(1).randbytes(700),  # noqa: S311 the same each day
}
"""DER of what everybody may see, by label."""
