"""Provisioning templates: what they may say, and what becomes of references and functions."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.bench.simulator.account.template_document import (
    CERTIFICATE,
    POLICY,
    THING,
    TemplateError,
    parse,
)

BODY: dict[str, Any] = {
    "Parameters": {"Serial": {"Type": "String"}, "Place": {"Type": "String", "Default": "WA"}},
    "Mappings": {"Sites": {"WA": {"Prefix": "sea"}}},
    "Resources": {
        "thing": {
            "Type": THING,
            "Properties": {
                "ThingName": {"Fn::Join": ["-", [{"Ref": "Place"}, {"Ref": "Serial"}]]},
                "AttributePayload": {
                    "site": {"Fn::FindInMap": ["Sites", {"Ref": "Place"}, "Prefix"]},
                    "first": {"Fn::Select": ["0", {"Fn::Split": [".", {"Ref": "Serial"}]}]},
                    "label": {"Fn::Sub": "no. ${Serial} of ${!Place}"},
                    "with": {"Fn::Sub": ["${Serial}/${extra}", {"extra": "x"}]},
                },
            },
            "OverrideSettings": {"AttributePayload": "MERGE"},
        },
        "certificate": {"Type": CERTIFICATE, "Properties": {"CertificateId": {"Ref": "Serial"}}},
        "policy": {"Type": POLICY, "Properties": {"PolicyName": "hello"}},
    },
}


def changed(*path: str, to: object = None) -> str:
    """Return the template as text, with one place changed; None takes the place away."""
    body = json.loads(json.dumps(BODY))
    place = body
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(body)


def test_references_and_functions_become_values() -> None:
    """Parameters, defaults and every function are replaced, all the way down."""
    thing, certificate, policy = parse(json.dumps(BODY)).evaluate({"Serial": "7.8", "Other": "x"})
    assert thing.properties["ThingName"] == "WA-7.8"
    assert thing.properties["AttributePayload"] == {
        "site": "sea",
        "first": "7",
        "label": "no. 7.8 of ${Place}",
        "with": "7.8/x",
    }
    assert thing.overrides == {"AttributePayload": "MERGE"}
    assert certificate.properties == {"CertificateId": "7.8"}
    assert policy.properties == {"PolicyName": "hello"}


def test_parameter_without_value_is_named() -> None:
    """A declared parameter that has neither value nor default is missing; one with is not."""
    template = parse(json.dumps(BODY))
    assert template.missing({}) == ("Serial",)
    assert template.missing({"Serial": "1"}) == ()
    with pytest.raises(TemplateError, match="the parameter Serial has no value"):
        template.evaluate({})


def test_undeclared_parameter_has_no_value() -> None:
    """What the template does not declare is passed over, also where it is referred to."""
    template = parse(changed("Parameters", "Serial"))
    with pytest.raises(TemplateError, match="the parameter Serial has no value"):
        template.evaluate({"Serial": "1"})


THING_NAME = ("Resources", "thing", "Properties", "ThingName")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "no Resources"),
        (changed("Conditions", to={}), "unknown: Conditions"),
        (changed("Parameters", "Serial", "Type", to="Number"), "the Type is not String"),
        (changed("Parameters", "Place", "Default", to=1), "the Default is no string"),
        (changed("Resources", "thing", "Type", to="AWS::IoT::Rule"), "is none of"),
        (changed(*THING_NAME), "needs a ThingName"),
        (changed("Resources", "thing", "Properties", "Colour", to="red"), "unknown: Colour"),
        (changed("Resources", "policy", "Properties", "PolicyDocument", to="{}"), "either"),
        (
            changed("Resources", "certificate", "Properties", "CertificatePem", to="x"),
            "unknown: CertificatePem",
        ),
        (
            changed("Resources", "certificate", "Properties", to={"Status": "ACTIVE"}),
            "needs a CertificateId",
        ),
        (
            changed("Resources", "thing", "OverrideSettings", "AttributePayload", to="MAYBE"),
            "AttributePayload: 'MAYBE'",
        ),
        (
            changed("Resources", "policy", "OverrideSettings", to={"Status": "FAIL"}),
            "OverrideSettings Status",
        ),
        (changed("Resources", "second", to=BODY["Resources"]["thing"]), "more than one"),
    ],
)
def test_what_no_template_can_say_is_refused(body: str, says: str) -> None:
    """Each fault of a template is an error that names it."""
    with pytest.raises(TemplateError, match=says):
        parse(body)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"Fn::Join": ["-", "text"]}, "list of texts"),
        ({"Fn::Join": ["-"]}, "two arguments"),
        ({"Fn::Select": ["3", ["a"]]}, "no item 3"),
        ({"Fn::Select": ["-1", ["a"]]}, "an index and a list"),
        ({"Fn::Select": ["0", [None]]}, "no item 0"),
        ({"Fn::Split": ["", "text"]}, "a delimiter and a text"),
        ({"Fn::FindInMap": ["Sites", "OR", "Prefix"]}, "there is no OR"),
        ({"Fn::Sub": "${Nothing}"}, "Nothing has no value"),
        ({"Fn::GetAtt": ["a", "b"]}, "no function Fn::GetAtt"),
        ({"Ref": ["Serial"]}, "has no value"),
    ],
)
def test_function_that_fails_says_why(written: object, says: str) -> None:
    """A function with wrong arguments, or without a result, ends the evaluation."""
    with pytest.raises(TemplateError, match=says):
        parse(changed(*THING_NAME, to=written)).evaluate({"Serial": "1"})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub", "x"]), inner
        )
    ),
)


@given(JSON_VALUES)
def test_any_value_is_evaluated_or_refused(written: object) -> None:
    """Whatever stands in a template, the outcome is a value or a TemplateError."""
    template = parse(changed(*THING_NAME, to={"x": written}))
    with contextlib.suppress(TemplateError):
        template.evaluate({"Serial": "1"})


@given(JSON_VALUES, st.sampled_from(["Parameters", "Mappings", "Resources"]))
def test_any_document_is_read_or_refused(written: object, section: str) -> None:
    """Whatever a template is made of, it is read or it is a TemplateError."""
    with contextlib.suppress(TemplateError):
        parse(changed(section, to={"it": written}))
