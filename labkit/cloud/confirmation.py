"""Nothing is written to a real account before somebody has confirmed which one it is.

The guard sits in the client itself, where every call passes, so no act can forget to ask.

Source: botocore's `iot` model: what only reads is a GET, but for the questions that need a body;
boto3 user guide, Extensibility guide, for the event `before-call`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.errors import CloudError
from labkit.support.prompt import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_QUESTIONS = ("Describe", "Get", "List", "Search", "Test", "Validate")
"""How the names of operations begin that only read; some of them are POST, for their body."""
_LAST_DIGITS = 4


class Confirmation:
    """Which account, in which region, somebody has confirmed for this workspace.

    Args:
        file: where it is remembered.
        account_id: the account that the credentials lead to, 12 digits.
        region: the region.
    """

    def __init__(self, file: Path, account_id: str, region: str) -> None:
        self._file = file
        self._wanted = {"account_id": account_id, "region": region}

    @property
    def is_given(self) -> bool:
        """Whether this very account and region were confirmed."""
        try:
            return bool(json.loads(self._file.read_text("utf-8")) == self._wanted)
        except (OSError, ValueError):
            return False

    def give(self, last_digits: str, keep: Callable[[Path, str], object]) -> None:
        """Confirm with the account's last four digits.

        Args:
            last_digits: what the person typed.
            keep: writes a text to a file, whole or not at all.

        Raises:
            CloudError: they are another account's.
        """
        account_id = self._wanted["account_id"]
        if last_digits.strip() != account_id[-_LAST_DIGITS:]:
            raise CloudError(
                f"the account is not confirmed: expected the last four digits of {account_id}, "
                f"got {last_digits.strip()!r}. If it is the wrong account, choose another profile."
            )
        keep(self._file, json.dumps(self._wanted) + "\n")

    def require(self, operation: str) -> None:
        """Refuse a call that writes while nobody has confirmed the account.

        Raises:
            CloudError: nobody has.
        """
        if not self.is_given:
            account_id = self._wanted["account_id"]
            raise CloudError(
                f"{operation} would write to the REAL account {account_id}, region "
                f"{self._wanted['region']}, and nobody has confirmed it. Look at lab.preflight(), "
                f'then lab.confirm_account("{"." * _LAST_DIGITS}") with the account\'s last four '
                "digits; on the command line: labkit run --confirm-account and the digits."
            )


def ask_for_digits(account_id: str) -> str:
    """Ask at the terminal or on the page for the account's last four digits.

    Raises:
        CloudError: nobody is there to answer.
    """
    typed = ask(f"last four digits of the account {account_id}: ")
    if typed is None:
        raise CloudError(
            f"the account {account_id} is not confirmed, and nobody is there to type its last four "
            "digits: run the cell on an open page, or labkit preflight --confirm-account and the "
            "digits."
        )
    return typed


def is_write(operation: Any) -> bool:  # noqa: ANN401 botocore's OperationModel
    """Return whether an operation may change anything."""
    reads = operation.http["method"] in ("GET", "HEAD") or operation.name.startswith(_QUESTIONS)
    return not reads


def guard_writes(client: Any, require: Callable[[str], object]) -> None:  # noqa: ANN401 boto3 makes clients at run time
    """Let a client ask before each call that may change anything.

    Args:
        client: boto3's client.
        require: is given the operation's name, and raises where it must not be called.
    """

    def before_call(model: Any, **_: object) -> None:  # noqa: ANN401 botocore's OperationModel
        if is_write(model):
            require(model.name)

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-call.{service}", before_call)


def refuse_other_account(account_id: str, allowed: Sequence[str]) -> None:
    """Refuse an account that lab.toml's list leaves out.

    Raises:
        CloudError: it does; an empty list allows every account.
    """
    if allowed and account_id not in allowed:
        raise CloudError(
            f"the credentials lead to the account {account_id}; lab.toml allows "
            f"{', '.join(allowed)} (account.allowed). Choose another profile, or mend the list."
        )
