"""The choice of an option: every combination of answers gets an honest one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from labkit.lab.choice import QUESTIONS, Choice, choose

ANSWERS = (True, False, None)
EVERY = [
    dict(zip(QUESTIONS, answers, strict=True))
    for answers in itertools.product(ANSWERS, repeat=len(QUESTIONS))
]


def options(answers: dict[str, Any]) -> set[int]:
    """Return the options that a device whose answers are all known has, by the documentation.

    Option 1 "if your device allows the import of private keys"; the builds for secure elements do
    not. Option 2 needs a key pair that the device has made.
    """
    one = answers["imports_keys"] and not answers["secure_element"]
    return ({1} if one else set()) | ({2} if answers["generates_keys"] else set())


def completions(answers: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every device that the answers may be about."""
    unknown = [name for name, answer in answers.items() if answer is None]
    found = (
        answers | dict(zip(unknown, values, strict=True))
        for values in itertools.product((True, False), repeat=len(unknown))
    )
    # A secure element that makes no keys is believed only if somebody says so.
    return [
        each
        for each in found
        if answers["generates_keys"] is not None
        or each["generates_keys"]
        or not each["secure_element"]
    ]


@pytest.mark.parametrize("answers", EVERY, ids=lambda answers: " ".join(map(str, answers.values())))
def test_every_combination_is_answered_honestly(answers: dict[str, Any]) -> None:
    """What is chosen is possible; nothing is ruled out that is possible; the better one wins."""
    choice = choose(**answers)
    possible = [options(each) for each in completions(answers)]
    if choice.option == 2:
        assert all(2 in each for each in possible)
    elif choice.option == 1:
        assert not all(2 in each for each in possible)
        assert any(1 in each for each in possible)
        assert all(each for each in possible) or answers["secure_element"] is None
        assert bool(choice.open_questions) == any(2 in each for each in possible)
    elif choice.open_questions:
        assert any(possible)
        assert not all(2 in each for each in possible)
    else:
        assert not any(possible)
    assert all(answers[name] is None for name in choice.open_questions)


@pytest.mark.parametrize("answers", EVERY[::5])
def test_every_answer_reads_as_text(answers: dict[str, Any]) -> None:
    """The repr is lines of at most 100 characters: the option, the reasons, what to find out."""
    lines = repr(choose(**answers)).splitlines()
    assert lines[0].startswith(("Option 1: ", "Option 2: ", "Neither option: ", "Undecided"))
    assert all(line.startswith(("    because   ", "    find out  ")) for line in lines[1:])
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("answers", "option", "message"),
    [
        ({"secure_element": True}, 2, "a secure element is there for this"),
        ({"generates_keys": True, "imports_keys": True}, 2, "has been outside the device"),
        ({"generates_keys": False, "imports_keys": True, "secure_element": False}, 1, "lab only"),
        ({"imports_keys": True}, 1, "if the device makes key pairs, Option 2 is the better one"),
        ({"generates_keys": False, "imports_keys": False}, None, "Neither option"),
        (
            {"generates_keys": False, "imports_keys": True, "secure_element": True},
            None,
            "its maker may have put a key pair in",
        ),
        ({}, None, "Undecided"),
        ({"generates_keys": True, "enrols": True}, 2, "it could write its own certificate request"),
        ({"generates_keys": True, "enrols": False}, 2, "your workstation does"),
    ],
)
def test_typical_devices(answers: dict[str, Any], option: int | None, message: str) -> None:
    """Each typical device gets its option, and the reason that counts for it."""
    choice = choose(**answers)
    assert choice.option == option
    assert message in repr(choice)


def test_enrolment_never_decides() -> None:
    """Whether a device enrols changes a reason, and never the option."""
    for answers in EVERY:
        given = choose(**answers)
        without = choose(**answers | {"enrols": None})
        assert (given.option, given.open_questions) == (without.option, without.open_questions)


def test_an_open_question_is_asked_in_words() -> None:
    """What is not known and would decide is asked as a question."""
    choice = choose(generates_keys=False)
    assert choice.open_questions == ("imports_keys",)
    assert f"find out  imports_keys: {QUESTIONS['imports_keys']}" in repr(choice)
    assert repr(Choice(None, ())).startswith("Neither option")
