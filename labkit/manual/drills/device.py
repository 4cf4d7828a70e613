"""The device that drills break: its headers, certificates, account and board.

Everything uses the lab's own interfaces: headers as text, boto3, the bench's control URL. The
original headers, and what a fault adds to the account, are noted in the device's folder first, so
that `restore` works after a kill as well.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from labkit import certificates, firmware
from labkit.bench.client import board_path
from labkit.bench.image import build_image
from labkit.cloud.aws_errors import translated
from labkit.cloud.resources import POLICY
from labkit.errors import BenchError, FirmwareError
from labkit.firmware.tree import find_sources
from labkit.keys import PublicKey
from labkit.support.seeding import SEEDED_BENCH_STEP, Clock, Randomness
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from cryptography import x509

    from labkit.bench.client import Bench
    from labkit.lab.lab import Lab

NARROW_POLICY: Final = "labkit-drill-narrow"

_NOTES = "drill.json"
_OWN_FILES = (
    *("DevicePublicKeyAsciiHex.txt", "DevicePublicKeyDer.bin", "DevicePublicKey.pem"),
    *("deviceCert.csr", "deviceCert.pem"),
)


@dataclass(slots=True)
class DrillDevice:
    """The drill device.

    Attributes:
        lab: its lab, with all steps of the route done.
        seed: the seed of the details of a fault.
    """

    lab: Lab
    seed: str = ""

    @property
    def bench(self) -> Bench:
        """The simulated bench.

        Raises:
            BenchError: the board or the account is real.
        """
        if self.lab.bench is None or not self.lab.workspace.settings.is_simulated:
            raise BenchError(
                "faults can be planted only on a simulated board with a simulated account: cloud "
                'and device must be "sim". Use another workspace (LABKIT_WORKSPACE).'
            )
        return self.lab.bench

    @property
    def randomness(self) -> Randomness:
        """The random values of a fault."""
        return Randomness(self.seed)

    def number(self, what: str, below: int) -> int:
        """Return a number that the seed chooses, from 0 and less than `below`."""
        return int.from_bytes(self.randomness.draw("drill", what, 8)) % below

    @property
    def now(self) -> datetime:
        """The bench's time."""
        return Clock(self.lab.workspace.settings.seed).now(SEEDED_BENCH_STEP)

    @property
    def certificate(self) -> x509.Certificate:
        """The device's own certificate, from its file."""
        return certificates.load_certificate(self._read("deviceCert.pem"))

    @property
    def ca(self) -> x509.Certificate:
        """The CA's certificate."""
        return certificates.load_certificate(self._read("rootCA.pem"))

    @property
    def ca_key(self) -> certificates.SigningKey:
        """The CA's private key."""
        return certificates.load_private_key(self._read("rootCA.key"))

    @property
    def request(self) -> x509.CertificateSigningRequest:
        """The device's certificate signing request."""
        return certificates.load_request(self._read("deviceCert.csr"))

    @property
    def device_key(self) -> PublicKey:
        """The device's public key, as it was extracted."""
        return PublicKey.from_pem(self._read("DevicePublicKey.pem"))

    @property
    def arn(self) -> str:
        """The ARN of the device's own certificate."""
        return self.lab.account.certificate(self.lab.certificate_id).arn

    @property
    def thing(self) -> str:
        """The name of the device's thing."""
        return self.lab.workspace.settings.thing_name

    @property
    def policy_name(self) -> str:
        """The name of the device's policy."""
        return self.lab.hello_world.policy_name

    # Headers

    def set(self, macro: str, value: str | None) -> None:
        """Set a macro, with the checks that the lab makes."""
        file = self._file_of(macro)
        text = firmware.decode(file.read_bytes())
        file.write_bytes(firmware.encode(firmware.edit(text, macro, value).new))

    def set_by_hand(self, macro: str, code: str) -> None:
        """Write C code as a macro's value, without the checks of `set`."""
        self.set(macro, None)
        file = self._file_of(macro)
        text = firmware.decode(file.read_bytes())
        empty = re.compile(rf'^(\s*#\s*define\s+{macro}\s+)(?:NULL|"")', re.MULTILINE)
        new, count = empty.subn(lambda match: match[1] + code, text)
        if count != 1:
            raise FirmwareError(
                f"{file}: expected one empty {macro}, got {count}. Restore the header."
            )
        file.write_bytes(firmware.encode(new))

    def build_and_flash(self) -> None:
        """Build the headers into an image and flash it; it runs at the next boot."""
        image = build_image(self.lab.workspace.firmware)
        self.bench.post(f"{self._board}/flash", image)

    # The board

    def plant(self, name: str) -> None:
        """Plant a fault on the board, in place of an earlier one."""
        self.bench.post(f"{self._board}/fault", {"plant": name, "seed": self.seed})

    # The account

    def call(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Make a call that the lab itself does not need."""
        with translated("a drill"):
            answer: dict[str, Any] = getattr(self.lab.account.client, operation)(**parameters)
        return answer

    def update_ca(self, **changes: str) -> None:
        """Change the CA certificate's status or its automatic registration."""
        ca_id = certificates.certificate_id(self.ca)
        self.call("update_ca_certificate", certificateId=ca_id, **changes)

    def unregister(self, arn: str) -> None:
        """Detach and delete a certificate in the account."""
        for kind, name in (each.split(" ", 1) for each in self.lab.account.attachments(arn)):
            if kind == "thing":
                self.call("detach_thing_principal", thingName=name, principal=arn)
            else:
                self.call("detach_policy", policyName=name, target=arn)
        certificate_id = arn.rpartition("/")[2]
        self.lab.account.set_certificate_status(certificate_id, "INACTIVE")
        self.lab.account.delete_certificate(certificate_id)

    def register(self, pem: str) -> None:
        """Register another certificate as ACTIVE, with thing and policy.

        It is noted first, so that `restore` deletes it.
        """
        identifier = certificates.certificate_id(certificates.load_certificate(pem))
        self._note(certificates=[*self._notes.get("certificates", ()), identifier])
        answer = self.call(
            "register_certificate",
            certificatePem=pem,
            caCertificatePem=certificates.to_pem(self.ca),
            status="ACTIVE",
        )
        arn = answer["certificateArn"]
        self.call("attach_thing_principal", thingName=self.thing, principal=arn)
        self.call("attach_policy", policyName=self.policy_name, target=arn)

    # Before and after

    def remember(self) -> None:
        """Note headers, files and the board's flash."""
        files = self._kept_files()
        self._note(files={it.name: base64.b64encode(it.read_bytes()).decode() for it in files})
        self.plant("nothing")

    @property
    def is_disturbed(self) -> bool:
        """Whether a fault was planted that is neither fixed nor removed."""
        return self._notes_file.exists()

    def restore(self) -> None:
        """Restore headers, files, account and board, after a kill as well."""
        if not self.is_disturbed:
            return
        self.bench.post(f"{self._board}/fault", {"plant": None})
        kept = self._notes["files"]
        for file in self._kept_files():
            write(file, base64.b64decode(kept[file.name]))
        self.tidy_account()
        self._restore_account()
        self._notes_file.unlink()

    def settle(self) -> None:
        """Accept the present state as the healthy one: the fault was fixed."""
        self.bench.post(f"{self._board}/fault", {"fixed": True})
        self.tidy_account()
        self._restore_account()
        self._notes_file.unlink(missing_ok=True)

    def tidy_account(self) -> None:
        """Delete what faults and fixes have made in the account.

        That is the narrow policy, and every noted or attached certificate but the device's own.
        """
        listed = self.call("list_thing_principals", thingName=self.thing)["principals"]
        attached = {arn.rpartition("/")[2] for arn in listed}
        others = attached.union(self._notes.get("certificates", ())) - {self.lab.certificate_id}
        for identifier in sorted(others):
            if found := self.lab.account.find_certificate(identifier):
                self.unregister(found.arn)
        self._delete_narrow_policy()

    def _delete_narrow_policy(self) -> None:
        listed = self.call("list_policies")["policies"]
        if NARROW_POLICY not in {policy["policyName"] for policy in listed}:
            return
        targets = self.call("list_targets_for_policy", policyName=NARROW_POLICY)
        for target in targets["targets"]:
            self.call("detach_policy", policyName=NARROW_POLICY, target=target)
        self.call("delete_policy", policyName=NARROW_POLICY)
        self.lab.account.notes.deleted(POLICY, NARROW_POLICY)

    def _restore_account(self) -> None:
        """Register, attach and activate what a fault has removed."""
        account = self.lab.account
        ca_pem = self._read("rootCA.pem").decode()
        account.register_ca(ca_pem, self._read("verificationCert.pem").decode())
        self.update_ca(newAutoRegistrationStatus="DISABLE")
        own = account.register_certificate(self._read("deviceCert.pem").decode(), ca_pem)
        account.attach(self.thing, self.policy_name, own.arn)
        account.set_certificate_status(own.name, "ACTIVE")

    # Files

    @property
    def _board(self) -> str:
        return board_path(self.thing)

    def _read(self, name: str) -> bytes:
        return self.lab.workspace.path(name).read_bytes()

    def _headers(self) -> Iterable[Path]:
        sources = find_sources(self.lab.workspace.firmware)
        return (sources.credentials, sources.keys, sources.provisioning)

    def _kept_files(self) -> Iterable[Path]:
        """Return what a fault or an unfinished fix may change: headers and the device's files."""
        return (*self._headers(), *(self.lab.workspace.path(name) for name in _OWN_FILES))

    def _file_of(self, macro: str) -> Path:
        for file in self._headers():
            if macro in firmware.names(firmware.decode(file.read_bytes())):
                return file
        raise FirmwareError(
            f"{self.lab.workspace.firmware}: expected a header with the macro {macro}, got none. "
            "Restore the firmware tree."
        )

    @property
    def _notes_file(self) -> Path:
        return self.lab.workspace.device / _NOTES

    @property
    def _notes(self) -> dict[str, Any]:
        if not self._notes_file.exists():
            return {}
        notes: dict[str, Any] = json.loads(self._notes_file.read_bytes())
        return notes

    def _note(self, **notes: object) -> None:
        write(self._notes_file, json.dumps(self._notes | notes), private=True)
