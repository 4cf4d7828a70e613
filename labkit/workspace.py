"""The workspace: where a lab keeps its certificate authority, its devices and its journal.

::

    workspace/lab.toml                  what is real and what is simulated
    workspace/ca/                       rootCA.key, rootCA.pem, verificationCert.pem
    workspace/devices/<thing name>/     what one device's run makes, and journal.jsonl
    workspace/firmware/                 the firmware tree, unless lab.toml names another
    workspace/bench/                    the simulated bench's own state
    workspace/pages/                    the reader's copies of the pages
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["Entry", "Journal", "Settings", "Workspace", "default_root", "sha256_file", "write"]

CHECKOUT = Path(__file__).resolve().parent.parent
TREES = Path(__file__).resolve().parent / "trees"
THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""What AWS IoT allows. Source: botocore's `iot` model, shape ThingName."""

_TEMPLATE = """\
# What this lab works with. LABKIT_DEVICE, LABKIT_CLOUD and LABKIT_SEED win over what stands here.

[device]
url = "{device}"            # "sim", or a pySerial URL such as "/dev/ttyUSB0" or "COM3"
baud_rate = 115200
thing_name = "{thing_name}"
release = "{release}"       # the simulated board's firmware: 202203.00 or 201910.00
firmware = "firmware"       # the firmware tree; a relative path starts at this file
build = ["labkit", "board", "build"]
flash = ["labkit", "board", "flash"]

[account]
cloud = "{cloud}"           # "sim" or "aws"
region = "us-east-1"
account_id = "123456789012"

[ca]
key = "EC P-256"            # or "RSA-2048", as documented
subject = "O=Device lab, CN=Device lab root CA"

[lab]
seed = "{seed}"             # not empty: every key and date is derived from it; for pages and tests
"""


def default_root(variables: Mapping[str, str] | None = None) -> Path:
    """Return the workspace's folder: LABKIT_WORKSPACE, or `workspace/` in the checkout."""
    named = (os.environ if variables is None else variables).get("LABKIT_WORKSPACE")
    if named:
        return Path(named).expanduser().absolute()
    home = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    return home / "workspace"


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one is readable by its owner only (0600).

    A file that holds the same content already is left alone.
    """
    raw = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == raw:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if private else (path.stat().st_mode & 0o777 if path.exists() else 0o644)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_file(path: Path, size: int | None = None) -> str | None:
    """Return the SHA-256 of a file, or of its first `size` bytes; None where it is not there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if size is not None and len(content) < size:
        return None
    return hashlib.sha256(content[:size]).hexdigest()


