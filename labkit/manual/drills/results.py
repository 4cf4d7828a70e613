"""The results of the drills, kept in the drill device's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.manual.drills.catalogue import DRILLS
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

_FILE = "drills.json"


@dataclass(frozen=True, slots=True)
class Summary:
    """The results of all drills; its repr is a list to read.

    Attributes:
        results: by the drill's number, the number of answers, and how many times its cause was
            named and it was mastered.
    """

    results: dict[int, dict[str, int]]

    @property
    def mastered(self) -> tuple[int, ...]:
        """The numbers of the drills whose cause was named and fixed."""
        return tuple(number for number, each in self.results.items() if each.get("mastered"))

    def __repr__(self) -> str:
        """Return a line for each drill, and the total."""
        width = max(len(str(each)) for each in DRILLS)
        lines = [f"{each!s:<{width}}  {self._result(each.number)}" for each in DRILLS]
        return "\n".join([*lines, f"mastered: {len(self.mastered)} of {len(DRILLS)}"])

    def _result(self, number: int) -> str:
        result = self.results.get(number, {})
        if times := result.get("mastered"):
            again = f", {times} times" if times > 1 else ""
            return f"mastered{again} ({result['answers']} answers in all)"
        return "named, not fixed yet" if result.get("named") else "open"


def summary(lab: Lab) -> Summary:
    """Return the results of the drills on a lab's drill device."""
    return Summary({int(number): each for number, each in _read(lab).items()})


def count(lab: Lab, number: int, event: str) -> None:
    """Count an event of a drill: "answers", "named" or "mastered"."""
    results = _read(lab)
    result = results.setdefault(str(number), {})
    result[event] = result.get(event, 0) + 1
    write(lab.workspace.device / _FILE, json.dumps(results, indent=2) + "\n")


def _read(lab: Lab) -> dict[str, Any]:
    file = lab.workspace.device / _FILE
    results: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
    return results
