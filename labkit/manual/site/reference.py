"""The API reference: the public names of each package with their docstrings, by autodoc."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from inspect import isfunction
from typing import Any

import labkit

SETTINGS = {
    "add_module_names": False,
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,
    "default_role": "code",
    "napoleon_use_rtype": False,
    "python_display_short_literal_types": True,
    "suppress_warnings": ["ref.python"],  # two rooms may have a class of the same name
}
_PROGRAMS = {"__main__", "cli"}
_LAB = "labkit.lab.lab"
_PREFIX = re.compile(r"\bLABKIT_(?![\w`])")

_INTRODUCTION = """\
# API reference

The public names of labkit, for pages and your own scripts. Pages
begin with `open_lab()`, which returns a {py:class}`labkit.lab.lab.Lab`.

```{toctree}
"""


def reference() -> dict[str, str]:
    """Return the text of each file of the reference, by its name."""
    modules = ["labkit", _LAB, "labkit.errors", *_rooms()]
    names = "\n".join(f"reference/{module}" for module in modules)
    texts = {f"reference/{module}.rst": _page(module) for module in modules}
    return {"reference.md": f"{_INTRODUCTION}\n{names}\n```\n"} | texts


def show_variables(_app: object, *about: Any) -> None:  # noqa: ANN401 Sphinx's event
    """Quote the prefix LABKIT_ in a docstring, which docutils would read as a link."""
    lines = about[-1]
    lines[:] = [_PREFIX.sub("``LABKIT_``", line) for line in lines]


def _rooms() -> list[str]:
    """Return the modules and packages of labkit that list public names."""
    found = (each.name for each in pkgutil.iter_modules(labkit.__path__, "labkit."))
    modules = [name for name in found if name.rpartition(".")[2] not in _PROGRAMS]
    return [name for name in modules if getattr(import_module(name), "__all__", ())]


def _page(module: str) -> str:
    shown = f"{module}\n{'=' * len(module)}\n\n.. automodule:: {module}\n   :members:\n"
    if module == _LAB:
        return f"{shown}   :inherited-members:\n"
    if module == "labkit":
        # The function labkit.check and the module labkit.check have one name: the module has it.
        return f"{shown}   :no-index:\n"
    room = import_module(module)
    lazy = [name for name in getattr(room, "__all__", ()) if name not in vars(room)]
    functions = [name for name in lazy if isfunction(getattr(room, name))]
    return shown + "".join(f"\n.. autofunction:: {module}.{name}\n" for name in functions)
