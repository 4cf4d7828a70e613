"""Ask a policy document one question about an MQTT connection, and show which statement decides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import PolicyError
from labkit.policy.documents import parse
from labkit.policy.evaluation import connection_context, evaluate
from labkit.policy.hello_world import resource_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.policy.evaluation import Decision

ACTIONS: Mapping[str, str] = {
    "iot:Connect": "client",
    "iot:Publish": "topic",
    "iot:Receive": "topic",
    "iot:Subscribe": "topicfilter",
}
"""Each action of an MQTT connection, with the type of its resource.

Source: AWS IoT Core developer guide, AWS IoT Core policy actions, AWS IoT Core action resources.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """An action of a connection, and the connection.

    Attributes:
        region: the account's region.
        account_id: the account's 12 digits.
        client_id: the connection's client id.
        action: such as "iot:Publish".
        topic: the topic, or a subscription's topic filter; empty for Connect.
        attached: whether the certificate is attached to the thing of that name.
    """

    region: str
    account_id: str
    client_id: str
    action: str
    topic: str = ""
    attached: bool = True

    @property
    def resource(self) -> str:
        """The ARN of the action's resource.

        Raises:
            PolicyError: a connection has no such action.
        """
        kind = ACTIONS.get(self.action)
        if kind is None:
            raise PolicyError(
                f'Action: expected one of {", ".join(ACTIONS)}, got "{self.action}". '
                "Choose one of these."
            )
        name = self.client_id if kind == "client" else self.topic
        return resource_arn(self.region, self.account_id, f"{kind}/{name}")


@dataclass(frozen=True, slots=True)
class DocumentLines:
    """A document as indented text, with the lines of each statement.

    Attributes:
        lines: the document's lines, indented by two.
        statements: the lines of each statement, counted from 0, in the document's order.
    """

    lines: tuple[str, ...]
    statements: tuple[range, ...]

    def statement_at(self, line: int) -> int | None:
        """Return the number of the statement that a line belongs to, from 1; None if to none."""
        numbered = enumerate(self.statements, 1)
        return next((number for number, lines in numbered if line in lines), None)


@dataclass(frozen=True, slots=True)
class Trial:
    """A question, and the document's answer.

    Attributes:
        question: the question.
        decision: the answer.
        document: the document line by line, to mark the statement that decides.
    """

    question: Question
    decision: Decision
    document: DocumentLines


def try_document(text: str, question: Question) -> Trial:
    """Evaluate a policy document for one question.

    Args:
        text: the policy document, JSON.
        question: the action and the connection.

    Raises:
        PolicyError: the document is malformed (the message names the place), or a connection has
            no such action.
    """
    policy = parse(text)
    context = connection_context(question.client_id, attached=question.attached)
    decision = evaluate(policy, question.action, question.resource, context)
    return Trial(question, decision, document_lines(json.loads(text)))


def document_lines(document: Mapping[str, object]) -> DocumentLines:
    """Return the lines of a policy document that `parse` has accepted."""
    lines = _lines(document)
    at = 1
    for key, value in document.items():
        if key == "Statement":
            break
        at += len(_lines(value))
    listed = document["Statement"]
    if not isinstance(listed, list):
        return DocumentLines(lines, (range(at, at + len(_lines(listed))),))
    at += 1
    statements = []
    for each in listed:
        length = len(_lines(each))
        statements.append(range(at, at + length))
        at += length
    return DocumentLines(lines, tuple(statements))


def _lines(value: object) -> tuple[str, ...]:
    # Not splitlines(), which also divides at characters that JSON does not escape.
    return tuple(json.dumps(value, indent=2, ensure_ascii=False).split("\n"))
