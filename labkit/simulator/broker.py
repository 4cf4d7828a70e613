"""The devices that are connected: who they are, and who gets which message."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.simulator.account import Account, Change, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.simulator.admission import Admission
    from labkit.simulator.mqtt import Publish
    from labkit.simulator.mqtt_session import MqttSession

__all__ = ["Broker", "ConnectionEvent"]

_KEPT_EVENTS = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """A connection was accepted, refused or ended.

    Attributes:
        at: the lab's time.
        peer: the client's address.
        certificate_id: the SHA-256 of the certificate's DER, in hex; empty if none came.
        client_id: empty before CONNECT was accepted.
        accepted: True when CONNECT was accepted; False at the end, which is also a refusal's.
        reason: why it ended; empty if accepted.
    """

    at: datetime
    peer: str
    certificate_id: str
    client_id: str
    accepted: bool
    reason: str


class Broker:
    """Every session, by client id and by certificate; used in the loop's thread only.

    Args:
        account: decides.

    Attributes:
        events: the last connections' fates, oldest first.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.events: deque[ConnectionEvent] = deque(maxlen=_KEPT_EVENTS)
        self._sessions: set[MqttSession] = set()
        self._by_client_id: dict[str, MqttSession] = {}
        self._by_arn: dict[str, set[MqttSession]] = {}

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The client ids that are connected."""
        return tuple(self._by_client_id)

    def entered(self, session: MqttSession) -> None:
        """Take in a session whose connection was just made."""
        self._sessions.add(session)

    def admitted(self, session: MqttSession) -> None:
        """Remember whose certificate was let in."""
        self._by_arn.setdefault(session.arn, set()).add(session)

    def joined(self, session: MqttSession) -> None:
        """Give a client id to a session; the connection that had it is closed."""
        former = self._by_client_id.pop(session.client_id, None)
        if former is not None:
            former.close("another connection has taken over the client id")
        self._by_client_id[session.client_id] = session

    def left(self, session: MqttSession) -> None:
        """Forget a session."""
        self._sessions.discard(session)
        if self._by_client_id.get(session.client_id) is session:
            del self._by_client_id[session.client_id]
        others = self._by_arn.get(session.arn, set())
        others.discard(session)
        if not others:
            self._by_arn.pop(session.arn, None)

    def route(self, message: Publish) -> None:
        """Send a message to every session that wants it and may have it."""
        for session in tuple(self._by_client_id.values()):
            session.deliver(message)

    def changed(self, change: Change) -> None:
        """Let a change of the account be felt by the connections that it concerns."""
        sessions = tuple(self._by_arn.get(change.arn, ()))
        if change.kind in (Kind.POLICIES, Kind.THINGS):
            for session in sessions:
                session.forget_grants()
            return
        registered = self.account.certificate(change.arn.rpartition("/")[2])
        status = registered.status if registered else "deleted"
        if status != "ACTIVE":
            for session in sessions:
                session.close(f"the certificate is {status} now")

    def close(self) -> None:
        """Close every connection at once."""
        for session in tuple(self._sessions):
            session.abort("the gateway is closed")

    def note(
        self,
        peer: str,
        admission: Admission | None,
        client_id: str,
        reason: str,
        *,
        accepted: bool = False,
    ) -> None:
        """Put a connection's fate into the log."""
        certificate_id = admission.certificate_id if admission else ""
        event = ConnectionEvent(
            self.account.clock(), peer, certificate_id, client_id, accepted, reason
        )
        self.events.append(event)
        verb = "accepted" if accepted else "closed"
        _log.info(
            "%s %s, certificate %.16s, client id %r %s",
            verb,
            peer,
            certificate_id,
            client_id,
            reason,
        )
