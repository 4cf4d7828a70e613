"""The account's state as a diagnosis reads it: whole, only by reading, denials unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from simulator_fixtures import ACCOUNT_ID, REGION, Authority

from labkit import certificates
from labkit.cloud.account import Account
from labkit.cloud.state import read_account_state
from labkit.policy import evaluate, resource_arn

if TYPE_CHECKING:
    from simulator_fixtures import Cloud, Device

pytest_plugins = ("cloud_fixtures",)

READING = ("describe_", "get_", "list_", "can_paginate")


class Watched:
    """A client that notes which calls are made, and lets some be denied."""

    def __init__(self, client: object, *denied: str) -> None:
        self._client, self._denied = client, denied
        self.called: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.called.append(name)
        if name == "get_paginator":
            return self._paginator
        return self._deny(name) or getattr(self._client, name)

    def _paginator(self, name: str) -> object:
        self.called.append(name)
        if name in self._denied:
            return type("Denied", (), {"paginate": staticmethod(self._deny(name))})
        return self._client.get_paginator(name)

    def _deny(self, name: str) -> object:
        def deny(**_: object) -> object:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, name)

        return deny if name in self._denied else None


def watched(cloud: Cloud, *denied: str) -> Account:
    """Return the account, seen through a watched client."""
    return Account(Watched(cloud.iot, *denied), REGION, ACCOUNT_ID)


def test_everything_right(cloud: Cloud, ca: Authority, led: Device) -> None:
    """Status, thing, policy and endpoint are the account's, and all calls only read."""
    account = watched(cloud)
    state = read_account_state(account, certificate=led.certificate, ca=ca.certificate)
    assert (state.certificate_status, state.ca_status) == ("ACTIVE", "ACTIVE")
    assert state.auto_registration is False
    assert state.things == ("LED",)
    assert (
        state.endpoint
        == cloud.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    )
    assert len(state.policies or ()) == 1
    assert state.clock is not None
    assert state.unknown == ()
    assert all(name.startswith((*READING, "get_paginator")) for name in account.client.called)


def test_policies_are_as_attached(cloud: Cloud, ca: Authority, led: Device) -> None:
    """The documents that come are those that decide."""
    state = read_account_state(watched(cloud), certificate=led.certificate, ca=ca.certificate)
    resource = resource_arn(REGION, ACCOUNT_ID, "client/LED")
    context = {"iot:ClientId": "LED", "iot:Connection.Thing.ThingName": "LED",
               "iot:Connection.Thing.IsAttached": "true"}  # fmt: skip
    assert evaluate(state.policies or (), "iot:Connect", resource, context)
    assert not evaluate(state.policies or (), "iot:Connect", resource, {"iot:ClientId": "LED"})


def test_what_is_not_registered(cloud: Cloud, ca: Authority) -> None:
    """A certificate and a CA that the account does not have are answers, not failures."""
    del ca
    other = Authority(name="Another root CA")
    device = other.issue("LED")
    state = read_account_state(watched(cloud), certificate=device.certificate, ca=other.certificate)
    assert (state.certificate_status, state.ca_status) == ("", "")
    assert (state.things, state.policies, state.unknown) == (None, None, ())


def test_nothing_to_ask_about(cloud: Cloud) -> None:
    """Without certificates only the endpoint is asked for."""
    account = watched(cloud)
    state = read_account_state(account, certificate=None, ca=None)
    assert account.client.called == ["describe_endpoint"]
    assert (state.certificate_status, state.ca_status) == (None, None)


@pytest.mark.parametrize(
    ("denied", "unknown"),
    [
        ("describe_endpoint", "endpoint"),
        ("describe_certificate", "certificate_status"),
        ("describe_ca_certificate", "ca_status"),
        ("list_principal_things", "things"),
    ],
)
def test_a_denied_call_leaves_its_answer_unknown(
    denied: str, unknown: str, cloud: Cloud, ca: Authority, led: Device
) -> None:
    """The answer of a refused call is None and listed; all others are known."""
    account = watched(cloud, denied)
    state = read_account_state(account, certificate=led.certificate, ca=ca.certificate)
    assert getattr(state, unknown) is None
    assert ["AccessDeniedException" in text for text in state.unknown] == [True]
    others = {"endpoint", "certificate_status", "ca_status"} - {unknown}
    assert all(getattr(state, name) for name in others)


def test_effective_policies_denied(cloud: Cloud, ca: Authority, led: Device) -> None:
    """Then those attached to the certificate are read one by one; denied as well, none is known."""
    whole = read_account_state(watched(cloud), certificate=led.certificate, ca=ca.certificate)
    account = watched(cloud, "get_effective_policies")
    state = read_account_state(account, certificate=led.certificate, ca=ca.certificate)
    assert state.policies == whole.policies
    assert "get_policy" in account.client.called
    account = watched(cloud, "get_effective_policies", "list_attached_policies")
    state = read_account_state(account, certificate=led.certificate, ca=ca.certificate)
    assert state.policies is None
    assert "its policies" in state.unknown[0]


def test_more_things_than_one_page(cloud: Cloud, ca: Authority, led: Device) -> None:
    """All pages are read."""
    for number in range(130):
        cloud.iot.create_thing(thingName=f"thing-{number}")
        cloud.iot.attach_thing_principal(
            thingName=f"thing-{number}", principal=cloud.arn("cert", led.id)
        )
    state = read_account_state(watched(cloud), certificate=led.certificate, ca=ca.certificate)
    assert len(state.things or ()) == 131


def test_the_signing_ca_is_found(cloud: Cloud, ca: Authority, led: Device) -> None:
    """Without the CA's file, or with another's, the account's CAs are searched for the signer."""
    another = Authority(name="Another root CA")
    for given in (None, another.certificate):
        state = read_account_state(watched(cloud), certificate=led.certificate, ca=given)
        assert state.ca_status == "ACTIVE"
    stranger = another.issue("LED")
    for given in (None, ca.certificate):
        state = read_account_state(watched(cloud), certificate=stranger.certificate, ca=given)
        assert (state.certificate_status, state.ca_status) == ("", "")
    denied = watched(cloud, "list_ca_certificates")
    assert read_account_state(denied, certificate=led.certificate, ca=None).ca_status is None


def test_automatic_registration_is_told(cloud: Cloud, ca: Authority, led: Device) -> None:
    """A CA that registers automatically is reported as such."""
    identifier = certificates.certificate_id(ca.certificate)
    cloud.iot.update_ca_certificate(certificateId=identifier, newAutoRegistrationStatus="ENABLE")
    state = read_account_state(watched(cloud), certificate=led.certificate, ca=ca.certificate)
    assert state.auto_registration is True
