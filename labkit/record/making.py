"""Make a record: collect the files, redact secrets, check the files, sign."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.contents.collecting import collect
from labkit.record.contents.crate import crate_metadata
from labkit.record.contents.facts import RunNotes, checks_as_facts, facts
from labkit.record.contents.firmware_sources import differences
from labkit.record.contents.report import report, summary
from labkit.record.evidence import judge
from labkit.record.scan.known import known_secrets
from labkit.record.scan.scanning import find, refuse, without_secrets
from labkit.record.seal.archive import FACTS, FOLDER, METADATA, SIGNATURE, write_archive
from labkit.record.seal.signature import sign
from labkit.record.seal.signing_keys import signing_key
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.check import Check
    from labkit.lab.lab import Lab

SUFFIX = ".eln"
_WRITTEN = (FACTS, "report.html")
"""The files that are made from the facts after the others were searched for secrets."""


@dataclass(frozen=True, slots=True)
class Made:
    """A record that was made; its repr is the path and a summary.

    Attributes:
        path: the file.
        outcome: "accepted", "failed" or "unfinished".
        key_id: the id of the key that signed it, 16 hex digits.
        checks: the record's own checks.
        redacted: a line for each secret that was redacted.
    """

    path: Path
    outcome: str
    key_id: str
    checks: tuple[Check, ...]
    redacted: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        """Return a few lines."""
        failed = [repr(each) for each in self.checks if not each]
        lines = [f"{self.path}", f"outcome {self.outcome}, signed by the key {self.key_id}"]
        lines += [f"redacted: {each}" for each in self.redacted]
        return "\n".join([*lines, *(failed or [f"its {len(self.checks)} checks are ok"])])


def make(
    lab: Lab,
    *,
    operator: str = "",
    board: str = "",
    notes: str = "",
    to: str | Path | None = None,
    pages: Mapping[str, bytes] | None = None,
    failed: str = "",
    cut_off: bool = False,
    parameters: Mapping[str, object] | None = None,
    now: datetime | None = None,
) -> Made:
    """Make a record of a device's run in its current state: accepted, failed or unfinished.

    It writes the record's file and, on first use, the signing key. The account is only read.

    Args:
        lab: the lab.
        operator: the operator's name; the login name if empty.
        board: the board, such as the label on it.
        notes: any other text.
        to: the file, which ends in `.eln`, or the folder; `records/` in the workspace if None.
        pages: executed pages by name; those that JupyterLab has saved if None.
        failed: the first line of the error that ended a run; empty if none did.
        cut_off: whether a signal ended a run.
        parameters: the parameters of the pages.
        now: the record's date, UTC; the current time if None.

    Raises:
        SecretError: the record would contain a secret that cannot be redacted. Nothing is written.
        RecordError: the file exists already, or cannot be written.
    """
    when = _even_second(now or datetime.now(UTC))
    target = _target(lab, to, when)
    given = RunNotes(operator, board, notes, failed, cut_off, parameters or {})
    known = tuple(known_secrets(lab))
    files, redacted = without_secrets(collect(lab, pages), known)
    files, headers = differences(files)
    known_facts = facts(lab, files, name=target.stem, when=when, notes=given, headers=headers)
    checks = judge(files, known_facts)
    known_facts["checks"] += checks_as_facts(checks)
    files |= {FACTS: _json(known_facts), "report.html": report(files, known_facts)}
    metadata = crate_metadata(target.stem, when, files, known_facts, summary(known_facts))
    refuse(find({path: files[path] for path in _WRITTEN} | {METADATA: metadata}, known))
    key = signing_key(lab.workspace.root)
    inside = {FOLDER + path: raw for path, raw in files.items()}
    signed = {METADATA: metadata, SIGNATURE: sign(metadata, key, when)}
    _write(target, write_archive(target.stem, inside | signed, when))
    return Made(target, known_facts["outcome"], key.key_id, checks, redacted)


def _even_second(moment: datetime) -> datetime:
    """Round a time down to what a ZIP can hold: even seconds."""
    return moment.replace(microsecond=0) - timedelta(seconds=moment.second % 2)


def _target(lab: Lab, to: str | Path | None, when: datetime) -> Path:
    chosen = Path(to).expanduser() if to else lab.workspace.root / "records"
    if chosen.suffix == SUFFIX:
        name = _plain(chosen.stem)
        if name != chosen.stem:
            raise RecordError(
                f"{chosen}: expected a name of letters, digits, `.`, `_` and `-`, because the "
                f"folder inside the record has it too. Choose for example {name}{SUFFIX}."
            )
        target = chosen
        if target.exists():
            raise RecordError(
                f"{target}: the file exists already, and a record is never overwritten. Choose "
                "another name."
            )
        return target
    name = f"{_plain(lab.workspace.settings.thing_name)}-{when:%Y%m%dT%H%M%SZ}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    free = (chosen / f"{name}{SUFFIX}" for name in names)
    return next(target for target in free if not target.exists())


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".") or "record"


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _write(target: Path, sealed: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, sealed)
    except OSError as error:
        raise RecordError(
            f"{target}: the record cannot be written: {error.strerror}. Choose another folder."
        ) from None
