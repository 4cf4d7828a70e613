"""Starting over: a fresh workspace in the place of the old one, which is kept beside it."""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.bench.client import Bench
from labkit.errors import BenchError, WorkspaceError
from labkit.support.loopback import READY_FILE, direct_opener
from labkit.workspace import write
from labkit.workspace.lab_toml import read_settings
from labkit.workspace.settings import chosen_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.workspace import Settings


def begin_anew(root: Path) -> Iterator[str]:
    """Move a workspace to `<its name>.1`, or the next free number, and begin a fresh one.

    Settings are no progress: lab.toml is taken along, so a real bench's port, commands and pinned
    account hold. All else begins anew; a real account has to be confirmed again. The old
    workspace's bench is ended.

    Args:
        root: the workspace's folder.

    Yields:
        What was done, a line each.

    Raises:
        WorkspaceError: JupyterLab serves the workspace, its lab.toml cannot be read, or it cannot
            be moved; nothing is changed then, but that its bench may have ended.
    """
    if not (root / "lab.toml").exists():
        yield f"{root}: no workspace was there yet"
        return
    settings, _ = read_settings(root / "lab.toml", chosen_values(os.environ, {}))
    for address in _served(root):
        raise WorkspaceError(
            f"{root}: JupyterLab has this workspace's pages open at {address}. Save them and end "
            "it with Ctrl-C where it was started, then start over."
        )
    if _stop_bench(root):
        yield "the old workspace's bench was running, and was ended"
    kept = _move_aside(root)
    yield f"the old workspace is kept, with all that was made: {kept}"
    write(root / "lab.toml", (kept / "lab.toml").read_bytes())
    yield from _about(settings, kept)


def _about(settings: Settings, kept: Path) -> Iterator[str]:
    """Say what was taken along, and what of a real bench is still where it was."""
    board = "simulated" if settings.board_is_simulated else f"REAL, {settings.device_url}"
    account = "simulated" if settings.account_is_simulated else "REAL"
    yield f"lab.toml was taken along: board {board}; account {account}"
    if not settings.account_is_simulated:
        yield (
            "what it made in the real account is still there; to unmake it: "
            f"labkit undo --workspace {kept}"
        )
    tree = kept / Path(settings.firmware).expanduser()
    if not settings.board_is_simulated and kept in tree.parents and tree.exists():
        yield f"your firmware tree was in it, and is now {tree}: copy it back, or name it there"


def _served(root: Path) -> Iterator[str]:
    """Yield the address of each JupyterLab that serves a workspace and answers."""
    for file in sorted((root / "jupyter/runtime").glob("jpserver-*.json")):
        try:
            address = str(json.loads(file.read_bytes())["url"])
            direct_opener().open(f"{address}api", timeout=2).close()
        except urllib.error.HTTPError:
            yield address
        except (OSError, ValueError, LookupError, TypeError):
            continue  # what a killed JupyterLab left behind
        else:
            yield address


def _stop_bench(root: Path) -> bool:
    try:
        bench = Bench.from_file(root / "bench" / READY_FILE)
    except BenchError:
        return False
    if not bench.is_alive():
        return False
    bench.stop()
    return True


def _move_aside(root: Path) -> Path:
    names = (root.with_name(f"{root.name}.{number}") for number in itertools.count(1))
    kept = next(path for path in names if not path.exists())
    try:
        return root.rename(kept)
    except OSError as error:
        raise WorkspaceError(
            f"{root}: cannot be moved to {kept}: {error.strerror}. Name another folder with "
            "LABKIT_WORKSPACE or --workspace; this one is as it was."
        ) from None
