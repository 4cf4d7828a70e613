"""The policy tester: the answer, the statement that decides, and why the others do not."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from labkit.errors import PolicyError
from labkit.manual.widgets.policy_tester_panel import PolicyTesterPanel
from labkit.policy import NEWEST, Question, document_lines, try_document

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

REGION, ACCOUNT, THING = "us-east-1", "123456789012", "LED"
ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}"


@pytest.fixture
def panel() -> PolicyTesterPanel:
    """Return a tester for a device named LED; it needs of a lab only these names."""
    lab = SimpleNamespace(
        account=SimpleNamespace(region=REGION, account_id=ACCOUNT),
        workspace=SimpleNamespace(settings=SimpleNamespace(thing_name=THING)),
        hello_world=NEWEST,
    )
    return PolicyTesterPanel(cast("Lab", lab))


def marked(panel: PolicyTesterPanel) -> str:
    """Return the lines of the document that are marked in the text."""
    lines = repr(panel).splitlines()
    return "\n".join(line[2:] for line in lines if line.startswith("> "))


def statement(effect: str, action: str, resource: str) -> dict[str, str]:
    """Return one statement."""
    return {"Effect": effect, "Action": action, "Resource": resource}


def typed(*statements: dict[str, str]) -> str:
    """Return a document on one line, as it may be typed."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_deciding_statement_is_marked(panel: PolicyTesterPanel) -> None:
    """Publishing is decided by statement 2: the mark is on it and on nothing else."""
    assert "allowed by statement 2" in repr(panel)
    assert json.loads(marked(panel).rstrip(","))["Sid"] == "Publish"
    assert "<mark>" in panel.html(live=False)


def test_what_nothing_allows_is_denied_and_nothing_is_marked(panel: PolicyTesterPanel) -> None:
    """Another device's topic: no statement decides, and each says why."""
    panel.press("ask", topic="other/example/topic")
    assert "denied: no statement allows iot:Publish" in repr(panel)
    assert marked(panel) == ""
    assert "<mark>" not in panel.html(live=True)
    assert 'statement 1 ("Connect"): about other actions than iot:Publish' in repr(panel)


def test_an_explicit_deny_wins(panel: PolicyTesterPanel) -> None:
    """A Deny that comes last beats an Allow that matches too."""
    topic = f"{ARN}:topic/*"
    document = typed(statement("Allow", "iot:*", topic), statement("Deny", "iot:Publish", topic))
    panel.press("ask", document=document)
    assert "explicitly denied by statement 2" in repr(panel)
    assert "statement 1: matches, but another statement decides" in repr(panel)
    assert '"Deny"' in marked(panel)


def test_a_variable_without_value_matches_nothing(panel: PolicyTesterPanel) -> None:
    """Without the thing, its name has no value; with it the same is allowed."""
    panel.press("ask", attached="false")
    assert "has no value here, so it matches nothing" in repr(panel)
    panel.press("ask", attached="true")
    assert "allowed by" in repr(panel)


@pytest.mark.parametrize(
    ("action", "named", "says"),
    [
        ("iot:Subscribe", "topic", "names a topic, and iot:Subscribe needs a topicfilter"),
        ("iot:Publish", "topicfilter", "names a topicfilter, and iot:Publish needs a topic"),
    ],
)
def test_topic_and_topicfilter_mixed_up_is_said(
    action: str, named: str, says: str, panel: PolicyTesterPanel
) -> None:
    """The mix-up is named; with the right kind the statement allows, without the message."""
    right = "topicfilter" if named == "topic" else "topic"
    panel.press(
        "ask", action=action, document=typed(statement("Allow", action, f"{ARN}:{named}/*"))
    )
    assert says in repr(panel)
    panel.press(
        "ask", action=action, document=typed(statement("Allow", action, f"{ARN}:{right}/*"))
    )
    assert says not in repr(panel)
    assert "allowed by statement 1" in repr(panel)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ('{"Version": "2012-10-17",', "line 1, column"),
        ("[]", "expected an object in braces"),
        (typed(statement("Permit", "iot:Publish", "*")), "statement 1, Effect"),
    ],
)
def test_a_broken_document_gets_the_parsers_words(
    document: str, says: str, panel: PolicyTesterPanel
) -> None:
    """The message has the position, the typed text stays, and a fixed text is evaluated."""
    panel.press("ask", document=document)
    assert says in repr(panel)
    assert "<mark>" not in panel.html(live=True)
    assert panel.document == document
    panel.press("ask", document=typed(statement("Allow", "iot:Publish", "*")))
    assert "allowed by statement 1" in repr(panel)


def test_view_and_twin_say_what_the_text_says(panel: PolicyTesterPanel) -> None:
    """All three have the answer; only the live view has fields."""
    reason = "allowed by statement 2 (&#34;Publish&#34;)"
    assert reason in panel.html(live=True)
    assert reason in panel.html(live=False)
    assert "<textarea" in panel.html(live=True)
    assert not {"<textarea", "<input", "<select", "<button"} & set(panel.html(live=False).split())


def test_what_is_typed_is_only_text(panel: PolicyTesterPanel) -> None:
    """Markup in a field or a document is shown, never obeyed."""
    panel.press("ask", topic="<script>alert(1)</script>", document="</textarea><script>")
    assert "<script>" not in panel.html(live=True)
    assert "<script>" not in panel.html(live=False)


def test_an_action_that_no_connection_has() -> None:
    """It is refused with those that there are."""
    question = Question(REGION, ACCOUNT, THING, "iot:Fly")
    with pytest.raises(PolicyError, match=r"iot:Connect.*iot:Fly"):
        try_document(typed(statement("Allow", "*", "*")), question)


@pytest.mark.parametrize("key_first", ["Version", "Statement"])
@pytest.mark.parametrize("as_list", [True, False])
def test_statements_are_found_wherever_they_stand(key_first: str, *, as_list: bool) -> None:
    """The lines of a statement are its own JSON, whichever member comes first."""
    one = {"Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*", "Condition": {}}
    members = {"Version": "2012-10-17", "Statement": [one, one] if as_list else one}
    laid = document_lines({key_first: members[key_first]} | members)
    assert len(laid.statements) == (2 if as_list else 1)
    for lines in laid.statements:
        text = "\n".join(laid.lines[lines.start : lines.stop]).strip().rstrip(",")
        assert json.loads(text.removeprefix('"Statement": ')) == one
