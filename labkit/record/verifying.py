"""Verify a record with a public key alone, and compare it with the account and a new log."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import console
from labkit.certificates.words import printable
from labkit.check import Check, check
from labkit.cloud.aws_errors import translated
from labkit.errors import CloudError, LabError
from labkit.record.evidence import judge
from labkit.record.reading import Record, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labkit.cloud.account import Account
    from labkit.cloud.resources import Resource


@dataclass(frozen=True, slots=True)
class Verified:
    """A record whose signature and hashes are correct.

    Attributes:
        record: the record.
        checks: the checks of its files against each other.
    """

    record: Record
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether everything in the record agrees."""
        return all(self.checks)

    def __repr__(self) -> str:
        """Return a line for the signature, one for each check, and a summary."""
        record = self.record
        facts = record.facts
        by = facts["operator"] or "an unknown operator"
        lines = [
            f"ok   signed by the key {record.key_id} and unchanged: {len(record.files)} files",
            *map(repr, self.checks),
            f"     {facts['thing']}: {facts['outcome']}, {facts['made_at']}, by {printable(by)}",
            f"     {facts['mode']['words']}",
        ]
        return "\n".join(lines)


def verify(file: str | Path, public_keys: Sequence[str]) -> Verified:
    """Verify a record: signature, hashes, list of files, certificate chain, key and journal.

    Args:
        file: the `.eln` file.
        public_keys: the public keys to accept, in minisign's format.

    Returns:
        The record and its checks. Signature and hashes are correct; a check can still fail, for
        example for a run that failed: see `Verified.holds`.

    Raises:
        RecordError: the file was changed in any way since it was signed, or another key signed it.
    """
    record = read(file, public_keys)
    return Verified(record, judge(record.files, record.facts))


def ask_account(record: Record, account: Account) -> tuple[Check, ...]:
    """Compare the certificate, the thing and the policies in the account with the record.

    Args:
        record: a verified record.
        account: the record's account, which is only read.
    """
    facts = record.facts
    same = (account.account_id, account.region) == (facts["account_id"], facts["region"])
    asked = check(
        "this is the record's account",
        same,
        f"{account.account_id} in {account.region}, recorded {facts['account_id']} in "
        f"{facts['region']}",
    )
    return (asked, *_still(record, account)) if same else (asked,)


def ask_console(record: Record, log: bytes) -> Check:
    """Compare the newest public key in a new console log with the record.

    Args:
        record: a verified record.
        log: what the board printed since.
    """
    claim = "the board has the recorded key"
    try:
        found = console.parse(io.BytesIO(log)).public_key().sha256
    except LabError as error:
        return check(claim, passed=False, value=error)
    return check(claim, found == record.facts["fingerprint"], f"{found[:16]}…")


def _still(record: Record, account: Account) -> Iterator[Check]:
    certificate = record.facts["certificate"]
    if certificate is None:
        yield check(
            "the record has a certificate", passed=False, value="the run made no certificate"
        )
        return
    recorded = certificate["status"]
    try:
        now = account.find_certificate(certificate["id"])
    except CloudError as error:
        yield check("the certificate's status can be read", passed=False, value=error)
        return
    if now is None:
        yield check(
            "the certificate is in the account", passed=False, value="it is not in the account"
        )
        return
    yield check(f"the certificate is {recorded}, as recorded", now.status == recorded, now.status)
    yield from _attached(record, account, now)


def _attached(record: Record, account: Account, certificate: Resource) -> Iterator[Check]:
    recorded = json.loads(record.files.get("account/attachments.json", b"{}"))
    names = {f"thing {name}" for name in recorded.get("things", ())}
    names |= {f"policy {each['policyName']}" for each in recorded.get("policies", ())}
    try:
        now = set(account.attachments(certificate.arn))
    except CloudError as error:
        yield check("its attachments can be read", passed=False, value=error)
        return
    attached = ", ".join(sorted(now)) or "nothing"
    yield check("thing and policy are attached as recorded", now == names, attached)
    for name, document in _policies(record).items():
        yield _policy(account, name, document)


def _policies(record: Record) -> dict[str, str]:
    answers = json.loads(record.files.get("account/policies.json", b"{}"))
    documents = {name: answer.get("policyDocument") for name, answer in answers.items()}
    return {name: document for name, document in documents.items() if document}


def _policy(account: Account, name: str, document: str) -> Check:
    claim = f"the policy {name} is unchanged"
    try:
        with translated(f"reading the policy {name}"):
            now = account.client.get_policy(policyName=name)["policyDocument"]
    except CloudError as error:
        return check(claim, passed=False, value=error)
    return check(claim, json.loads(now) == json.loads(document))
