"""Switching board and account between simulated and real: said first, written when confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError
from labkit.workspace.lab_toml import set_in_lab_toml
from labkit.workspace.place import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from labkit.workspace.settings import Settings

_VARIABLES = {"LABKIT_DEVICE": "board", "LABKIT_CLOUD": "account"}


@dataclass(frozen=True, slots=True)
class Switch:
    """A choice of board and account that is not written yet; its repr says what will be real.

    Attributes:
        root: the workspace's folder.
        settings: the settings as they will be.
        variables: the environment, which wins over what is written.
    """

    root: Path
    settings: Settings
    variables: Mapping[str, str]

    @property
    def real(self) -> tuple[str, ...]:
        """What will be real, a sentence each; none where nothing is."""
        settings, told = self.settings, []
        if not settings.board_is_simulated:
            told.append(f"The board on {settings.device_url} will be built for, flashed and reset.")
        if not settings.account_is_simulated:
            told.append(
                "What is made in the account will be made in AWS. Nothing is written there before "
                "you confirm the account with its last four digits."
            )
        if settings.ends_before_hello_world:
            told.append("The board cannot reach the simulated account: no hello world.")
        return tuple(told)

    @property
    def overruled(self) -> tuple[str, ...]:
        """What wins over lab.toml, a sentence each."""
        return tuple(
            f"{name} is set and wins over lab.toml for the {what}."
            for name, what in _VARIABLES.items()
            if self.variables.get(name)
        )

    def write(self) -> None:
        """Write the choice into lab.toml, as a whole or not at all.

        Raises:
            WorkspaceError: lab.toml cannot be changed; it is as it was.
        """
        values = {"device.url": self.settings.device_url, "account.cloud": self.settings.cloud}
        set_in_lab_toml(self.root / "lab.toml", values)

    def __repr__(self) -> str:
        """Return what will be real, a line each."""
        return "\n".join(self.real or ("Board and account will be simulated.",))


def switch(root: Path, variables: Mapping[str, str], *, device: str, cloud: str) -> Switch:
    """Propose another board and account for a workspace; nothing is written to its lab.toml.

    Args:
        root: the workspace's folder.
        variables: the environment; a seed may stand there.
        device: "sim", or a pySerial URL.
        cloud: "sim" or "aws".

    Returns:
        The choice, to be read and then written.

    Raises:
        WorkspaceError: the choice cannot be, such as a seed with anything real.
    """
    settings = Workspace.open(root, variables, device=device, cloud=cloud).settings
    return Switch(root, settings, variables)


def choose_port(root: Path, url: str, baud_rate: int | None = None) -> Workspace:
    """Write the board's port into a workspace's lab.toml, made where there is none yet.

    Args:
        root: the workspace's folder.
        url: "sim", or a pySerial URL.
        baud_rate: the console's baud rate; as it was when not given.

    Returns:
        The workspace as lab.toml alone now has it, whatever LABKIT_ variables say.

    Raises:
        WorkspaceError: the choice cannot be, or lab.toml cannot be changed; it is as it was.
    """
    if baud_rate is not None and baud_rate < 1:
        raise WorkspaceError(
            f"expected a whole number such as 115200 for the baud rate, found {baud_rate}."
        )
    Workspace.open(root, {}, device=url)  # refuses what cannot be, before anything is written
    values: dict[str, str | int] = {"device.url": url}
    if baud_rate is not None:
        values["device.baud_rate"] = baud_rate
    set_in_lab_toml(root / "lab.toml", values)
    return Workspace.open(root, {})
