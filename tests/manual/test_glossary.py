"""The glossary: complete, in the diagnosis' own words, and found from every shape of a code."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from labkit.diagnosis import CAUSES, diagnose
from labkit.errors import ManualError
from labkit.manual import glossary
from labkit.manual.glossary.codes import CODES
from labkit.manual.glossary.entries import GROUPS
from labkit.manual.glossary.terms import TERMS

PAGE = Path(__file__).resolve().parents[2] / "notebooks/12-glossary.ipynb"


def headings() -> set[str]:
    """Return the page's headings, those in outputs included, as JupyterLab makes ids of them."""
    found = set()
    for cell in nbformat.read(PAGE, 4).cells:
        texts = [cell.source] if cell.cell_type == "markdown" else []
        texts += [
            output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", ())
        ]
        for text in texts:
            lines = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
            found |= {line.replace(" ", "-") for line in lines}
    return found


def test_every_cause_stands_in_one_group() -> None:
    """No cause is left out, and none stands twice."""
    grouped = [cause for ids in GROUPS.values() for cause in ids]
    assert sorted(grouped) == sorted(CAUSES)


def test_causes_are_told_in_the_diagnosis_own_words() -> None:
    """What a diagnosis says and what the glossary says is one text."""
    for cause, text in CAUSES.items():
        entry = dict(glossary.look_up(cause).paragraphs)
        assert entry["what it means"] == text.meaning
        assert entry["what to do"] == text.action
        assert entry.get("what tells it apart", "") == text.distinguish


def test_codes_name_causes_that_there_are() -> None:
    """A code leads to causes of the diagnosis, and each shape of it to the same entry."""
    for code in CODES:
        assert set(code.causes) <= set(CAUSES)
        for shape in (code.name, *code.others):
            assert glossary.look_up(shape.upper()).name == code.name
    shapes = [shape for code in CODES for shape in (code.name, *code.others)]
    assert len(shapes) == len(set(shapes))


@pytest.mark.parametrize(
    "code", [code for code in CODES if code.name.startswith("0x")], ids=lambda code: code.name
)
def test_shapes_of_a_code_are_the_same_number(code: object) -> None:
    """-30848 is 0x7880 with its sign: whatever is written as a number is that number."""
    value = int(code.name, 16)
    for shape in code.others:
        if re.fullmatch(r"-?(0x)?[0-9a-f]+", shape):
            assert abs(int(shape, 0)) == value


def test_what_the_brief_names_is_there() -> None:
    """Terms and codes that engineers ask for are found."""
    for word in ("0x7780", "0x2700", "-29312", "-30848", "19", "7", "48", "49", "0x7d1", "sni",
                 "JITP", "JITR", "CSR", "PKCS #11", "4354", "0x20"):  # fmt: skip
        assert glossary.look_up(word)


def test_what_is_not_there() -> None:
    """What is not in it is refused, with what looks like it, or with the parts that there are."""
    with pytest.raises(ManualError, match=r"does not hold '0x7781'\. It looks like: .*0x7780"):
        glossary.look_up("0x7781")
    with pytest.raises(ManualError, match=r"All of it is on 12-glossary\.ipynb"):
        glossary.look_up("weather")
    with pytest.raises(ManualError, match="no part 'the weather'; it has the board"):
        glossary.causes("the weather")


def test_as_text_and_as_markdown() -> None:
    """Without a front end the text says the same as the table."""
    codes = glossary.codes("TLS")
    for entry in codes.entries:
        assert f"**{entry.name}**" in codes._repr_markdown_()
        assert entry.name in repr(codes)
    cause = glossary.causes("the account")
    assert "### no-policy" in cause._repr_markdown_()
    assert max(len(line) for line in repr(cause).splitlines()) <= 100


def test_a_diagnosis_links_to_its_causes() -> None:
    """On a page each cause is a link to its heading; in a terminal the page is named."""
    found = diagnose("9 111 [iot_thread] TLS_Connect fail (0x7780, host)\r\n")
    assert f"page 12 of the manual, {found.best.id}" in repr(found)
    for cause in found.causes:
        assert f"[{cause.id}]({glossary.link(cause.id)})" in found._repr_markdown_()
    assert "Read more" not in repr(diagnose("9 9 [a] Demo completed successfully.\r\n"))


def test_causes_of_a_code_are_links() -> None:
    """On a page a code leads to its causes; as text they are plain names."""
    code = glossary.look_up("0x7280")
    link = "[server-closed-handshake](12-glossary.ipynb#server-closed-handshake)"
    assert link in code._repr_markdown_()
    assert link in glossary.codes("TLS")._repr_markdown_()
    assert "causes: server-closed-handshake" in repr(code)


def test_links_lead_to_headings_of_the_page() -> None:
    """Whatever can be linked to has its heading on the page, in a cell or in an output."""
    there = headings()
    names = [
        *CAUSES,
        *(code.name for code in CODES),
        *(t for words in TERMS.values() for t in words),
    ]
    for name in names:
        page, _, heading = glossary.link(name).partition("#")
        assert page == PAGE.name
        assert heading in there, name
