"""JupyterLab's settings, layout, styles and trust, all in the workspace.

The JupyterLab configuration in the reader's home is not read and not changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.manual.copies import FIRST_PAGE, unchanged
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
"""No questions about news or kernels, whole pages, and a table of contents."""

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
"""The table of contents at the side, until the reader changes the layout."""

_LAYOUT_FILE = "lab/workspaces/default-37a8.jupyterlab-workspace"
"""The file of the layout "default"; it ends in four digits of the name's SHA-256."""

_STARTUP_FILE = "ipython/profile_default/startup/follow_page.py"
_STARTUP = """\
import os
from pathlib import Path

from labkit.manual.progress import follow_page

follow_page(Path(os.environ["LABKIT_WORKSPACE"]))
del Path, follow_page, os
"""
"""What a kernel runs when it starts, so that progress is noted from the first cell on."""

_ADDRESS_FILES = "jpserver-[0-9]*-open.html"

_STYLES = Path(__file__).parent / "widgets/front.css"


def prepare(workspace: Workspace) -> None:
    """Write JupyterLab's files; an existing layout is kept."""
    own = _own(workspace)
    runtime = own / "runtime"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.chmod(0o700)
    for left in runtime.glob(_ADDRESS_FILES):
        left.unlink(missing_ok=True)
    write(own / "overrides.json", json.dumps(_SETTINGS))
    write(own / "custom/custom.css", _STYLES.read_bytes())
    write(own / _STARTUP_FILE, _STARTUP)
    if not (own / _LAYOUT_FILE).exists():
        write(own / _LAYOUT_FILE, json.dumps(_LAYOUT))


def address_file(workspace: Workspace) -> Path | None:
    """Return the file that opens the manual in a browser, or None until JupyterLab is ready.

    JupyterLab writes it into a folder that other users cannot read. It contains the token, so that
    the token is not an argument of the browser, which every user can read.
    """
    return next((_own(workspace) / "runtime").glob(_ADDRESS_FILES), None)


def variables(workspace: Workspace) -> dict[str, str]:
    """Return the environment that keeps JupyterLab and its kernels in the workspace."""
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


def sign(workspace: Workspace) -> None:
    """Sign the pages that equal the manual's.

    JupyterLab shows an unsigned page without pictures and without the colours of its panels. It
    signs a page that the reader has changed when the page is saved.
    """
    subprocess.run(
        [sys.executable, "-m", "nbformat.sign", *map(str, unchanged(workspace))],
        env=variables(workspace),
        capture_output=True,
        check=False,  # an unsigned page is only less colourful
    )


def _own(workspace: Workspace) -> Path:
    return workspace.root / "jupyter"
