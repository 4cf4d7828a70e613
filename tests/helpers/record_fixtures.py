"""Folders of records for pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from record_folders import fill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A folder of ten records, one each hour back from noon."""
    fill(tmp_path, 10)
    return tmp_path
