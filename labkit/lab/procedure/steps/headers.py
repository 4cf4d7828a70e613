"""Steps in the firmware tree: the macros that the procedure sets, and the original files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.errors import FirmwareError, MacroNotFoundError, in_file
from labkit.firmware.tree import FORCE_MACRO, find_sources, known_sources
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry, Workspace

ENDPOINT = "clientcredentialMQTT_BROKER_ENDPOINT"
PORT = "clientcredentialMQTT_BROKER_PORT"
THING_NAME = "clientcredentialIOT_THING_NAME"
FORCE = FORCE_MACRO
CERTIFICATE_PEM = "keyCLIENT_CERTIFICATE_PEM"
CA_PEM = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
PRIVATE_KEY_PEM = "keyCLIENT_PRIVATE_KEY_PEM"

_HOME = {
    ENDPOINT: "credentials",
    PORT: "credentials",
    THING_NAME: "credentials",
    FORCE: "provisioning",
    CERTIFICATE_PEM: "keys",
    CA_PEM: "keys",
    PRIVATE_KEY_PEM: "keys",
}
"""The file of each macro."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What a step changed in a file.

    Attributes:
        file: the file's name.
        text: the unified diff; private keys and passwords are not in it.
    """

    file: str
    text: str

    def __repr__(self) -> str:
        """Return the diff."""
        return self.text.rstrip("\n") or f"{self.file} already has these values"


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What a step is about to write into one file.

    Attributes:
        file: the file.
        old: its text now.
        new: its text after the step.
    """

    file: Path
    old: str
    new: str

    @property
    def diff(self) -> str:
        """The unified diff, empty where nothing changes; no private key is in it."""
        return firmware.Edit(self.old, self.new, self.file.name).diff(self.file.name)


def _endpoint_and_thing(workbench: Workbench) -> Mapping[str, str]:
    values = {ENDPOINT: workbench.account.endpoint(), THING_NAME: workbench.thing_name}
    port = str(workbench.mqtt_port)
    if value_now(workbench, PORT) not in (port, *_OWN_PORTS.get(workbench.mqtt_port, ())):
        values[PORT] = port
    return values


def _certificates(workbench: Workbench) -> Mapping[str, str]:
    return {
        CERTIFICATE_PEM: workbench.read("deviceCert.pem").decode(),
        CA_PEM: workbench.read("rootCA.pem").decode(),
    }


PLANNED: Mapping[str, Callable[[Workbench], Mapping[str, str]]] = {
    "set_endpoint_and_thing": _endpoint_and_thing,
    "force_key_generation": lambda _: {FORCE: "1"},
    "stop_key_generation": lambda _: {FORCE: "0"},
    "import_certificate": _certificates,
}
"""The macros, all of one file, that each step sets, and their values."""

_OWN_PORTS = {8883: (None, "443")}
"""What stays where 8883 is right: no macro, or AWS IoT's other port for MQTT."""

_REFUSE_PRIVATE_KEY = {"force_key_generation", "import_certificate"}
"""The steps of Option 2 that a private key in the keys header would make useless."""


def plan(workbench: Workbench, step: str) -> Plan:
    """Return what a step would write; nothing is written.

    Raises:
        FirmwareError: the header cannot take it, it has a private key, or the tree only imports.
    """
    if step == "force_key_generation":
        refuse_import_only(workbench.workspace.firmware)
    if step in _REFUSE_PRIVATE_KEY:
        keys = _file(workbench, PRIVATE_KEY_PEM)
        with in_file(keys):
            firmware.refuse_private_key(_text(keys))
    values = PLANNED[step](workbench)
    file = _file(workbench, next(iter(values)))
    old = text = _text(file)
    with in_file(file):
        for macro, value in values.items():
            text = firmware.edit(text, macro, value).new
    return Plan(file, old, text)


def refuse_import_only(tree: Path) -> None:
    """Refuse Option 2 on a tree whose firmware only imports keys.

    Raises:
        FirmwareError: it does.
    """
    if reason := find_sources(tree).import_only:
        raise FirmwareError(f"{tree}: Option 2 is not possible. {reason}")


def set_endpoint_and_thing(workbench: Workbench, before: Entry | None) -> Outcome:
    """Write the account's MQTT endpoint and the thing's name into aws_clientcredential.h.

    The port is written as well if the header has another one than the account's gateway.
    """
    return _set(workbench, "set_endpoint_and_thing", before)


def refuse_other_port(workbench: Workbench) -> None:
    """Refuse a header that names another port than the simulated gateway's.

    Raises:
        FirmwareError: it does; the bench was started on another port since the header was set.
    """
    port = value_now(workbench, PORT)
    if workbench.workspace.settings.board_is_at_gateway and port != str(workbench.mqtt_port):
        file = _file(workbench, PORT)
        raise FirmwareError(
            f"{file}: {PORT} is {port}, and the simulated gateway listens on "
            f"{workbench.mqtt_port}. Set the port with `labkit firmware set {file} {PORT} "
            f"{workbench.mqtt_port}`, build and flash; or set account.mqtt_port = {port} in "
            "lab.toml and start the bench again with `labkit stop`."
        )


