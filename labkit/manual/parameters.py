"""The parameters of a run of the pages, in a cell as papermill writes it.

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
"""The types of a parameter."""

TEXT = {"operator", "board"}
"""Parameters that the record has too. Always text, even a board 007."""

_DEFAULTS, _INJECTED = "parameters", "injected-parameters"
_SECRET = re.compile(
    r"(pass(word|wd|phrase|code)|pwd|token|secret|key|credential)s?\Z|\A(key|token|secret|pass)_",
    re.IGNORECASE,
)
_SPELLED = {"True": True, "False": False, "None": None}


def read_parameters(assignments: Iterable[str]) -> dict[str, Parameter]:
    """Read parameters from `name=value` texts.

    A value is read as JSON if it is a number, `true`, `false`, `null` or a quoted text; Python's
    `True`, `False` and `None` are read as in papermill. Any other value is text. `operator` and
    `board` are always text.

    Raises:
        RecordError: a name is not a variable name, is set twice, or looks like a secret.
    """
    parameters: dict[str, Parameter] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise RecordError(
                f"parameter {name[:60]!r}: expected name=value with the name of a variable. For "
                "example: operator=Jane."
            )
        if _SECRET.search(name):
            raise RecordError(
                f"parameter {name}: its name looks like a secret, but pages and records have all "
                "parameters in clear text. Let the page prompt for the secret. If the value is not "
                "a secret, use another name."
            )
        if name in parameters:
            raise RecordError(f"parameter {name}: it is set twice. Set it once.")
        parameters[name] = value if name in TEXT else _read(value)
    return parameters


def inject(page: NotebookNode, parameters: Mapping[str, Parameter]) -> None:
    """Put parameters into a cell of a page.

    The cell is after the page's cell tagged `parameters`, which has the defaults, or at the top. It
    replaces the cell of an earlier run.

    Args:
        page: the page, which is changed.
        parameters: the parameters; an empty mapping adds no cell.
    """
    page.cells = [cell for cell in page.cells if _INJECTED not in _tags(cell)]
    if not parameters:
        return
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    cell = new_code_cell(  # type: ignore[no-untyped-call]  # nbformat has no types
        "\n".join(["# Parameters", *lines]), id=_INJECTED, metadata={"tags": [_INJECTED]}
    )
    after = [at + 1 for at, each in enumerate(page.cells) if _DEFAULTS in _tags(each)]
    page.cells.insert(after[0] if after else 0, cell)


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
    """Treat NaN and Infinity as text: they are not JSON."""
    raise ValueError(constant)


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", ()))
