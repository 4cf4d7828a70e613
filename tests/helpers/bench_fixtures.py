"""Fixtures: a lab on a running bench, before its first step and after its last."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from lab_bench import do_everything, end

from labkit import open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.lab import Lab


@pytest.fixture(scope="module")
def clean_environment() -> Iterator[pytest.MonkeyPatch]:
    """Take away every variable that chooses a lab."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LABKIT_")]:
            patch.delenv(name)
        yield patch


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A lab in which nothing is done yet; its bench ends with the module."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("lab"))
    yield lab
    end(lab)


@pytest.fixture(scope="module")
def finished(lab: Lab) -> Lab:
    """The lab, with its hello world accepted."""
    do_everything(lab)
    return lab
