"""The server that shows the manual, and what starts and ends with it."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from contextlib import ExitStack
from typing import TYPE_CHECKING

from labkit.bench import client as benches
from labkit.errors import WorkspaceError
from labkit.manual import jupyterlab
from labkit.manual.copies import FIRST_PAGE, copy_pages, tracked_pages
from labkit.support.extras import require

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.workspace import Workspace

START_TIMEOUT_S = 100.0
END_TIMEOUT_S = 15.0
"""JupyterLab gives its kernels 5 s to end."""

_ENDING_SIGNALS = {"SIGTERM", "SIGHUP"}
"""Windows has only the first."""


def serve(workspace: Workspace, *, port: int, browser: bool) -> int:
    """Serve the manual until JupyterLab ends; the simulated bench ends with it.

    Returns:
        JupyterLab's exit code.

    Raises:
        WorkspaceError: JupyterLab does not start, or no port is free.
        MissingPackageError: JupyterLab is not installed.
    """
    require("jupyterlab")
    for name in copy_pages(workspace):
        _say(f"{name}: your changed page was kept. The new one is in {tracked_pages()}")
    jupyterlab.prepare(workspace)
    for name in _ENDING_SIGNALS & {each.name for each in signal.Signals}:
        signal.signal(signal.Signals[name], lambda number, _: sys.exit(128 + number))
    settings = workspace.settings
    needs_bench = settings.board_is_simulated or settings.account_is_simulated
    with ExitStack() as ending:
        if needs_bench:
            ending.callback(_stop_bench, workspace)
        port = free_port(port)
        process = subprocess.Popen(
            jupyterlab.command(workspace, port),
            env=jupyterlab.variables(workspace) | {"JUPYTER_TOKEN": secrets.token_urlsafe(24)},
        )
        ending.callback(_end, process)
        if needs_bench:
            benches.start_or_find(workspace)
        address = _wait_until_served(workspace, process)
        jupyterlab.sign(workspace)
        _say(f"The manual is at http://127.0.0.1:{port}/lab/tree/{FIRST_PAGE}")
        _say(f"If your browser does not show it, open\n  {address.as_uri()}\nCtrl-C ends it.")
        if browser:
            open_browser(address.as_uri())
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0  # the usual way to end the manual


def _stop_bench(workspace: Workspace) -> None:
    if bench := benches.find(workspace):
        bench.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Terminate JupyterLab with its kernels; kill it if it does not end in time."""
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


def free_port(first: int) -> int:
    """Return the first free port on loopback, from a number on."""
    last = min(first + 99, 65535)
    for port in range(first, last + 1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise WorkspaceError(
        f"all ports from {first} to {last} are in use. Choose another with --port."
    )


def _wait_until_served(workspace: Workspace, process: subprocess.Popen[bytes]) -> Path:
    """Return the file that opens the manual, which JupyterLab writes when it is ready."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        if file := jupyterlab.address_file(workspace):
            return file
        time.sleep(0.1)
    raise WorkspaceError(
        "JupyterLab did not start. Read its messages above, fix the cause, and try again."
    )


def open_browser(address: str) -> None:
    """Open an address in a browser if there is one, without waiting for the browser to end.

    The address becomes an argument of the browser, which every user of the computer can read.
    It must not contain the token.
    """
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    threading.Thread(target=browser.open, args=(address,), daemon=True).start()
