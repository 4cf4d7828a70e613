"""Replaying a record: what is made again from it alone, what differs, what cannot be made."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lab_bench import THREADS_OF_PYSERIAL, do_everything, end, labkit
from record_samples import described, new_key, sealed

from labkit import open_lab, record
from labkit.errors import RecordError
from labkit.record import rerun
from labkit.record.rerun import AGREES, CANNOT, DIFFERS, GIVEN, REPRODUCED
from labkit.record.seal.archive import METADATA, SIGNATURE, read_archive, write_archive
from labkit.workspace import Workspace
from labkit.workspace.lab_toml import set_in_lab_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.lab import Lab
    from labkit.record.replaying import Replay

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

# A record with random keys


@pytest.fixture(scope="module")
def made(finished: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the record of a finished run."""
    return record.make(finished, to=tmp_path_factory.mktemp("records")).path


@pytest.fixture(scope="module")
def keys(finished: Lab, made: Path) -> list[str]:
    """Return the public keys that verify it."""
    assert made.exists()
    return record.public_keys(finished.workspace.root)


def verdicts(replayed: Replay) -> dict[str, str]:
    """Return the last verdict for each artefact."""
    return {each.what: each.verdict for each in replayed.artefacts}


def edited(
    path: Path, inside: str, edit: Callable[[bytes], bytes], to: Path
) -> tuple[Path, list[str]]:
    """Return a record with one file changed, signed again, and the public key that verifies it."""
    archive = read_archive(path.read_bytes())
    files = {p: raw for p, raw in archive.files.items() if p not in (METADATA, SIGNATURE)}
    raw = files[f"run/{inside}"]
    files[f"run/{inside}"] = edit(raw)
    assert files[f"run/{inside}"] != raw
    key, public = new_key()
    metadata = described(files, archive.name, archive.when)
    to.write_bytes(sealed(key, metadata, files, archive.name, archive.when))
    return to, [public]


def test_a_record_is_replayed_from_the_file_alone(made: Path, keys: list[str]) -> None:
    """The key's files and the sources are equal byte for byte, the certificate agrees."""
    replayed = record.replay(made, keys)
    verdict_of = verdicts(replayed)
    assert replayed.holds
    assert {what for what, verdict in verdict_of.items() if verdict == REPRODUCED} == {
        "device/DevicePublicKeyAsciiHex.txt",
        "device/DevicePublicKeyDer.bin",
        "device/DevicePublicKey.pem",
        "aws_clientcredential.h as it was edited",
        "aws_clientcredential_keys.h as it was edited",
        "aws_dev_mode_key_provisioning.c as it was edited",
    }
    assert verdict_of["the CA signed the device's certificate"] == AGREES
    assert verdict_of["device/console.log"] == GIVEN
    for what in ("the whole run", "the device's private key", "ca/rootCA.pem", "record.json"):
        assert verdict_of[what] == CANNOT
    assert set(replayed.record.files) <= set(verdict_of)
    assert "it had no seed" in repr(replayed)
    assert "0 differ" in repr(replayed)


def _other_digit(raw: bytes) -> bytes:
    """Change a letter in the middle of a PEM block to another of base64."""
    at = len(raw) // 2
    at += raw[at : at + 2] == b"\n"
    return raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :]


def _other_facts(raw: bytes) -> bytes:
    facts: dict[str, Any] = json.loads(raw)
    facts["headers"]["aws_clientcredential.h"] = "0" * 64
    return json.dumps(facts).encode()


SAME_FILES = "every file is as the journal recorded it"
HEADER, KEYS = "aws_clientcredential.h", "aws_clientcredential_keys.h"
TWINS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "certificate": ("device/deviceCert.pem", _other_digit, SAME_FILES),
    "DER": ("device/DevicePublicKeyDer.bin", lambda raw: raw[:-1] + b"\0\1"[raw[-1] == 0 :][:1],
            "device/DevicePublicKeyDer.bin"),
    "hex": ("device/DevicePublicKeyAsciiHex.txt", lambda raw: raw.lower() + b"\n",
            "device/DevicePublicKeyAsciiHex.txt"),
    "original": (f"firmware/original/{HEADER}", lambda raw: b"\n" + raw,
                 f"{HEADER} as it was edited"),
    "difference": (f"firmware/{KEYS}.diff", lambda raw: raw.replace(b"BEGIN", b"BEGUN"),
                   f"{KEYS} as it was edited"),
    "facts": ("record.json", _other_facts, f"{HEADER} as it was edited"),
    "CA": ("ca/rootCA.pem", _other_digit, SAME_FILES),
}  # fmt: skip


