"""Every row of the table, put to the judge that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from differences import Difference, judged
from judge import NotAskedError
from table import Row, load

if TYPE_CHECKING:
    from judge import Judge


@pytest.mark.parametrize("row", load(), ids=str)
def test_row(row: Row, judge: Judge, differences: list[Difference]) -> None:
    """The judge does in this situation what AWS does."""
    if row.ours and not judge.strict:
        pytest.skip("it is about what a simulated account does not offer")
    try:
        found = judged(row, judge)
    except NotAskedError as error:
        pytest.skip(str(error))
    if found is None:
        return
    if judge.strict:
        pytest.fail(str(found), pytrace=False)
    differences.append(found)
    pytest.xfail(found.got)
