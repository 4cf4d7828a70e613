"""A simulated account without its HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator_fixtures import ACCOUNT_ID, MORNING, REGION

from labkit.bench.simulator.account import Account
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = "0" * 64
"""An id of nothing."""


def open_account(folder: Path, seed: str | None = None) -> Account:
    """Open an account in a folder."""
    return Account(
        folder,
        region=REGION,
        account_id=ACCOUNT_ID,
        randomness=Randomness(seed),
        clock=lambda: MORNING,
    )
