"""First connections to try out: without the CA, heard by a listener, and all of it forgotten."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, account_rows

from labkit import open_lab, policy
from labkit.cloud import events
from labkit.cloud.undo import remove_temporary
from labkit.errors import CloudError
from labkit.lab import first_connection
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.headers import CA_PEM, CERTIFICATE_PEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.cloud.account import Account
    from labkit.lab.first_connection import UnknownCertificate
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

CLOSED = "-30848"


@pytest.fixture(scope="module")
def device(lab: Lab) -> Lab:
    """A device that was provisioned just in time; each test leaves it so."""
    device = open_lab(lab.workspace.root, route="just-in-time")
    device.run_hello_world()
    return device


@pytest.fixture
def listener(device: Lab) -> Iterator[events.Listener]:
    """A listener that is closed with the test."""
    listener = first_connection.listen(device)
    yield listener
    listener.close()


@pytest.fixture
def by_event(device: Lab) -> Iterator[UnknownCertificate]:
    """A certificate of a CA without a template, forgotten with the test."""
    one = first_connection.of_ca_without_template(device)
    yield one
    one.forget()


def in_account(one: UnknownCertificate) -> str:
    """Return a certificate's status in the account; empty where it is unknown."""
    found = one.lab.account.find_certificate(one.certificate_id)
    return found.status if found else ""


# Another certificate


def test_another_certificate_has_another_first_connection(device: Lab) -> None:
    """The same key, subject and CA, and another id: closed first, then let in, then forgotten."""
    one = first_connection.another_certificate(device)
    assert one.certificate_id != device.certificate_id
    assert "for CN=lab-device-just-in-time, signed by O=Device lab,CN=Device lab just-in" in repr(
        one
    )
    assert CLOSED in one.connect()
    assert in_account(one) == "ACTIVE"
    assert ACCEPTED in one.connect()
    one.forget()
    assert in_account(one) == ""
    one.forget()


def test_without_the_ca_it_stays_unknown(device: Lab) -> None:
    """The twin: the macro at NULL, and nothing is registered; corrected, it is."""
    one = first_connection.another_certificate(device)
    assert CLOSED in one.connect(send_ca=False)
    assert headers.value_now(device.workbench("import_certificate"), CA_PEM) is None
    with pytest.raises(CloudError, match=r"does not know the certificate .* also sent the CA"):
        one.registered()
    assert CLOSED in one.connect()
    assert one.registered().status == "ACTIVE"
    one.forget()


def test_the_devices_own_certificate_comes_back(device: Lab) -> None:
    """What was tried leaves no trace: the header, the image and the account are as before."""
    before = account_rows(device)
    one = first_connection.another_certificate(device)
    one.connect()
    assert account_rows(device) != before
    one.forget()
    assert account_rows(device) == before
    assert ACCEPTED in device.run_hello_world()
    now = headers.value_now(device.workbench("import_certificate"), CERTIFICATE_PEM)
    assert now == device.file("deviceCert.pem").read_text()


# By event


def test_a_registration_is_heard_and_answered(
    device: Lab, listener: events.Listener, by_event: UnknownCertificate
) -> None:
    """JITR: the event names certificate and CA; what a function does with it lets the device in."""
    assert repr(by_event.ca).endswith("ACTIVE, auto-registration ENABLE, no template")
    assert CLOSED in by_event.connect()
    event = listener.wait()
    assert by_event.ca is not None
    assert (event.certificate_id, event.ca_id) == (
        by_event.certificate_id,
        by_event.ca.resource.name,
    )
    assert (event.status, event.account_id) == ("PENDING_ACTIVATION", "123456789012")
    assert str(event.timestamp) not in repr(event)
    assert in_account(by_event) == "PENDING_ACTIVATION"
    account, thing = device.account, device.workspace.settings.thing_name
    account.attach(thing, "labkit-hello-world", account.certificate(event.certificate_id).arn)
    account.set_certificate_status(event.certificate_id, "ACTIVE")
    assert ACCEPTED in by_event.connect()


def test_without_an_answer_it_stays_pending(
    listener: events.Listener, by_event: UnknownCertificate
) -> None:
    """The twin: nobody answers; each connection is closed, and heard again."""
    for _ in range(2):
        assert CLOSED in by_event.connect()
        assert listener.wait().certificate_id == by_event.certificate_id
    assert in_account(by_event) == "PENDING_ACTIVATION"


def test_silence_is_an_error(listener: events.Listener, by_event: UnknownCertificate) -> None:
    """Where the device sends no CA there is no event, and the error states what to check."""
    by_event.connect(send_ca=False)
    with pytest.raises(CloudError, match=r"within 0.2 s.*that it sends its CA's certificate"):
        listener.wait(0.2)


# The listener


