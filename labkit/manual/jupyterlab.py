"""JupyterLab as the manual needs it: its settings, layout, styles and trust, all in the workspace.

Nothing is read from or written to the reader's own JupyterLab at home: a layout, a kernel or a
setting of theirs does not come between them and the pages, and the manual changes none of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.manual.copies import FIRST_PAGE, untouched
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.workspace import Workspace

_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {
        "autoStartDefaultKernel": True,
        "windowingMode": "none",
    },
    "@jupyterlab/toc-extension:registry": {"includeOutput": False, "numberingH1": False},
}
"""No question about news or kernels over a page, whole pages, and a table of their headings."""

_SIDE = "@jupyterlab/toc:plugin"
_LAYOUT = {
    "data": {
        "layout-restorer:data": {
            "main": {"dock": {"type": "tab-area", "currentIndex": 0, "widgets": []}},
            "left": {
                "collapsed": False,
                "visible": True,
                "current": _SIDE,
                "widgets": ["filebrowser", "running-sessions", _SIDE, "extensionmanager.main-view"],
            },
            "right": {"collapsed": True, "visible": True, "widgets": []},
            "relativeSizes": [0.2, 0.8, 0],
        }
    },
    "metadata": {"id": "default"},
}
"""The table of contents at the side; from then on the layout is the reader's."""

_LAYOUT_FILE = "lab/workspaces/default-37a8.jupyterlab-workspace"
"""JupyterLab's name for the layout "default": it ends in four digits of the name's SHA-256."""

_STARTUP_FILE = "ipython/profile_default/startup/follow_page.py"
_STARTUP = """\
import os
from pathlib import Path

from labkit.manual.progress import follow_page

follow_page(Path(os.environ["LABKIT_WORKSPACE"]))
del Path, follow_page, os
"""
"""What a kernel runs when it starts: it notes the page's progress from its first cell on."""

_ENTRANCE = "jpserver-[0-9]*-open.html"

_STYLES = Path(__file__).parent / "widgets/front.css"


def prepare(workspace: Workspace) -> None:
    """Write what JupyterLab reads; a layout that is there already is the reader's."""
    own = _own(workspace)
    runtime = own / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.chmod(0o700)
    for left in runtime.glob(_ENTRANCE):
        left.unlink(missing_ok=True)
    write(own / "overrides.json", json.dumps(_SETTINGS))
    write(own / "custom/custom.css", _STYLES.read_bytes())
    write(own / _STARTUP_FILE, _STARTUP)
    if not (own / _LAYOUT_FILE).exists():
        write(own / _LAYOUT_FILE, json.dumps(_LAYOUT))


def entrance(workspace: Workspace) -> Path | None:
    """Return the file that opens the manual in a browser, or None until JupyterLab listens.

    JupyterLab writes it, into a folder that is closed to other users. It contains the token, so
    the token need not be an argument of the browser, which every user can read.
    """
    return next((_own(workspace) / "runtime").glob(_ENTRANCE), None)


def variables(workspace: Workspace) -> dict[str, str]:
    """Return the environment in which JupyterLab and its kernels work in the workspace alone."""
    outside = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER_", "JUPYTERLAB_"))
    }
    return outside | {
        "LABKIT_WORKSPACE": str(workspace.root),
        "JUPYTER_CONFIG_DIR": str(_own(workspace)),
        "JUPYTER_DATA_DIR": str(_own(workspace) / "data"),
        "JUPYTER_RUNTIME_DIR": str(_own(workspace) / "runtime"),
        "IPYTHONDIR": str(_own(workspace) / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def command(workspace: Workspace, port: int) -> list[str]:
    """Return the command that serves the reader's pages on a port of loopback."""
    options = {
        "ServerApp.root_dir": str(workspace.root / "pages"),
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.port_retries": "0",
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",
        "ServerApp.answer_yes": "True",
        "Application.log_level": "WARN",
        "LabApp.default_url": f"/lab/tree/{FIRST_PAGE}",
        "LabApp.news_url": "None",
        "LabApp.app_settings_dir": str(_own(workspace)),
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.custom_css": "True",
        "LabApp.expose_app_in_browser": "True",
    }
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        *(f"--{name}={value}" for name, value in options.items()),
    ]


class Signing:
    """Signs the pages that are the manual's own and were not signed yet, beside JupyterLab's start.

    JupyterLab shows an unsigned page without pictures and without the colours of its panels; what
    a reader has changed is signed by JupyterLab when it is saved.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._noted = _own(workspace) / "signed.txt"
        known = self._noted.read_text("utf-8").split() if self._noted.exists() else []
        new = {str(page): name for page, name in untouched(workspace) if name not in known}
        self._signed = sorted({*known, *new.values()})
        self._program = new and subprocess.Popen(
            [sys.executable, "-m", "nbformat.sign", *new],
            env=variables(workspace),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Return when all are signed; what could not be is tried again at the next start."""
        if self._program and self._program.wait() == 0:
            write(self._noted, "\n".join(self._signed) + "\n")

    def end(self) -> None:
        """End it, wherever it is."""
        if self._program:
            self._program.kill()
            self._program.wait()


def _own(workspace: Workspace) -> Path:
    return workspace.root / "jupyter"
