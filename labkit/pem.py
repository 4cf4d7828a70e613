"""PEM blocks in text: the one reader for certificates, requests and keys, wherever they come from.

Source: RFC 7468.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.errors import LabError

    Error = Callable[[str], LabError]

_LINE = 64
_KEY = "PRIVATE" + " KEY"  # spelled so that no committed file holds the words that open a key
LABELS = {
    "certificate": ("CERTIFICATE", "X509 CERTIFICATE"),
    "certificate request": ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
    "private key": (_KEY, f"EC {_KEY}", f"RSA {_KEY}", f"ENCRYPTED {_KEY}"),
    "public key": ("PUBLIC KEY",),
}
"""The labels of each kind of block."""

ADVICE = {
    "certificate": "Give the certificate's own file, such as deviceCert.pem or rootCA.pem.",
    "certificate request": "Give the request's own file, such as deviceCert.csr, "
    "made by: openssl req -new -key tempCsrSigner.key -out deviceCert.csr.",
    "private key": "Give the private key's own file in PEM, such as rootCA.key.",
    "public key": "Give the public key's own file, such as DevicePublicKey.pem.",
}
"""What to give if a block of a kind was expected and something else was found."""

_KIND_OF_LABEL = {label: kind for kind, labels in LABELS.items() for label in labels}
_WRAPPING = re.compile(r"""["'][ \t]*\+[ \t]*$|["'\\>|\0]""", re.MULTILINE)
_BLOCK = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----(?P<body>(?:(?!-----).)*+)"
    r"(?P<end>-----END (?P=label)-----)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """A PEM block; its repr shows none of it, since it may be a private key.

    Attributes:
        label: the words after BEGIN.
        body: the text between the BEGIN and END lines.
        is_whole: whether the END line is there.
    """

    label: str
    body: str
    is_whole: bool

    @property
    def text(self) -> str:
        """The block with LF line ends, without blanks around lines and without blank lines.

        An encrypted key keeps its blank line, which ends the block's headers (RFC 1421, 4.4).
        """
        lines = self.body.split()
        if self.is_encrypted:
            lines = [line.strip() for line in self.body.strip().splitlines()]
        return "\n".join([f"-----BEGIN {self.label}-----", *lines, f"-----END {self.label}-----\n"])

    @property
    def is_encrypted(self) -> bool:
        """Whether the block is an encrypted key."""
        return self.label.startswith("ENCRYPTED") or "ENCRYPTED" in self.body

    def der(self, error: Error) -> bytes:
        """Return the decoded bytes; what they mean is not checked.

        Args:
            error: makes the error from a message.

        Raises:
            LabError: the body is not base64.
        """
        try:
            return base64.b64decode("".join(self.body.split()), validate=True)
        except ValueError:  # not base64, or not ASCII
            raise error(
                f"the PEM block {self.label} is not base64: a line or a character was lost or "
                "changed. Copy the file again from where it was made."
            ) from None


def blocks(source: str | bytes) -> list[Block]:
    """Return every PEM block of a text in order, also those whose END line is missing."""
    text = source if isinstance(source, str) else source.decode("latin-1")
    return [
        Block(match["label"], match["body"], match["end"] is not None)
        for match in _BLOCK.finditer(text)
    ]


def plain(source: str | bytes) -> str:
    r"""Return a text without what surrounds PEM lines in other formats.

    Accepted: UTF-8 or UTF-16 with or without a byte order mark, `\n` written as two characters,
    string literals of C, JSON (such as the answer of the AWS CLI) and other languages, quoted
    mail, NUL characters.
    """
    text = source if isinstance(source, str) else decode_text(source)
    if "-----BEGIN " not in text:
        return text
    return _WRAPPING.sub("", text.replace("\\r", "").replace("\\n", "\n"))


def one(source: str | bytes, kind: str, error: Error) -> Block:
    """Return the one block of a kind in a text; text and blocks of other kinds are skipped.

    Args:
        source: the text.
        kind: one of `LABELS`.
        error: makes the error from a message.

    Raises:
        LabError: there is no such block, or several, or its END line is missing.
    """
    found = blocks(plain(source))
    matching = [block for block in found if _KIND_OF_LABEL.get(block.label) == kind]
    if len(matching) != 1:
        raise error(f"expected {_counted(kind, 1)}, found {describe(found)}. {ADVICE[kind]}")
    if not matching[0].is_whole:
        raise error(
            f"expected {_counted(kind, 1)}, found a PEM block without its last line "
            f'"-----END {matching[0].label}-----". Copy the file again: the copy was cut off.'
        )
    return matching[0]


def describe(found: list[Block]) -> str:
    """Return what some blocks are, such as "a private key and 2 certificates"."""
    kinds = Counter(_KIND_OF_LABEL.get(block.label, f"{block.label} block") for block in found)
    return " and ".join(_counted(*pair) for pair in kinds.items()) or "no PEM block"


def _counted(kind: str, count: int) -> str:
    if count > 1:
        return f"{count} {kind}s"
    return f"{'an' if kind[0] in 'AEFHILMNORSX' else 'a'} {kind}"


def from_der(der: bytes, label: str) -> str:
    r"""Return DER as a PEM block: 64 base64 characters a line, each line ending in `\n`."""
    body = base64.b64encode(der).decode("ascii")
    lines = [body[at : at + _LINE] for at in range(0, len(body), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
