"""Each check of a record's files passes, and fails for one changed file."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from certificate_makers import CODE, NOW, device_key, ec_key, make_ca
from lab_bench import THREADS_OF_PYSERIAL

from labkit import certificates
from labkit.record.contents.collecting import collect
from labkit.record.contents.facts import RunNotes, facts
from labkit.record.contents.firmware_sources import NOW as HEADERS_NOW
from labkit.record.contents.firmware_sources import differences
from labkit.record.evidence import judge
from labkit.record.fingerprints import fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

Files = dict[str, bytes]
SAME_KEY = "the key is the same at every step"
SIGNED = "the CA signed the device's certificate"
READ = "each step read what an earlier step made"
MADE = "every file is as the journal recorded it"
ORDER = "the journal's times are in order"
ACCEPTED = "the board printed that its hello world was accepted"
WHOLE = "an accepted run has its key and certificates"


@pytest.fixture(scope="module")
def collected(finished: Lab) -> tuple[Files, dict[str, Any]]:
    """Return a finished run's files and its facts."""
    files, headers = differences(collect(finished, {}))
    when = datetime(2026, 11, 25, 12, tzinfo=UTC)
    return files, facts(finished, files, name="a", when=when, notes=RunNotes(), headers=headers)


def failures(files: Files, known: dict[str, Any]) -> dict[str, str]:
    """Return the claims that do not hold, each with what was found."""
    return {each.claim: each.shown for each in judge(files, known) if not each}


def test_a_finished_run_agrees_with_itself(collected: tuple[Files, dict[str, Any]]) -> None:
    """Every check passes."""
    files, known = collected
    checks = judge(files, known)
    assert [repr(each) for each in checks if not each] == []
    assert {SAME_KEY, SIGNED, READ, MADE, ORDER, ACCEPTED, WHOLE} <= {c.claim for c in checks}
    assert known["outcome"] == "accepted"


def test_the_key_is_found_in_every_place(collected: tuple[Files, dict[str, Any]]) -> None:
    """Dump, three files, certificate, account, journal twice and header: nine equal ones."""
    _, known = collected
    assert len(known["fingerprints"]) == 9
    assert {each["sha256"] for each in known["fingerprints"]} == {known["fingerprint"]}


