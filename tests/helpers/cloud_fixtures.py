"""Fixtures of tests that talk to a simulated account and its gateway in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulator_fixtures import Authority, Cloud, Device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def cloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Cloud]:
    """Run an account and its gateway; what they log as an error fails the test.

    An answer that the service model does not list for its call is logged as an error.
    """
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.close()
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert [record.getMessage() for record in records if record.levelname == "ERROR"] == []


@pytest.fixture
def ca(cloud: Cloud) -> Authority:
    """Return a CA that is registered and ACTIVE."""
    ca = Authority()
    cloud.register_ca(ca)
    return ca


@pytest.fixture
def led(cloud: Cloud, ca: Authority) -> Device:
    """Return a device that may do all that the hello world does."""
    device = ca.issue("LED")
    cloud.allow(device)
    return device
