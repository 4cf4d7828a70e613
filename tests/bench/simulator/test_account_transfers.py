"""Certificates that change hands between two accounts, and what a kill in between leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from simulator_fixtures import ACCOUNT_ID, REGION, Authority, Cloud, refused

from labkit.bench.simulator.account import transfers
from labkit.bench.simulator.aws.accounts import Accounts

if TYPE_CHECKING:
    from botocore.client import BaseClient

pytest_plugins = ("cloud_fixtures",)

OTHER = "210987654321"


@pytest.fixture
def other(cloud: Cloud) -> BaseClient:
    """Another account's client at the same address."""
    return boto3.session.Session(
        aws_access_key_id=OTHER,
        aws_secret_access_key="simulated",  # noqa: S106 any will do
        region_name=REGION,
    ).client("iot", endpoint_url=cloud.url, config=Config(retries={"total_max_attempts": 1}))


def offered(cloud: Cloud, message: str = "yours") -> str:
    """Offer a new certificate to the other account and return its id."""
    device = Authority().issue("led")
    cloud.iot.register_certificate_without_ca(certificatePem=device.pem)
    cloud.iot.transfer_certificate(
        certificateId=device.id, targetAwsAccount=OTHER, transferMessage=message
    )
    return device.id


def status(client: BaseClient, identifier: str) -> str:
    """Return a certificate's status, or the error's name."""
    try:
        told = client.describe_certificate(certificateId=identifier)
    except client.exceptions.ResourceNotFoundException:
        return "not there"
    return str(told["certificateDescription"]["status"])


def test_accepted_certificate_changes_hands(cloud: Cloud, other: BaseClient) -> None:
    """It waits on both sides; once accepted it is the other account's only."""
    identifier = offered(cloud)
    assert status(cloud.iot, identifier) == status(other, identifier) == "PENDING_TRANSFER"
    [outgoing] = cloud.iot.list_outgoing_certificates()["outgoingCertificates"]
    assert (outgoing["certificateId"], outgoing["transferredTo"]) == (identifier, OTHER)
    assert outgoing["transferMessage"] == "yours"
    other.accept_certificate_transfer(certificateId=identifier, setAsActive=True)
    assert (status(cloud.iot, identifier), status(other, identifier)) == ("not there", "ACTIVE")
    told = other.describe_certificate(certificateId=identifier)["certificateDescription"]
    assert (told["ownedBy"], told["previousOwnedBy"]) == (OTHER, ACCOUNT_ID)
    assert f":{OTHER}:" in told["certificateArn"]
    assert {"transferDate", "acceptDate", "transferMessage"} == set(told["transferData"])
    assert cloud.iot.list_outgoing_certificates()["outgoingCertificates"] == []
    for call in (other.accept_certificate_transfer, cloud.iot.cancel_certificate_transfer):
        assert refused(call, certificateId=identifier) == (
            "TransferAlreadyCompletedException",
            410,
        )


def test_rejected_certificate_comes_back(cloud: Cloud, other: BaseClient) -> None:
    """It is INACTIVE at home, with the reason; it can be offered again, and then be taken."""
    identifier = offered(cloud)
    other.reject_certificate_transfer(certificateId=identifier, rejectReason="not mine")
    assert (status(cloud.iot, identifier), status(other, identifier)) == ("INACTIVE", "not there")
    told = cloud.iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    assert told["transferData"]["rejectReason"] == "not mine"
    cloud.iot.transfer_certificate(certificateId=identifier, targetAwsAccount=OTHER)
    assert status(other, identifier) == "PENDING_TRANSFER"
    other.accept_certificate_transfer(certificateId=identifier)
    assert (status(cloud.iot, identifier), status(other, identifier)) == ("not there", "INACTIVE")


def test_deleted_and_offered_again_is_another_transfer(cloud: Cloud, other: BaseClient) -> None:
    """What the other account knows of an earlier transfer does not decide a later one."""
    identifier = offered(cloud)
    other.reject_certificate_transfer(certificateId=identifier)
    pem = cloud.iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    cloud.iot.delete_certificate(certificateId=identifier)
    cloud.iot.register_certificate_without_ca(certificatePem=pem["certificatePem"])
    cloud.iot.transfer_certificate(certificateId=identifier, targetAwsAccount=OTHER)
    assert status(cloud.iot, identifier) == status(other, identifier) == "PENDING_TRANSFER"


