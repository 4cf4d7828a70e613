"""What a client offers, read from the first bytes that it sends.

OpenSSL tells it only of a handshake that goes on; this reads also what is refused at once. The
client's random number and its key share are passed over.

Source: RFC 8446, sections 4.1.2, 4.2.1 and 5.1; RFC 5246, section 7.4.1.2; RFC 6066, section 3
(SNI); RFC 8701 (values that mean nothing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LONGEST_HELLO", "ClientHello", "read_client_hello"]

LONGEST_HELLO: Final = 1 << 14
"""Bytes of what comes first that are looked at; a hello of today has 200 to 2,000."""

_HANDSHAKE_RECORD, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _SUPPORTED_VERSIONS = 0, 43
_RANDOM_BYTES = 32
_LONGEST_NAME = 255
_VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers.

    Attributes:
        versions: such as "TLSv1.2", the client's first choice first; those that nobody knows are
            left out.
        server_name: whom it asks for (SNI), printable; empty for nobody.
    """

    versions: tuple[str, ...]
    server_name: str


class _Bytes:
    """Bytes that are taken one vector after the other.

    Raises:
        EOFError: from each method: there are not as many.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._raw):
            raise EOFError
        taken, self._at = self._raw[self._at : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> _Bytes:
        """Take a vector whose length is a number of so many bytes."""
        return _Bytes(self.take(self.number(size)))

    def __bool__(self) -> bool:
        return self._at < len(self._raw)


def read_client_hello(raw: bytes) -> ClientHello | None:
    """Read a ClientHello, which may lie in several records.

    Args:
        raw: the first bytes that came, at most `LONGEST_HELLO` of them are looked at.

    Returns:
        It, or None where it is not complete or none at all.
    """
    try:
        message = _Bytes(_fragments(_Bytes(raw[:LONGEST_HELLO])))
        if message.number(1) != _CLIENT_HELLO:
            return None
        return _hello(message.vector(3))
    except EOFError:
        return None


def _fragments(records: _Bytes) -> bytes:
    """Join what the handshake's records hold; the last may not be there yet."""
    message = b""
    try:
        while records and records.number(1) == _HANDSHAKE_RECORD:
            records.take(2)  # a version that says nothing: RFC 8446, section 5.1
            message += records.take(records.number(2))
    except EOFError:
        pass
    return message


def _hello(hello: _Bytes) -> ClientHello:
    versions = [hello.number(2)]
    hello.take(_RANDOM_BYTES)
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        hello.vector(size)
    name = ""
    extensions = hello.vector(2) if hello else _Bytes(b"")
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SUPPORTED_VERSIONS:
            versions = list(_numbers(body.vector(1)))
        elif kind == _SERVER_NAME and body:
            name = _name(body.vector(2))
    return ClientHello(tuple(_VERSIONS[it] for it in versions if it in _VERSIONS), name)


def _numbers(vector: _Bytes) -> list[int]:
    found = []
    while vector:
        found.append(vector.number(2))
    return found


def _name(names: _Bytes) -> str:
    """Return the first name; a host's is of type 0, and there is no other type."""
    names.take(1)
    raw = names.take(names.number(2))[:_LONGEST_NAME]
    return "".join(letter if letter.isprintable() else "?" for letter in raw.decode("latin-1"))
