"""Open an account, simulated or real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import endpoint
from labkit.cloud.account import Account
from labkit.cloud.confirmation import Confirmation, guard_writes, refuse_other_account
from labkit.cloud.preflight import Clients, caller_of
from labkit.cloud.session import aws_client, found_region, simulated_client
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labkit.cloud.resources import Notes


def open_simulated(
    endpoint_url: str, region: str, account_id: str, *, notes: Notes, label: str
) -> Account:
    """Open the simulated account.

    Args:
        endpoint_url: where the bench serves it, on loopback.
        region: its region.
        account_id: its 12 digits.
        notes: the notes about created resources.
        label: the tag's value; see `Account`.
    """
    client = simulated_client("iot", endpoint_url, region)
    return Account(client, region, account_id, notes, label)


def open_real(
    region: str, allowed: Sequence[str], confirmed: Path, *, notes: Notes, label: str
) -> Account:
    """Open the account of boto3's credentials; no call writes to it before it is confirmed.

    Args:
        region: the region; empty for the profile's or the environment's.
        allowed: the accounts that may be used; empty for all.
        confirmed: the file that keeps the confirmed account.
        notes: the notes about created resources.
        label: the tag's value; see `Account`.

    Raises:
        CloudError: there are no credentials, no region, or the account is not allowed.
    """
    region = region or found_region()
    _refuse_mistyped(region)
    account_id = caller_of(aws_client("sts", region))["Account"]
    refuse_other_account(account_id, allowed)
    client = aws_client("iot", region)
    confirmation = Confirmation(confirmed, account_id, region)
    guard_writes(client, confirmation.require)
    return Account(client, region, account_id, notes, label, confirmation)


def _refuse_mistyped(region: str) -> None:
    """Refuse a misspelt region without asking the network."""
    if fault := endpoint.region_fault(region):
        raise CloudError(
            f"{fault} Correct account.region in lab.toml, or the region of the AWS profile or "
            "AWS_DEFAULT_REGION."
        )


def simulated_clients(account: Account, endpoint_url: str) -> Clients:
    """Return the clients for the pre-flight of the simulated account."""
    sts, iam = (
        simulated_client(service, endpoint_url, account.region) for service in ("sts", "iam")
    )
    return Clients(sts, iam, account.client)


def real_clients(account: Account) -> Clients:
    """Return the clients for the pre-flight of a real account."""
    sts, iam = (aws_client(service, account.region) for service in ("sts", "iam"))
    return Clients(sts, iam, account.client)
