"""The passphrases of encrypted CA keys: prompted for once, kept in memory only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import CertificateError
from labkit.support.prompt import ask_unseen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _ask(question: str) -> str:
    """Prompt in the terminal or on the page, without showing what is typed.

    Raises:
        CertificateError: no one can answer.
    """
    typed = ask_unseen(question)
    if typed is None:
        raise CertificateError(
            "the CA's key is encrypted, and no one can type its passphrase here. Run the step in a "
            "terminal or on an open page."
        )
    return typed


class Passphrase:
    """Asks for the passphrases of CA keys, and remembers while the program runs.

    Args:
        ask: shows a question and returns what is typed.
    """

    def __init__(self, ask: Callable[[str], str] = _ask) -> None:
        self._ask = ask
        self._known: dict[Path, str] = {}

    def __repr__(self) -> str:
        """Return nothing that depends on a passphrase."""
        return "Passphrase()"

    def known(self, key_file: Path) -> str:
        """Return the passphrase of an existing key."""
        if key_file in self._known:
            return self._known[key_file]
        return self._ask(f"passphrase of {key_file.parent.name}/{key_file.name}: ")

    def new(self, key_file: Path) -> str:
        """Return the passphrase for a key that is about to be made, typed twice.

        Raises:
            CertificateError: it is empty, or the second one is another.
        """
        name = f"{key_file.parent.name}/{key_file.name}"
        chosen = self._ask(f"new passphrase for {name}: ")
        if not chosen:
            raise CertificateError(
                f"the passphrase for {name} is empty. Run the step again and type one, or set "
                "ca.encrypted to false in lab.toml."
            )
        if self._ask("the same again: ") != chosen:
            raise CertificateError(
                f"the two passphrases for {name} differ: nothing was written. Run the step again."
            )
        return chosen

    def keep(self, key_file: Path, passphrase: str) -> None:
        """Remember a correct passphrase while the program runs."""
        self._known[key_file] = passphrase