@dataclass(frozen=True, slots=True)
class Settings:
    """What lab.toml and the LABKIT_ variables choose."""

    device_url: str
    baud_rate: int
    thing_name: str
    release: str
    firmware: str
    build: tuple[str, ...]
    flash: tuple[str, ...]
    cloud: str
    region: str
    account_id: str
    ca_key: str
    ca_subject: str
    seed: str | None

    @property
    def board_is_simulated(self) -> bool:
        """Whether the board is the simulated one."""
        return self.device_url == "sim"

    @property
    def account_is_simulated(self) -> bool:
        """Whether the AWS account is the simulated one."""
        return self.cloud == "sim"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that was done, as the journal tells it.

    Attributes:
        step: the step's name.
        at: when it was done, ISO 8601, UTC.
        read: SHA-256 of each file that it read; of a log, the bytes that were there then.
        made: the same of what it made; of a C macro, of its value.
        facts: what else it found out, such as an ARN.
    """

    step: str
    at: str
    read: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


class Journal:
    """The record of the steps that were done, one JSON object a line, only ever added to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries, oldest first; a last line cut off by a kill is passed over."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            if not line.endswith("\n"):
                return
            try:
                yield Entry(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise WorkspaceError(
                    f"{self.path}, line {number}: expected a journal entry, got something else "
                    f"({error}). Restore the file, or move the device's folder away to start over."
                ) from None

    def newest(self, step: str) -> Entry | None:
        """Return a step's newest entry, or None where it was never done."""
        return next((entry for entry in reversed(list(self)) if entry.step == step), None)

    def add(self, entry: Entry) -> None:
        """Append an entry; it is on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(
            {name: getattr(entry, name) for name in ("step", "at", "read", "made", "facts")}
        )
        with self.path.open("a+b") as file:
            file.seek(0, os.SEEK_END)
            end = file.tell()
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    file.truncate(_end_of_last_line(file.name))
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _end_of_last_line(name: str) -> int:
    return Path(name).read_bytes().rfind(b"\n") + 1


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one lab, seen from one device.

    Attributes:
        root: the workspace's folder.
        settings: what lab.toml and the variables chose.
    """

    root: Path
    settings: Settings

    @property
    def ca(self) -> Path:
        """The certificate authority's folder, shared by all devices."""
        return self.root / "ca"

    @property
    def device(self) -> Path:
        """The folder of what this device's run makes."""
        return self.root / "devices" / self.settings.thing_name

    @property
    def bench(self) -> Path:
        """The simulated bench's own state."""
        return self.root / "bench"

    @property
    def firmware(self) -> Path:
        """The firmware tree: the user's own, or the copy that the simulated board builds from."""
        return self.root / Path(self.settings.firmware).expanduser()

    @property
    def journal(self) -> Journal:
        """The device's journal."""
        return Journal(self.device / "journal.jsonl")

    def path(self, name: str) -> Path:
        """Return the file of a name used by the documentation: the CA's, or the device's."""
        if name.startswith(("rootCA.", "verificationCert.")):
            return self.ca / name
        return self.device / name

    @classmethod
    def open(cls, root: Path, variables: Mapping[str, str], **chosen: str) -> Workspace:
        """Open a workspace, making it and its lab.toml where they are not there yet.

        Args:
            root: the workspace's folder.
            variables: the environment, whose LABKIT_ variables win over lab.toml.
            **chosen: `device`, `cloud`, `seed` or `thing_name`, which win over both.

        Raises:
            WorkspaceError: lab.toml cannot be read, or asks for what cannot be.
        """
        wanted = {
            "device": chosen.get("device") or variables.get("LABKIT_DEVICE"),
            "cloud": chosen.get("cloud") or variables.get("LABKIT_CLOUD"),
            "seed": chosen.get("seed") or variables.get("LABKIT_SEED"),
            "thing_name": chosen.get("thing_name") or variables.get("LABKIT_THING"),
            "release": chosen.get("release") or variables.get("LABKIT_RELEASE"),
        }
        file = root / "lab.toml"
        if not file.exists():
            _make(file, wanted)
        settings = _settings(file, wanted)
        workspace = cls(root, settings)
        if settings.board_is_simulated and not workspace.firmware.exists():
            _copy_tree(settings.release, workspace.firmware)
        workspace.device.mkdir(parents=True, exist_ok=True)
        return workspace


def _make(file: Path, wanted: Mapping[str, str | None]) -> None:
    text = _TEMPLATE.format(
        device=wanted["device"] or "sim",
        cloud=wanted["cloud"] or "sim",
        seed=wanted["seed"] or "",
        thing_name=wanted["thing_name"] or "lab-device",
        release=wanted["release"] or "202203.00",
    )
    try:
        write(file, text)
    except OSError as error:
        raise WorkspaceError(
            f"{file}: the workspace cannot be made there: {error.strerror}. "
            "Name another folder with LABKIT_WORKSPACE or --workspace."
        ) from None


def _settings(file: Path, wanted: Mapping[str, str | None]) -> Settings:
    try:
        told = tomllib.loads(file.read_text())
        device, account, ca, lab = (told.get(n, {}) for n in ("device", "account", "ca", "lab"))
        settings = Settings(
            device_url=wanted["device"] or device.get("url", "sim"),
            baud_rate=int(device.get("baud_rate", 115200)),
            thing_name=wanted["thing_name"] or device.get("thing_name", "lab-device"),
            release=wanted["release"] or device.get("release", "202203.00"),
            firmware=device.get("firmware", "firmware"),
            build=tuple(device.get("build", ())),
            flash=tuple(device.get("flash", ())),
            cloud=wanted["cloud"] or account.get("cloud", "sim"),
            region=account.get("region", "us-east-1"),
            account_id=account.get("account_id", "123456789012"),
            ca_key=ca.get("key", "EC P-256"),
            ca_subject=ca.get("subject", "O=Device lab, CN=Device lab root CA"),
            seed=wanted["seed"] or lab.get("seed") or None,
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise WorkspaceError(
            f"{file}: {error}. Mend the file, or move it away and a new one is written."
        ) from None
    _refuse(file, settings, lab.get("seed") or None)
    return settings


def _refuse(file: Path, settings: Settings, seed_of_file: str | None) -> None:
    """Refuse settings that cannot be, naming the one at fault."""
    if settings.cloud not in ("sim", "aws"):
        raise WorkspaceError(
            f'account.cloud is {settings.cloud!r}; expected "sim" or "aws". '
            f"Mend LABKIT_CLOUD or {file}."
        )
    if not THING_NAME.fullmatch(settings.thing_name):
        raise WorkspaceError(
            f"the thing name {settings.thing_name!r} is not one that AWS IoT takes: 1 to 128 of "
            f"a-z A-Z 0-9 : _ -. Mend device.thing_name in {file}."
        )
    if settings.ca_key not in ("EC P-256", "RSA-2048"):
        raise WorkspaceError(
            f'ca.key is {settings.ca_key!r}; expected "EC P-256" or "RSA-2048". Mend {file}.'
        )
    if settings.board_is_simulated and not (TREES / settings.release).is_dir():
        known = ", ".join(sorted(path.name for path in TREES.iterdir() if path.is_dir()))
        raise WorkspaceError(
            f"device.release is {settings.release!r}; the simulated board has {known}. Mend {file}."
        )
    simulated = settings.board_is_simulated and settings.account_is_simulated
    if settings.seed and not simulated:
        raise WorkspaceError(
            "a seed is set, but the board or the account is real. A seeded key is for pages and "
            f"tests only: unset LABKIT_SEED, and empty lab.seed in {file}."
        )
    if settings.seed != seed_of_file and (file.parent / "devices").exists():
        raise WorkspaceError(
            f"this workspace was begun with {_seed(seed_of_file)}, and {_seed(settings.seed)} is "
            f"asked for. Use another folder (LABKIT_WORKSPACE), or the seed that {file} names."
        )


def _seed(seed: str | None) -> str:
    return f"the seed {seed!r}" if seed else "no seed"


def _copy_tree(release: str, target: Path) -> None:
    """Copy a firmware tree whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".firmware."))
    shutil.copytree(TREES / release, temporary / release)
    try:
        (temporary / release).rename(target)
    except OSError:
        if not target.exists():
            raise
    shutil.rmtree(temporary)
