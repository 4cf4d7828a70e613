"""Records: which key is in which board, who put it there, with what, and is it still true?

A record is one `.eln` file, the ELN Consortium's format: a ZIP with one folder that holds an
RO-Crate 1.1 and its minisign signature. `make` collects what a run left and seals it, `verify`
needs the file and a public key and nothing else, `show` reads without verifying, `replay` does it
again from the file alone, and `records` lists a folder of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.record.listing.filtering import records
    from labkit.record.making import make
    from labkit.record.reading import show
    from labkit.record.rerun.replaying import replay
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

_HOMES = {
    "ask_account": "verifying",
    "ask_console": "verifying",
    "make": "making",
    "public_keys": "seal.signing_keys",
    "records": "listing.filtering",
    "replay": "rerun.replaying",
    "show": "reading",
    "verify": "verifying",
}


def __getattr__(name: str) -> object:
    """Load a call when it is first used (PEP 562): a list needs no certificates, for one."""
    if name in _HOMES:
        return getattr(import_module(f"labkit.record.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'labkit.record' has no attribute {name!r}")
