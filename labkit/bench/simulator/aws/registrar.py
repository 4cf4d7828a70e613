"""Who works on bulk registration tasks: a thread that takes one line of a task after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from labkit.bench.simulator.account import Account, Change, Kind, bulk

if TYPE_CHECKING:
    from labkit.bench.simulator.account.context import Call

__all__ = ["Registrar"]


class Registrar:
    """Works on an account's registration tasks, and goes on with one that a kill cut short.

    Args:
        account: the account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="registrar", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._account.subscribe(self._changed)
        self._wanted.set()
        self._thread.start()

    def close(self) -> None:
        """Stop after the line that is being worked on."""
        self._account.unsubscribe(self._changed)
        self._closing = True
        self._wanted.set()
        self._thread.join()

    def _changed(self, change: Change) -> None:
        if change.kind is Kind.TASKS:
            self._wanted.set()

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            while not self._closing and self._account.run(_next_line):
                pass
            if self._closing:
                return


def _next_line(call: Call) -> bool:
    """Do the next line of the task in progress; return whether there was one."""
    task_id = bulk.unfinished_task(call)
    if task_id is not None:
        bulk.advance(call, task_id)
    return task_id is not None
