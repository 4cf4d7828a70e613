"""The policy tester: whether a document allows a request, and which statement decides."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import PolicyError
from labkit.manual.widgets.html import attributes, joined, paragraph, select
from labkit.manual.widgets.panel import Panel
from labkit.policy import ACTIONS, Question, hello_world_policy, try_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press
    from labkit.policy import Considered, Trial


class PolicyTesterPanel(Panel):
    """A document and a request to evaluate; a front end for `policy.evaluate`.

    Args:
        lab: the lab, for the account's region and id and the thing's name.
        document: the policy document; the hello world's if None.

    Attributes:
        question: the request.
        document: the document's text, as it was typed.
        trial: the answer; None if the document or the request is invalid.
        problem: why the trial is None; otherwise empty.
    """

    title = "Policy tester"

    def __init__(self, lab: Lab, document: Mapping[str, object] | None = None) -> None:
        super().__init__()
        account, name = lab.account, lab.workspace.settings.thing_name
        demo = lab.hello_world
        shown = document or hello_world_policy(account.region, account.account_id, demo)
        self.document = json.dumps(shown, indent=2)
        self.question = Question(
            account.region,
            account.account_id,
            demo.client_id(name),
            "iot:Publish",
            demo.topics(name)[0],
        )
        self._try()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Evaluate again when a field changes."""
        return {"ask": self._ask}

    def text(self) -> str:
        """Return the request, the answer, and the document with the part of each statement."""
        asked = self.question
        thing = "attached" if asked.attached else "not attached"
        asks = f"{asked.action} as client {asked.client_id}, thing {thing}"
        on = "" if asked.action == "iot:Connect" else f", topic {asked.topic}"
        if self.trial is None:
            return f"{asks}{on}\n{self.problem}"
        marked = [
            f"{'>' if deciding else ' '} {line}" for line, deciding in _marked_lines(self.trial)
        ]
        return "\n".join([f"{asks}{on}", str(self.trial.decision), *_parts(self.trial), *marked])

    def draw(self, *, live: bool) -> Markup:
        """Draw the fields, the answer, and the document with the deciding statement marked."""
        fields = self._fields() if live else paragraph(self.text().split("\n")[0])
        if self.trial is None:
            return fields + paragraph(self.problem, "bad")
        decision = self.trial.decision
        parts = joined(Markup("<li>{}</li>").format(each) for each in _parts(self.trial))
        lines = Markup("\n").join(
            Markup("<mark>{}</mark>").format(line) if deciding else line
            for line, deciding in _marked_lines(self.trial)
        )
        answer = paragraph(decision.reason, "good" if decision else "bad")
        return Markup('{}{}<ul>{}</ul><pre class="lk-policy">{}</pre>').format(
            fields, answer, parts, lines
        )

    def _fields(self) -> Markup:
        asked = self.question
        return Markup(
            '<p>{} {}{}<label><input type="checkbox" name="attached" data-key="attached" '
            'data-press="ask"{}> thing attached</label></p><details data-key="document"><summary '
            'data-key="try">Try another document</summary><label>document <textarea rows="12" '
            'cols="70" name="document" data-key="text" data-press="ask" data-press-on="input">'
            "\n{}</textarea></label></details>"
        ).format(
            select("action", {each: each for each in ACTIONS}, asked.action, press="ask"),
            _field("client_id", "client id", asked.client_id),
            _field("topic", "topic", asked.topic),
            attributes(checked=asked.attached),
            self.document,
        )

    def _ask(self, press: Press) -> None:
        fields = press.fields
        self.document = fields.get("document", self.document)
        asked = self.question
        self.question = replace(
            asked,
            client_id=fields.get("client_id", asked.client_id),
            action=fields.get("action", asked.action),
            topic=fields.get("topic", asked.topic),
            attached=fields.get("attached", str(asked.attached)).lower() == "true",
        )
        self._try()

    def _try(self) -> None:
        self.trial: Trial | None = None
        self.problem = ""
        try:
            self.trial = try_document(self.document, self.question)
        except PolicyError as error:
            self.problem = str(error)


def _parts(trial: Trial) -> list[str]:
    """Return for each statement whether it decides, or why it does not."""
    return [f"{each.statement}: {_part(each, trial)}" for each in trial.decision.considered]


def _part(each: Considered, trial: Trial) -> str:
    if each.statement.number == trial.decision.statement:
        return "decides"
    return each.obstacle or "matches, but another statement decides"


def _marked_lines(trial: Trial) -> list[tuple[str, bool]]:
    """Return the document's lines, each with whether it is the deciding statement's."""
    decisive = trial.decision.statement
    return [
        (line, decisive is not None and trial.document.statement_at(number) == decisive)
        for number, line in enumerate(trial.document.lines)
    ]


def _field(name: str, label: str, value: str) -> Markup:
    return Markup(
        '<label>{} <input name="{}" data-key="{}" data-press="ask" data-press-on="input" '
        'size="26" value="{}"></label> '
    ).format(label, name, name, value)
