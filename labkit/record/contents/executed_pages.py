"""The executed pages of a run: where they differ from the manual, and their checks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.manual.copies import tracked_pages
from labkit.manual.progress import read_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CHECK = re.compile(r"(?P<verdict>ok  |FAIL|\.\.\. ) (?P<claim>.+?)(?:: (?P<value>.*))?")


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The facts of an executed page.

    Attributes:
        cells: how many code cells it has.
        run: how many of them were run.
        own_input: the numbers of the cells, from 1, whose source is not the manual's.
        own_output: the numbers of the cells whose outputs are not the manual's.
        checks: the page's checks: verdict, claim and value.
    """

    cells: int
    run: int
    own_input: tuple[int, ...]
    own_output: tuple[int, ...]
    checks: tuple[tuple[str, str, str], ...]


def executed_pages(root: Path) -> dict[str, bytes]:
    """Return the trainee's pages that were run in JupyterLab, as last saved, by name.

    Args:
        root: the workspace's folder.
    """
    begun = [page.name for page in read_progress(root).pages if page.state != "not begun"]
    own = {name: root / "pages" / name for name in begun}
    return {name: page.read_bytes() for name, page in own.items() if page.is_file()}


def page_facts(name: str, raw: bytes) -> PageFacts:
    """Return where a page differs from the manual's page of this name, and its checks.

    Raises:
        ValueError: it is not a notebook.
    """
    cells = list(_code_cells(raw))
    manual = _manual(name)
    known = {source: outputs for source, outputs, _ in manual}
    numbered = list(enumerate(cells, 1))
    return PageFacts(
        cells=len(cells),
        run=sum(was_run for _, _, was_run in cells),
        own_input=tuple(n for n, (source, _, _) in numbered if source not in known),
        own_output=tuple(
            n
            for n, (source, outputs, was_run) in numbered
            if was_run and outputs != known.get(source)
        ),
        checks=tuple(check for _, outputs, _ in cells for check in _checks(outputs)),
    )


def _manual(name: str) -> list[tuple[str, tuple[str, ...], bool]]:
    page = tracked_pages() / name
    return list(_code_cells(page.read_bytes())) if page.is_file() else []


def _code_cells(raw: bytes) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield each code cell's source, the texts of its outputs, and whether it was run."""
    try:
        cells = json.loads(raw)["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                texts = tuple(_text(output) for output in cell["outputs"])
                yield "".join(cell["source"]), texts, cell["execution_count"] is not None
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"expected a notebook, got something else ({error!r})") from None


def _text(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    text = output.get("text", output.get("data", {}).get("text/plain", ""))
    return "".join(text)


def _checks(outputs: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for line in (line for text in outputs for line in text.splitlines()):
        if found := _CHECK.fullmatch(line):
            yield found["verdict"].strip(), found["claim"], found["value"] or ""