def test_a_listener_leaves_nothing_behind(device: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, its certificate and policy are gone, its key is in no file; closing is repeatable."""
    seen: list[tuple[str, int]] = []
    make = tempfile.mkstemp

    def watched(**named: str) -> tuple[int, str]:
        handle, name = make(**named)
        seen.append((name, stat.S_IMODE(os.fstat(handle).st_mode)))
        return handle, name

    before = account_rows(device)
    monkeypatch.setattr(tempfile, "mkstemp", watched)
    listener = first_connection.listen(device)
    monkeypatch.undo()
    keys = [entry for entry in seen if Path(entry[0]).name.startswith("labkit-")]
    assert [mode for _, mode in keys] == [0o600]
    assert not Path(keys[0][0]).exists()
    assert repr(listener) == (
        "listening on $aws/events/certificates/registered/+ as "
        "labkit-listener-lab-device-just-in-time"
    )
    assert account_rows(device) != before
    listener.close()
    listener.close()
    assert repr(listener).startswith("closed; ")
    assert account_rows(device) == before
    assert [made for made in there(device) if "listener" in made[1]] == []


def there(lab: Lab) -> list[tuple[str, str]]:
    """Return what the notes say that this device's run has made."""
    return [
        (each.kind, each.name)
        for each in lab.workspace.ledger(lambda: lab.workbench("create_ca").now).there()
    ]


def test_what_a_killed_listener_left_is_removed(device: Lab) -> None:
    """One that was not closed is noted; the next one removes its certificate and policy first."""
    killed = first_connection.listen(device)
    certificates = len(device.account.client.list_certificates()["certificates"])
    assert ("policy", killed.client_id) in there(device)
    following = first_connection.listen(device)
    assert len(device.account.client.list_certificates()["certificates"]) == certificates
    following.close()
    killed.close()
    assert ("policy", killed.client_id) not in there(device)


def test_its_policy_allows_this_and_nothing_else(device: Lab) -> None:
    """Its own name, the one filter, and what comes through it; no publish, no other topic."""
    document = events.listener_policy(device.account, "one")
    policies = [policy.parse(document)]
    arn = "arn:aws:iot:us-east-1:123456789012"
    context = {"iot:ClientId": "one"}

    def allowed(action: str, resource: str) -> bool:
        return policy.evaluate(policies, action, f"{arn}:{resource}", context).allowed

    registered = "$aws/events/certificates/registered"
    assert allowed("iot:Connect", "client/one")
    assert allowed("iot:Subscribe", f"topicfilter/{registered}/+")
    assert allowed("iot:Receive", f"topic/{registered}/0123")
    assert not allowed("iot:Connect", "client/two")
    assert not allowed("iot:Subscribe", "topicfilter/#")
    assert not allowed("iot:Subscribe", f"topicfilter/{registered}/0123")
    assert not allowed("iot:Receive", "topic/lab-device/example/topic")
    assert not allowed("iot:Publish", f"topic/{registered}/0123")


def test_a_listener_that_is_not_let_in(device: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its policy does not allow it the error says so, and nothing is left behind."""
    before = account_rows(device)
    allow = events.listener_policy

    def another(account: Account, _: str) -> dict[str, object]:
        return allow(account, "somebody-else")

    monkeypatch.setattr(events, "listener_policy", another)
    monkeypatch.setattr(events, "READY_TIMEOUT_S", 0.3)
    with pytest.raises(CloudError, match=r"could not connect and subscribe within 0\.3 s"):
        first_connection.listen(device)
    assert account_rows(device) == before


GOOD = {
    "certificateId": "a" * 64,
    "caCertificateId": "b" * 64,
    "timestamp": 1767258000000,
    "certificateStatus": "PENDING_ACTIVATION",
    "awsAccountId": "123456789012",
    "certificateRegistrationTimestamp": None,
}


def test_an_event_as_documented_is_read() -> None:
    """The documented example's members, a missing registration time and an account as a number."""
    event = events.Registration.from_message(json.dumps(GOOD).encode())
    assert repr(event) == (
        "certificate     aaaaaaaaaaaaaaaa…: PENDING_ACTIVATION\nCA certificate  bbbbbbbbbbbbbbbb…"
    )
    as_number = json.dumps(GOOD | {"awsAccountId": 123456789012}).encode()
    assert events.Registration.from_message(as_number) == event


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"[]", b"7", b"{}", json.dumps(GOOD | {"timestamp": "soon"}).encode()],
)
def test_another_message_is_no_event(payload: bytes) -> None:
    """What is no event is refused with a message, not with a traceback of JSON's."""
    with pytest.raises(CloudError, match="expected a registration event"):
        events.Registration.from_message(payload)


def test_what_cannot_be_removed_is_named(device: Lab) -> None:
    """A certificate that others use is left, and the error names it and says where to look."""
    with pytest.raises(
        CloudError, match=r"in the AWS IoT console:\nLEFT .*certificate.*\n.*is used"
    ):
        remove_temporary(device.account, [("certificate", device.certificate_id)])
    assert device.account.certificate(device.certificate_id).status == "ACTIVE"


def test_a_real_account_is_asked_for_its_endpoint(
    device: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a simulated account the listener goes to the endpoint, with the usual roots."""
    real = dataclasses.replace(device, bench=None)
    monkeypatch.setattr(
        type(device.workspace.settings), "account_is_simulated", property(lambda _: False)
    )
    gateway = first_connection._gateway(real)  # noqa: SLF001 nothing else shows it without AWS
    endpoint = device.account.endpoint()
    assert gateway == events.Gateway(endpoint, endpoint, 8883)
    assert gateway.root_ca_file is None
