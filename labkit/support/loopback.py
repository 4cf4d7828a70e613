"""What labkit and its own programs on loopback agree on, and how to reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

LOOPBACK = "127.0.0.1"
"""The address on which everything of a bench listens, unless lab.toml names another for MQTT."""

READY_FILE = "ready.json"
"""The file in which a running bench lists its URLs, in its state directory."""

IN_USE_EXIT_CODE = 75
"""How a bench exits where another process has its state directory: EX_TEMPFAIL of sysexits.h."""

SIMULATED_REGION = "us-east-1"
"""Where the simulated account is unless lab.toml says otherwise."""

SIMULATED_ACCOUNT_ID = "123456789012"
"""The account number in AWS's own examples: nobody mistakes it for theirs."""


def is_loopback(url: str) -> bool:
    """Return whether a URL names this computer's loopback address."""
    from urllib.parse import urlsplit  # noqa: PLC0415 costs 10 ms

    return urlsplit(url).hostname in (LOOPBACK, "::1", "localhost")


def direct_opener() -> OpenerDirector:
    """Return an opener that uses no proxy."""
    import urllib.request  # noqa: PLC0415 costs 0.1 s

    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
