"""Describe the computer of a run: Python, packages, tools, firmware tree, the board's port."""

from __future__ import annotations

import getpass
import platform
import shutil
import socket
import ssl
import subprocess
from importlib import metadata
from typing import TYPE_CHECKING, Any

from labkit.device.ports import ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labkit.workspace import Settings, Workspace

_TIMEOUT_S = 2
"""How long a program can take to print its version."""


def login_name() -> str:
    """Return the login name; empty if there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def surroundings(workspace: Workspace) -> dict[str, Any]:
    """Return host, operating system, Python, packages, tools and the state of the firmware tree."""
    return {
        "host": socket.gethostname(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "packages": _packages(),
        "tools": _tools(workspace.settings),
        "firmware": _firmware(workspace),
    }


def port(settings: Settings) -> dict[str, str] | None:
    """Return a real board's port with VID:PID and serial number; None for a simulated board.

    For a port that is not connected, or is reached over a network, only the URL is known.
    """
    if settings.board_is_simulated:
        return None
    found = next((each for each in ports() if each.url == settings.device_url), None)
    return {
        "device": settings.device_url,
        "vid_pid": found.vid_pid if found else "",
        "serial_number": found.serial_number if found else "",
    }


def _packages() -> dict[str, str]:
    named = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return dict(sorted(named.items()))


def _tools(settings: Settings) -> dict[str, str]:
    tools = {"openssl": ssl.OPENSSL_VERSION, "git": _version("git")}
    if not settings.board_is_simulated:
        for what, command in (("build", settings.build), ("flash", settings.flash)):
            tools[what] = " ".join(command) if not isinstance(command, str) else command
    return {name: version for name, version in tools.items() if version}


def _firmware(workspace: Workspace) -> dict[str, Any]:
    """Return the release, or the commit and the changed files of a tree in a Git repository."""
    tree = workspace.firmware
    known: dict[str, Any] = {"commit": "", "dirty": []}
    if workspace.settings.board_is_simulated:
        return known | {"release": workspace.settings.release}
    known["release"] = ""
    if not _git(tree, "ls-files", "--error-unmatch", "--", "."):
        return known
    known["commit"] = _git(tree, "rev-parse", "HEAD").strip()
    changed = _git(tree, "status", "--porcelain", "--untracked-files=no", "--", ".")
    known["dirty"] = [line[3:] for line in changed.splitlines()]
    return known


def _git(tree: Path, *words: str) -> str:
    return _run(["git", "-C", str(tree), *words])


def _version(program: str) -> str:
    return _run([program, "--version"]).partition("\n")[0]


def _run(command: Sequence[str]) -> str:
    """Return what a program prints; empty if it is missing, fails or takes too long."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
