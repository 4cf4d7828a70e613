"""The glossary: complete, in the diagnosis' own words, and found from every shape of a code."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from labkit.diagnosis import CAUSES, CODES, PLACES, CauseText, diagnose
from labkit.diagnosis.signs import Sign
from labkit.diagnosis.symptoms import SYMPTOMS
from labkit.errors import ManualError
from labkit.manual import glossary
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


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a further cause of 0x7780, put into the diagnosis's tables and nowhere else."""
    text = CauseText("Mice have eaten the antenna.", "Get a cat.", "Look for crumbs.", "a cat")
    monkeypatch.setitem(PLACES["the board"], "mice", text)
    alert = next(
        each for each in SYMPTOMS if each.signs == (Sign.ALERT,) and not each.is_conditional
    )
    monkeypatch.setitem(alert.causes, "mice", 0.9)
    return "mice"


def test_a_planted_cause_is_everywhere(planted: str) -> None:
    """A cause that is added to the table is diagnosed, and the glossary has its words and code."""
    found = diagnose("9 111 [iot_thread] TLS_Connect fail (0x7780, host)\r\n")
    assert found.best.id == planted
    assert found.best.text.action == "Get a cat."
    entry = dict(glossary.look_up(planted).paragraphs)
    assert entry == {
        "what it means": "Mice have eaten the antenna.",
        "what to do": "Get a cat.",
        "how to recognise it": "Look for crumbs.",
        "codes": "`0x7780`",
        "source": "a cat",
    }
    assert planted in {each.name for each in glossary.causes("the board").entries}
    assert planted in dict(glossary.look_up("0x7780").paragraphs)["causes"].split(", ")


def test_a_cause_that_is_not_in_the_table_is_nowhere() -> None:
    """The same look-ups without the planted cause do not find it."""
    with pytest.raises(ManualError):
        glossary.look_up("mice")
    assert "mice" not in repr(glossary.look_up("0x7780"))


def test_each_shape_of_a_code_leads_to_it() -> None:
    """A code is found with a sign, decimal, hexadecimal and by its name, and no shape is twice."""
    for code in CODES:
        for shape in (code.name, *code.others):
            assert glossary.look_up(shape.upper()).name == code.name
    shapes = [shape for code in CODES for shape in (code.name, *code.others)]
    assert len(shapes) == len(set(shapes))


NUMBERS = {"0x7780": "-30592", "0x7880": "-30848", "0x7d1": "2001", "130": "0x82", "4354": "0x1102"}


@pytest.mark.parametrize(("code", "shape"), NUMBERS.items(), ids=NUMBERS)
def test_a_code_in_another_notation(code: str, shape: str) -> None:
    """MbedTLS's codes are negative where they are decimal; PKCS #11's values never are."""
    assert glossary.look_up(shape).name == code


COUNT = re.compile(
    r"(?i)\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d+) (?:\w+ ){0,2}"
    r"(?:mistakes|causes|faults)\b.{0,40}"
)


def counts(text: str) -> list[str]:
    """Return the places in prose that count what prints a code."""
    found = re.findall(r"[^.|]*(?:0x[0-9a-f]{4}|prints? (?:it|this|the same))[^.|]*", text)
    return [each[0] for sentence in found if (each := COUNT.search(sentence))]


@pytest.mark.parametrize("page", sorted(PAGE.parent.glob("*.ipynb")), ids=lambda page: page.stem)
def test_no_page_counts_causes(page: Path) -> None:
    """How many causes a code has is in the table; prose that repeats the number would go stale."""
    cells = nbformat.read(page, 4).cells
    assert [each for cell in cells for each in counts(cell.source)] == []


@pytest.mark.parametrize(
    "prose",
    [
        "The console would say `0x7780`, as it does for six other mistakes.",
        "Seven different mistakes print the same `0x7780` on the console.",
        "Eight causes print this.",
    ],
)
def test_a_count_in_prose_is_found(prose: str) -> None:
    """The sentences that the pages once had are found."""
    assert counts(prose)


def test_what_the_brief_names_is_there() -> None:
    """Terms and codes that engineers ask for are found."""
    for word in ("0x7780", "0x2700", "-29312", "-30848", "19", "7", "48", "49", "0x7d1", "sni",
                 "JITP", "JITR", "CSR", "PKCS #11", "4354", "0x20"):  # fmt: skip
        assert glossary.look_up(word)


def test_what_is_not_there() -> None:
    """What is not in it is refused, with what looks like it, or with the parts that there are."""
    with pytest.raises(ManualError, match=r"does not hold '0x7781'\. Similar entries: .*0x7780"):
        glossary.look_up("0x7781")
    with pytest.raises(ManualError, match=r"12-glossary\.ipynb lists all entries"):
        glossary.look_up("weather")
    with pytest.raises(ManualError, match=r"no part 'the weather'\. Its parts are the board"):
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
