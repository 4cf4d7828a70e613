"""What a run of the pages is told: papermill's parameters, put into a cell of their own.

Source: papermill's documentation, "Parameterize"; RFC 8259, section 3.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from typing import TYPE_CHECKING

from nbformat.v4 import new_code_cell

from labkit.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbformat import NotebookNode

Parameter = str | int | float | bool | None
"""What a parameter can be."""

TEXT = {"operator", "board"}
"""Those that are the record's, too: text, whatever they look like, such as a board's number 007."""

_DEFAULTS, _INJECTED = "parameters", "injected-parameters"
_SECRET = re.compile(
    r"(pass(word|wd|phrase|code)|pwd|token|secret|key|credential)s?\Z|\A(key|token|secret|pass)_",
    re.IGNORECASE,
)
_SPELLED = {"True": True, "False": False, "None": None}


def read_parameters(told: Iterable[str]) -> dict[str, Parameter]:
    """Read parameters from `name=value` texts.

    A value that JSON knows as a number, `true`, `false`, `null` or a text in quotes is that, and
    so are Python's `True`, `False` and `None`, as papermill has it; anything else is text as it
    stands. `operator` and `board` are always text.

    Raises:
        RecordError: a name is none, is told twice, or is a secret's.
    """
    parameters: dict[str, Parameter] = {}
    for text in told:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise RecordError(
                f"{name!r}: expected name=value with a name that a page can have as a variable, "
                "such as operator=Jane."
            )
        if _SECRET.search(name):
            raise RecordError(
                f"{name}: a parameter stands in clear on every page and in the record, so none may "
                "be a secret. Let the page ask the program that keeps it; if it is none, give it "
                "another name."
            )
        if name in parameters:
            raise RecordError(f"{name} is set twice, and the record can say one. Set it once.")
        parameters[name] = value if name in TEXT else _read(value)
    return parameters


def inject(page: NotebookNode, parameters: Mapping[str, Parameter]) -> None:
    """Put parameters into a page, in a cell that is run before it reads them.

    The cell tagged `parameters` holds the page's defaults, and this one stands behind it; where a
    page has none, at its top. One of an earlier run is replaced.

    Args:
        page: the page, which is changed.
        parameters: what it is told; none, no cell.
    """
    page.cells = [cell for cell in page.cells if _INJECTED not in _tags(cell)]
    if not parameters:
        return
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    cell = new_code_cell(  # type: ignore[no-untyped-call]  # nbformat has no types
        "\n".join(["# Parameters", *lines]), id=_INJECTED, metadata={"tags": [_INJECTED]}
    )
    behind = [at + 1 for at, each in enumerate(page.cells) if _DEFAULTS in _tags(each)]
    page.cells.insert(behind[0] if behind else 0, cell)


def _read(text: str) -> Parameter:
    if text in _SPELLED:
        return _SPELLED[text]
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict | list) or (isinstance(value, float) and not math.isfinite(value)):
        return text
    read: Parameter = value
    return read


def _refuse(constant: str) -> None:
    """Take NaN and the infinities for text: they are no JSON."""
    raise ValueError(constant)


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", ()))
