"""Collect the files of a record: the run's files, the account's answers, the executed pages.

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
_LEFT_OUT = {"journal.jsonl", "failed.json"}


def collect(lab: Lab, pages: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return every file that a run has made so far, by path, with its secrets.

    Args:
        lab: the lab.
        pages: executed pages by name; the trainee's pages, as JupyterLab saved them, if None.
    """
    workspace = lab.workspace
    files = _folder(workspace.device, "device/")
    if lab.procedure.maker("rootCA.pem"):
        paths = (workspace.ca / name for name in _OF_THE_CA)
        files |= {f"ca/{path.name}": path.read_bytes() for path in paths if path.is_file()}
    if workspace.journal.path.exists():
        files["journal.jsonl"] = workspace.journal.path.read_bytes()
    files |= sources(workspace)
    executed = executed_pages(workspace.root) if pages is None else pages
    files |= {f"pages/{name}": raw for name, raw in executed.items()}
    return files | _account(lab, files)


def _folder(folder: Path, under: str) -> dict[str, bytes]:
    """Return the files of a folder, without subfolders, hidden files and editors' copies."""
    return {
        under + path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name[0] not in ".~" and path.name not in _LEFT_OUT
    }


def _account(lab: Lab, files: Mapping[str, bytes]) -> dict[str, bytes]:
    try:
        account = lab.account
    except LabError as error:
        return {"account/no-answer.txt": f"The account could not be queried: {error}\n".encode()}
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
    """Return the account's answers as files: JSON by path.

    If AWS refuses a query, the answer is `{"no answer": <error code>}`.

    Args:
        account: the account, which is only read.
        thing: the thing's name.
        policy: the policy that the procedure makes, for a certificate without attached policies.
        certificate_id: the device's certificate; empty if there is none.
        ca_id: the CA's certificate; empty if there is none.
    """
    client = account.client
    answers = {"thing": _answer(lambda: client.describe_thing(thingName=thing))}
    names = [policy]
    if certificate_id:
        answers["certificate"] = _answer(lambda: _certificate(client, certificate_id))
        arn = str(answers["certificate"].get("certificateArn", ""))
        answers["attachments"] = _answer(lambda: _attachments(client, arn)) if arn else {}
        names = [each["policyName"] for each in answers["attachments"].get("policies", ())] or names
    policies = {name: _answer(partial(client.get_policy, policyName=name)) for name in names}
    answers["policies"] = policies
    if ca_id:
        answers["ca"] = _answer(lambda: _ca(client, ca_id))
    return {f"account/{name}.json": _json(answer) for name, answer in answers.items()}


def _certificate(client: Any, certificate_id: str) -> Any:  # noqa: ANN401 boto3 is made at run time
    return client.describe_certificate(certificateId=certificate_id)["certificateDescription"]


def _ca(client: Any, ca_id: str) -> Any:  # noqa: ANN401 as above
    return client.describe_ca_certificate(certificateId=ca_id)["certificateDescription"]


def _attachments(client: Any, arn: str) -> dict[str, Any]:  # noqa: ANN401 as above
    return {
        "things": listed(client, "list_principal_things", principal=arn),
        "policies": listed(client, "list_attached_policies", target=arn),
    }


def _answer(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        with translated("reading the account for a record"):
            answer = dict(ask())
    except CloudError as error:
        return {"no answer": error.code or "unknown"}
    answer.pop("ResponseMetadata", None)
    return answer


def _json(answer: dict[str, Any]) -> bytes:
    return (json.dumps(answer, indent=1, sort_keys=True, default=_moment) + "\n").encode()


def _moment(value: datetime) -> str:
    return value.isoformat()
