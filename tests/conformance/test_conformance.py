"""Every row of the table, put to the judge that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from differences import Difference, judged
from table import Row, load

if TYPE_CHECKING:
    from judge import Judge


@pytest.mark.parametrize("row", load(), ids=str)
def test_row(row: Row, judge: Judge, differences: list[Difference]) -> None:
    """The judge does in this situation what AWS does."""
    if reason := not_asked(row, judge):
        pytest.skip(reason)
    found = judged(row, judge)
    if found is None:
        return
    if judge.strict:
        pytest.fail(str(found), pytrace=False)
    differences.append(found)
    pytest.xfail(found.came)


def not_asked(row: Row, judge: Judge) -> str | None:
    """Return why a row is not put to a judge; None if it is."""
    if judge.real and not row.free:
        return "it costs something, or changes what others use"
    if row.device and judge.gateway is None:
        return "the judge has no gateway"
    if row.ours and not judge.strict:
        return "it is about what a simulated account does not offer"
    return None
