"""Making a record: collect, take secrets out, check, seal."""

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
from labkit.record.contents.facts import Told, facts, told_checks
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
"""What is written from facts that people have typed, and not collected."""


@dataclass(frozen=True, slots=True)
class Made:
    """A record that was made; its repr says where it is and what it says.

    Attributes:
        path: the file.
        outcome: "accepted", "failed" or "unfinished".
        key_id: the id of the key that signed it.
        checks: the record's own checks.
        redacted: what was taken out, in words.
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
        lines += [f"taken out: {each}" for each in self.redacted]
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
    """Make a record of a device's run as it stands: accepted, failed or unfinished.

    Nothing is changed but the record's file, and at first use the signing key.

    Args:
        lab: the lab; its bench is asked for the account's answers.
        operator: who did it; the login name when not given.
        board: which board, such as the label on it.
        notes: what else there is to say.
        to: the file, which ends in `.eln`, or the folder; `records/` in the workspace when not
            given.
        pages: executed pages by name; those that JupyterLab has saved when not given.
        failed: the first line of what ended a run.
        cut_off: whether somebody ended a run before its end.
        parameters: what the pages were given.
        now: the record's date, UTC; the computer's clock when not given.

    Raises:
        SecretError: a secret would be in it; file and kind are named. Nothing is written.
        RecordError: the file is there already, or cannot be written.
    """
    when = _even(now or datetime.now(UTC))
    target = _target(lab, to, when)
    told = Told(operator, board, notes, failed, cut_off, parameters or {})
    known = tuple(known_secrets(lab))
    files, redacted = without_secrets(collect(lab, pages), known)
    files, headers = differences(files)
    known_facts = facts(lab, files, name=target.stem, when=when, told=told, headers=headers)
    checks = judge(files, known_facts)
    known_facts["checks"] += told_checks(checks)
    files |= {FACTS: _json(known_facts), "report.html": report(files, known_facts)}
    metadata = crate_metadata(target.stem, when, files, known_facts, summary(known_facts))
    refuse(find({path: files[path] for path in _WRITTEN} | {METADATA: metadata}, known))
    key = signing_key(lab.workspace.root)
    inside = {FOLDER + path: raw for path, raw in files.items()}
    signed = {METADATA: metadata, SIGNATURE: sign(metadata, key, when)}
    _write(target, write_archive(target.stem, inside | signed, when))
    return Made(target, known_facts["outcome"], key.key_id, checks, redacted)


def _even(moment: datetime) -> datetime:
    """Return a time that a ZIP can hold: even seconds."""
    return moment.replace(microsecond=0) - timedelta(seconds=moment.second % 2)


def _target(lab: Lab, to: str | Path | None, when: datetime) -> Path:
    chosen = Path(to).expanduser() if to else lab.workspace.root / "records"
    if chosen.suffix == SUFFIX:
        name = _plain(chosen.stem)
        if name != chosen.stem:
            raise RecordError(
                f"{chosen.name}: expected a name of letters, digits, `.`, `_` and `-`, since the "
                f"record's inner folder has it too. Take for instance {name}{SUFFIX}."
            )
        target = chosen
        if target.exists():
            raise RecordError(f"{target} is there already; a record is never overwritten.")
        return target
    name = f"{_plain(lab.workspace.settings.thing_name)}-{when:%Y%m%dT%H%M%SZ}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    free = (chosen / f"{name}{SUFFIX}" for name in names)
    return next(target for target in free if not target.exists())


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".") or "record"


def _json(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _write(target: Path, sealed: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, sealed)
    except OSError as error:
        raise RecordError(
            f"{target}: the record cannot be written: {error.strerror}. Name another file."
        ) from None
