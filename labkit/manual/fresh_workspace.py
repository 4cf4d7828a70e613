"""Starting over with a fresh workspace; the old one is kept."""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.bench.client import find
from labkit.errors import WorkspaceError
from labkit.support.loopback import direct_opener
from labkit.workspace import Workspace, write
from labkit.workspace.lab_toml import read_settings
from labkit.workspace.settings import chosen_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.workspace import Settings


def start_over(root: Path) -> Iterator[str]:
    """Rename a workspace to `<its name>.1`, or the next free number, and begin a fresh one.

    lab.toml is copied, so a real bench keeps its port, commands and pinned account. Everything
    else begins again; a real account must be confirmed again. The old workspace's bench is stopped.

    Args:
        root: the workspace's folder.

    Yields:
        What was done, in one line each.

    Raises:
        WorkspaceError: JupyterLab serves the workspace, its lab.toml cannot be read, or it cannot
            be renamed. Then nothing is changed, except that its bench may be stopped.
    """
    if not (root / "lab.toml").exists():
        yield f"{root}: there is no workspace yet, so there is nothing to keep"
        return
    settings, _ = read_settings(root / "lab.toml", chosen_values(os.environ, {}))
    for address in _served(root):
        raise WorkspaceError(
            f"{root}: JupyterLab has the pages of this workspace open at {address}. Save them, end "
            "JupyterLab with Ctrl-C in its terminal, then start over."
        )
    if bench := find(Workspace(root, settings)):
        bench.stop()
        yield "the bench of the old workspace was stopped"
    kept = _rename(root)
    yield f"the old workspace is kept in {kept}"
    write(root / "lab.toml", (kept / "lab.toml").read_bytes())
    yield from _what_remains(settings, kept)


def _what_remains(settings: Settings, kept: Path) -> Iterator[str]:
    """Describe the settings that were copied, and what of a real bench remains."""
    board = "simulated" if settings.board_is_simulated else f"REAL, {settings.device_url}"
    account = "simulated" if settings.account_is_simulated else "REAL"
    yield f"lab.toml was copied: board {board}; account {account}"
    if not settings.account_is_simulated:
        yield (
            "the real account still has what the old workspace made; to delete it: "
            f"labkit undo --workspace {kept}"
        )
    tree = kept / Path(settings.firmware).expanduser()
    if not settings.board_is_simulated and kept in tree.parents and tree.exists():
        yield f"your firmware tree is now {tree}; copy it back, or set its path in lab.toml"


def _served(root: Path) -> Iterator[str]:
    """Yield the address of each JupyterLab that serves a workspace and answers."""
    for file in sorted((root / "jupyter/runtime").glob("jpserver-*.json")):
        try:
            address = str(json.loads(file.read_bytes())["url"])
            direct_opener().open(f"{address}api", timeout=2).close()
        except urllib.error.HTTPError:
            yield address
        except (OSError, ValueError, LookupError, TypeError):
            continue  # the file of a JupyterLab that was killed
        else:
            yield address


def _rename(root: Path) -> Path:
    names = (root.with_name(f"{root.name}.{number}") for number in itertools.count(1))
    kept = next(path for path in names if not path.exists())
    try:
        return root.rename(kept)
    except OSError as error:
        raise WorkspaceError(
            f"{root}: cannot be renamed to {kept}: {error.strerror}. Nothing was changed. Use "
            "another folder with --workspace or LABKIT_WORKSPACE."
        ) from None
