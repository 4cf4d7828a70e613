"""The ClientHello, read from the first bytes of a client.

OpenSSL reports only a handshake that continues; this also reads one that is refused at once.

Source: RFC 8446, sections 4.1.2, 4.2.1 and 5.1; RFC 6066, section 3 (SNI).
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any, Final

LONGEST_HELLO: Final = 1 << 14
"""The maximum number of bytes that are read; a ClientHello has 200 to 2,000."""

_HANDSHAKE_RECORD, _CLIENT_HELLO, _SUPPORTED_VERSIONS = 22, 1, 43
_HEADER_BYTES = 5
_LONGEST_NAME = 255
_VERSIONS = {
    (3, 0): "SSLv3",
    (3, 1): "TLSv1",
    (3, 2): "TLSv1.1",
    (3, 3): "TLSv1.2",
    (3, 4): "TLSv1.3",
}


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The offer of a client.

    Attributes:
        versions: such as "TLSv1.2", in the client's order; unknown versions are left out.
        server_name: the server name (SNI), printable; empty without one.
    """

    versions: tuple[str, ...]
    server_name: str


def read_client_hello(raw: bytes) -> ClientHello | None:
    """Read a ClientHello, which may be in several records.

    Args:
        raw: the first bytes of the client; at most `LONGEST_HELLO` are read.

    Returns:
        The offer, or None if the message is incomplete or not a ClientHello.
    """
    message = _handshake(raw[:LONGEST_HELLO])
    if message[:1] != bytes([_CLIENT_HELLO]):
        return None
    try:
        hello = _parse(message[1:])
        supported = hello.getExtension(_SUPPORTED_VERSIONS)
        name = bytes(hello.server_name)[:_LONGEST_NAME].decode("latin-1")
    except (SyntaxError, ValueError):  # tlslite-ng's DecodeError is a SyntaxError
        return None
    versions = (supported and supported.versions) or [hello.client_version]
    return ClientHello(
        tuple(_VERSIONS[each] for each in versions if each in _VERSIONS),
        "".join(letter if letter.isprintable() else "?" for letter in name),
    )


def _handshake(records: bytes) -> bytes:
    """Join the fragments in complete handshake records; the last record may be incomplete."""
    message = b""
    while len(records) >= _HEADER_BYTES and records[0] == _HANDSHAKE_RECORD:
        end = _HEADER_BYTES + int.from_bytes(records[3:_HEADER_BYTES])
        if end > len(records):
            break
        message, records = message + records[_HEADER_BYTES:end], records[end:]
    return message


def _parse(message: bytes) -> Any:  # noqa: ANN401 tlslite-ng has no types
    client_hello, parser = _tlslite()
    return client_hello().parse(parser(message))


@functools.cache
def _tlslite() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        # It imports asyncore for a mix-in that is not used here.
        warnings.simplefilter("ignore", DeprecationWarning)
        from tlslite.messages import ClientHello  # noqa: PLC0415 costs 0.1 s of the bench's start
        from tlslite.utils.codec import Parser  # noqa: PLC0415 as above
    return ClientHello, Parser
