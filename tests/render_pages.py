"""Run pages on a seeded bench and store their outputs: `python tests/render_pages.py [PAGE ...]`.

Each page gets a workspace of its own, so each is proved to open first. With --check nothing is
written, and a page that would change turns the exit code to 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "notebooks"
SEED = "manual"
"""The seed of every stored output; `notebooks/conftest.py` sets it too."""

WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def main(arguments: list[str]) -> int:
    """Render the named pages, or all of them."""
    named = [Path(argument) for argument in arguments if not argument.startswith("-")]
    changed = []
    for page in named or sorted(PAGES.glob("*.ipynb")):
        text = render(page)
        if text != page.read_text():
            changed.append(page.name)
            if "--check" not in arguments:
                page.write_text(text)
    sys.stdout.write(f"changed: {', '.join(changed) or 'nothing'}\n")
    return 1 if changed and "--check" in arguments else 0


def render(page: Path, workspace: Path | None = None) -> str:
    """Run a page in a workspace, a fresh one unless given, and return it with its outputs."""
    folder = workspace or Path(tempfile.mkdtemp(prefix="labkit-page-"))
    environment = seeded_environment(folder)
    try:
        notebook = nbformat.read(page, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(PAGES)}},
        )
        client.execute(env=environment)
    finally:
        if workspace is None:
            stop_bench(folder)
            shutil.rmtree(folder)
    return nbformat.writes(cleaned(notebook)) + "\n"


def seeded_environment(workspace: Path) -> dict[str, str]:
    """Return the environment in which the stored outputs come about."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    return outside | {"LABKIT_SEED": SEED, "LABKIT_WORKSPACE": str(workspace)}


def stop_bench(workspace: Path) -> None:
    """End a workspace's bench."""
    subprocess.run(
        [sys.executable, "-m", "labkit", "stop"],
        env=seeded_environment(workspace),
        check=True,
        capture_output=True,
    )


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep of a run page what is the same on every machine, and one line of each traceback."""
    notebook.metadata = nbformat.NotebookNode(kernelspec=KERNEL)
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode(
            {key: value for key, value in cell.metadata.items() if key == "tags"}
        )
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)  # dead without its kernel; its twins are not
            output.pop("execution_count", None) if output.output_type == "error" else None
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return notebook


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
