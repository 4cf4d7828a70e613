"""What goes into a record: the run's files, the account's answers, the pages; no secret.

Source: AWS IoT API reference: DescribeCertificate, DescribeThing, GetPolicy,
DescribeCACertificate, ListAttachedPolicies, ListPrincipalThings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from labkit import certificates
from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import listed
from labkit.errors import CloudError, LabError
from labkit.record.contents.executed_pages import executed_pages
from labkit.record.contents.firmware_sources import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from labkit.cloud.account import Account
    from labkit.lab.lab import Lab

_OF_THE_CA = ("rootCA.pem", "verificationCert.pem")
_NOT_THE_RUNS = {"journal.jsonl", "failed.json"}


def collect(lab: Lab, pages: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return everything that a run has made, by path; secrets are still in it.

    What a run has not come to is not there.

    Args:
        lab: the lab.
        pages: executed pages by name; the reader's own, as JupyterLab saved them, when not given.
    """
    place = lab.workspace
    files = _folder(place.device, "device/")
    if lab.procedure.maker("rootCA.pem"):
        files |= {f"ca/{name}": (place.ca / name).read_bytes() for name in _there(place.ca)}
    if place.journal.path.exists():
        files["journal.jsonl"] = place.journal.path.read_bytes()
    files |= sources(place)
    executed = executed_pages(place.root) if pages is None else pages
    files |= {f"pages/{name}": raw for name, raw in executed.items()}
    return files | _account(lab, files)


def _folder(folder: Path, under: str) -> dict[str, bytes]:
    """Return the files right in a folder; no log's lock, no editor's leftover."""
    return {
        under + path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name[0] not in ".~" and path.name not in _NOT_THE_RUNS
    }


def _there(folder: Path) -> list[str]:
    return [name for name in _OF_THE_CA if (folder / name).is_file()]


def _account(lab: Lab, files: Mapping[str, bytes]) -> dict[str, bytes]:
    try:
        account = lab.account
    except LabError as error:
        said = f"the account could not be asked: {error}\n"
        return {"account/not-told.txt": said.encode()}
    return _account_answers(
        account,
        thing=lab.workspace.settings.thing_name,
        policy=lab.hello_world.policy_name,
        certificate_id=_id(files, "device/deviceCert.pem"),
        ca_id=_id(files, "ca/rootCA.pem"),
    )


def _id(files: Mapping[str, bytes], path: str) -> str:
    try:
        return certificates.certificate_id(certificates.load_certificate(files.get(path, b"")))
    except LabError:
        return ""


# The account


def _account_answers(
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
