"""Names, messages and documents are in plain English. A later issue does the pages' prose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fresh_clone import files
from messages import Message, messages

import labkit.errors

ROOT = Path(__file__).resolve().parents[2]
INSTEAD = {
    r"\bis_told\b|\btold\b(?! apart)": "describe, report, state; `answer`, `description` as names",
    r"\bcame (?!from|with|to)": "got",
    r"\banew\b": "again",
    r"\b(un)?mend(s|ed|ing)?\b": "fix",
    r"(?<!\")\bunma(ke|kes|de|king)\b": "delete, undo",
    r"\bhangs? on (?!to)": "depends on",
    r"\bleav(e|es|ing) away\b": "leave out",
    r"\bpass(es|ed)? over\b": "skip",
    r"\bwhoever\b|\bnobody (who|may|can|has|says)\b": "you, the trainee, the board, AWS IoT",
    r"\bcommonest\b": "most common",
    r"\bthrow-away\b": "temporary",
}
"""What a technical writer would not write, and what instead."""

KINDS = {".py", ".md", ".js", ".css", ".toml"}
OWN = {"test_english.py"}
ERRORS = {
    name
    for name, error in vars(labkit.errors).items()
    if isinstance(error, type) and issubclass(error, labkit.errors.LabError)
}


def faults(text: str) -> list[str]:
    """Return each phrase to replace, with its line and what to write instead."""
    return [
        f"{number}: {match[0]!r} -> {instead}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern, instead in INSTEAD.items()
        for match in re.finditer(pattern, line, re.IGNORECASE)
    ]


@pytest.mark.needs("git")
def test_no_idioms_are_in_code_and_documents() -> None:
    """Each file of the project but the pages uses the plain word."""
    found = {
        name: wrong
        for name in files()
        if Path(name).suffix in KINDS and Path(name).name not in OWN
        if (wrong := faults((ROOT / name).read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    ["expected 2, came 3", "nobody can tell", "It hangs on the key.", "Mend it.", "told = 1"],
)
def test_idioms_are_found(text: str) -> None:
    """An idiom is found in a name, a message and a sentence."""
    assert len(faults(f"x = 1\n{text}\n")) == 1
    assert faults(f"x = 1\n{text}\n")[0].startswith("2: ")


@pytest.mark.parametrize("text", ["It came from the board.", "recommended", "amend"])
def test_plain_words_pass(text: str) -> None:
    """A word that only looks like an idiom is not one."""
    assert faults(text) == []


def is_whole(message: Message) -> bool:
    """Return whether a message has two sentences or more: what happened, and what to do."""
    if message.text.endswith("}"):
        return True  # it ends in another text, which has its own end
    sentences = re.split(r"(?<=[.?!:;}])\s+", message.text.strip())
    return len(sentences) > 1 and message.text.rstrip()[-1] in ".?!`\"'"


def test_every_error_says_what_to_do() -> None:
    """Every message of labkit's errors is in sentences, and has more than what happened."""
    found = [each for each in messages() if each.error in ERRORS]
    assert len(found) > 250
    assert [each for each in found if not is_whole(each)] == []


@pytest.mark.parametrize("text", ["the port is closed.", "The port is closed. Open it"])
def test_a_message_that_ends_too_soon_is_found(text: str) -> None:
    """One sentence, or a sentence without its end, is not enough."""
    assert not is_whole(Message("x.py", 1, "PortError", text))
