"""The gateway's side of one TLS connection: an asyncio protocol over OpenSSL memory BIOs.

Python's `ssl` has no verify callback; pyOpenSSL's can refuse a certificate during the handshake.
The client gets one of these alerts (RFC 8446, section 6.2):

==========================  =======================================================
refused                     alert
==========================  =======================================================
no certificate              handshake_failure (TLS 1.2), certificate_required (1.3)
CA unknown                  unknown_ca
expired                     certificate_expired
not valid yet               bad_certificate
unregistered, not ACTIVE,   certificate_unknown
another server name
unreadable                  bad_certificate
key not the certificate's   decrypt_error (OpenSSL's own check)
ALPN without MQTT           no_application_protocol (RFC 7301, section 3.2)
==========================  =======================================================
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from cryptography import x509
from OpenSSL import SSL, crypto

from labkit.bench.simulator.gateway.admission import Admission, judge
from labkit.bench.simulator.gateway.verify_alert import Refuse, set_verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.bench.simulator.account import Account
    from labkit.bench.simulator.gateway.attempts import Attempt
    from labkit.bench.simulator.gateway.server_identity import ServerIdentity

_BLOCK = 16384
"""Bytes that are read and decrypted at a time: a TLS record."""

_LINGER_S = 1.0
_MAX_UNSENT = 4 << 20
_ALPN_MQTT = b"x-amzn-mqtt-ca"
_OPTIONS = SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION


class _NoProtocolError(Exception):
    """The client offers protocols by ALPN, but not MQTT."""


class TlsSession(Protocol):
    """What runs inside a TLS connection, in the loop's thread; `MqttSession` is one."""

    def handshake_done(self, admission: Admission) -> None:
        """Begin: the client's certificate was accepted."""

    def data_received(self, data: bytes) -> None:
        """Process decrypted bytes."""

    def connection_lost(self, admission: Admission | None, reason: str) -> None:
        """End; called once. `admission` is None if the client sent no certificate."""


