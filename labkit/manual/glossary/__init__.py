"""The glossary: terms, codes and causes explained, each under a heading that pages can link to.

::

    glossary.causes("the account")     # a table on a page, text in a terminal
    glossary.look_up("0x7780")         # a code, a term or a cause
    glossary.link("no-policy")         # '12-glossary.ipynb#no-policy'

Causes and codes come from the tables of `labkit.diagnosis`.
"""

from __future__ import annotations

from labkit.manual.glossary.entries import Entries, Entry, causes, codes, link, look_up, terms

__all__ = ["Entries", "Entry", "causes", "codes", "link", "look_up", "terms"]
