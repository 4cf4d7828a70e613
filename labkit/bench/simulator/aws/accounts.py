"""The accounts that one HTTP server answers for: the lab's, and others that can take certificates.

Whoever signs with an access key of 12 digits speaks for the account of that number; every other
key speaks for the lab's own. Other accounts are there as soon as somebody speaks for them or
transfers a certificate to them; devices connect to the lab's only.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account import transfers
from labkit.bench.simulator.aws.registrar import Registrar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.bench.simulator.account import Account
    from labkit.bench.simulator.account.transfers import Side

__all__ = ["Accounts"]

_ACCOUNT_ID = re.compile(r"[0-9]{12}")


class Accounts:
    """The lab's account and the others; transfers between them survive a kill at any moment.

    Args:
        own: the lab's account.
        others: the numbers of the accounts that are there from earlier.
        make: makes, or finds, the account of a number.
    """

    def __init__(
        self, own: Account, others: tuple[str, ...], make: Callable[[str], Account]
    ) -> None:
        self.own = own
        self._make = make
        self._lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._registrars: list[Registrar] = []
        self._url = ""
        self._take_in(own)
        for number in others:
            self._account(number)
        for account in tuple(self._accounts.values()):
            for side in account.run(transfers.open_sides):
                self._settle(side)

    def of(self, access_key: str) -> Account:
        """Return the account that an access key speaks for."""
        return self._account(access_key) if _ACCOUNT_ID.fullmatch(access_key) else self.own

    def are_at(self, url: str) -> None:
        """Remember where the HTTP server is, for links into it."""
        self._url = url
        for account in tuple(self._accounts.values()):
            account.is_at(url)

    def call(
        self, account: Account, operation: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Carry out one operation, on both accounts where it concerns two.

        Raises:
            Refusal: AWS would refuse the call; nothing has changed.
        """
        if operation not in transfers.SETTLING:
            return account.call(operation, parameters)
        with self._lock:
            result = account.call(operation, parameters)
            identifier = parameters["certificateId"].lower()
            side = account.run(lambda call: transfers.find_side(call, identifier))
            if side is not None:
                self._settle(side)
        return result

    def close(self) -> None:
        """Stop working on tasks, and close every account but the lab's own."""
        for registrar in self._registrars:
            registrar.close()
        for account in self._accounts.values():
            if account is not self.own:
                account.close()

    def _account(self, number: str) -> Account:
        with self._lock:
            if number not in self._accounts:
                self._take_in(self._make(number))
            return self._accounts[number]

    def _take_in(self, account: Account) -> None:
        self._accounts[account.account_id] = account
        account.is_at(self._url)
        registrar = Registrar(account)
        registrar.start()
        self._registrars.append(registrar)

    def _settle(self, known: Side) -> None:
        """Bring both sides of a transfer in line: the giver offers, the taker decides."""
        giver, taker = self._account(known.source), self._account(known.target)
        identifier = known.certificate_id
        given = giver.run(lambda call: transfers.find_side(call, identifier))
        taken = taker.run(lambda call: transfers.find_side(call, identifier))
        if given is not None and given.status == transfers.PENDING:
            self._offer(giver, taker, given, taken)
        elif taken is not None and taken.status == transfers.PENDING:
            taker.run(lambda call: transfers.withdraw(call, identifier))

    def _offer(self, giver: Account, taker: Account, given: Side, taken: Side | None) -> None:
        if taken is None or taken.number != given.number:
            taker.run(lambda call: transfers.receive(call, given))
        elif taken.status == transfers.ACCEPTED:
            giver.run(lambda call: transfers.give_away(call, taken))
        elif taken.status == transfers.REJECTED:
            giver.run(lambda call: transfers.take_back(call, taken))
