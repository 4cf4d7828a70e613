"""IoT policies: the one that the hello world needs, reading one, and deciding by it.

::

    policy = parse(hello_world_policy("us-east-1", "123456789012"))
    context = connection_context("my-thing", attached=True)
    evaluate(policy, "iot:Publish", topic_arn, context)  # allowed by statement 2 (…)
"""

from labkit.policy.actions import ACTIONS, asked_resource
from labkit.policy.documents import DOCUMENT_CHARACTERS_MAX, Policy, Statement, parse
from labkit.policy.evaluation import (
    Considered,
    Decision,
    connection_context,
    evaluate,
    missing_values,
)
from labkit.policy.hello_world import (
    GENERATIONS,
    NEWEST,
    HelloWorld,
    generation,
    hello_world_policy,
    resource_arn,
)
from labkit.policy.layout import LaidOut, lay_out
from labkit.policy.trial import Question, Trial, try_document

__all__ = [
    "ACTIONS",
    "DOCUMENT_CHARACTERS_MAX",
    "GENERATIONS",
    "NEWEST",
    "Considered",
    "Decision",
    "HelloWorld",
    "LaidOut",
    "Policy",
    "Question",
    "Statement",
    "Trial",
    "asked_resource",
    "connection_context",
    "evaluate",
    "generation",
    "hello_world_policy",
    "lay_out",
    "missing_values",
    "parse",
    "resource_arn",
    "try_document",
]
