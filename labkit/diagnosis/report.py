"""The result of a diagnosis: ranked causes, and their text."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from labkit.diagnosis.causes import CAUSES, CauseText

if TYPE_CHECKING:
    from labkit.diagnosis.finding import Item

_GLOSSARY: Final = "12-glossary.ipynb"
"""The page of the manual that explains each cause under its id."""
_WIDTH = 100
_INDENT = 16
_LIKELY: Final = 0.6
_WORDS: Final = (
    (0.9, "almost certain"),
    (_LIKELY, "likely"),
    (0.3, "possible"),
    (0.0, "less likely"),
)
_OTHERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause and the evidence for it.

    Attributes:
        id: its id in `CAUSES`.
        confidence: from 0 to 1.
        evidence: the evidence, console lines first.
    """

    id: str
    confidence: float
    evidence: tuple[Item, ...]

    @property
    def text(self) -> CauseText:
        """Its row in the table of causes."""
        return CAUSES[self.id]

    def __str__(self) -> str:
        """Return the id and the confidence."""
        words = next(words for least, words in _WORDS if self.confidence >= least)
        return f"{self.id}: {words} ({self.confidence:.2f})"


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis:
    """The diagnosis of a console log with its evidence; its repr is a text to read.

    Attributes:
        says: what happened, in one sentence.
        causes: the causes, best first; at least one.
        needs: the missing evidence that would decide between them, in the order in which to give
            it; empty if the evidence decides.
        notes: further remarks.
    """

    says: str
    causes: tuple[Cause, ...]
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Cause:
        """The first cause."""
        return self.causes[0]

    @property
    def summary(self) -> str:
        """What happened, the likeliest cause, and what to do, in one paragraph."""
        text = self.best.text
        return f"{self.says} Cause: {self.best}. {text.meaning} {text.action}"

    def as_dict(self) -> dict[str, object]:
        """Return the diagnosis for JSON."""
        return {
            "says": self.says,
            "causes": [
                {
                    "id": cause.id,
                    "confidence": round(cause.confidence, 2),
                    "evidence": [asdict(item) for item in cause.evidence],
                    **asdict(cause.text),
                }
                for cause in self.causes
            ],
            "needs": list(self.needs),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """Return what happened, why, and what to do next."""
        best, *others = self.causes
        paragraphs = [("What happened", self.says)]
        paragraphs += [("", str(item)) for item in best.evidence if item.source == "console"]
        paragraphs += [("Why", f"{best}"), ("", best.text.meaning)]
        paragraphs += [("", str(item)) for item in best.evidence if item.source != "console"]
        if self.needs and best.text.distinguish:
            paragraphs.append(("", best.text.distinguish))
        for at, cause in enumerate(others[:_OTHERS_SHOWN]):
            paragraphs.append(("Or else" if at == 0 else "", f"{cause}. {cause.text.distinguish}"))
        paragraphs += self._next_steps()
        paragraphs += [("Note", note) for note in self.notes]
        if best.id != "ok":
            paragraphs.append(("Read more", f"page 12 of the manual, {best.id}"))
        return "\n".join(_paragraph(head, text) for head, text in paragraphs)

    def _repr_markdown_(self) -> str:
        """Return the same text for a page, with links to the explanations of the causes."""
        links = ", ".join(f"[{cause.id}]({_GLOSSARY}#{cause.id})" for cause in self.causes)
        return f"```text\n{self!r}\n```\n{links}"

    def _next_steps(self) -> list[tuple[str, str]]:
        """Return what to do: first give the missing evidence, unless one cause is likely."""
        act = ("Do this next", self.best.text.action)
        if not self.needs:
            return [act]
        wanted = "; then ".join(self.needs)
        if self.best.confidence >= _LIKELY:
            return [act, ("To be sure", f"Give {wanted}.")]
        decide = ("Do this next", f"This evidence cannot decide. Give {wanted}.")
        return [decide, ("If it is that", self.best.text.action)]


def _paragraph(head: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"{head:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
    ).rstrip()
