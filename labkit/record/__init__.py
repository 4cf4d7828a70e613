"""Records of runs: which key is in which board, who provisioned it, how, and is it still true?

A record is one `.eln` file, the ELN Consortium's format: a ZIP with one folder that contains an
RO-Crate 1.1 and its minisign signature. `make` collects the files of a run and signs them, `verify`
needs only the file and a public key, `show` reads without verifying, `replay` repeats a run from
the file alone, and `records` lists a folder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.record.listing.filtering import records
    from labkit.record.making import make
    from labkit.record.reading import show
    from labkit.record.replaying import replay
    from labkit.record.seal.signing_keys import public_keys
    from labkit.record.verifying import ask_account, ask_console, verify

__all__ = [
    "ask_account",
    "ask_console",
    "make",
    "public_keys",
    "records",
    "replay",
    "show",
    "verify",
]

_MODULES = {
    "ask_account": "verifying",
    "ask_console": "verifying",
    "make": "making",
    "public_keys": "seal.signing_keys",
    "records": "listing.filtering",
    "replay": "replaying",
    "show": "reading",
    "verify": "verifying",
}


def __getattr__(name: str) -> object:
    """Load a function when it is first used (PEP 562): a list does not need certificates."""
    if name in _MODULES:
        return getattr(import_module(f"labkit.record.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'labkit.record' has no attribute {name!r}")