def server_context(account: Account, identity: ServerIdentity, endpoint_name: str) -> SSL.Context:
    """Return the TLS settings of the gateway: TLS 1.2 and 1.3, mutual, never resumed.

    A resumed session would skip the verification, and with it the certificate's current status.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)

    def admit(tls: SSL.Connection, certificate: crypto.X509) -> Refuse | None:
        connection = cast("TlsConnection", tls.get_app_data())
        if connection.admission is None:
            server_name = (tls.get_servername() or b"").decode("ascii", "replace")
            shown = None
            try:
                shown = certificate.to_cryptography()
                connection.admission = judge(account, shown, server_name, endpoint_name)
            except (ValueError, x509.InvalidVersion) as error:
                connection.admission = _unreadable(certificate, error)
            connection.attempt.judged(connection.admission, shown)
        return connection.admission.refuse_with

    set_verify(context, admit)
    context.set_alpn_select_callback(_select_protocol)
    context.set_info_callback(
        lambda tls, where, value: tls.get_app_data().attempt.handshake.take(tls, where, value)
    )
    return context


def _unreadable(certificate: crypto.X509, error: Exception) -> Admission:
    """Refuse a certificate that OpenSSL can read and the stricter `cryptography` cannot."""
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    return Admission(
        hashlib.sha256(der).hexdigest(),
        refusal=f"the certificate cannot be read: {error}",
        refuse_with=Refuse.BAD_CERTIFICATE,
    )


def _select_protocol(_: SSL.Connection, offered: list[bytes]) -> bytes:
    """Select MQTT if the client offers it by ALPN; not called for a client without ALPN.

    AWS IoT requires ALPN on port 443 and not on port 8883; here one port serves both.

    Source: AWS IoT Core developer guide, Protocols, port mappings, and authentication.
    """
    if _ALPN_MQTT in offered:
        return _ALPN_MQTT
    # With an exception, pyOpenSSL makes OpenSSL send the fatal alert.
    raise _NoProtocolError(
        f"the client offers {b', '.join(offered).decode('ascii', 'replace')} by ALPN, not"
        f" {_ALPN_MQTT.decode()}"
    )


class TlsConnection(asyncio.BufferedProtocol):
    """One client's connection; the session handles timeouts and packets.

    It reads small blocks, so that a client that sends as fast as it can does not block others.

    Args:
        context: see `server_context`.
        make_session: creates the session.
        attempt: the record of the connection.

    Attributes:
        admission: the decision about the client's certificate, or None before it.
        attempt: the record of the connection.
        peer: the client's address, such as "127.0.0.1:50000".
    """

    def __init__(
        self,
        context: SSL.Context,
        make_session: Callable[[TlsConnection], TlsSession],
        attempt: Attempt,
    ) -> None:
        self.admission: Admission | None = None
        self.attempt = attempt
        self.peer = ""
        self._tls = SSL.Connection(context, None)
        self._tls.set_app_data(self)
        self._tls.set_accept_state()
        self._incoming = bytearray()
        self._make_session = make_session
        self._shaken = False
        self._unflushed = 0
        self._is_advancing = False
        self._ended = False

    @property
    def peer_chain(self) -> tuple[bytes, ...]:
        """The certificates that the client sent, each DER; available after the handshake."""
        chain = self._tls.get_peer_cert_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in chain)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        self._session = self._make_session(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 asyncio's
        """Return the buffer for encrypted bytes; called by asyncio.

        There is a buffer only while bytes are read, so that idle connections need none.
        """
        self._incoming = bytearray(_BLOCK)
        return self._incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Process encrypted bytes; called by asyncio."""
        block, self._incoming = memoryview(self._incoming)[:nbytes].tobytes(), bytearray()
        if self._ended:
            return
        self.attempt.received(block)
        try:
            self._tls.bio_write(block)
            self._advance()
        except SSL.ZeroReturnError:
            self.close("the client closed the connection")
        except SSL.Error as error:
            self._fail(error)
        except _NoProtocolError as error:
            self._finish(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by asyncio."""
        reason = "the connection broke" if exc else "the client closed the connection"
        self._end(reason if self._shaken else f"{reason} during the TLS handshake")

    def write(self, data: bytes) -> None:
        """Send bytes; a client that does not read loses its connection."""
        if self._ended:
            return
        self._tls.sendall(data)
        self._unflushed += len(data)
        # The answers to one block are sent in one piece.
        if not self._is_advancing or self._unflushed > _BLOCK:
            self._flush()

    def close(self, reason: str) -> None:
        """Close in good order: send what was written, then close TLS and TCP."""
        if self._ended:
            return
        if self._shaken:
            self._tls.shutdown()
        self._finish(reason)

    def abort(self, reason: str) -> None:
        """Close at once."""
        self._end(reason)
        self._transport.abort()

    def _advance(self) -> None:
        self._is_advancing = True
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._flush()
                self._session.handshake_done(cast("Admission", self.admission))
            while not self._ended:
                self._session.data_received(self._tls.recv(_BLOCK))
        except SSL.WantReadError:
            self._flush()
        finally:
            self._is_advancing = False

    def _fail(self, error: SSL.Error) -> None:
        """Send the alert that OpenSSL has created, and end with the reason."""
        refusal = self.admission.refusal if self.admission else ""
        where = "" if self._shaken else " in the TLS handshake"
        self._finish(refusal or f"TLS failed{where}: {_in_words(error)}")

    def _finish(self, reason: str) -> None:
        # Closing a socket with unread bytes sends a reset, which may overtake the alert. So only
        # our half is closed; the other one is closed after the client's, or after a second.
        self._end(reason)
        self._send_pending()
        if not self._transport.is_closing():
            with suppress(OSError):  # the client may have closed first
                self._transport.write_eof()
            asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self.attempt.end(reason)
            self._session.connection_lost(self.admission, reason)

    def _flush(self) -> None:
        """Send OpenSSL's output; a client that does not read it loses its connection."""
        self._send_pending()
        if self._transport.get_write_buffer_size() > _MAX_UNSENT:
            self.abort("the client does not read its messages")

    def _send_pending(self) -> None:
        self._unflushed = 0
        with suppress(SSL.WantReadError):
            while True:
                self._transport.write(self._tls.bio_read(_BLOCK))


def _in_words(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(reason[-1]) for reason in reasons) or type(error).__name__
