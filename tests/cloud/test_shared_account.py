"""Devices, runs and people that share a CA or an account: nothing collides or is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end
from simulator_fixtures import ACCOUNT_ID

from labkit import open_lab
from labkit.errors import CloudError
from labkit.lab.procedure import ROUTES
from labkit.lab.procedure.steps.account import POLICY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulator_fixtures import Cloud

    from labkit.bench.simulator.service import Service
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "real_account")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.usefixtures("clean_environment"),
]


def ready(opened: Callable[..., Lab], name: str = "lab", **chosen: str) -> Lab:
    """Open a lab with its account confirmed."""
    lab = opened(name, **chosen)
    lab.confirm_account(ACCOUNT_ID[-4:])
    return lab


def held(cloud: Cloud) -> dict[str, int]:
    """Return how many of each kind the account has."""
    iot = cloud.iot
    return {
        "CAs": len(iot.list_ca_certificates()["certificates"]),
        "certificates": len(iot.list_certificates()["certificates"]),
        "things": len(iot.list_things()["things"]),
        "policies": len(iot.list_policies()["policies"]),
    }


def test_a_second_device_and_a_second_run(
    aws: Cloud, boards: Callable[..., Service], opened: Callable[..., Lab]
) -> None:
    """Two devices have one CA and one policy; a second run of either makes nothing."""
    boards()
    first = ready(opened)
    do_everything(first)
    second = ready(opened, thing_name="second")
    do_everything(second)
    both = {"CAs": 1, "certificates": 2, "things": 2, "policies": 1}
    assert held(aws) == both
    do_everything(ready(opened))
    do_everything(ready(opened, thing_name="second"))
    assert held(aws) == both
    assert first.certificate_id != second.certificate_id
    # Undoing the first leaves what the second uses, and names it.
    left = first.undo().left
    assert [(item.kind, "did not create" in item.why) for item in left] == [
        ("policy", True),
        ("CA certificate", True),
    ]
    assert ACCEPTED in second.run_hello_world()
    assert held(aws) == {"CAs": 1, "certificates": 1, "things": 1, "policies": 1}
    second.undo()
    assert first.undo().left == ()
    assert set(held(aws).values()) == {0}


def test_a_second_person_on_the_account(
    aws: Cloud, boards: Callable[..., Service], opened: Callable[..., Lab]
) -> None:
    """Each has a CA and a device; the name that is taken is refused; undo is one's own."""
    boards("mine")
    boards("yours")
    mine = ready(opened, "mine")
    do_everything(mine)
    yours = ready(opened, "yours")
    with pytest.raises(CloudError, match="in the account has a certificate that this lab did not"):
        do_everything(yours)
    assert yours.undo().left == ()
    yours = ready(opened, "yours", thing_name="yours")
    do_everything(yours)
    assert held(aws) == {"CAs": 2, "certificates": 2, "things": 2, "policies": 1}
    assert [item.kind for item in yours.undo().items] == [
        *("policy attachment", "thing attachment", "certificate", "thing", "CA certificate"),
    ]
    assert ACCEPTED in mine.run_hello_world()
    assert mine.undo().left == ()
    assert set(held(aws).values()) == {0}


@pytest.mark.slow
def test_a_policy_in_use_by_another_person_stays(
    aws: Cloud, boards: Callable[..., Service], opened: Callable[..., Lab]
) -> None:
    """Who made the shared policy cannot take it from who uses it: it is named as left."""
    boards("mine")
    boards("yours")
    mine, yours = ready(opened, "mine"), ready(opened, "yours", thing_name="yours")
    do_everything(mine)
    do_everything(yours)
    assert held(aws) == {"CAs": 2, "certificates": 2, "things": 2, "policies": 1}
    assert [item.name for item in mine.undo().left] == [POLICY_NAME]
    assert ACCEPTED in yours.run_hello_world()


# What an identity has to be allowed


def calls_of(lab: Lab) -> set[str]:
    """Return the actions of the calls that a lab's account is asked from now on."""
    calls: set[str] = set()

    def note(model: Any, params: Any, **_: object) -> None:  # noqa: ANN401 botocore's
        calls.add(f"iot:{model.name}")
        if b'"tags"' in (params["body"] or b"") or "x-amzn-iot-tags" in params["headers"]:
            calls.add("iot:TagResource")
        if b"oleArn" in (params["body"] or b""):
            calls.add("iam:PassRole")

    lab.account.client.meta.events.register("before-call.iot", note)
    return calls


@pytest.mark.parametrize("route", list(ROUTES))
def test_the_preflight_asks_for_every_call_of_a_route(tmp_path: Path, route: str) -> None:
    """A whole run, and another one that finds everything there, call nothing else."""
    lab = open_lab(tmp_path / "lab", route=route)
    try:
        asked = set(lab.procedure.actions)
        calls = calls_of(lab)
        do_everything(lab)
        assert calls
        assert calls - asked == set()
        # What only a run on something changed or half done calls.
        assert asked - calls <= {
            *("iot:UpdateCACertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"),
            *("iot:UpdateProvisioningTemplate", "iam:PassRole", "iot:DescribeCertificate"),
            "iot:ListThingPrincipals",
        }
        do_everything(lab)
        assert calls - asked == set()
    finally:
        end(lab)
