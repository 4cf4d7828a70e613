"""What the account says about a device, as AWS IoT answers it; nothing is changed.

Source: AWS IoT API reference: DescribeCertificate, DescribeThing, GetPolicy,
DescribeCACertificate, ListAttachedPolicies, ListPrincipalThings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import listed
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from labkit.cloud.account import Account

__all__ = ["answers"]


def answers(
    account: Account, *, thing: str, policy: str, certificate_id: str, ca_id: str
) -> dict[str, bytes]:
    """Return the account's answers as files: path to JSON.

    One that is refused, or not there, is an answer too: `{"not told": …}`.

    Args:
        account: only calls that read are made.
        thing: the thing's name.
        policy: the policy that the procedure makes; those that are attached are told anyway.
        certificate_id: the device's certificate; empty where there is none.
        ca_id: the CA's; empty where there is none.
    """
    client = account.client
    told = {"thing": _told(lambda: client.describe_thing(thingName=thing))}
    names = [policy]
    if certificate_id:
        told["certificate"] = _told(lambda: _certificate(client, certificate_id))
        arn = str(told["certificate"].get("certificateArn", ""))
        told["attachments"] = _told(lambda: _attachments(client, arn)) if arn else {}
        names = [each["policyName"] for each in told["attachments"].get("policies", ())] or names
    told["policies"] = {name: _told(partial(client.get_policy, policyName=name)) for name in names}
    if ca_id:
        told["ca"] = _told(lambda: _ca(client, ca_id))
    return {f"account/{name}.json": _json(answer) for name, answer in told.items()}


def _certificate(client: Any, certificate_id: str) -> Any:  # noqa: ANN401 boto3 is made at run time
    return client.describe_certificate(certificateId=certificate_id)["certificateDescription"]


def _ca(client: Any, ca_id: str) -> Any:  # noqa: ANN401 as above
    return client.describe_ca_certificate(certificateId=ca_id)["certificateDescription"]


def _attachments(client: Any, arn: str) -> dict[str, Any]:  # noqa: ANN401 as above
    return {
        "things": listed(client, "list_principal_things", principal=arn),
        "policies": listed(client, "list_attached_policies", target=arn),
    }


def _told(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        with translated("reading the account for a record"):
            told = dict(ask())
    except CloudError as error:
        return {"not told": error.code or "no answer"}
    told.pop("ResponseMetadata", None)
    return told


def _json(answer: dict[str, Any]) -> bytes:
    return (json.dumps(answer, indent=1, sort_keys=True, default=_moment) + "\n").encode()


def _moment(value: datetime) -> str:
    return value.isoformat()
