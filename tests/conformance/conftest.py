"""The judge that is asked, and what becomes of its differences."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import judge as judges
import pytest
from differences import Difference, report

if TYPE_CHECKING:
    from collections.abc import Iterator

DIFFERENCES = pytest.StashKey[list[Difference]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no differences."""
    config.stash[DIFFERENCES] = []


def _gateway(config: pytest.Config) -> judges.Gateway | None:
    address = config.getoption("--gateway")
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    return judges.Gateway(host, int(port))


@pytest.fixture(scope="session")
def judge(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[judges.Judge]:
    """Ask ours, unless the command line names another."""
    with ExitStack() as stack:
        if pytestconfig.getoption("--real-account"):
            confirmation = pytestconfig.getoption("--confirm-account") or ""
            made = judges.real_account(confirmation)
        elif url := pytestconfig.getoption("--endpoint"):
            made = judges.at_endpoint(
                pytestconfig.getoption("--judge"), url, _gateway(pytestconfig)
            )
        elif (name := pytestconfig.getoption("--judge")) != "ours":
            raise pytest.UsageError(
                f"--judge {name} needs --endpoint URL; `python tests/conformance/judges.py {name}` "
                "starts one that it knows, and asks it"
            )
        else:
            made = judges.ours(tmp_path_factory.mktemp("bench"))
        yield stack.enter_context(made)


@pytest.fixture
def differences(pytestconfig: pytest.Config) -> list[Difference]:
    """Return the list to which a judge that is not ours has its differences added."""
    return pytestconfig.stash[DIFFERENCES]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """End with a table of differences, and write it where it was asked for."""
    found = config.stash[DIFFERENCES]
    path = config.getoption("--differences")
    if path is None and not found:
        return
    name = "the real account" if config.getoption("--real-account") else config.getoption("--judge")
    text = report(name, found)
    terminalreporter.section("differences")
    terminalreporter.write(text)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
