"""A step of the procedure, and a route: steps in the documentation's order.

What a step needs and makes is named as the documentation names it: a file, a C macro (with
`=value` where another step sets another value), or `account: …` for what AWS IoT holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.procedure.steps.workbench import Outcome, Workbench
    from labkit.workspace import Entry

_ACCOUNT = "account: "
_KINDS = {
    "ACTIVE": ("certificate",),
    "attachments": ("thing attachment", "policy attachment"),
}
"""The resources of what a step makes in the account, if they have another name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the procedure.

    Attributes:
        name: its name, which is also the call on a page.
        page: the page that teaches it.
        section: the documentation's section.
        does: what it does, in a line.
        needs: what it needs, as an earlier step makes it.
        makes: what it makes.
        do: the function that does it; it is given the step's newest journal entry, if any.
        actions: what an identity needs to be allowed to do in AWS for it, such as
            "iot:CreateThing".
    """

    name: str
    page: str
    section: str
    does: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    do: Callable[[Workbench, Entry | None], Outcome]
    actions: tuple[str, ...] = ()

    def on(self, page: str, section: str) -> Step:
        """Return the same step as another route has it: taught on another page."""
        return replace(self, page=page, section=section)

    @property
    def is_asked_again(self) -> bool:
        """Whether the journal's word is not enough: the account, or the hello world, must say."""
        return not self.makes or self.is_in_account

    @property
    def resources(self) -> frozenset[str]:
        """The kinds of resources in the account that it makes, such as "thing"."""
        items = (item.removeprefix(_ACCOUNT) for item in self.makes if item.startswith(_ACCOUNT))
        return frozenset(kind for item in items for kind in _KINDS.get(item, (item,)))

    @property
    def is_in_account(self) -> bool:
        """Whether it makes something in the account."""
        return any(item.startswith(_ACCOUNT) for item in self.makes)

    @property
    def is_on_board(self) -> bool:
        """Whether what it makes is an image on the board, which is as old as its build."""
        return any(item.startswith("console.log: ") for item in self.makes)


@dataclass(frozen=True, slots=True)
class Route:
    """A route to a trusted certificate; its repr is a list to read.

    Attributes:
        name: its name, as lab.toml has it.
        steps: its steps, in the documentation's order.
    """

    name: str
    steps: tuple[Step, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """What an identity needs to be allowed to do in AWS for the whole route, each once."""
        return tuple(dict.fromkeys(action for step in self.steps for action in step.actions))

    def find(self, name: str) -> Step:
        """Return a step by its name.

        Raises:
            KeyError: the route has no such step.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def number(self, name: str) -> int:
        """Return a step's place on the route, counted from 0."""
        return self.steps.index(self.find(name))

    def maker(self, item: str) -> Step | None:
        """Return the step that makes a file or another item, or None."""
        return next((step for step in self.steps if item in step.makes), None)

    def before(self, step: Step) -> tuple[Step, ...]:
        """Return the steps that make what a step needs, and what those need, first ones first."""
        names: set[str] = set()
        wanted = list(step.needs)
        while wanted:
            item = wanted.pop()
            for maker in self.steps:
                if item in maker.makes and maker.name not in names:
                    names.add(maker.name)
                    wanted.extend(maker.needs)
        return tuple(each for each in self.steps if each.name in names)

    def __contains__(self, name: str) -> bool:
        """Return whether the route has a step of a name."""
        return any(step.name == name for step in self.steps)

    def __repr__(self) -> str:
        """Return a line for each step, under its page."""
        lines = []
        page = ""
        for step in self.steps:
            if step.page != page:
                page = step.page
                lines.append(f"{page[:2]} {step.section}")
            lines.append(f"     lab.{step.name}()")
            lines.append(f"         {step.does}")
        return "\n".join(lines)
