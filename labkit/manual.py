"""The manual in JupyterLab: copies of the pages for the reader, and the server that shows them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import ExitStack
from typing import TYPE_CHECKING

from labkit import bench as benches
from labkit.errors import WorkspaceError
from labkit.workspace import CHECKOUT, write

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.workspace import Workspace

__all__ = ["copy_pages", "free_port", "open_browser", "serve"]

_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {
        "autoStartDefaultKernel": True,
        "windowingMode": "none",
    },
}
"""JupyterLab's settings: no question about news or kernels over a page, and whole pages."""

FIRST_PAGE = "00-start-here.ipynb"
START_TIMEOUT_S = 100.0
END_TIMEOUT_S = 15.0
"""JupyterLab gives its kernels 5 s to end."""

_ENDING_SIGNALS = {"SIGTERM", "SIGHUP"}
"""Windows knows the first only."""


def copy_pages(workspace: Workspace) -> list[str]:
    """Copy the pages into the workspace, leaving alone every page that its reader has touched.

    Returns:
        The names of pages that have been updated since, and were left alone.
    """
    source = CHECKOUT / "notebooks"
    if not (source / FIRST_PAGE).is_file():
        raise WorkspaceError(
            f"{source}: the manual's pages are not there. Clone the project again."
        )
    target = workspace.root / "pages"
    known_file = target / ".as-copied.json"
    known = _as_copied(known_file)
    kept = []
    for page in sorted(source.rglob("*")):
        name = page.relative_to(source).as_posix()
        if page.suffix not in (".ipynb", ".png", ".svg") or ".ipynb_checkpoints" in name:
            continue
        own, new = target / name, _digest(page)
        if own.exists() and _digest(own) not in (known.get(name), new):
            if known.get(name) != new:
                kept.append(name)
            continue
        write(own, page.read_bytes())
        known[name] = new
    write(known_file, json.dumps(known, indent=1))
    return kept


def _as_copied(file: Path) -> dict[str, str]:
    """Return the digests of the pages as they were copied; without them every page is kept."""
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def serve(workspace: Workspace, *, port: int, browser: bool) -> int:
    """Serve the manual until JupyterLab ends; the simulated bench ends with it.

    Returns:
        JupyterLab's exit code.

    Raises:
        WorkspaceError: JupyterLab does not answer.
    """
    for name in copy_pages(workspace):
        _say(f"{name}: yours was kept; the newer one is in notebooks/")
    for name in _ENDING_SIGNALS & {each.name for each in signal.Signals}:
        signal.signal(signal.Signals[name], lambda number, _: sys.exit(128 + number))
    with ExitStack() as ending:
        settings = workspace.settings
        if settings.board_is_simulated or settings.account_is_simulated:
            ending.callback(_stop_bench, workspace)
            benches.start_or_find(workspace)
        token = secrets.token_urlsafe(24)
        port = free_port(port)
        process = subprocess.Popen(
            _jupyter(workspace, port),
            env={
                **os.environ,
                "LABKIT_WORKSPACE": str(workspace.root),
                "JUPYTER_TOKEN": token,
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            },
        )
        ending.callback(_end, process)
        _wait_until_served(f"http://127.0.0.1:{port}/api", process)
        address = f"http://127.0.0.1:{port}/lab/tree/{FIRST_PAGE}?token={token}"
        _say(f"The manual is open at\n  {address}\nCtrl-C ends it.")
        if browser:
            open_browser(address)
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0  # Ctrl-C is how one ends the manual


def _stop_bench(workspace: Workspace) -> None:
    if bench := benches.find(workspace):
        bench.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End JupyterLab, whose kernels end with it; one that does not listen is killed."""
    try:
        if process.poll() is None:
            process.terminate()
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _jupyter(workspace: Workspace, port: int) -> list[str]:
    pages, settings = workspace.root / "pages", workspace.root / "jupyter"
    write(settings / "overrides.json", json.dumps(_SETTINGS))
    options = {
        "ServerApp.root_dir": str(pages),
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.port_retries": "0",
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",
        "ServerApp.answer_yes": "True",
        "Application.log_level": "WARN",
        "LabApp.news_url": "None",
        "LabApp.app_settings_dir": str(settings),
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def free_port(first: int) -> int:
    """Return the first free port from one on, on loopback."""
    last = min(first + 99, 65535)
    for port in range(first, last + 1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise WorkspaceError(f"no free port from {first} to {last}. Name another with --port.")


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end and process.poll() is None:
        try:
            opener.open(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise WorkspaceError("JupyterLab did not start; what it said stands above. Try again.")


def open_browser(address: str) -> None:
    """Open a browser where there is one; none at hand is no error."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return
    webbrowser.open(address)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
