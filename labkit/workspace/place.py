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
        """Start the device's run again, keeping the folder of the old one under a numbered name.

        The CA, the firmware tree and the account are not changed; each step is performed again.

        Returns:
            The old folder's new path; None if there was none.
        """
        if not self.journal.path.exists():
            return None
        names = (self.device.with_name(f"{self.device.name}.{n}") for n in itertools.count(1))
        kept = next(path for path in names if not path.exists())
        self.device.rename(kept)
        self._begin()
        return kept

    def ledger(self, now: Callable[[], datetime]) -> Ledger:
        """Return the notes about the resources of this device's run.

        Args:
            now: returns the time.
        """
        others = [each for each in self._journals() if each.path != self.journal.path]
        return Ledger(self.journal, others, now, self.settings.cloud)

    def ledgers(self, now: Callable[[], datetime]) -> list[Ledger]:
        """Return the notes of every run of the workspace, those of kept folders included.

        Args:
            now: returns the time.
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

    def content(self, name: str) -> bytes | None:
        """Return the content of a file by the documentation's name, or None if it is missing."""
        path = self.path(name)
        return path.read_bytes() if path.is_file() else None

    @classmethod
    def open(cls, root: Path, variables: Mapping[str, str], **chosen: str) -> Workspace:
        """Open a workspace, creating it and its lab.toml if they are missing.

        Args:
            root: the workspace's folder.
            variables: the environment, whose LABKIT_ variables win over lab.toml.
            **chosen: `device`, `cloud`, `seed`, `thing_name`, `route` or `release`, which win over
                both.

        Raises:
            WorkspaceError: lab.toml cannot be read, a setting is not possible, or the workspace
                cannot be created; nothing is written then.
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
                f"{error.filename or root}: cannot create the workspace there: {error.strerror}. "
                "Name another folder with LABKIT_WORKSPACE or --workspace."
            ) from None
        return workspace

    def _begin(self) -> None:
        """Create the parts that every workspace has."""
        if self.settings.board_is_simulated and not self.firmware.exists():
            copy_tree(TREES / self.settings.release, self.firmware)
        if self.settings.seed and not self._seed_file.exists():
            write(self._seed_file, self.settings.seed)
        self.device.mkdir(parents=True, exist_ok=True)

    @property
    def _seed_file(self) -> Path:
        """The file with the seed of a new workspace, from whichever setting."""
        return self.root / "seed.txt"

    def _refuse_other_seed(self) -> None:
        """Refuse to mix keys of two seeds, or seeded keys with random ones."""
        if not (self.root / "devices").exists():
            return
        begun = self._seed_file.read_text("utf-8") if self._seed_file.exists() else None
        if begun != self.settings.seed:
            raise WorkspaceError(
                f"{self.root}: this workspace was begun with {_seed_in_words(begun)}, but the "
                f"settings have {_seed_in_words(self.settings.seed)}. Use another folder "
                "(LABKIT_WORKSPACE or --workspace), or the workspace's own seed (LABKIT_SEED, or "
                "lab.seed in lab.toml)."
            )


def _seed_in_words(seed: str | None) -> str:
    return f"the seed {seed!r}" if seed else "no seed"
