"""Make room for many connections: each is an open file of the process."""

from __future__ import annotations

import sys

WANTED_FILES = 8192
"""Thousands of connections, and fewer than the 10,240 that macOS takes for its highest limit."""


if sys.platform == "win32":

    def raise_file_limit() -> None:
        """Do nothing: Windows has no such limit."""

else:
    import resource

    def raise_file_limit() -> None:
        """Raise this process's soft limit of open files, often 1,024 or less, as far as it may."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
