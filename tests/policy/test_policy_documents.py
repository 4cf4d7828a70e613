"""Policy documents and patterns: what is malformed is refused, what is not is read."""

from __future__ import annotations

import fnmatch
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_policy import ATTACHED, arn, document, statement

from labkit.errors import PolicyError
from labkit.policy import evaluate, parse
from labkit.policy.patterns import compile_pattern, matches, resolve

# Reading.


def test_a_single_statement_needs_no_list() -> None:
    """Statement may be one object; texts may stand alone or in lists; name is kept."""
    policy = parse(document() | {"Statement": statement(Sid="Only")}, name="Lab")
    assert [item.sid for item in policy.statements] == ["Only"]
    assert policy.name == "Lab"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("", "line 1, column 1: expected JSON"),
        ('{"Version": "2012-10-17",\n "Statement": [}', r"line 2, column 16: expected JSON"),
        ("[]", r"document: expected an object in braces, got \[\]"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17"}', '"Version" is written twice'),
        ("[" * 2000, "expected JSON|nested too deeply"),
        ({"Statement": statement(), "Statements": []}, 'document: "Statements" does not belong'),
        ({"Version": "2012-10-18", "Statement": []}, 'Version: expected "2012-10-17", got "2012'),
        ({"Version": "2012-10-17"}, "Statement must not be empty"),
        (document(), "Statement must not be empty"),
        (document("x"), 'statement 1: expected an object in braces, got "x"'),
        (document(statement(), statement(Effect="allow")), 'statement 2, Effect: .* got "allow"'),
        (document({"Action": "*", "Resource": "*"}), "statement 1, Effect: .* got nothing"),
        (document(statement(Principal="*")), 'statement 1: "Principal" does not belong there'),
        (document(statement(Sid=7)), "statement 1, Sid: expected text, got 7"),
        (
            document({"Effect": "Allow", "Resource": "*"}),
            "either Action or NotAction, got neither",
        ),
        (document(statement(NotAction="*")), "either Action or NotAction, got both"),
        (
            document({"Effect": "Allow", "Action": "*"}),
            "either Resource or NotResource, got neither",
        ),
        (document(statement(Action=[])), "statement 1, Action: expected one value or more"),
        (document(statement(Action=[{}])), "statement 1, Action: expected text or a list"),
        (
            document(statement(Action="Publish")),
            'statement 1, Action: expected an action .*"Publish"',
        ),
        (document(statement(Action="iot:Pub lish")), "Action: expected an action"),
        (document(statement(Resource="topic/a")), 'Resource: expected "\\*" or an ARN .*"topic/a"'),
        (document(statement(Resource="arn:aws:iot")), "or an ARN such as"),
        (document(statement(Resource=arn("topic/${a"))), r'character 42: expected a name and "}"'),
        (document(statement(Resource=arn("topic/${}"))), "expected a name"),
        (document(statement(Resource=arn("topic/${a${b}}"))), "expected a name"),
        (document(statement(Condition="x")), "statement 1, Condition: expected an object"),
        (document(statement(Condition={"Bool": "x"})), "Condition, Bool: expected an object"),
        (document(statement(Condition={"Is": {"a": "b"}})), '"Is" is not a condition operator'),
        (document(statement(Condition={"For:Bool": {"a": "true"}})), "is not a condition operator"),
        (document(statement(Condition={"NullIfExists": {"a": "true"}})), "is not a condition"),
        (document(statement(Condition={"Bool": {"a": "yes"}})), 'Bool: expected "true" or "false"'),
        (document(statement(Condition={"IpAddress": {"a": "10.0.0.0"}})), "that labkit evaluates"),
        (document(statement(Condition={"StringLike": {"a": []}})), "StringLike, a: expected one"),
        (document(statement(Condition={"StringLike": {"a": "${"}})), "expected a name"),
        (document(statement(Sid="x" * 2048)), "at most 2048 characters without white space, got"),
    ],
)
def test_a_malformed_document_is_refused_with_what_and_where(broken: object, message: str) -> None:
    """What AWS calls MalformedPolicyException, with the place."""
    with pytest.raises(PolicyError, match=message):
        parse(broken)


def test_white_space_does_not_count() -> None:
    """2,048 characters without white space are allowed, one more is not."""
    bare = json.dumps(document(statement(Sid="")), separators=(",", ":"))
    for sid_length, fits in ((2048 - len(bare), True), (2049 - len(bare), False)):
        text = json.dumps(document(statement(Sid="x" * sid_length)), indent=8)
        if fits:
            assert parse(text)
        else:
            with pytest.raises(PolicyError, match="got 2049"):
                parse(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["Allow", "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Bool"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@example({"Statement": [{"Effect": ["Allow"], "Action": "*", "Resource": "*"}]})
@settings(max_examples=300)
def test_any_json_is_a_policy_or_refused(value: object) -> None:
    """No document raises anything but PolicyError, as text or as an object."""
    for given_as in (json.dumps(value), value):
        try:
            policy = parse(given_as)
        except PolicyError:
            continue
        evaluate(policy, "iot:Publish", arn("topic/a"), ATTACHED)


# Wildcards.

SMALL = st.text(alphabet="ab/", max_size=12)
PATTERNS = st.text(alphabet="ab/*?", max_size=10)


@given(PATTERNS, SMALL)
@example("a*b*a", "aba")
@example("*ab", "aab")
@example("a**", "a")
@example("ab*ba", "aba")
@example("?*?", "a")
@settings(max_examples=1000)
def test_wildcards_agree_with_fnmatch(pattern: str, text: str) -> None:
    """The standard library's matcher, which backtracks, decides the same."""
    compiled = resolve(compile_pattern(pattern), {})
    assert matches(compiled, text) is fnmatch.fnmatchcase(text, pattern)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=200)
def test_a_value_matches_itself_and_only_itself(value: str, other: str) -> None:
    """Whatever the value of a variable, nothing in it has a meaning."""
    pattern = resolve(compile_pattern("${v}"), {"v": value})
    assert matches(pattern, value)
    assert matches(pattern, other) is (value == other)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 1000, "a" * 100_000 + "b"),
        ("*a*" * 600, "a" * 100_000),
        ("a*" * 1000 + "b", "a" * 100_000),
        ("*?" * 1000 + "b", "a" * 100_000),
        ("*" * 2000 + "b", "a" * 100_000),
    ],
)
def test_no_pattern_takes_long(pattern: str, text: str) -> None:
    """Patterns that take a backtracking matcher ages are decided; the test would not end."""
    matches(resolve(compile_pattern(pattern), {}), text)
