"""What tests and pages share: skipping by name what needs a missing program, and slow tests."""

from __future__ import annotations

import shutil

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --slow and --no-skips, and what chooses the judge of tests/conformance."""
    parser.addoption("--slow", action="store_true", help="also run what takes long")
    parser.addoption("--no-skips", action="store_true", help="fail if anything was skipped")
    judge = parser.getgroup("conformance", "the judge of tests/conformance (its README says more)")
    judge.addoption("--judge", default="ours", metavar="NAME", help="what it is called in reports")
    judge.addoption("--endpoint", metavar="URL", help="ask who listens there")
    judge.addoption("--gateway", metavar="HOST:PORT", help="where its devices connect")
    judge.addoption("--real-account", action="store_true", help="ask AWS: free calls only, undone")
    judge.addoption("--confirm-account", metavar="1234", help="the account number's last digits")
    judge.addoption("--differences", metavar="FILE", help="write the differences as Markdown")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a program that is not installed, and leave out slow tests unless asked."""
    left_out = []
    for item in items:
        for marker in item.iter_markers("needs"):
            for program in marker.args:
                if shutil.which(program) is None:
                    item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a run red that skipped something although nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not session.config.getoption("--no-skips"):
        return
    if reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        reporter.write_line("tests were skipped, and --no-skips was given", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
