"""The connected devices, and the routing of their messages."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol

from labkit.bench.simulator.account import Account, Change, Kind
from labkit.bench.simulator.gateway.topics import Subscriptions

if TYPE_CHECKING:
    from labkit.bench.simulator.gateway.admission import Admission
    from labkit.bench.simulator.mqtt import Publish

_log = logging.getLogger(__name__)


class Session(Protocol):
    """A device's connection as the broker sees it; `MqttSession` is one."""

    client_id: str

    @property
    def arn(self) -> str:
        """The certificate's ARN; empty during the handshake."""

    def deliver(self, message: Publish, qos: int) -> None:
        """Send a message that matches a subscription of this QoS."""

    def forget_grants(self) -> None:
        """Ask the account again at the next decision."""

    def close(self, reason: str) -> None:
        """Close the connection in good order."""

    def abort(self, reason: str) -> None:
        """Close the connection at once."""


class Broker:
    """Every session, by client id and by certificate; used in the loop's thread only.

    Args:
        account: decides about permissions.

    Attributes:
        subscriptions: of the connected sessions.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.subscriptions: Subscriptions[Session] = Subscriptions()
        self._waiting: deque[Publish] = deque()
        self._is_routing = False
        self._sessions: set[Session] = set()
        self._by_client_id: dict[str, Session] = {}
        self._by_arn: dict[str, set[Session]] = {}

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The client ids that are connected."""
        return tuple(self._by_client_id)

    def entered(self, session: Session) -> None:
        """Add a session when its connection opens."""
        self._sessions.add(session)

    def admitted(self, session: Session) -> None:
        """Add a session to those of its certificate, if that is still ACTIVE.

        Its status may have changed during the handshake, after the decision.
        """
        self._by_arn.setdefault(session.arn, set()).add(session)
        self._close_unless_active(session.arn)

    def joined(self, session: Session) -> None:
        """Assign a client id to a session; close the connection that had it."""
        former = self._by_client_id.pop(session.client_id, None)
        if former is not None:
            former.close("another connection has taken over the client id")
        self._by_client_id[session.client_id] = session

    def left(self, session: Session) -> None:
        """Remove a session."""
        self._sessions.discard(session)
        self.subscriptions.forget(session)
        if self._by_client_id.get(session.client_id) is session:
            del self._by_client_id[session.client_id]
        others = self._by_arn.get(session.arn, set())
        others.discard(session)
        if not others:
            self._by_arn.pop(session.arn, None)

    def publish(self, message: Publish) -> None:
        """Send a message to every session that has subscribed to it and may receive it.

        A delivery may end a connection, whose will is another message. That waits until this one
        is delivered, so wills of wills do not nest, and all sessions get the same order.
        """
        self._waiting.append(message)
        if self._is_routing:
            return
        self._is_routing = True
        try:
            while self._waiting:
                waiting = self._waiting.popleft()
                for session, qos in self.subscriptions.matching(waiting.topic).items():
                    session.deliver(waiting, qos)
        finally:
            self._is_routing = False

    def changed(self, change: Change) -> None:
        """Apply a change of the account to the connections that it affects."""
        if change.kind in (Kind.POLICIES, Kind.THINGS):
            for session in self._by_arn.get(change.arn, ()):
                session.forget_grants()
        else:
            self._close_unless_active(change.arn)

    def close(self) -> None:
        """Close every connection at once."""
        for session in tuple(self._sessions):
            session.abort("the gateway is closed")

    def _close_unless_active(self, arn: str) -> None:
        registered = self.account.certificate(arn.rpartition("/")[2])
        status = registered.status if registered else "deleted"
        if status != "ACTIVE":
            for session in tuple(self._by_arn.get(arn, ())):
                session.close(f"the certificate is {status} now")

    def note(
        self,
        peer: str,
        admission: Admission | None,
        client_id: str,
        reason: str,
        *,
        accepted: bool = False,
    ) -> None:
        """Log that a connection was accepted, refused or closed."""
        certificate_id = admission.certificate_id if admission else ""
        verb = "accepted" if accepted else "closed"
        _log.info(
            "%s %s, certificate %.16s, client id %r %s",
            verb,
            peer,
            certificate_id,
            client_id,
            reason,
        )
