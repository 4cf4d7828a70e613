"""The confirmation of a real account, without which nothing is written to it.

The client itself checks it before every call, so no step can bypass it.

Source: botocore's `iot` model: read-only operations are GET, except those that need a body;
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
"""The beginnings of the names of read-only operations; some of them are POST."""
_LAST_DIGITS = 4


class Confirmation:
    """The account and region that the trainee has confirmed for this workspace.

    Args:
        file: the file that keeps it.
        account_id: the account of the credentials, 12 digits.
        region: the region.
    """

    def __init__(self, file: Path, account_id: str, region: str) -> None:
        self._file = file
        self._wanted = {"account_id": account_id, "region": region}

    @property
    def is_given(self) -> bool:
        """Whether this account and region are confirmed."""
        try:
            return bool(json.loads(self._file.read_text("utf-8")) == self._wanted)
        except (OSError, ValueError):
            return False

    def give(self, last_digits: str, keep: Callable[[Path, str], object]) -> None:
        """Confirm with the account's last four digits.

        Args:
            last_digits: the digits that were typed.
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
        """Refuse a call that writes to an account that is not confirmed.

        Raises:
            CloudError: it is not confirmed.
        """
        if not self.is_given:
            account_id = self._wanted["account_id"]
            raise CloudError(
                f"{operation} would write to the REAL account {account_id}, region "
                f"{self._wanted['region']}, which is not confirmed. Read lab.preflight(), then "
                f'call lab.confirm_account("{"." * _LAST_DIGITS}") with the account\'s last four '
                "digits; in a terminal: labkit run --confirm-account and the digits."
            )


def ask_for_digits(account_id: str) -> str:
    """Prompt for the account's last four digits, in the terminal or on the page.

    Raises:
        CloudError: no one can answer.
    """
    typed = ask(f"last four digits of the account {account_id}: ")
    if typed is None:
        raise CloudError(
            f"the account {account_id} is not confirmed, and no one can type its last four digits "
            "here. Run the cell on an open page, or labkit preflight --confirm-account and the "
            "digits."
        )
    return typed


def is_write(operation: Any) -> bool:  # noqa: ANN401 botocore's OperationModel
    """Return whether an operation may change anything."""
    reads = operation.http["method"] in ("GET", "HEAD") or operation.name.startswith(_QUESTIONS)
    return not reads


def guard_writes(client: Any, require: Callable[[str], object]) -> None:  # noqa: ANN401 boto3 makes clients at run time
    """Make a client call `require` before each call that may change anything.

    Args:
        client: boto3's client.
        require: called with the operation's name; raises an error to prevent the call.
    """

    def before_call(model: Any, **_: object) -> None:  # noqa: ANN401 botocore's OperationModel
        if is_write(model):
            require(model.name)

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-call.{service}", before_call)


def refuse_other_account(account_id: str, allowed: Sequence[str]) -> None:
    """Refuse an account that is not in lab.toml's list; an empty list allows every account.

    Raises:
        CloudError: it is not in the list.
    """
    if allowed and account_id not in allowed:
        raise CloudError(
            f"the credentials are of the account {account_id}; expected {' or '.join(allowed)} "
            "(account.allowed in lab.toml). Choose another profile, or change the list."
        )