def in_journal(change: Callable[[dict[str, Any]], None], step: str) -> Callable[[Files], None]:
    """Return a change of one step's entry."""

    def do(files: Files) -> None:
        lines = [json.loads(line) for line in files["journal.jsonl"].splitlines()]
        for line in lines:
            if line.get("step") == step:
                change(line)
        files["journal.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    return do


def other_key(files: Files) -> None:
    """Put another public key into a file."""
    files["device/DevicePublicKey.pem"] = device_key().pem.encode()


def other_certificate(files: Files) -> None:
    """Replace the device's certificate by one of another CA and key."""
    ca = make_ca()
    files["device/deviceCert.pem"] = certificates.to_pem(
        certificates.Issuer(ca, ec_key("ca")).verification_certificate(
            CODE, public_key=ec_key("v").public_key(), now=NOW, serial_number=9
        )
    ).encode()  # fmt: skip


def other_ca(files: Files) -> None:
    """Replace the CA by another CA of the same procedure."""
    files["ca/rootCA.pem"] = certificates.to_pem(make_ca()).encode()


def other_dump(files: Files) -> None:
    """Print another key; the newest dump counts."""
    rows = device_key().der.hex()
    lines = [rows[at : at + 32] for at in range(0, len(rows), 32)]
    dump = "Device public key, 91 bytes:\r\n" + "".join(
        " ".join(re.findall("..?.?.?", line)) + "\r\n" for line in lines
    )
    files["device/console.log"] += dump.encode()


def cut_log(files: Files) -> None:
    """Lose the log's end."""
    files["device/console.log"] = files["device/console.log"][:1000]


def changed_log(files: Files) -> None:
    """Change the log's first byte."""
    files["device/console.log"] = b"#" + files["device/console.log"][1:]


def without(path: str) -> Callable[[Files], None]:
    """Return the loss of a file."""
    return lambda files: files.__delitem__(path)


BROKEN = {
    "another key in a file": (other_key, SAME_KEY, "DevicePublicKey.pem"),
    "another certificate": (other_certificate, SIGNED, "Issuer|Signature"),
    "another certificate's key": (other_certificate, SAME_KEY, "deviceCert.pem"),
    "another CA": (other_ca, SIGNED, "Issuer|Signature"),
    "another dump": (other_dump, SAME_KEY, "dump"),
    "a cut log": (cut_log, MADE, "console.log has 1000 bytes"),
    "a changed log": (changed_log, MADE, "console.log are not those"),
    "a lost file": (without("device/deviceCert.csr"), MADE, "deviceCert.csr.*is not in the record"),
    "a lost CA": (without("ca/rootCA.pem"), WHOLE, "rootCA.pem"),
    "a lost certificate": (without("device/deviceCert.pem"), WHOLE, "deviceCert.pem"),
    "a hash in the journal": (
        in_journal(lambda e: e["made"].update({"deviceCert.pem": "0" * 64}), "issue_certificate"),
        MADE,
        "issue_certificate made it with 0000",
    ),
    "a file that no step made": (
        in_journal(lambda e: e["read"].update({"deviceCert.csr": "1" * 64}), "issue_certificate"),
        READ,
        "issue_certificate read deviceCert.csr",
    ),
    "a clock set back": (
        in_journal(lambda e: e.update({"at": "2001-01-01T00:00:00+00:00"}), "create_ca"),
        ORDER,
        "create_ca at 2001",
    ),
    "a damaged journal": (
        lambda files: files.update({"journal.jsonl": b"[]\n"}),
        "the journal can be read",
        "line 1",
    ),
    "another fact in the journal": (
        in_journal(lambda e: e["facts"].update({"key": "2" * 64}), "issue_certificate"),
        SAME_KEY,
        "2222",
    ),
}


@pytest.mark.parametrize(("change", "claim", "found"), BROKEN.values(), ids=BROKEN.keys())
def test_one_change_breaks_its_claim(
    collected: tuple[Files, dict[str, Any]],
    change: Callable[[Files], None],
    claim: str,
    found: str,
) -> None:
    """The failed check reports where and what."""
    files, known = dict(collected[0]), collected[1]
    change(files)
    failed = failures(files, known)
    assert claim in failed
    assert re.search(found, failed[claim])


def test_recorded_fingerprints_count(
    collected: tuple[Files, dict[str, Any]],
) -> None:
    """The header's, which no file has, and that of record.json must be equal too."""
    files, known = collected
    other = [*known["fingerprints"][:-1], known["fingerprints"][-1] | {"sha256": "3" * 64}]
    assert SAME_KEY in failures(files, known | {"fingerprints": other})
    assert SAME_KEY in failures(files, known | {"fingerprint": "4" * 64})


def test_steps_that_were_not_reached_are_not_checked(
    collected: tuple[Files, dict[str, Any]],
) -> None:
    """A run that ended early has only a journal, and no check fails."""
    early = {"journal.jsonl": collected[0]["journal.jsonl"].splitlines(keepends=True)[0]}
    known = collected[1] | {
        "outcome": "failed",
        "fingerprint": None,
        "fingerprints": [],
        "certificate": None,
    }
    assert failures(early, known) == {}
    assert fingerprints({}) == ()


def test_differences_replace_the_current_sources(finished: Lab) -> None:
    """Each source has its original, the difference and the hash of the current file."""
    collected = collect(finished, {})
    files, headers = differences(collected)
    assert not [path for path in files if path.startswith(HEADERS_NOW)]
    assert set(headers) == {
        "aws_clientcredential.h",
        "aws_clientcredential_keys.h",
        "aws_dev_mode_key_provisioning.c",
    }
    assert b'+    #define clientcredentialIOT_THING_NAME    "lab-device"' in files[
        "firmware/aws_clientcredential.h.diff"
    ].replace(b"\r", b"")
