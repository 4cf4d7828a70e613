"""Switch board and account between simulated and real: shown first, then written."""

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
    """A choice of board and account that is not written yet; its repr states what will be real.

    Attributes:
        root: the workspace's folder.
        settings: the settings as they will be.
        variables: the environment, which overrides lab.toml.
    """

    root: Path
    settings: Settings
    variables: Mapping[str, str]

    @property
    def real(self) -> tuple[str, ...]:
        """What will be real, a sentence each."""
        settings, sentences = self.settings, []
        if not settings.board_is_simulated:
            sentences.append(f"The board on {settings.device_url} will be flashed and reset.")
        if not settings.account_is_simulated:
            sentences.append(
                "Resources will be created in AWS. Nothing is written there before you confirm the "
                "account with its last four digits."
            )
        if settings.ends_before_hello_world:
            sentences.append("The board cannot reach the simulated account: no hello world.")
        return tuple(sentences)

    @property
    def overruled(self) -> tuple[str, ...]:
        """What overrides lab.toml, a sentence each."""
        return tuple(
            f"{name} is set and overrides lab.toml for the {what}."
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
        variables: the environment, which may have a seed.
        device: "sim", or a pySerial URL.
        cloud: "sim" or "aws".

    Returns:
        The choice, to be read and then written.

    Raises:
        WorkspaceError: the choice is not possible, such as a seed with anything real.
    """
    settings = Workspace.open(root, variables, device=device, cloud=cloud).settings
    return Switch(root, settings, variables)


def choose_port(root: Path, url: str, baud_rate: int | None = None) -> Workspace:
    """Write the board's port into a workspace's lab.toml, which is created if it is missing.

    Args:
        root: the workspace's folder.
        url: "sim", or a pySerial URL.
        baud_rate: the console's baud rate; None to keep it.

    Returns:
        The workspace with the settings of lab.toml alone, without LABKIT_ variables.

    Raises:
        WorkspaceError: the choice is not possible, or lab.toml cannot be changed; it is unchanged.
    """
    if baud_rate is not None and baud_rate < 1:
        raise WorkspaceError(
            f"the baud rate is {baud_rate}; expected a whole number such as 115200. Choose again."
        )
    Workspace.open(root, {}, device=url)  # refuses what cannot be, before anything is written
    values: dict[str, str | int] = {"device.url": url}
    if baud_rate is not None:
        values["device.baud_rate"] = baud_rate
    set_in_lab_toml(root / "lab.toml", values)
    return Workspace.open(root, {})
