"""IoT policies: the hello world's policy, reading a policy document, and evaluating it.

::

    policy = parse(hello_world_policy("us-east-1", "123456789012"))
    context = connection_context("my-thing", attached=True)
    evaluate(policy, "iot:Publish", topic_arn, context)  # allowed by statement 2 (…)
"""

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
from labkit.policy.trial import (
    ACTIONS,
    DocumentLines,
    Question,
    Trial,
    document_lines,
    try_document,
)

__all__ = [
    "ACTIONS",
    "DOCUMENT_CHARACTERS_MAX",
    "GENERATIONS",
    "NEWEST",
    "Considered",
    "Decision",
    "DocumentLines",
    "HelloWorld",
    "Policy",
    "Question",
    "Statement",
    "Trial",
    "connection_context",
    "document_lines",
    "evaluate",
    "generation",
    "hello_world_policy",
    "missing_values",
    "parse",
    "resource_arn",
    "try_document",
]
