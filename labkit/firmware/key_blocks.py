"""Hide private keys in lines of text: the lines between BEGIN and END."""

from __future__ import annotations

import re

NOT_SHOWN = "(not shown)"
"""Replaces a secret."""

_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + " KEY-----")
_END = "-----END"
_DATA = re.compile(r"[A-Za-z0-9+/=]{8,}")
_LONGEST = 400
"""The most lines of a key, so that a key without its END line does not hide a whole log."""


class KeyBlocks:
    """Processes lines in order, and hides the parts that belong to private keys."""

    def __init__(self) -> None:
        self._left = 0

    def hide(self, line: str) -> str:
        """Return a line without parts of a private key; its line end stays."""
        end = line[len(line.rstrip("\r\n")) :]
        return self._shown(line[: len(line) - len(end)]) + end

    def _shown(self, line: str) -> str:
        if self._left:
            return self._inside(line)
        begin = _BEGIN.search(line)
        if begin is None:
            return line
        rest = line[begin.end() :]
        if _END in rest:
            return line[: begin.start()] + NOT_SHOWN
        self._left = _LONGEST
        # In a C header, \n" \ follows here, and the line has nothing to hide.
        return line if len(rest) <= len('\\n" \\') else line[: begin.start()] + NOT_SHOWN

    def _inside(self, line: str) -> str:
        self._left -= 1
        at = line.find(_END)
        if at < 0:
            return f"    {NOT_SHOWN}"
        self._left = 0
        before = NOT_SHOWN if _DATA.search(line[:at]) else line[:at]
        return before + self._shown(line[at:])
