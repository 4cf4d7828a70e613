"""What tests do with a lab on a running bench, and what they ask it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from labkit import open_lab

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

THREADS_OF_PYSERIAL = "ignore:set(Daemon|Name):DeprecationWarning"
"""pySerial 3.5 still calls them in its RFC 2217 client."""

ACCEPTED = "Demo completed successfully."


def end(lab: Lab) -> None:
    """End a lab's bench if it is running."""
    if lab.bench and lab.bench.is_alive():
        lab.bench.stop()


def another(lab: Lab, thing: str) -> Lab:
    """Return the lab as another device in the same workspace sees it, on the same bench."""
    return open_lab(lab.workspace.root, thing_name=thing)


def do_everything(lab: Lab) -> None:
    """Do every step of the device's route in order."""
    for step in lab.procedure.steps:
        lab.perform(step.name)


def labkit(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the labkit command in a workspace."""
    return subprocess.run(
        [sys.executable, "-m", "labkit", *arguments],
        env=environment(root, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(root: Path, **variables: str) -> dict[str, str]:
    """Return the environment that chooses a workspace, and only the given variables."""
    outside = {name: text for name, text in os.environ.items() if not name.startswith("LABKIT_")}
    return outside | {"LABKIT_WORKSPACE": str(root)} | variables


def files(*folders: Path) -> dict[str, bytes]:
    """Return the content of every file in some folders, by path."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def account_rows(lab: Lab) -> list[str]:
    """Return every row of the simulated account, as SQL."""
    address = f"file:{lab.workspace.bench / 'account.sqlite3'}?mode=ro"
    database = sqlite3.connect(address, uri=True)
    try:
        return list(database.iterdump())
    finally:
        database.close()


def counts(lab: Lab) -> dict[str, int]:
    """Return how many of each kind the account has."""
    client = lab.account.client
    return {
        "CAs": len(client.list_ca_certificates()["certificates"]),
        "certificates": len(client.list_certificates()["certificates"]),
        "things": len(client.list_things()["things"]),
        "policies": len(client.list_policies()["policies"]),
    }
