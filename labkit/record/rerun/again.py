"""Doing a seeded, simulated run again from its record alone, in a workspace of its own."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import certificates
from labkit.certificates.rules import spki
from labkit.errors import LabError
from labkit.firmware.tree import find_sources
from labkit.keys import sha256_fingerprint
from labkit.lab.lab import open_lab
from labkit.record.contents.collecting import collect
from labkit.record.contents.firmware_sources import ORIGINAL, differences
from labkit.record.scan.known import known_secrets
from labkit.record.scan.scanning import without_secrets
from labkit.support.seeding import Randomness
from labkit.workspace import Workspace, write
from labkit.workspace.lab_toml import set_in_lab_toml
from labkit.workspace.routes import thing_name_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.lab.lab import Lab
    from labkit.record.reading import Record

_SUBJECTS = {"option-2": "ca.subject", "just-in-time": "ca.just_in_time_subject"}
"""The setting that names the CA of a route's devices; elsewhere it is not chosen."""


def is_first_key(facts: Mapping[str, Any]) -> bool:
    """Return whether a record's key is the first one that its seed gives its thing's board."""
    key = Randomness(facts["seed"]).ec_key(facts["thing"], "key pair 1").public_key()
    return bool(sha256_fingerprint(spki(key)) == facts["fingerprint"])


def run_again(record: Record) -> dict[str, bytes]:
    """Do the steps that a record says were done, and return what they leave, as records have it.

    A bench is started in a temporary folder, and ended with it.

    Args:
        record: a record of a seeded, simulated run.

    Raises:
        LabError: a step is refused.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-replay-") as folder:
        lab = _prepared(record, Path(folder))
        try:
            for step in record.facts["steps"]:
                if not step["done"]:
                    break
                lab.perform(step["step"])
            files, _ = without_secrets(collect(lab, {}), known_secrets(lab))
        finally:
            if lab.bench:
                lab.bench.stop()
    return differences(files)[0]


def _prepared(record: Record, root: Path) -> Lab:
    """Open a lab that is as the record's was before its first step."""
    facts = record.facts
    chosen = {
        "device": "sim",
        "cloud": "sim",
        "seed": facts["seed"],
        "thing_name": _chosen_name(facts),
        "route": facts["route"],
        "release": facts["release"],
    }
    place = Workspace.open(root, {}, **chosen)
    set_in_lab_toml(root / "lab.toml", _settings(record))
    sources = find_sources(place.firmware)
    for file in (sources.credentials, sources.keys, sources.provisioning):
        with suppress(KeyError):
            write(file, record.files[ORIGINAL + file.name])
    return open_lab(root, **chosen)


def _chosen_name(facts: Mapping[str, Any]) -> str:
    """Return the name that was chosen for the device, without what its route adds."""
    return str(facts["thing"]).removesuffix(thing_name_on(facts["route"], ""))


def _settings(record: Record) -> dict[str, str | int]:
    facts = record.facts
    told: dict[str, str | int] = {
        "account.account_id": facts["account_id"],
        "account.region": facts["region"],
    }
    if (ca := record.files.get("ca/rootCA.pem")) and facts["route"] in _SUBJECTS:
        with suppress(LabError):
            subject = certificates.load_certificate(ca).subject
            told[_SUBJECTS[facts["route"]]] = certificates.subject_text(subject)
    return told
