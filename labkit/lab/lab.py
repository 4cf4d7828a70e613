"""open_lab(): the bench, the workspace, the clock and the source of randomness."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labkit.check import check
from labkit.cloud.changes import ask_before
from labkit.cloud.confirmation import ask_for_digits
from labkit.cloud.opening import real_clients, simulated_clients
from labkit.device.commands import OPERATOR
from labkit.errors import WorkspaceError
from labkit.lab import procedure
from labkit.lab.banner import banner
from labkit.lab.calls import StepCalls
from labkit.lab.opening import open_account, open_bench, open_board
from labkit.lab.procedure.steps.workbench import MQTT_PORT, Workbench
from labkit.support.seeding import Clock, Randomness
from labkit.workspace import Workspace, default_root, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from labkit.bench.client import Bench
    from labkit.bench.handshake import Handshake
    from labkit.certificates import SigningKey
    from labkit.check import Check
    from labkit.cloud.account import Account
    from labkit.cloud.preflight import Preflight
    from labkit.cloud.undo import Undoing
    from labkit.device.board import Board
    from labkit.diagnosis import Diagnosis
    from labkit.firmware.tree import Sources
    from labkit.keys import PublicKey
    from labkit.lab.procedure.steps.passphrase import Passphrase
    from labkit.policy import HelloWorld

_MAY_BE_WRITTEN_TO = "the account may be written to"


@dataclass(slots=True)
class Lab(StepCalls):
    """A lab: one device, its board, an account, and the steps of the procedure as calls.

    Each step of the device's route is a method of its name. On a simulated bench a step first
    performs the earlier steps that are missing; on a real one it names the page that does.

    Attributes:
        workspace: files, settings and journal.
        bench: the simulated bench; None if board and account are both real.
        board: the board on its serial port.
    """

    workspace: Workspace
    bench: Bench | None
    board: Board
    _account: Account | None = field(default=None, repr=False)
    _passphrase: Passphrase | None = field(default=None, repr=False)

    @property
    def account(self) -> Account:
        """The AWS account; its client is made when it is first used."""
        if self._account is None:
            self._account = open_account(self.workspace, self.bench)
        return self._account

    def preflight(self) -> Preflight:
        """Query identity, region and permissions in the account; nothing is written."""
        from labkit.cloud.preflight import preflight  # noqa: PLC0415 only before a first write

        account = self.account
        if self.bench and self.workspace.settings.account_is_simulated:
            clients = simulated_clients(account, self.bench.iot_endpoint_url)
        else:
            clients = real_clients(account)
        return preflight(clients, account.region, self.procedure.actions)

    def confirm_account(self, last_digits: str | None = None) -> Check:
        """Confirm the real account with its last four digits, so that it may be written to.

        Args:
            last_digits: the digits; None for a prompt.

        Returns:
            A check that the account may be written to, with the reason.

        Raises:
            CloudError: they are another account's.
        """
        account = self.account
        if account.confirmation is None:
            return check(
                _MAY_BE_WRITTEN_TO, passed=True, value="it is simulated, nothing to confirm"
            )
        if not account.confirmation.is_given:
            digits = last_digits or ask_for_digits(account.account_id)
            account.confirmation.give(digits, write)
        confirmed = f"confirmed, account {account.account_id}, region {account.region}"
        return check(_MAY_BE_WRITTEN_TO, passed=True, value=confirmed)

    def undo(self, *, everything: bool = False, dry_run: bool = False) -> Undoing:
        """Delete the AWS resources that this device's run created, and nothing else.

        Args:
            everything: include the resources of the workspace's other runs.
            dry_run: report only what would be deleted.
        """
        from labkit.cloud.undo import undo  # noqa: PLC0415 only at the end of a lab

        clock = Clock(self.workspace.settings.seed).now
        ledgers = self.workspace.ledgers(clock) if everything else [self.workspace.ledger(clock)]

        def gone(kind: str, name: str) -> None:
            for notes in ledgers:
                if notes.is_this_runs(kind, name):
                    notes.deleted(kind, name)

        made = [each for notes in ledgers for each in notes.there()]
        account = self.account
        return undo(account.client, account.region, made, gone=gone, dry_run=dry_run)

    @property
    def journal(self) -> list[dict[str, object]]:
        """The steps performed with this device, oldest first."""
        return [{"step": entry.step, "made": list(entry.made)} for entry in self.workspace.journal]

    def workbench(self, step: str, show: Callable[[str], object] | None = None) -> Workbench:
        """Return what a step works with; a real board's output is shown while it prints."""
        settings = self.workspace.settings
        seed, at_gateway = settings.seed, settings.board_is_at_gateway
        if show is None and not settings.board_is_simulated:
            show = OPERATOR.say
        return Workbench(
            workspace=self.workspace,
            board=self.board,
            open_account=lambda: self.account,
            randomness=Randomness(seed),
            now=Clock(seed).now(self.procedure.number(step)),
            mqtt_port=self.bench.mqtt_port if at_gateway and self.bench else MQTT_PORT,
            show=show,
            allow=None if settings.account_is_simulated else ask_before,
            passphrase=self.passphrase,
        )

    @property
    def passphrase(self) -> Passphrase:
        """The prompt for an encrypted CA key's passphrase, once while this lab is open."""
        if self._passphrase is None:
            from labkit.lab.procedure.steps.passphrase import Passphrase  # noqa: PLC0415 certificates cost 0.1 s

            self._passphrase = Passphrase()
        return self._passphrase

    @passphrase.setter
    def passphrase(self, passphrase: Passphrase) -> None:
        self._passphrase = passphrase

    def perform(self, name: str, show: Callable[[str], object] | None = None) -> Any:  # noqa: ANN401 each step has its own value
        """Perform a step of the device's route by its name, and return the step's value.

        Each step is a method as well, with its own help. On a simulated bench the earlier steps
        that it needs are performed first. A step that was done before and had to change the
        account again prints what it changed.

        Raises:
            WorkspaceError: the route has no such step.
            NotReadyError: an earlier step has to be done first, on a real bench.
            LabError: the step failed.
        """
        step = self._find(name)
        self._start_bench_again()
        status = procedure.Status(self.workspace)
        if self.workspace.settings.is_simulated:
            for earlier in self.procedure.before(step):
                if earlier.is_asked_again or not status.is_done(earlier):
                    status = self._perform(earlier, status, None)[1]
        return self._perform(step, status, show)[0].value

    def perform_all(self) -> Iterator[procedure.Performed | procedure.Step]:
        """Perform every step of the route in order.

        Yields:
            The result of each step; the step itself if it was done before and needs no check.

        Raises:
            LabError: a step failed.
        """
        status = procedure.Status(self.workspace)
        for step in self.procedure.steps:
            if status.is_done(step) and not step.is_asked_again:
                yield step
                continue
            performed, status = self._perform(step, status, None, report=False)
            yield performed

    def _perform(
        self,
        step: procedure.Step,
        status: procedure.Status,
        show: Callable[[str], object] | None,
        *,
        report: bool = True,
    ) -> tuple[procedure.Performed, procedure.Status]:
        """Perform a step; return its result, and a snapshot for the next step."""
        performed = procedure.perform(self.workbench(step.name, show), step, status)
        if report:
            for change in performed.changes:
                OPERATOR.say(f"lab.{step.name}(): {change}")
        return performed, procedure.Status(self.workspace) if performed.is_recorded else status

    def _find(self, name: str) -> procedure.Step:
        if name in self.procedure:
            return self.procedure.find(name)
        others = [each for each, route in procedure.ROUTES.items() if name in route]
        if not others:
            raise WorkspaceError(
                f"{name!r} is not a step. lab.procedure lists the steps of this device's route."
            )
        raise WorkspaceError(
            f"{name} is a step of {' and '.join(others)}; this device is on the route "
            f'{self.procedure.name}. Open the lab on the other: open_lab(route="{others[0]}").'
        )

    def paste_console(self, console: str | bytes | Path) -> object:
        """Take a console text, or a log file; see `labkit.lab.procedure.paste_console`."""
        return procedure.paste_console(self.procedure, self.workbench, console)

    def _start_bench_again(self) -> None:
        """Start the bench again if it has ended, as it does after an hour without use."""
        if self.bench and not self.bench.is_alive():
            self.bench = open_bench(self.workspace)
            self.board = open_board(self.workspace, self.bench)
            self._account = None

    def route(self) -> Iterator[tuple[procedure.Step, bool]]:
        """Yield every step of the device's route with whether it is done."""
        status = procedure.Status(self.workspace)
        for step in self.procedure.steps:
            yield step, status.is_done(step)

    @property
    def procedure(self) -> procedure.Route:
        """The device's route, step by step; its repr is a list to read."""
        return procedure.route_of(self.workspace)

    @property
    def hello_world(self) -> HelloWorld:
        """What the hello world of the device's firmware tree asks of AWS IoT."""
        from labkit.firmware.tree import hello_world_of  # noqa: PLC0415 as `public_key`

        return hello_world_of(self.workspace.firmware)

    @property
    def public_key(self) -> PublicKey:
        """The device's public key, as it was extracted."""
        from labkit.keys import PublicKey  # noqa: PLC0415 loads hashing and base64 only when asked

        return PublicKey.from_pem(self.file("DevicePublicKey.pem").read_bytes())

    def ca_key(self) -> SigningKey:
        """Return the CA's private key; the passphrase of an encrypted one is asked for.

        Raises:
            CertificateError: the passphrase is wrong, or there is no one to ask.
        """
        from labkit.lab.procedure.steps.ca_key import load_ca_key  # noqa: PLC0415 as above

        self.file("rootCA.key")
        return load_ca_key(self.workbench("create_ca"))

    def new_key(self, owner: str) -> EllipticCurvePrivateKey:
        """Return an EC P-256 private key for an example device; a seeded lab derives it.

        Args:
            owner: whose key it is.
        """
        return Randomness(self.workspace.settings.seed).ec_key(owner, "device key")

    @property
    def certificate_id(self) -> str:
        """The id of the device's certificate in AWS IoT: the SHA-256 of its DER."""
        from labkit import certificates  # noqa: PLC0415 costs 0.1 s

        return certificates.certificate_id(
            certificates.load_certificate(self.file("deviceCert.pem").read_bytes())
        )

    @property
    def firmware_tree(self) -> Sources:
        """The files of the firmware tree that provisioning uses, and which options it can do.

        Raises:
            DeviceError: a file is missing, or there are several candidates for one.
        """
        from labkit.firmware.tree import find_sources  # noqa: PLC0415 as above

        return find_sources(self.workspace.firmware)

    def source(self, name: str) -> str:
        """Return one of the demo's three sources as text, such as `aws_clientcredential.h`."""
        from labkit import firmware  # noqa: PLC0415 as above

        sources = self.firmware_tree
        for file in (sources.credentials, sources.keys, sources.provisioning):
            if file.name == name:
                return firmware.decode(file.read_bytes())
        raise WorkspaceError(
            f"the firmware tree has no {name}; the demo's sources are {sources.credentials.name}, "
            f"{sources.keys.name} and {sources.provisioning.name}."
        )

    def original(self, name: str) -> str:
        """Return one of the demo's sources as it was before the lab's first edit of it."""
        from labkit import firmware  # noqa: PLC0415 as above
        from labkit.lab.procedure.steps.headers import backup_of  # noqa: PLC0415 as above

        backup = backup_of(self.workspace, name)
        return firmware.decode(backup.read_bytes()) if backup.exists() else self.source(name)

    def diagnose(self) -> Diagnosis:
        """Diagnose the device's console log: what happened, the likely cause, and the next step.

        Headers, certificates and the account's state are also checked; nothing is changed.

        Raises:
            ConsoleError: there is no console log yet.
        """
        from labkit.lab.diagnosis_evidence import diagnose  # noqa: PLC0415 as above

        self._start_bench_again()
        return diagnose(self)

    def last_handshake(self) -> Handshake:
        """Show the handshake of the device's last connection, message by message.

        Only the simulated AWS IoT records it. For a real account the console text is shown.
        """
        from labkit.lab.handshake import read_last_handshake  # noqa: PLC0415 as above

        self._start_bench_again()
        return read_last_handshake(self)

    def file(self, name: str) -> Path:
        """Return a file by the documentation's name, such as `deviceCert.pem`.

        If it is missing, the step that makes it is performed on a simulated bench; on a real one
        `NotReadyError` names the step.
        """
        path = self.workspace.path(name)
        maker = self.procedure.maker(name)
        if maker and not path.exists():
            if not self.workspace.settings.is_simulated:
                raise procedure.not_ready(name, maker)
            self.perform(maker.name)
        return path

    def __repr__(self) -> str:
        """Return the mode banner: what is real and what is not."""
        return banner(self.workspace, lambda: self.account)


def open_lab(workspace: str | Path | None = None, **chosen: str) -> Lab:
    """Open the lab: the only place that chooses between simulated and real.

    The choice is in the workspace's lab.toml; LABKIT_DEVICE, LABKIT_CLOUD, LABKIT_SEED,
    LABKIT_THING, LABKIT_ROUTE and LABKIT_RELEASE override it. A simulated bench is started if it
    is not running.

    Args:
        workspace: the workspace's folder; None for LABKIT_WORKSPACE or `workspace/`.
        **chosen: `device`, `cloud`, `seed`, `thing_name`, `route` or `release`, which override
            both.

    Returns:
        A `Lab`, whose repr is the mode banner.

    Raises:
        WorkspaceError: lab.toml cannot be read, or a setting is not possible.
        BenchError: the simulated bench cannot be started.
    """
    from pathlib import Path  # noqa: PLC0415 only here

    root = Path(workspace).absolute() if workspace else default_root()
    place = Workspace.open(root, os.environ, **chosen)
    settings = place.settings
    bench = None
    if settings.board_is_simulated or settings.account_is_simulated:
        bench = open_bench(place)
    return Lab(place, bench, open_board(place, bench))
