"""The account's graph: what is judged, what closes each gap, and how it is drawn."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from labkit.diagnosis import AccountState
from labkit.lab.account_check import AccountCheck, Expected
from labkit.lab.account_graph import AccountGraph, Box
from labkit.manual.pictures.account_graph import draw_account
from labkit.policy import Policy

KEY, OTHER_KEY = b"own key", b"another key"
OPTION_2 = Expected("option-2", "LED", "c" * 64, "a" * 64, KEY)
JUST_IN_TIME = replace(OPTION_2, route="just-in-time")
OPTION_1 = replace(OPTION_2, route="option-1", ca="")
WHOLE = AccountState(
    ca_status="ACTIVE",
    auto_registration=False,
    ca_template="",
    certificate_status="ACTIVE",
    certificate_key=KEY,
    things=("LED",),
    policies=(Policy((), "labkit-hello-world"),),
    there={"thing": True, "policy": True, "provisioning template": True},
)
AUTOMATIC = replace(WHOLE, auto_registration=True, ca_template="labkit-just-in-time")


def calls(state: AccountState, expected: Expected) -> list[str]:
    """Return what closes the gaps, in order, each once."""
    return list(dict.fromkeys(each.call for each in AccountCheck(state, expected).graph.gaps))


@pytest.mark.parametrize(
    ("state", "expected"),
    [(WHOLE, OPTION_2), (AUTOMATIC, JUST_IN_TIME), (replace(WHOLE, ca_status=None), OPTION_1)],
)
def test_whole(state: AccountState, expected: Expected) -> None:
    """On every route the finished device has no gap; nothing is dashed, and the text says so."""
    check = AccountCheck(state, expected)
    assert check.graph.gaps == ()
    assert "Nothing is missing" in str(check)
    assert not re.search(r'stroke-dasharray="\d', draw_account(check.graph))


@pytest.mark.parametrize(
    ("expected", "lacks", "call"),
    [
        (OPTION_2, {"ca_status": ""}, "lab.register_ca()"),
        (OPTION_2, {"ca_status": "INACTIVE"}, "lab.register_ca()"),
        (OPTION_2, {"certificate_status": "INACTIVE"}, "lab.activate_certificate()"),
        (OPTION_2, {"things": ()}, "lab.attach_thing_and_policy()"),
        (OPTION_2, {"policies": ()}, "lab.attach_thing_and_policy()"),
        (OPTION_2, {"there": {"thing": False, "policy": True}}, "lab.create_thing()"),
        (OPTION_2, {"there": {"thing": True, "policy": False}}, "lab.create_policy()"),
        (OPTION_2, {"certificate_key": OTHER_KEY}, "lab.issue_certificate()"),
        (OPTION_1, {"certificate_status": "INACTIVE"}, "lab.activate_certificate()"),
        (JUST_IN_TIME, {"auto_registration": False}, "lab.register_ca_with_template()"),
        (JUST_IN_TIME, {"ca_template": ""}, "lab.register_ca_with_template()"),
        (JUST_IN_TIME, {"certificate_status": "PENDING_ACTIVATION"}, "lab.first_connection()"),
        (JUST_IN_TIME, {"things": ()}, "lab.first_connection()"),
    ],
)
def test_each_gap_names_the_call_that_closes_it(
    expected: Expected, lacks: dict[str, object], call: str
) -> None:
    """One part is missing: one gap, with its call in the text and in the picture."""
    state = AUTOMATIC if expected is JUST_IN_TIME else WHOLE
    lacking = replace(state, **lacks)  # type: ignore[arg-type]  # each member is of its type
    assert calls(lacking, expected) == [call]
    check = AccountCheck(lacking, expected)
    assert f"Next: {call}" in str(check)
    assert call in draw_account(check.graph)


def test_nothing_registered_yet() -> None:
    """What depends on a missing certificate is missing too, not unknown."""
    state = replace(WHOLE, certificate_status="", things=None, policies=None)
    assert calls(state, OPTION_2) == ["lab.register_certificate()", "lab.attach_thing_and_policy()"]


def test_before_the_first_file() -> None:
    """Without a certificate and a CA their boxes are gaps, with the steps that make them."""
    state = AccountState(there={"thing": False, "policy": False})
    made = calls(state, Expected("option-2", "LED"))
    assert made[:2] == ["lab.create_ca()", "lab.issue_certificate()"]
    of_aws = calls(state, Expected("option-1", "LED"))
    assert of_aws[0] == "lab.create_keys_and_certificate()"


def test_an_unknown_part_is_not_a_gap() -> None:
    """An account that refuses all questions has no known gaps, and is not called right."""
    check = AccountCheck(AccountState(unknown=("the certificate (AccessDenied)",)), OPTION_2)
    assert "Nothing is missing" not in str(check)
    assert "could not be read" in str(check)
    assert "not read: the certificate (AccessDenied)" in str(check)
    assert "register_certificate" not in str(check)


def test_whose_key() -> None:
    """The certificate's key is compared with the device's, and the verdict is words."""
    assert "for the device's own key" in str(AccountCheck(WHOLE, OPTION_2))
    other = AccountCheck(replace(WHOLE, certificate_key=OTHER_KEY), OPTION_2)
    assert "NOT the device's" in str(other)
    unknown = AccountCheck(WHOLE, replace(OPTION_2, key=None))
    assert "the device's key is not known" in str(unknown)
    assert unknown.graph.gaps == ()


def test_the_picture_is_small_and_says_the_same() -> None:
    """It is well-formed, under 6 KB, and its title holds every line of the text."""
    graph = AccountCheck(
        replace(AUTOMATIC, certificate_status="PENDING_ACTIVATION"), JUST_IN_TIME
    ).graph
    drawn = draw_account(graph)
    assert len(drawn.encode()) < 6 * 1024
    title = ET.fromstring(drawn).findtext("{*}title") or ""  # noqa: S314 our own drawing
    assert all(line in title for line in str(graph).splitlines())
    assert " id=" not in drawn


def test_names_are_only_text() -> None:
    """A name is shown, never obeyed."""
    box = Box("thing", "<script>", "good", "there")
    assert "<script>" not in draw_account(AccountGraph((box,), ()))