@pytest.mark.parametrize("what", TWINS)
def test_a_changed_artefact_differs(made: Path, tmp_path: Path, what: str) -> None:
    """In a correctly signed record, one changed byte is found by making the artefact again."""
    inside, edit, artefact = TWINS[what]
    path, public = edited(made, inside, edit, tmp_path / "x.eln")
    replayed = record.replay(path, public)
    assert verdicts(replayed)[artefact] == DIFFERS
    assert not replayed.holds
    assert "DIFFERS" in repr(replayed)


def test_unknown_key_is_refused(made: Path, keys: list[str], tmp_path: Path) -> None:
    """Without verification it is replayed, and the output states NOT VERIFIED."""
    _, other = new_key()
    with pytest.raises(RecordError, match="signed by the key"):
        record.replay(made, [other])
    with pytest.raises(RecordError, match="none was given"):
        record.replay(made)
    assert "NOT VERIFIED" in repr(record.replay(made, unverified=True))
    assert "NOT VERIFIED" not in repr(record.replay(made, keys))
    archive = read_archive(made.read_bytes())
    torn = {**archive.files, SIGNATURE: b"none", "run/device/deviceCert.pem": b"none"}
    (tmp_path / "x.eln").write_bytes(write_archive(archive.name, torn, archive.when))
    assert not record.replay(tmp_path / "x.eln", unverified=True).holds


@pytest.mark.parametrize("member", ["headers", "mode", "fingerprints", "seed"])
def test_facts_of_another_type_are_refused(made: Path, tmp_path: Path, member: str) -> None:
    """A member of another type ends in a RecordError, and no other error."""

    def change(raw: bytes) -> bytes:
        return json.dumps({**json.loads(raw), member: 5}).encode()

    path, public = edited(made, "record.json", change, tmp_path / "x.eln")
    with pytest.raises(RecordError, match="a member has another type"):
        record.replay(path, public)


HOSTILE = {"thing": "../x", "release": "../x", "route": "../x", "region": "x\ny", "seed": "\0"}


@pytest.mark.parametrize("member", HOSTILE)
def test_impossible_run_is_not_repeated(made: Path, tmp_path: Path, member: str) -> None:
    """Names that lead out of the temporary folder, and invalid settings, are refused."""

    def change(raw: bytes) -> bytes:
        seeded_facts = {"seed": "x", "fingerprint": None, member: HOSTILE[member]}
        return json.dumps({**json.loads(raw), **seeded_facts}).encode()

    path, public = edited(made, "record.json", change, tmp_path / "x.eln")
    replayed = record.replay(path, public)
    assert verdicts(replayed)["the whole run"] == DIFFERS
    assert "run again, it ended with" in repr(replayed)


