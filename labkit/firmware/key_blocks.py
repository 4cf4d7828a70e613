"""Private keys in lines of text: what stands between BEGIN and END is not shown."""

from __future__ import annotations

import re

NOT_SHOWN = "(not shown)"
"""Stands where a secret was."""

_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + " KEY-----")
_END = "-----END"
_DATA = re.compile(r"[A-Za-z0-9+/=]{8,}")
_LONGEST = 400
"""Lines after which no key goes on, so that one whose END was lost hides no whole log."""


class KeyBlocks:
    """Follows lines, one after the other, and hides what they tell of private keys."""

    def __init__(self) -> None:
        self._left = 0

    def hide(self, line: str) -> str:
        """Return a line as it may be shown; its line end stays."""
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
        # A header's line goes on with \n" \ here, and then there is nothing to hide in it.
        return line if len(rest) <= len('\\n" \\') else line[: begin.start()] + NOT_SHOWN

    def _inside(self, line: str) -> str:
        self._left -= 1
        at = line.find(_END)
        if at < 0:
            return f"    {NOT_SHOWN}"
        self._left = 0
        before = NOT_SHOWN if _DATA.search(line[:at]) else line[:at]
        return before + self._shown(line[at:])
