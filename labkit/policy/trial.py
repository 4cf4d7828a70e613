"""One question to one document: what a connection asks, and what the document answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.policy.actions import asked_resource
from labkit.policy.documents import parse
from labkit.policy.evaluation import connection_context, evaluate
from labkit.policy.hello_world import resource_arn
from labkit.policy.layout import lay_out

if TYPE_CHECKING:
    from labkit.policy.evaluation import Decision
    from labkit.policy.layout import LaidOut


@dataclass(frozen=True, slots=True)
class Question:
    """What a connection asks for.

    Attributes:
        region: the account's region.
        account_id: the account's 12 digits.
        client_id: the connection's client id.
        action: such as "iot:Publish".
        topic: the topic, or a subscription's topic filter; Connect has none.
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
        """The ARN that is asked for.

        Raises:
            PolicyError: a connection has no such action.
        """
        asked = asked_resource(self.action, self.client_id, self.topic)
        return resource_arn(self.region, self.account_id, asked)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a document answers.

    Attributes:
        question: what was asked.
        decision: the answer.
        document: the document line by line, to mark the statement that decides.
    """

    question: Question
    decision: Decision
    document: LaidOut


def try_document(text: str, question: Question) -> Trial:
    """Ask a document.

    Args:
        text: the policy document, JSON.
        question: what a connection asks for.

    Raises:
        PolicyError: the document is not one, with the place; or there is no such action.
    """
    policy = parse(text)
    context = connection_context(question.client_id, attached=question.attached)
    decision = evaluate(policy, question.action, question.resource, context)
    return Trial(question, decision, lay_out(json.loads(text)))