def test_the_command_exits_with_what_it_found(made: Path, finished: Lab, tmp_path: Path) -> None:
    """0 if nothing differs, 1 if something does or no key is known; no traceback."""
    good = labkit(finished.workspace.root, "record", "replay", str(made))
    assert (good.returncode, good.stderr) == (0, "")
    assert "reproduced  device/DevicePublicKey.pem" in good.stdout
    path, public = edited(made, *TWINS["certificate"][:2], tmp_path / "x.eln")
    (tmp_path / "key.pub").write_text(public[0])
    given_key = ("--public-key", str(tmp_path / "key.pub"))
    bad = labkit(tmp_path / "elsewhere", "record", "replay", str(path), *given_key)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert f"DIFFERS     {SAME_FILES}" in bad.stdout
    refused = labkit(tmp_path / "elsewhere", "record", "replay", str(path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "has no public key" in refused.stderr


# A seeded run, repeated


def seeded(folder: Path, thing: str = "lab-device", **chosen: str) -> Lab:
    """Open a seeded lab."""
    return open_lab(folder, seed="replay", thing_name=thing, **chosen)


def _another_minute(journal: bytes) -> bytes:
    return journal.replace(b"T09:01:", b"T09:02:", 1)


def test_unfinished_seeded_run_is_repeated(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as it went: its journal is equal byte for byte, and the bench is stopped."""
    del clean_environment
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[Lab] = []

    def open_again(root: Path, **chosen: str) -> Lab:
        opened.append(open_lab(root, **chosen))
        return opened[-1]

    monkeypatch.setattr(rerun, "open_lab", open_again)
    lab = seeded(tmp_path / "lab")
    try:
        lab.set_endpoint_and_thing()
        lab.force_key_generation()
        path = record.make(lab, to=tmp_path).path
    finally:
        end(lab)
    replayed = record.replay(path, record.public_keys(lab.workspace.root))
    assert replayed.holds
    verdict_of = verdicts(replayed)
    assert (
        verdict_of["journal.jsonl"]
        == verdict_of["firmware/aws_clientcredential.h.diff"]
        == REPRODUCED
    )
    later, public = edited(path, "journal.jsonl", _another_minute, tmp_path / "x.eln")
    assert verdicts(record.replay(later, public))["journal.jsonl"] == DIFFERS
    assert opened[0].bench
    assert opened[0].workspace.root.parent == tmp_path
    assert not opened[0].bench.is_alive()
    assert not opened[0].workspace.root.exists()


def test_stored_record_is_not_repeated(clean_environment: pytest.MonkeyPatch) -> None:
    """That of the first release holds, but its board's key was derived in another way."""
    del clean_environment
    stored = Path(__file__).resolve().parents[1] / "records" / "first-release.eln"
    replayed = record.replay(stored, [stored.with_suffix(".pub").read_text()])
    assert replayed.holds, replayed
    verdict_of = verdicts(replayed)
    assert verdict_of["the whole run"] == CANNOT
    assert "the labkit that made the record derived the key differently" in repr(replayed)
    assert verdict_of["device/DevicePublicKey.pem"] == REPRODUCED
    assert verdict_of["the CA signed the device's certificate"] == AGREES


@pytest.mark.slow
@pytest.mark.parametrize("route", ["option-2", "just-in-time", "option-1"])
def test_seeded_run_gives_the_same_artefacts(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch, route: str
) -> None:
    """Also for the second board of a workspace, except for RSA keys."""
    del clean_environment
    first = seeded(tmp_path / "lab", route=route)
    second = seeded(tmp_path / "lab", "second", route=route)
    try:
        do_everything(first)
        do_everything(second)
        path = record.make(second, to=tmp_path).path
    finally:
        end(first)
    keys = record.public_keys(first.workspace.root)
    replayed = record.replay(path, keys)
    assert replayed.holds, replayed
    verdict_of = verdicts(replayed)
    same = {what for what, verdict in verdict_of.items() if verdict == REPRODUCED}
    assert {"device/console.log", "account/thing.json", "account/policies.json"} <= same
    if route != "option-1":
        assert {"ca/rootCA.pem", "ca/verificationCert.pem", "device/deviceCert.csr",
                "device/deviceCert.pem", "account/certificate.json",
                f"firmware/{KEYS}.diff"} <= same  # fmt: skip
        changed, public = edited(path, "device/deviceCert.csr", _other_digit, tmp_path / "x.eln")
        assert verdicts(record.replay(changed, public))["device/deviceCert.csr"] == DIFFERS
    else:
        assert verdict_of["device/deviceCert.pem"] == verdict_of[f"firmware/{KEYS}.diff"] == CANNOT
        assert verdict_of[f"{KEYS} as it was edited"] == REPRODUCED


@pytest.mark.slow
def test_rsa_authority_is_distinguished(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    """Files that depend on its key cannot be equal; the device's key and request are."""
    del clean_environment
    Workspace.open(tmp_path / "lab", {}, seed="replay")
    set_in_lab_toml(tmp_path / "lab" / "lab.toml", {"ca.key": "RSA-2048"})
    lab = seeded(tmp_path / "lab")
    try:
        do_everything(lab)
        path = record.make(lab, to=tmp_path).path
    finally:
        end(lab)
    replayed = record.replay(path, record.public_keys(lab.workspace.root))
    assert replayed.holds, replayed
    verdict_of = verdicts(replayed)
    assert (
        verdict_of["device/DevicePublicKey.pem"]
        == verdict_of["device/deviceCert.csr"]
        == REPRODUCED
    )
    assert verdict_of["ca/rootCA.pem"] == verdict_of["device/deviceCert.pem"] == CANNOT
    assert "not derived from a seed" in repr(replayed)


@pytest.mark.slow
def test_a_boards_second_key_is_not_made_again(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    """The replay's board makes its first key, and the output states the difference."""
    del clean_environment
    lab = seeded(tmp_path / "lab")
    try:
        do_everything(lab)
        lab.workspace.start_over()
        second = seeded(tmp_path / "lab")
        do_everything(second)
        path = record.make(second, to=tmp_path).path
    finally:
        end(lab)
    replayed = record.replay(path, record.public_keys(lab.workspace.root))
    assert replayed.holds
    assert "the board had made key pairs before" in repr(replayed)
