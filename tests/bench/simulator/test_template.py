"""Provisioning templates: what they may contain, and how references are replaced."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.bench.simulator.account import Refusal
from labkit.bench.simulator.account.template import CERTIFICATE, POLICY, THING, load_template

BODY: dict[str, Any] = {
    "Parameters": {"Serial": {"Type": "String"}, "Place": {"Type": "String", "Default": "WA"}},
    "Resources": {
        "thing": {
            "Type": THING,
            "Properties": {
                "ThingName": {"Ref": "Serial"},
                "AttributePayload": {"site": {"Ref": "Place"}, "room": "1"},
            },
        },
        "certificate": {"Type": CERTIFICATE, "Properties": {"CertificateId": {"Ref": "Serial"}}},
        "policy": {"Type": POLICY, "Properties": {"PolicyName": "hello"}},
    },
}


def changed(*path: str, to: object = None) -> str:
    """Return the template as text, with one member changed, or removed for None."""
    body = json.loads(json.dumps(BODY))
    place = body
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(body)


def test_references_become_values() -> None:
    """Parameters and defaults are replaced, all the way down; other values are skipped."""
    template = load_template(json.dumps(BODY))
    thing, certificate, policy = template.evaluate({"Serial": "7", "Other": "x"})
    assert thing.properties == {"ThingName": "7", "AttributePayload": {"site": "WA", "room": "1"}}
    assert certificate.properties == {"CertificateId": "7"}
    assert policy.properties == {"PolicyName": "hello"}
    assert template.missing({"Serial": "7"}) == ()


def test_parameter_without_value_is_named() -> None:
    """A declared parameter that has neither value nor default; one that is not declared."""
    template = load_template(json.dumps(BODY))
    assert template.missing({}) == ("Serial",)
    for body, values in (
        (json.dumps(BODY), {}),
        (changed("Parameters", "Serial"), {"Serial": "1"}),
    ):
        with pytest.raises(Refusal, match="the parameter Serial has no value"):
            load_template(body).evaluate(values)


RESOURCES = BODY["Resources"]
THING_NAME = ("Resources", "thing", "Properties", "ThingName")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "no Resources"),
        (changed("Mappings", to={}), "not supported here: Mappings"),
        (changed("Parameters", "Serial", "Type", to="Number"), "must be a String"),
        (changed("Parameters", "Place", "Default", to=1), "must be a String"),
        (changed("Resources", "thing", "Type", to="AWS::IoT::Rule"), "expected one of"),
        (changed(*THING_NAME), "needs a ThingName"),
        (changed("Resources", "thing", "Properties", "Colour", to="red"), "here: Colour"),
        (changed("Resources", "thing", "OverrideSettings", to={}), "here: OverrideSettings"),
        (changed("Resources", "policy", "Properties", "PolicyDocument", to="{}"), "either"),
        (
            changed("Resources", "certificate", "Properties", to={"Status": "ACTIVE"}),
            "needs a CertificateId",
        ),
        (changed("Resources", "second", to=RESOURCES["thing"]), "more than one"),
    ],
)
def test_template_that_is_not_valid_is_refused(body: str, message: str) -> None:
    """Each fault of a template is an error that names it."""
    with pytest.raises(Refusal, match=message):
        load_template(body)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"Fn::Join": ["-", ["a", "b"]]}, "Fn::Join is not supported here"),
        ({"Ref": ["Serial"]}, "has no value"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(written: object, message: str) -> None:
    """Functions, and a reference that is not a name."""
    with pytest.raises(Refusal, match=message):
        load_template(changed(*THING_NAME, to=written)).evaluate({"Serial": "1"})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["Ref", "Fn::Join", "Type", "x"]), inner)
    ),
)


@given(JSON_VALUES, st.sampled_from(["Parameters", "Resources"]))
def test_any_document_is_evaluated_or_refused(written: object, section: str) -> None:
    """Any JSON gives a template and values, or a Refusal."""
    for body in (changed(*THING_NAME, to={"x": written}), changed(section, to={"it": written})):
        with contextlib.suppress(Refusal):
            load_template(body).evaluate({"Serial": "1"})
