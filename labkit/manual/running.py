"""Running pages unattended, for example on a bench that provisions many boards.

Each page gets a kernel of its own, which listens on loopback and ends with the page. The stored
outputs of a page are removed first, so that every output is from this run.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from traitlets import default

from labkit.errors import RecordError
from labkit.lab.procedure import route_of
from labkit.manual.copies import tracked_pages
from labkit.manual.parameters import inject
from labkit.support.seams import forget_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nbformat import NotebookNode

    from labkit.manual.parameters import Parameter
    from labkit.workspace import Workspace

LONGEST_CELL_S = 3600
"""Long enough to build and flash real firmware; a cell that hangs must end."""

_PATIENCE_S = 10.0
"""How long an interrupted cell has for its clean-up."""

_WIDGET = "application/vnd.jupyter.widget-view+json"
_NEEDS, _LEFT_OUT = "needs-", "skip-execution"
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_FAIL = re.compile(r"^FAIL .*", re.MULTILINE)
_NOT_FOR_PAGES = ("JPY_SESSION_NAME", "LABKIT_RECORD_PASSPHRASE")
"""The caller's open page, and the passphrase of the signing key."""


class Failure(NamedTuple):
    """What ended a run.

    Attributes:
        page: the page's file.
        cell: the number of the code cell on the executed page, from 1.
        message: the first line of the error, or the failed check.
    """

    page: str
    cell: int
    message: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.page}, code cell {self.cell}: {self.message}"


@dataclass(frozen=True, slots=True)
class PagesRun:
    """The result of a run of pages.

    Attributes:
        executed: the executed pages by name; the last one may be incomplete.
        failed: the failure that ended it, or None.
        signal: the signal that ended it, such as Ctrl-C's; 0 for none.
    """

    executed: Mapping[str, bytes]
    failed: Failure | None = None
    signal: int = 0


def pages_of(workspace: Workspace) -> list[Path]:
    """Return the pages that have steps of the device's route, in order.

    Page 13 has none: it deletes what the others made, which a provisioned board needs.

    Raises:
        RecordError: this installation of labkit has no pages.
    """
    names = dict.fromkeys(f"{step.page}.ipynb" for step in route_of(workspace).steps)
    folder = tracked_pages()
    pages = [folder / name for name in names]
    if missing := [page.name for page in pages if not page.is_file()]:
        raise RecordError(
            f"{folder / missing[0]}: the page is missing. Clone or install the project again. "
            "Without the pages, `labkit run` does the steps and `labkit record make` makes the "
            "record."
        )
    return pages


def run_pages(
    workspace: Workspace,
    pages: Sequence[Path],
    parameters: Mapping[str, Parameter],
    show: Callable[[str, float], object],
) -> PagesRun:
    """Run pages one after the other, until one fails or a signal ends it.

    A page fails if a cell raises an error without the tag `raises-exception`, if a check fails
    that does not fail on the stored page, or if its kernel ends.

    Args:
        workspace: the workspace of the device.
        pages: their files, which are not changed.
        parameters: the parameters of each page.
        show: called after each page with its name and its duration in seconds.
    """
    executed: dict[str, bytes] = {}
    for page in pages:
        begin = time.monotonic()
        one = _PageRun(page, parameters)
        failed = one.run(workspace)
        executed[page.name] = one.written()
        if failed or one.signal:
            return PagesRun(executed, failed, one.signal)
        show(page.name, time.monotonic() - begin)
    return PagesRun(executed)


class _CheckFailedError(Exception):
    """A check failed that does not fail on the stored page."""


class _StoppedError(Exception):
    """A signal ended the run between two cells."""


