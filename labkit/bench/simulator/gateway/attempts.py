"""The last attempt of each client to connect: what the gateway saw, kept in a bounded store.

There is nothing secret in it: no key, no random number, no address.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Any, Final

from labkit import certificates
from labkit.bench.simulator.gateway.client_hello import LONGEST_HELLO, read_client_hello
from labkit.bench.simulator.gateway.handshake_steps import HandshakeSteps

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from labkit.bench.simulator.gateway.admission import Admission
    from labkit.bench.simulator.gateway.client_hello import ClientHello

KEPT: Final = 32
"""Clients of the common door whose last attempts are kept; a bench has a handful."""

_SETTLING_S = 1.0
"""What a question waits for an attempt that is going on; on loopback one takes milliseconds."""

_LONGEST = 600
"""Letters of a name or a reason that are kept."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One connection, from its first byte to the answer to CONNECT; written by the loop's thread.

    Attributes:
        door: whose door it came through; empty for the common one.
        tell: called when it has come to something.
        handshake: OpenSSL's steps, and the alert.
        hello: what the client offers, or None before that is known.
        certificate_id: of what the client showed: the SHA-256 of its DER, in hex.
        subject: of what the client showed, such as "CN=LED".
        refusal: the account's verdict on it; empty if it is let in.
        client_id: CONNECT's, or None where no CONNECT came.
        is_accepted: whether CONNECT was.
        ended: why the connection ended; empty while it stands.
    """

    door: str = ""
    tell: Callable[[], None] = lambda: None
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
        """Whether it has come to something: accepted, or ended."""
        return self.is_accepted or bool(self.ended)

    def heard(self, block: bytes) -> None:
        """Look for the ClientHello in what came first."""
        if self.hello is None and len(self._first) < LONGEST_HELLO:
            self._first += block
            self.hello = read_client_hello(bytes(self._first))
            if self.hello:
                self._first.clear()

    def judged(self, admission: Admission, certificate: x509.Certificate | None) -> None:
        """Note what the client showed, and the verdict on it."""
        self.certificate_id, self.refusal = admission.certificate_id, _kept(admission.refusal)
        if certificate is not None:
            self.subject = _kept(certificates.subject_text(certificate.subject))

    def asked(self, client_id: str) -> None:
        """Note that CONNECT came."""
        self.client_id = _kept(client_id)

    def accept(self) -> None:
        """Note that CONNECT was accepted."""
        self.is_accepted = True
        self.tell()

    def end(self, reason: str) -> None:
        """Note why the connection ended."""
        self._first.clear()
        self.ended = _kept(reason)
        self.tell()

    def told(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        steps = self.handshake
        sender = "gateway" if steps.alert_is_ours else "client"
        return {
            "door": self.door,
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
    """The last attempt of each client: of every door of its own, and the newest of the others.

    Others are told apart by the certificate that they showed; one that showed none is nobody's.

    Args:
        kept: how many of the others there are at most.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._own: dict[str, Attempt | None] = {}
        self._others: OrderedDict[int, Attempt] = OrderedDict()
        self._changed = Condition()

    def begin(self, door: str = "") -> Attempt:
        """Return a new attempt, which is its client's last one from now on."""
        attempt = Attempt(door, self._tell)
        with self._changed:
            if door:
                self._own[door] = attempt
            else:
                self._others[id(attempt)] = attempt
                self._drop()
            self._changed.notify_all()
        return attempt

    def set_out(self, door: str) -> None:
        """Forget the last attempt of a client that looks for the gateway again.

        What it may meet on the way is not the gateway, and then nothing was seen here.
        """
        with self._changed:
            self._own[door] = None

    def last(self, door: str) -> tuple[Attempt | None, bool]:
        """Return the last attempt of who has a door, settled if it settles soon.

        Returns:
            It, or None if none came; and whether the client has ever set out.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_settled(door), _SETTLING_S)
            return self._own.get(door), door in self._own

    def all(self) -> list[Attempt]:
        """Return every last attempt: those of the own doors, and the others', newest last."""
        with self._changed:
            own = [attempt for attempt in self._own.values() if attempt is not None]
            return own + list(self._others.values())

    def _is_settled(self, door: str) -> bool:
        attempt = self._own.get(door)
        return door not in self._own or (attempt is not None and attempt.is_settled)

    def _tell(self) -> None:
        with self._changed:
            self._drop()
            self._changed.notify_all()

    def _drop(self) -> None:
        """Keep the newest attempt with each certificate, and no more than are kept."""
        newest: set[str] = set()
        for key, attempt in reversed(list(self._others.items())):
            if attempt.certificate_id in newest:
                del self._others[key]
            elif attempt.certificate_id:
                newest.add(attempt.certificate_id)
        while len(self._others) > self._kept:
            self._others.popitem(last=False)


def _kept(text: str) -> str:
    """Return a text as it is kept: printable, and not too long."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
