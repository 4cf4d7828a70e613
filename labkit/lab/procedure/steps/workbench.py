"""What a step works with, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.firmware.tree import hello_world_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from labkit.cloud.account import Account
    from labkit.cloud.changes import Change
    from labkit.device.board import Board
    from labkit.lab.procedure.steps.passphrase import Passphrase
    from labkit.policy import HelloWorld
    from labkit.support.seeding import Randomness
    from labkit.workspace import Workspace


def _passphrase() -> Passphrase:
    from labkit.lab.procedure.steps.passphrase import Passphrase  # noqa: PLC0415 certificates cost 0.1 s

    return Passphrase()


MQTT_PORT = 8883
"""On which AWS IoT listens for MQTT over TLS."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a step works with: files, board, account, the time of the step and randomness.

    Attributes:
        workspace: files and journal.
        board: the board.
        open_account: returns the AWS account, whose client is made when it is first needed.
        randomness: the source of keys and serial numbers.
        now: the time at which the step takes place, UTC.
        mqtt_port: the port on which the account's gateway listens for the board.
        show: called with each line that a long step has to report while it works, or None.
        allow: called before a step that is done changes the account again, with the step's name
            and the change; it raises an error to prevent the change. None allows every change.
        passphrase: asks for the passphrase of an encrypted CA key.
    """

    workspace: Workspace
    board: Board
    open_account: Callable[[], Account]
    randomness: Randomness
    now: datetime
    mqtt_port: int = MQTT_PORT
    show: Callable[[str], object] | None = None
    allow: Callable[[str, Change], object] | None = None
    passphrase: Passphrase = field(default_factory=_passphrase, repr=False)

    @property
    def account(self) -> Account:
        """The AWS account."""
        return self.open_account()

    @property
    def thing_name(self) -> str:
        """The name of the thing that the device is."""
        return self.workspace.settings.thing_name

    @property
    def hello_world(self) -> HelloWorld:
        """What the hello world of the firmware tree asks of AWS IoT."""
        return hello_world_of(self.workspace.firmware)

    def read(self, name: str) -> bytes:
        """Return the content of a file by the documentation's name."""
        return self.workspace.path(name).read_bytes()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did.

    Attributes:
        value: what a page shows of it.
        facts: what the journal keeps of it, beside the hashes of files.
    """

    value: object
    facts: dict[str, object] = field(default_factory=dict)
