"""The last attempt of each board to connect, as the gateway saw it.

OpenSSL reports each state that a handshake passes and each alert, also where TLS 1.3 encrypts
them. An attempt holds no key, no random number and no address.

Source: OpenSSL, SSL_CTX_set_info_callback; RFC 8446, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL

from labkit import certificates
from labkit.bench.simulator.gateway.client_hello import LONGEST_HELLO, read_client_hello

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from labkit.bench.simulator.gateway.admission import Admission
    from labkit.bench.simulator.gateway.client_hello import ClientHello

_SETTLING_S = 1.0
"""How long a query waits for an attempt that is in progress; on loopback one takes milliseconds."""

_LONGEST = 600
"""Characters of a name or a reason that are kept."""

_CLOSE_NOTIFY = 0
"""The alert that ends every connection in good order."""

_MOST_STEPS = 40
"""More than any handshake has; a client cannot make the list longer."""

_HEADS = ("SSLv3/TLS ", "TLSv1.3 ")


@dataclass(slots=True)
class HandshakeSteps:
    """What OpenSSL reported of one handshake.

    Attributes:
        version: such as "TLSv1.3", once it is negotiated.
        steps: such as "read client hello", in order, each once.
        alert: the number of the alert that ended it, or None.
        alert_is_ours: whether the gateway sent the alert.
    """

    version: str = ""
    steps: list[str] = field(default_factory=list)
    alert: int | None = None
    alert_is_ours: bool = False

    def take(self, tls: SSL.Connection, where: int, value: int) -> None:
        """Record what OpenSSL passes to its info callback."""
        if where & SSL.SSL_CB_ALERT and value & 0xFF != _CLOSE_NOTIFY:
            self.alert, self.alert_is_ours = value & 0xFF, bool(where & SSL.SSL_CB_WRITE)
        if not where & SSL.SSL_CB_LOOP:
            return
        state = tls.get_state_string().decode("ascii", "replace")
        head = next((head for head in _HEADS if state.startswith(head)), "")
        step = state.removeprefix(head)
        if head and step not in self.steps and len(self.steps) < _MOST_STEPS:
            self.steps.append(step)
            self.version = tls.get_protocol_version_name()


@dataclass(slots=True, eq=False)
class Attempt:
    """One connection, from its first byte to the answer to CONNECT; written by the loop's thread.

    Attributes:
        notify: called when the attempt is settled.
        handshake: OpenSSL's steps, and the alert.
        hello: what the client offers, or None before that is known.
        certificate_id: of the client's certificate: the SHA-256 of its DER, in hex.
        subject: of the client's certificate, such as "CN=LED".
        refusal: why the account refuses the certificate; empty if it does not.
        client_id: CONNECT's, or None if the client sent no CONNECT.
        is_accepted: whether CONNECT was accepted.
        ended: why the connection ended; empty while it is open.
    """

    notify: Callable[[], None] = lambda: None
    handshake: HandshakeSteps = field(default_factory=HandshakeSteps)
    hello: ClientHello | None = None
    certificate_id: str = ""
    subject: str = ""
    refusal: str = ""
    client_id: str | None = None
    is_accepted: bool = False
    ended: str = ""
    _first: bytearray = field(default_factory=bytearray)

    @property
    def is_settled(self) -> bool:
        """Whether it was accepted or has ended."""
        return self.is_accepted or bool(self.ended)

    def received(self, block: bytes) -> None:
        """Look for the ClientHello in the first bytes."""
        if self.hello is None and len(self._first) < LONGEST_HELLO:
            self._first += block
            self.hello = read_client_hello(bytes(self._first))
            if self.hello:
                self._first.clear()

    def judged(self, admission: Admission, certificate: x509.Certificate | None) -> None:
        """Record the client's certificate and the decision about it."""
        self.certificate_id, self.refusal = admission.certificate_id, _printable(admission.refusal)
        if certificate is not None:
            self.subject = _printable(certificates.subject_text(certificate.subject))

    def connect_received(self, client_id: str) -> None:
        """Record the client id of CONNECT."""
        self.client_id = _printable(client_id)

    def accept(self) -> None:
        """Record that CONNECT was accepted."""
        self.is_accepted = True
        self.notify()

    def end(self, reason: str) -> None:
        """Record why the connection ended."""
        self._first.clear()
        self.ended = _printable(reason)
        self.notify()

    def to_json(self) -> dict[str, Any]:
        """Return the attempt as the control URL sends it."""
        steps = self.handshake
        sender = "gateway" if steps.alert_is_ours else "client"
        return {
            "offered": list(self.hello.versions) if self.hello else [],
            "server_name": self.hello.server_name if self.hello else "",
            "version": steps.version,
            "steps": list(steps.steps),
            "alert": steps.alert,
            "alert_sent_by": None if steps.alert is None else sender,
            "certificate_id": self.certificate_id,
            "subject": self.subject,
            "refusal": self.refusal,
            "client_id": self.client_id,
            "is_accepted": self.is_accepted,
            "ended": self.ended,
        }


class Attempts:
    """The last attempt of each client that has a port of its own, and of the common port's, ""."""

    def __init__(self) -> None:
        self._last: dict[str, Attempt | None] = {}
        self._changed = Condition()

    def begin(self, client: str) -> Attempt:
        """Return a new attempt; it becomes the last one of the client."""
        attempt = Attempt(self._notify)
        with self._changed:
            self._last[client] = attempt
            self._changed.notify_all()
        return attempt

    def look_up(self, client: str) -> None:
        """Forget the last attempt of a client that now resolves the endpoint's name.

        If its connection ends at another server, the gateway has seen nothing of it.
        """
        with self._changed:
            self._last[client] = None

    def last(self, client: str) -> tuple[Attempt | None, bool]:
        """Return the last attempt of a client; wait a second at most until it is settled.

        Returns:
            The attempt, or None if the gateway saw none; and whether the client has ever tried.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_settled(client), _SETTLING_S)
            return self._last.get(client), client in self._last

    def _is_settled(self, client: str) -> bool:
        attempt = self._last.get(client)
        return client not in self._last or (attempt is not None and attempt.is_settled)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _printable(text: str) -> str:
    """Return at most 600 characters of a text, with `?` for what is not printable."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