def test_cancelled_transfer_leaves_nothing_behind(cloud: Cloud, other: BaseClient) -> None:
    """The giver may change its mind while the other has not answered."""
    identifier = offered(cloud)
    cloud.iot.cancel_certificate_transfer(certificateId=identifier)
    assert (status(cloud.iot, identifier), status(other, identifier)) == ("INACTIVE", "not there")
    assert refused(other.accept_certificate_transfer, certificateId=identifier) == (
        "ResourceNotFoundException",
        404,
    )
    assert refused(cloud.iot.cancel_certificate_transfer, certificateId=identifier) == (
        "InvalidRequestException",
        400,
    )


def test_only_the_other_side_may_answer(cloud: Cloud, other: BaseClient) -> None:
    """The giver can neither accept nor reject; the taker cannot cancel."""
    identifier = offered(cloud)
    invalid = ("InvalidRequestException", 400)
    assert refused(cloud.iot.accept_certificate_transfer, certificateId=identifier) == invalid
    assert refused(cloud.iot.reject_certificate_transfer, certificateId=identifier) == invalid
    assert refused(other.cancel_certificate_transfer, certificateId=identifier) == invalid


def test_waiting_certificate_is_left_alone(cloud: Cloud) -> None:
    """While it waits, its status cannot be set, it cannot be deleted or offered again."""
    identifier = offered(cloud)
    state = ("CertificateStateException", 406)
    call = cloud.iot.update_certificate
    assert refused(call, certificateId=identifier, newStatus="ACTIVE") == state
    assert refused(cloud.iot.delete_certificate, certificateId=identifier) == state
    call = cloud.iot.transfer_certificate
    assert refused(call, certificateId=identifier, targetAwsAccount=OTHER) == (
        "TransferConflictException",
        409,
    )


def test_what_cannot_be_transferred_is_refused(cloud: Cloud) -> None:
    """ACTIVE, to oneself, attached to a policy, attached to a thing, unknown."""
    device = Authority().issue("led")
    cloud.iot.register_certificate_without_ca(certificatePem=device.pem, status="ACTIVE")
    call, arn = cloud.iot.transfer_certificate, cloud.arn("cert", device.id)

    def answer(target: str = OTHER, identifier: str = device.id) -> tuple[str, int]:
        return refused(call, certificateId=identifier, targetAwsAccount=target)

    assert answer() == ("CertificateStateException", 406)
    cloud.iot.update_certificate(certificateId=device.id, newStatus="INACTIVE")
    assert answer(ACCOUNT_ID) == ("InvalidRequestException", 400)
    assert answer(identifier="0" * 64) == ("ResourceNotFoundException", 404)
    cloud.attach_policy(device)
    assert answer() == ("TransferConflictException", 409)
    cloud.iot.detach_policy(policyName="hello", target=arn)
    cloud.attach_thing(device)
    assert answer() == ("TransferConflictException", 409)


@pytest.mark.parametrize(
    ("operation", "by_taker", "outcome"),
    [
        ("TransferCertificate", False, ("PENDING_TRANSFER", "PENDING_TRANSFER")),
        ("AcceptCertificateTransfer", True, ("not there", "INACTIVE")),
        ("RejectCertificateTransfer", True, ("INACTIVE", "not there")),
        ("CancelCertificateTransfer", False, ("INACTIVE", "not there")),
    ],
)
def test_kill_between_the_two_accounts_is_settled_at_the_start(
    cloud: Cloud, other: BaseClient, operation: str, outcome: tuple[str, str], *, by_taker: bool
) -> None:
    """One side has changed, the other was not told any more: a start brings them in line."""
    taker = cloud.accounts.of(OTHER)
    if operation == "TransferCertificate":
        device = Authority().issue("led")
        cloud.iot.register_certificate_without_ca(certificatePem=device.pem)
        identifier = device.id
        parameters = {"certificateId": identifier, "targetAwsAccount": OTHER}
    else:
        identifier = offered(cloud)
        parameters = {"certificateId": identifier}
    account = taker if by_taker else cloud.account
    account.call(operation, parameters)  # as far as a killed service came
    assert (status(cloud.iot, identifier), status(other, identifier)) != outcome
    Accounts(cloud.account, (OTHER,), lambda _: taker)
    assert (status(cloud.iot, identifier), status(other, identifier)) == outcome
    waits = operation == "TransferCertificate"
    for side in (taker, cloud.account):
        assert len(side.run(transfers.open_sides)) == waits