def force_key_generation(workbench: Workbench, before: Entry | None) -> Outcome:
    """Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 1.

    Raises:
        FirmwareError: the keys header has a private key, as after Option 1 in the same tree; the
            device would import it.
    """
    return _set(workbench, "force_key_generation", before)


def stop_key_generation(workbench: Workbench, before: Entry | None) -> Outcome:
    """Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR back to 0."""
    return _set(workbench, "stop_key_generation", before)


def import_certificate(workbench: Workbench, before: Entry | None) -> Outcome:
    """Write the device's and the CA's certificate into aws_clientcredential_keys.h.

    Raises:
        FirmwareError: the header has a private key, which Option 2 does not use.
    """
    return _set(workbench, "import_certificate", before)


def import_key_pair(workbench: Workbench, certificate_pem: str, private_key_pem: str) -> None:
    """Write Option 1's certificate and private key into aws_clientcredential_keys.h.

    From then on the header is readable by its owner only. A JITR certificate, as Option 2 leaves
    one in the same tree, is taken out: it is another authority's. No difference is kept, and
    the backup is of the header before, so this key is in neither.
    """
    file = _file(workbench, PRIVATE_KEY_PEM)
    text = _text(file)
    values: dict[str, str | None] = {
        CERTIFICATE_PEM: certificate_pem,
        PRIVATE_KEY_PEM: private_key_pem,
    }
    if value_now(workbench, CA_PEM):
        values[CA_PEM] = None
    old = text
    with in_file(file):
        for macro, value in values.items():
            text = firmware.edit(text, macro, value).new
    _keep(workbench, file)
    _show(workbench, file, old, text)
    write(file, firmware.encode(text), private=True)


def put_certificates(workbench: Workbench, certificate_pem: str, ca_pem: str | None) -> None:
    """Write other certificates into aws_clientcredential_keys.h, to try them out.

    For the procedure this is an edit by hand: `import_certificate` restores its own.

    Args:
        workbench: whose header.
        certificate_pem: the device's certificate.
        ca_pem: its CA's; None for NULL, so that the device sends none.
    """
    file = _file(workbench, CERTIFICATE_PEM)
    text = firmware.edit(_text(file), CERTIFICATE_PEM, certificate_pem).new
    _keep(workbench, file)
    write(file, firmware.encode(firmware.edit(text, CA_PEM, ca_pem).new))


class Macros:
    """The macros of a firmware tree as they are now; each header is read once."""

    def __init__(self, tree: Path) -> None:
        self._sources = known_sources(tree)
        self._texts: dict[Path, str] = {}

    def value(self, macro: str) -> str | None:
        """Return a macro's value; None if it is NULL or not defined."""
        file: Path = getattr(self._sources, _HOME[macro])
        if file not in self._texts:
            self._texts[file] = _text(file)
        try:
            return firmware.get(self._texts[file], macro).value
        except MacroNotFoundError:
            return None


def value_now(workbench: Workbench, macro: str) -> str | None:
    """Return a macro's value in the firmware tree; None if it is NULL or not defined."""
    return Macros(workbench.workspace.firmware).value(macro)


def _set(workbench: Workbench, step: str, before: Entry | None) -> Outcome:
    """Write what a step plans, and keep the original; the journal keeps the diff."""
    planned = plan(workbench, step)
    file = planned.file
    if before:
        return Outcome(Diff(file.name, str(before.facts["diff"])), before.facts)
    _keep(workbench, file)
    _show(workbench, file, planned.old, planned.new)
    write(file, firmware.encode(planned.new))
    return Outcome(Diff(file.name, planned.diff), {"diff": planned.diff})


def backup_of(workspace: Workspace, name: str) -> Path:
    """Return where a source of the firmware tree is kept as it was before the first change.

    A tree of the user's own has a folder there, named after it and its place, so that the file of
    another tree, the simulated board's for one, is never taken for its.
    """
    backups = workspace.device / "backups"
    if not workspace.settings.board_is_simulated:
        tree = workspace.firmware.resolve()
        backups /= f"{tree.name}-{hashlib.sha256(str(tree).encode()).hexdigest()[:8]}"
    return backups / name


def _show(workbench: Workbench, file: Path, old: str, new: str) -> None:
    """Show what is about to change in a file; private keys and passwords are not in it."""
    if workbench.show and old != new:
        name = file.relative_to(workbench.workspace.firmware).as_posix()
        workbench.show(firmware.Edit(old, new, name).diff(name).rstrip("\n"))


def _keep(workbench: Workbench, file: Path) -> None:
    """Keep a file as it was before the first change, readable by its owner only."""
    backup = backup_of(workbench.workspace, file.name)
    if not backup.exists():
        write(backup, file.read_bytes(), private=True)


def _file(workbench: Workbench, macro: str) -> Path:
    path: Path = getattr(find_sources(workbench.workspace.firmware), _HOME[macro])
    return path


def _text(file: Path) -> str:
    return firmware.decode(file.read_bytes())
