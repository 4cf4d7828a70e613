"""The simulated AWS account: AWS IoT's control plane, its rules and its data.

::

    account = Account(Path("state"), region="us-east-1", account_id="123456789012",
                      randomness=Randomness(), clock=Clock().now)
    account.call("CreateThing", {"thingName": "LED"})

Each operation of AWS IoT is a function in the module of its resource; `OPERATIONS` lists them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from labkit.bench.simulator.account import (
    authorities,
    authorization,
    certificates,
    connections,
    endpoint,
    own_authority,
    policies,
    tags,
    templates,
    things,
)
from labkit.bench.simulator.account.connections import AutomaticRegistration
from labkit.bench.simulator.account.context import Call, Change, Identity, Kind, Operation, Refusal
from labkit.bench.simulator.account.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cryptography import x509

    from labkit.support.seeding import Randomness

__all__ = [
    "OPERATIONS",
    "Account",
    "AutomaticRegistration",
    "Change",
    "Kind",
    "Refusal",
]

OPERATIONS: dict[str, Operation] = {
    **authorities.OPERATIONS,
    **authorization.OPERATIONS,
    **certificates.OPERATIONS,
    **endpoint.OPERATIONS,
    **own_authority.OPERATIONS,
    **policies.OPERATIONS,
    **tags.OPERATIONS,
    **templates.OPERATIONS,
    **things.OPERATIONS,
}
"""Every operation that the account offers, by AWS's name."""

_Result = TypeVar("_Result")


class Account:
    """One account in one region; safe to use from many threads.

    Args:
        state_dir: the folder of `account.sqlite3`; created if it is missing.
        region: such as "us-east-1".
        account_id: 12 digits.
        randomness: the source of the registration code, the endpoint and identifiers.
        clock: returns the time, with a time zone.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        region: str,
        account_id: str,
        randomness: Randomness,
        clock: Callable[[], datetime],
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.identity = Identity(region, account_id)
        self.randomness = randomness
        self.clock = clock
        self._store = Store(state_dir / "account.sqlite3")
        self._subscribers: list[Callable[[Change], None]] = []

    @property
    def region(self) -> str:
        """The region."""
        return self.identity.region

    @property
    def account_id(self) -> str:
        """The account's number, 12 digits."""
        return self.identity.account_id

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one operation in one transaction, then call the subscribers.

        Args:
            operation: one of `OPERATIONS`.
            parameters: already checked against the service model.

        Returns:
            The result's members, by AWS's names; times are `datetime`.

        Raises:
            Refusal: AWS refuses the call; nothing has changed.
        """
        return self.run(lambda call: OPERATIONS[operation](call, parameters))

    def endpoint_name(self) -> str:
        """Return the name that devices connect to; it does not change."""
        return self.run(endpoint.data_endpoint)

    def certificate(self, identifier: str) -> connections.RegisteredCertificate | None:
        """Return a registered certificate by the SHA-256 of its DER, in hex, or None."""
        return self._read(lambda call: connections.certificate(call, identifier))

    def knows_issuer(self, subject: bytes) -> bool:
        """Return whether a CA with this subject (a DER name) is registered."""
        return self._read(lambda call: connections.knows_issuer(call, subject))

    def automatic_authorities(self, subject: bytes) -> tuple[x509.Certificate, ...]:
        """Return the CAs of a subject (a DER name) that register certificates automatically."""
        return self._read(lambda call: connections.automatic_authorities(call, subject))

    def register_automatically(
        self, certificate: x509.Certificate, ca: x509.Certificate
    ) -> AutomaticRegistration | None:
        """Register a certificate at its first connection; see `connections`."""
        return self.run(lambda call: connections.register_automatically(call, certificate, ca))

    def grants(self, certificate_arn: str, client_id: str) -> connections.Grants:
        """Return the current permissions of a certificate under a client id."""
        return self._read(lambda call: connections.grants(call, certificate_arn, client_id))

    def subscribe(self, subscriber: Callable[[Change], None]) -> None:
        """Call a subscriber after each committed change that affects connections.

        Args:
            subscriber: called in the thread of the call; it must return quickly.
        """
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Callable[[Change], None]) -> None:
        """Remove a subscriber."""
        self._subscribers.remove(subscriber)

    def close(self) -> None:
        """Close the account's file."""
        self._store.close()

    def run(self, work: Callable[[Call], _Result]) -> _Result:
        """Run a function on the account in one transaction, then call the subscribers."""
        with self._store.transaction() as database:
            call = self._call(database)
            result = work(call)
        for change in call.changes:
            for subscriber in tuple(self._subscribers):
                subscriber(change)
        return result

    def _read(self, question: Callable[[Call], _Result]) -> _Result:
        with self._store.reading() as database:
            return question(self._call(database))

    def _call(self, database: sqlite3.Connection) -> Call:
        return Call(database, self.identity, self.clock(), self.randomness)
