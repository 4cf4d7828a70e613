"""Errors as a page shows them: what labkit raises on purpose needs no traceback."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from labkit import errors
from labkit.errors import CloudError, LabError, MacroNotFoundError, in_file


def shown(cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a cell and return what it shows."""
    InteractiveShell(colors="nocolor").run_cell(cell)
    output = capsys.readouterr()
    return output.out + output.err


@pytest.mark.parametrize("kind", [each for each in vars(errors).values() if isinstance(each, type)])
def test_every_error_is_the_labs(kind: type) -> None:
    """Who catches LabError catches them all."""
    assert issubclass(kind, LabError)


def test_a_page_shows_the_message_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Kind and message, also of an error that another one has caused."""
    cell = (
        "from labkit.errors import CloudError\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
        "    raise CloudError('the account is not there. Look at the profile.') from error"
    )
    assert shown(cell, capsys).strip() == (
        f"{CloudError.__name__}: the account is not there. Look at the profile."
    )


def test_a_page_shows_where_it_went_wrong_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Any other error is a fault of the program, or of the cell, and shows where."""
    assert "Traceback (most recent call last)" in shown("1 / 0", capsys)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("line 3: X is missing.", "/x/keys.h, line 3: X is missing."),
        ("Expected a key, found nothing.", "/x/keys.h: expected a key, found nothing."),
        ("AWS refused it.", "/x/keys.h: AWS refused it."),
        ("/x/keys.h: already there.", "/x/keys.h: already there."),
        ("", "/x/keys.h: "),
    ],
)
def test_a_message_gets_the_path_of_its_file(message: str, expected: str) -> None:
    """The path comes first, once; the kind of the error and its values stay."""
    with pytest.raises(MacroNotFoundError) as caught, in_file("/x/keys.h"):
        raise MacroNotFoundError(message, name="X")
    assert str(caught.value) == expected
    assert caught.value.name == "X"


def test_only_errors_of_the_lab_get_a_path() -> None:
    """Any other error passes unchanged."""
    with pytest.raises(ValueError, match=r"\Aodd\Z"), in_file("/x"):
        raise ValueError("odd")
