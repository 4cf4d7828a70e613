"""Verifying a record: from the file and a public key alone; later, is it still true?"""

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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from labkit.cloud.account import Account
    from labkit.cloud.resources import Resource


@dataclass(frozen=True, slots=True)
class Verified:
    """A record whose seal is whole, and what its files say about each other.

    Attributes:
        record: the record.
        checks: its files, checked against each other.
    """

    record: Record
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether everything in the record agrees."""
        return all(self.checks)

    def __repr__(self) -> str:
        """Return the seal's line, and one for each check."""
        record = self.record
        facts = record.facts
        by = facts["operator"] or "nobody named"
        lines = [
            f"ok   signed by the key {record.key_id} and unchanged: {len(record.files)} files",
            *map(repr, self.checks),
            f"     {facts['thing']}: {facts['outcome']}, {facts['made_at']}, by {printable(by)}",
            f"     {facts['mode']['words']}",
        ]
        return "\n".join(lines)


def verify(file: str | Path, public_keys: Sequence[str]) -> Verified:
    """Verify a record: signature, every hash, no file more or less, chain, key and journal.

    Args:
        file: the `.eln` file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Returns:
        What was found. A record whose seal is whole may say itself that something does not
        agree, as of a run that failed: see `Verified.holds`.

    Raises:
        RecordError: the file was changed in any way since it was signed, or another key signed it.
    """
    record = read(file, public_keys)
    return Verified(record, judge(record.files, record.facts))


def ask_account(record: Record, account: Account) -> tuple[Check, ...]:
    """Ask the account whether certificate, thing and attachments are as they were recorded.

    Args:
        record: a verified record.
        account: the account, of which only questions are asked. It has to be the record's.
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
    """Ask a fresh console log whether the board has the recorded key.

    Args:
        record: a verified record.
        log: what the board printed since, whose newest dump counts.
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
        yield check("there is a certificate to ask for", passed=False, value="the run made none")
        return
    recorded = certificate["status"]
    now = _asked(lambda: account.find_certificate(certificate["id"]))
    if isinstance(now, str):
        yield check("the certificate's status can be told", passed=False, value=now)
        return
    if now is None:
        yield check("the certificate is in the account", passed=False, value="it is not there")
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
        yield check("its attachments can be told", passed=False, value=error)
        return
    told = ", ".join(sorted(now)) or "nothing"
    yield check("thing and policy are attached as recorded", now == names, told)
    for name, document in _policies(record).items():
        yield _policy(account, name, document)


def _policies(record: Record) -> dict[str, str]:
    told = json.loads(record.files.get("account/policies.json", b"{}"))
    documents = {name: answer.get("policyDocument") for name, answer in told.items()}
    return {name: document for name, document in documents.items() if document}


def _policy(account: Account, name: str, document: str) -> Check:
    claim = f"the policy {name} says what it said"
    try:
        with translated(f"reading the policy {name}"):
            now = account.client.get_policy(policyName=name)["policyDocument"]
    except CloudError as error:
        return check(claim, passed=False, value=error)
    return check(claim, json.loads(now) == json.loads(document))


def _asked(ask: Callable[[], Resource | None]) -> Resource | str | None:
    try:
        return ask()
    except CloudError as error:
        return str(error)