class _PageRun:
    """One run of one page, without its stored outputs."""

    def __init__(self, page: Path, parameters: Mapping[str, Parameter]) -> None:
        self.name = page.name
        self.signal = 0
        self._notebook = nbformat.read(page, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
        self._meant = {cell.id: _fails(cell) for cell in self._code_cells()}
        for cell in self._code_cells():
            cell.outputs, cell.execution_count = [], None
            if any(map(_is_missing, cell.metadata.get("tags", ()))):
                cell.metadata.tags.append(_LEFT_OUT)
        inject(self._notebook, parameters)
        self._at: NotebookNode | None = None

    def _code_cells(self) -> list[NotebookNode]:
        return [cell for cell in self._notebook.cells if cell.cell_type == "code"]

    def run(self, workspace: Workspace) -> Failure | None:
        """Run the page's cells; return the failure that ended it, or None."""
        client = _Client(
            self._notebook,
            timeout=LONGEST_CELL_S,
            kernel_manager_class=_Kernel,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(workspace.root)}},
            on_cell_start=self._on_start,
            on_cell_executed=self._on_executed,
        )
        client.on_signal = self._on_signal
        try:
            # An ending kernel only reports the state of its own sockets.
            asyncio.run(
                client.async_execute(env=_environment(workspace), stderr=subprocess.DEVNULL)
            )
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            return None if self.signal else self._failure(_first_line(error))
        except _CheckFailedError as error:
            return self._failure(str(error))
        except KeyboardInterrupt:  # before or after the kernel's time, and where there is no loop's
            self.signal = signal.SIGINT
        except _StoppedError:
            pass
        finally:
            forget_kernel(client)
        return None

    def _failure(self, message: str) -> Failure:
        cells = self._code_cells()
        return Failure(self.name, cells.index(self._at) + 1 if self._at else 1, message)

    def _on_signal(self, number: int) -> None:
        self.signal = number

    def _on_start(self, cell: NotebookNode, **_: object) -> None:
        if self.signal:
            raise _StoppedError
        self._at = cell if cell.cell_type == "code" else self._at

    def _on_executed(self, cell: NotebookNode, **_: object) -> None:
        new = [line for line in _fails(cell) if line not in self._meant.get(cell.id, ())]
        if new and not self.signal:
            raise _CheckFailedError(new[0])

    def written(self) -> bytes:
        """Return the executed page; panels are text and HTML, because the kernel has ended."""
        self._notebook.metadata = {"kernelspec": _KERNEL}
        for cell in self._code_cells():
            for output in cell.outputs:
                output.get("data", {}).pop(_WIDGET, None)
        return f"{nbformat.writes(self._notebook)}\n".encode()  # type: ignore[no-untyped-call]  # nbformat has no types


class _Kernel(AsyncKernelManager):
    """The kernel of this Python, not another `python3` of the reader."""

    @default("kernel_spec_manager")
    def _no_other_kernels(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


class _Client(NotebookClient):
    """Run a notebook; the first signal interrupts the cell, the second one ends the kernel.

    nbclient itself ends the kernel at once, which could leave a board half flashed.
    """

    on_signal: Callable[[int], None]
    _is_first = True

    async def async_start_new_kernel(self, **kwargs: Any) -> None:  # noqa: ANN401 nbclient's own
        """Start the kernel with our signal handlers."""
        with suppress(RuntimeError):  # on Windows, and in another thread than the first
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._stop, number)
        await super().async_start_new_kernel(**kwargs)

    def _stop(self, number: int) -> None:
        self.on_signal(number)
        self._stopping = asyncio.ensure_future(self._stop_cell())

    async def _stop_cell(self) -> None:
        first, self._is_first = self._is_first, False
        if self.km is None or (first and not self.code_cells_executed):
            return  # the kernel is still starting: its first cell is not run
        if first:
            await ensure_async(self.km.interrupt_kernel())
            await asyncio.sleep(_PATIENCE_S)
        await ensure_async(self.km.shutdown_kernel(now=True))


def _environment(workspace: Workspace) -> dict[str, str]:
    """Return the environment of the kernels, with the settings of this workspace."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_FOR_PAGES)}
    return {
        **kept,
        **workspace.settings.variables(),
        "LABKIT_WORKSPACE": str(workspace.root),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # no warning of the debugger on every page
    }


def _is_missing(tag: str) -> bool:
    """Return whether a tag names a program that is not installed."""
    return tag.startswith(_NEEDS) and shutil.which(tag.removeprefix(_NEEDS)) is None


def _fails(cell: NotebookNode) -> list[str]:
    return [line for text in _results(cell) for line in _FAIL.findall(text)]


def _results(cell: NotebookNode) -> Iterator[str]:
    """Yield the texts of a cell's results, without what it prints while it runs."""
    for output in cell.outputs:
        yield output.get("data", {}).get("text/plain", "")


def _first_line(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}".partition("\n")[0]
    if isinstance(error, CellTimeoutError):
        return f"the cell did not end within {LONGEST_CELL_S} s"
    return f"the page's kernel ended: {error}".partition("\n")[0]
