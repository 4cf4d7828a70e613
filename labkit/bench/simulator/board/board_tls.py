"""The board's TLS client: TLS 1.2, with mbedTLS's error codes and texts.

tlslite-ng can sign with a key that does not belong to the certificate, so the board can simulate a
device whose key has changed; Python's ssl and OpenSSL refuse that. Every code that the board prints
is derived from an exception of tlslite-ng or of the check of the server's certificate.

Source: mbedTLS 2.16, `mbedtls_strerror` and ssl.h, net_sockets.h, x509.h; RFC 5246; RFC 6066, 3.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import verification

with warnings.catch_warnings():
    # It imports asyncore for a mix-in that is not used here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite.api import HandshakeSettings, X509CertChain, parsePEMKey
    from tlslite.constants import AlertDescription
    from tlslite.errors import (
        TLSAbruptCloseError,
        TLSAuthenticationError,
        TLSClosedConnectionError,
        TLSLocalAlert,
        TLSRemoteAlert,
    )
    from tlslite.x509 import X509

from labkit.support.seams import mbedtls_like_client

if TYPE_CHECKING:
    import socket
    from datetime import datetime
    from pathlib import Path

    from tlslite.api import TLSConnection

    from labkit.bench.simulator.board.credentials import PrivateKey

TIMEOUT_S = 5.0
"""How long a board waits for an answer; on loopback an answer takes milliseconds."""

_TLS_1_2 = (3, 3)
_ALPN_PORT = 443
_ALPN_MQTT = b"x-amzn-mqtt-ca"
_NO_LOW_LEVEL = "<No-Low-Level-Code>"
_NO_HIGH_LEVEL = "<No-High-Level-Code>"


class _ServerNotTrustedError(TLSAuthenticationError):  # type: ignore[misc]  # tlslite-ng has no types
    """The server's certificate is not valid for the board's roots, or has another name."""


class TlsError(Exception):
    """A TLS session failed.

    Attributes:
        code: mbedTLS's error code, without its sign, such as 0x7780.
        text: mbedTLS's text, high level and low level, as the firmware prints it.
    """

    def __init__(self, code: int, high: str, low: str = _NO_LOW_LEVEL) -> None:
        self.code = code
        self.text = f"{high} : {low}"
        super().__init__(f"0x{code:x} {self.text}")


_CLOSED = (0x7880, "SSL - The peer notified us that the connection is going to be closed")

_MBEDTLS_ERRORS: tuple[tuple[type[Exception], tuple[int, str, str]], ...] = (
    (
        _ServerNotTrustedError,
        (
            0x2700,
            "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed",
            _NO_LOW_LEVEL,
        ),
    ),
    (
        TLSRemoteAlert,
        (0x7780, "SSL - A fatal alert message was received from our peer", _NO_LOW_LEVEL),
    ),
    (TLSAbruptCloseError, (0x7280, "SSL - The connection indicated an EOF", _NO_LOW_LEVEL)),
    (TLSClosedConnectionError, (*_CLOSED, _NO_LOW_LEVEL)),
    (
        TLSLocalAlert,
        (0x7900, "SSL - Processing of the ServerHello handshake message failed", _NO_LOW_LEVEL),
    ),
    (TimeoutError, (0x6800, "SSL - The operation timed out", _NO_LOW_LEVEL)),
    # The firmware reads a socket's error number as one of mbedTLS's.
    (OSError, (0x20, _NO_HIGH_LEVEL, "AES - Invalid key length")),
)
"""mbedTLS's error for an exception; the first matching class counts."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The board's certificates and key; without a chain it sends an empty certificate.

    Attributes:
        chain: DER certificates, the client's own first.
        key: the board's private key.
    """

    chain: tuple[bytes, ...] = ()
    key: PrivateKey | None = None


class TlsStream:
    """An established session."""

    def __init__(self, connection: TLSConnection) -> None:
        self._connection = connection

    def send(self, raw: bytes) -> None:
        """Send bytes.

        Raises:
            TlsError: the session ended.
        """
        try:
            self._connection.send(raw)
        except Exception as error:
            raise _mbedtls_error(error) from error

    def receive(self) -> bytes:
        """Return received bytes, at least one.

        Raises:
            TlsError: the session ended; 0x7880 with a close_notify, 0x7280 without one.
        """
        try:
            raw = bytes(self._connection.recv(4096))
        except Exception as error:
            raise _mbedtls_error(error) from error
        if not raw:
            raise TlsError(*_CLOSED)
        return raw

    def close(self) -> None:
        """Send close_notify and close."""
        try:
            self._connection.close()
        except (OSError, TLSAbruptCloseError):
            # The server has closed first.
            return


def connect(
    connection: socket.socket,
    host: str,
    port: int,
    credentials: Credentials,
    *,
    root_ca_file: Path,
    now: datetime,
) -> TlsStream:
    """Perform a TLS 1.2 handshake and check the server's certificate.

    Args:
        connection: a connected socket; the caller closes it.
        host: the server's name, sent as SNI; its certificate must contain it.
        port: the port that the firmware connects to; on 443 it sends ALPN.
        credentials: the client's certificates and key.
        root_ca_file: trusted root certificates, PEM.
        now: the time at which the server's certificate must be valid.

    Raises:
        TlsError: the handshake failed.
    """
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = _TLS_1_2
    tls = mbedtls_like_client(connection, lambda ders: _check_server(ders, host, root_ca_file, now))
    try:
        tls.handshakeClientCert(
            certChain=_chain(credentials.chain),
            privateKey=_signing_key(credentials),
            settings=settings,
            serverName=host,
            alpn=[_ALPN_MQTT] if port == _ALPN_PORT else None,
        )
    except Exception as error:
        raise _mbedtls_error(error) from error
    return TlsStream(tls)


def _chain(ders: tuple[bytes, ...]) -> X509CertChain | None:
    certificates = [X509() for _ in ders]
    for certificate, der in zip(certificates, ders, strict=True):
        certificate.parseBinary(bytearray(der))
    return X509CertChain(certificates) if certificates else None


def _signing_key(credentials: Credentials) -> object | None:
    if credentials.key is None or not credentials.chain:
        return None
    pem = credentials.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key: object = parsePEMKey(pem.decode(), private=True, implementations=["python"])
    return key


def _check_server(ders: list[bytes], host: str, root_ca_file: Path, now: datetime) -> None:
    try:
        leaf, *intermediates = map(x509.load_der_x509_certificate, ders)
        roots = verification.Store(x509.load_pem_x509_certificates(root_ca_file.read_bytes()))
        policy = verification.PolicyBuilder().store(roots).time(now.replace(tzinfo=None))
        policy.build_server_verifier(x509.DNSName(host)).verify(leaf, intermediates)
    except (verification.VerificationError, ValueError) as error:
        raise _ServerNotTrustedError(str(error)) from error


def _mbedtls_error(error: Exception) -> TlsError:
    """Return mbedTLS's error for an exception of tlslite-ng.

    Raises:
        Exception: the exception itself, if neither the network nor the server can cause it.
    """
    if isinstance(error, TLSRemoteAlert) and error.description == AlertDescription.close_notify:
        return TlsError(*_CLOSED)
    for kind, code_and_texts in _MBEDTLS_ERRORS:
        if isinstance(error, kind):
            return TlsError(*code_and_texts)
    raise error
