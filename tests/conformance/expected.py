"""What a judge is expected to do, what it did, and how the two differ."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "BROKEN",
    "Expected",
    "Seen",
    "difference",
    "gives",
    "holds",
    "matching",
    "raises",
    "refusal",
]


@dataclass(frozen=True)
class Matching:
    """Any text that a pattern matches as a whole."""

    pattern: str

    def __str__(self) -> str:
        return f"text like {self.pattern}"


@dataclass(frozen=True)
class Holding:
    """Any list with these in it, in any order, among others."""

    members: tuple[object, ...]

    def __str__(self) -> str:
        return "a list that holds " + ", ".join(map(_text, self.members))


@dataclass(frozen=True)
class Seen:
    """What the situation has noted under a name while it was made, such as an id."""

    name: str

    def __str__(self) -> str:
        return f"the {self.name} of the situation"


@dataclass(frozen=True)
class Refusal:
    """One way to refuse: the error's code, its HTTP status, and fields beside the message."""

    code: str
    status: int
    fields: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        fields = "".join(f", {name}: {value}" for name, value in self.fields.items())
        return f"{self.code} {self.status}{fields}"


@dataclass(frozen=True)
class Expected:
    """What AWS does: an answer, or one of some refusals (more than one where no source says)."""

    answer: object = None
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_refusal(self) -> bool:
        """Whether the call is refused."""
        return bool(self.refusals)

    def __or__(self, other: Expected) -> Expected:
        more = tuple(it for it in other.refusals if it not in self.refusals)
        return Expected(refusals=self.refusals + more)

    def __str__(self) -> str:
        return " or ".join(map(str, self.refusals)) if self.refusals else _text(self.answer)


def gives(answer: object) -> Expected:
    """Expect an answer: equal to this, or, where this is a mapping, with these members."""
    return Expected(answer=answer)


def raises(code: str, status: int, **fields: object) -> Expected:
    """Expect a refusal; join two with `|` where no source says which of them."""
    return Expected(refusals=(Refusal(code, status, fields),))


def matching(pattern: str) -> Matching:
    """Expect a text that a regular expression matches as a whole."""
    return Matching(pattern)


def holds(*members: object) -> Holding:
    """Expect a list with these in it."""
    return Holding(members)


BROKEN = (BotoCoreError, ResponseParserError, OSError, LookupError, TypeError, ValueError)
"""What comes where an answer is none, or lacks what every answer has."""


def difference(
    expected: Expected, act: Callable[[], object], seen: Mapping[str, object]
) -> str | None:
    """Act, and say how what comes differs from what is expected.

    Args:
        expected: what AWS does.
        act: performs the deciding call and returns what is to be compared.
        seen: what the situation has noted.

    Returns:
        What got, in a few words; None where it is what was expected.
    """
    try:
        answer = act()
    except ClientError as error:
        got = refusal(error)
        if any(_same_refusal(refusal, got, seen) for refusal in expected.refusals):
            return None
        return str(got)
    except BROKEN as error:
        return f"{type(error).__name__}: {error}"
    if expected.refusals:
        return f"accepted: {_text(answer)}"
    if _same(expected.answer, answer, seen):
        return None
    return _text(_at_fault(expected.answer, answer, seen))


def _at_fault(expected: object, answer: object, seen: Mapping[str, object]) -> object:
    """Return of a mapping the members that differ, and anything else as it is."""
    if not (isinstance(expected, dict) and isinstance(answer, dict)):
        return answer
    return {
        name: answer.get(name, "missing")
        for name, value in expected.items()
        if name not in answer or not _same(value, answer[name], seen)
    }


def refusal(error: ClientError) -> Refusal:
    """Return what a refusal of boto3's says."""
    answer = error.response
    fields = {k: v for k, v in answer.items() if k not in {"Error", "ResponseMetadata"}}
    fields.pop("message", None)
    return Refusal(answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], fields)


def _same_refusal(expected: Refusal, got: Refusal, seen: Mapping[str, object]) -> bool:
    return (expected.code, expected.status) == (got.code, got.status) and _same(
        expected.fields, got.fields, seen
    )


def _same(expected: object, got: object, seen: Mapping[str, object]) -> bool:
    match expected:
        case Seen(name):
            return got == seen[name]
        case Matching(pattern):
            return isinstance(got, str) and re.fullmatch(pattern, got) is not None
        case Holding(members):
            return isinstance(got, list) and all(
                any(_same(member, one, seen) for one in got) for member in members
            )
        case list():
            return (
                isinstance(got, list)
                and len(got) == len(expected)
                and all(_same(one, other, seen) for one, other in zip(expected, got, strict=True))
            )
        case dict():
            return isinstance(got, dict) and all(
                name in got and _same(value, got[name], seen) for name, value in expected.items()
            )
        case _:
            return type(got) is type(expected) and got == expected


LONGEST = 160


def _text(value: object) -> str:
    match value:
        case dict():
            value = {name: it for name, it in value.items() if name != "ResponseMetadata"}
            text = ", ".join(f"{name}: {_text(it)}" for name, it in value.items()) or "nothing"
        case list():
            text = "[" + ", ".join(map(_text, value)) + "]"
        case _:
            text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
