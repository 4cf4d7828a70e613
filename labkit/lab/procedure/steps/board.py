"""Steps on the board: running the demo, reading its public key, and the hello world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import console
from labkit.device.listening import Until
from labkit.diagnosis.signs import ACCEPTED
from labkit.errors import ConsoleError, DeviceError, FirmwareError, LabError, NoDumpError
from labkit.keys import PublicKey
from labkit.lab.diagnosis_evidence import diagnose
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.device.capture import Capture
    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry


def run_demo_first(workbench: Workbench, before: Entry | None) -> Outcome:
    """Build, flash and run the demo: it generates a key pair, prints it, and cannot connect yet.

    Done once: another run with the macro at 1 would generate another key pair.
    """
    if before:
        return _stored_outcome(workbench, before)
    capture = _build_flash_boot(workbench)
    console.parse(capture.text).public_key()
    return _outcome(capture)


def extract_public_key(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Read the newest public key out of console.log and write it as hex, DER and PEM.

    Raises:
        ConsoleError: there is no dump, or the newest one is damaged.
        DeviceError: the device's key is not the one that was extracted before.
    """
    path = workbench.workspace.path
    with path("console.log").open("rb") as file:
        log = console.parse(file)
    key = log.public_key()
    _verify_continuity(workbench, key)
    rows = log.newest.hex_rows if log.newest else ()
    write(path("DevicePublicKeyAsciiHex.txt"), "".join(f"{row}\n" for row in rows))
    write(path("DevicePublicKeyDer.bin"), key.der)
    write(path("DevicePublicKey.pem"), key.pem)
    return Outcome(key, {"sha256": key.sha256})


def run_demo_with_certificate(workbench: Workbench, before: Entry | None) -> Outcome:
    """Build, flash and run the demo with its certificate, and verify that the key is the same."""
    if before:
        return _stored_outcome(workbench, before)
    capture = _build_flash_boot(workbench)
    verify_key_of_boot(workbench, capture)
    return _outcome(capture)


def run_hello_world(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Run the demo and verify that its hello world was accepted.

    Raises:
        DeviceError: it was not, the device's key has changed, or the board is a real one and the
            account simulated.
    """
    refuse_unreachable_account(workbench)
    headers.refuse_other_port(workbench)
    capture = workbench.board.boot(show=workbench.show)
    verify_key_of_boot(workbench, capture)
    if ACCEPTED not in capture:
        raise DeviceError(f"the hello world was not accepted. {_cause(workbench)}")
    return Outcome(capture, {"accepted": True})


def _cause(workbench: Workbench) -> str:
    """Return the diagnosis of the newest boot, with the account's answers if it gives any."""
    try:
        found = diagnose(workbench)
    except LabError as error:
        return f"The account could not be asked for the cause: {error}"
    return f"{found.summary} For the evidence, call lab.diagnose()."


def build_and_run_hello_world(workbench: Workbench, before: Entry | None) -> Outcome:
    """Build and flash the tree, run the demo and verify that its hello world was accepted.

    Raises:
        FirmwareError: the device would make a key pair of its own, in place of the imported one.
        DeviceError: as `run_hello_world`.
    """
    refuse_unreachable_account(workbench)
    if headers.value_now(workbench, headers.FORCE) == "1":
        raise FirmwareError(
            f"{headers.FORCE} is 1: expected 0, or the device makes a key pair of its own at every "
            "boot, in place of the imported one. Set it to 0, with an editor or `labkit firmware "
            "set`, and run the step again."
        )
    workbench.board.build(workbench.show)
    workbench.board.flash(workbench.show)
    return run_hello_world(workbench, before)


def refuse_unreachable_account(workbench: Workbench) -> None:
    """Refuse to wait for a real board to reach the simulated account: it cannot.

    Raises:
        DeviceError: the board is real and the account simulated.
    """
    if workbench.workspace.settings.ends_before_hello_world:
        raise DeviceError(
            "a real board cannot reach the simulated account, whose gateway is on this computer's "
            "loopback address only: the procedure ends here, before the hello world. What was done "
            "so far stays. If the board can reach this computer, as a program or QEMU can, set "
            "device.reaches_bench = true in lab.toml. For the hello world of another board take a "
            'real account (account.cloud = "aws" in lab.toml, or LABKIT_CLOUD=aws), or the '
            "simulated board, in a folder of its own."
        )


def _build_flash_boot(workbench: Workbench) -> Capture:
    """Build, flash and boot; the demo itself may not end, as where there is no network."""
    board = workbench.board
    board.build(workbench.show)
    board.flash(workbench.show)
    return board.boot(until=Until.DUMP, show=workbench.show)


def verify_key_of_boot(workbench: Workbench, capture: Capture) -> None:
    """Verify a boot's dump, or the newest one of the log.

    Releases before 202107.00 print none where a certificate is stored; a key pair that an earlier
    boot has made is in the log.
    """
    try:
        key = console.parse(capture.text).public_key()
    except NoDumpError:
        with workbench.workspace.path("console.log").open("rb") as file:
            log = console.parse(file)
        try:
            key = log.public_key()
        except ConsoleError:  # damaged long ago: no fault of this boot
            return
    _verify_continuity(workbench, key)


def _verify_continuity(workbench: Workbench, key: PublicKey) -> None:
    file = workbench.workspace.path("DevicePublicKey.pem")
    if not file.exists():
        return
    known = PublicKey.from_pem(file.read_bytes())
    if key != known:
        raise DeviceError(
            f"the device's key has changed: expected {known.short} ({file.name}), the board "
            f"printed {key.short}. Was keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR left at 1, or "
            f"the flash erased? If the new key is to stay, move {file.name} away and extract it "
            "again; every step from there is then repeated for it."
        )


def _outcome(capture: Capture) -> Outcome:
    return Outcome(capture, {"start": capture.start, "end": capture.end})


def _stored_outcome(workbench: Workbench, before: Entry) -> Outcome:
    facts = before.facts
    return _outcome(workbench.board.stored(int(str(facts["start"])), int(str(facts["end"]))))
