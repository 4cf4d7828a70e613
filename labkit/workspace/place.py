"""The folders of one lab, seen from one device."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError
from labkit.workspace.files import copy_tree, write
from labkit.workspace.journal import Journal
from labkit.workspace.lab_toml import read_settings
from labkit.workspace.ledger import Ledger
from labkit.workspace.settings import TREES, Settings, chosen_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_ABOVE_PACKAGE = Path(__file__).resolve().parents[2]


def checkout() -> Path | None:
    """Return the folder of the checkout that labkit runs from, or None for an installed labkit."""
    return _ABOVE_PACKAGE if (_ABOVE_PACKAGE / "pyproject.toml").is_file() else None


def default_root(variables: Mapping[str, str] | None = None) -> Path:
    """Return the workspace's folder: LABKIT_WORKSPACE, or `workspace/`.

    `workspace/` is in the checkout or, for an installed labkit, in the current folder.
    """
    named = (os.environ if variables is None else variables).get("LABKIT_WORKSPACE")
    if named:
        return Path(named).expanduser().absolute()
    return (checkout() or Path.cwd()) / "workspace"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one lab, seen from one device.

    Attributes:
        root: the workspace's folder.
        settings: what lab.toml and the variables chose.
    """

    root: Path
    settings: Settings

    @property
    def ca(self) -> Path:
        """The certificate authority's folder, shared by all devices of the route."""
        settings = self.settings
        return self.root / (f"ca-{settings.route}" if settings.has_ca_of_its_own else "ca")

    @property
    def device(self) -> Path:
        """The folder of what this device's run makes."""
        return self.root / "devices" / self.settings.thing_name

    @property
    def bench(self) -> Path:
        """The simulated bench's own state."""
        return self.root / "bench"

    @property
    def firmware(self) -> Path:
        """The firmware tree: the user's own, or the copy that the simulated board builds from.

        A simulated board has another copy on each route but the default one: what one route
        writes into its headers never gets into an image of another.
        """
        if self.settings.has_tree_of_its_own:
            return self.device / self.settings.firmware
        return self.root / Path(self.settings.firmware).expanduser()

    @property
    def journal(self) -> Journal:
        """The device's journal."""
        return Journal(self.device / "journal.jsonl")

    def start_over(self) -> Path | None:
        """Begin the device's run anew, keeping the folder of the old one.

        The CA, the firmware tree and what the account holds stay; each step is done again.

        Returns:
            Where the old folder is now, beside the new one; None where there was none.
        """
        if not self.journal.path.exists():
            return None
        names = (self.device.with_name(f"{self.device.name}.{n}") for n in itertools.count(1))
        kept = next(path for path in names if not path.exists())
        self.device.rename(kept)
        self._begin()
        return kept

    def ledger(self, now: Callable[[], datetime]) -> Ledger:
        """Return the notes about what this device's run makes in the account.

        Args:
            now: tells the time.
        """
        others = [each for each in self._journals() if each.path != self.journal.path]
        return Ledger(self.journal, others, now, self.settings.cloud)

    def ledgers(self, now: Callable[[], datetime]) -> list[Ledger]:
        """Return the notes of every run of the workspace, those of kept folders included.

        Args:
            now: tells the time.
        """
        cloud = self.settings.cloud
        return [Ledger(journal, (), now, cloud) for journal in self._journals()]

    def _journals(self) -> list[Journal]:
        return [Journal(file) for file in sorted((self.root / "devices").glob("*/journal.jsonl"))]

    def path(self, name: str) -> Path:
        """Return the file of a name used by the documentation: the CA's, or the device's."""
        if name.startswith(("rootCA.", "verificationCert.")):
            return self.ca / name
        return self.device / name

    @classmethod
    def open(cls, root: Path, variables: Mapping[str, str], **chosen: str) -> Workspace:
        """Open a workspace, making it and its lab.toml where they are not there yet.

        Args:
            root: the workspace's folder.
            variables: the environment, whose LABKIT_ variables win over lab.toml.
            **chosen: `device`, `cloud`, `seed`, `thing_name`, `route` or `release`, which win over
                both.

        Raises:
            WorkspaceError: lab.toml cannot be read, asks for what cannot be, or the workspace
                cannot be made; nothing is written then.
        """
        file = root / "lab.toml"
        try:
            settings, text = read_settings(file, chosen_values(variables, chosen))
            workspace = cls(root, settings)
            workspace._refuse_other_seed()
            if text is not None:
                write(file, text)
            workspace._begin()
        except OSError as error:
            raise WorkspaceError(
                f"{error.filename or root}: the workspace cannot be made there: {error.strerror}. "
                "Name another folder with LABKIT_WORKSPACE or --workspace."
            ) from None
        return workspace

    def _begin(self) -> None:
        """Make what a workspace has from its first day on."""
        if self.settings.board_is_simulated and not self.firmware.exists():
            copy_tree(TREES / self.settings.release, self.firmware)
        if self.settings.seed and not self._seed_file.exists():
            write(self._seed_file, self.settings.seed)
        self.device.mkdir(parents=True, exist_ok=True)

    @property
    def _seed_file(self) -> Path:
        """What says with which seed the workspace was begun, wherever the seed came from."""
        return self.root / "seed.txt"

    def _refuse_other_seed(self) -> None:
        """Refuse to mix keys of two seeds, or seeded keys with random ones."""
        if not (self.root / "devices").exists():
            return
        begun = self._seed_file.read_text("utf-8") if self._seed_file.exists() else None
        if begun != self.settings.seed:
            raise WorkspaceError(
                f"{self.root}: this workspace was begun with {_said(begun)}, and "
                f"{_said(self.settings.seed)} is asked for. Use another folder "
                "(LABKIT_WORKSPACE or --workspace), or the seed that it was begun with "
                "(LABKIT_SEED, or lab.seed in lab.toml)."
            )


def _said(seed: str | None) -> str:
    return f"the seed {seed!r}" if seed else "no seed"
