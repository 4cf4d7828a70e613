"""No key, token or password is in anything that is written or printed, whatever one does.

Every route to a real account's stand-in, every command, faults on purpose; then all files of the
workspace, all output and all logs are searched.
"""

from __future__ import annotations

import base64
import json
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from lab_bench import THREADS_OF_PYSERIAL, labkit
from secret_traces import traces, where
from simulator_fixtures import ACCOUNT_ID

from labkit import certificates, firmware, open_lab
from labkit.errors import LabError
from labkit.firmware.tree import find_sources
from labkit.lab.procedure import ROUTES
from labkit.lab.procedure.steps.headers import PRIVATE_KEY_PEM
from labkit.workspace import Workspace
from labkit.workspace.lab_toml import set_in_lab_toml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulator_fixtures import Cloud

    from labkit.bench.simulator.service import Service

pytest_plugins = ("bench_fixtures", "real_account")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.usefixtures("clean_environment"),
]

TOKEN, SECRET_KEY = "planted+session/token", "planted+secret/access/key"
WIFI = "planted wifi password"
WIFI_MACRO = "clientcredentialWIFI_PASSWORD"
DIGITS = ACCOUNT_ID[-4:]


class Everything:
    """A workspace in which everything is done, and all outputs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, bytes] = {}
        self.imported: list[certificates.SigningKey] = []

    def say(self, *arguments: str, code: int | None = 0) -> None:
        """Run a command and keep what it says."""
        done = labkit(self.root, *arguments, LABKIT_CLOUD="aws", LABKIT_DEBUG="1")
        assert code is None or done.returncode == code, done.stderr
        name = f"output {len(self.texts)}: {' '.join(arguments)}"
        self.texts[name] = (done.stdout + done.stderr).encode()

    def plant_wifi_password(self, route: str) -> None:
        """Write a Wi-Fi password into the header of a route's firmware tree."""
        place = Workspace.open(self.root, {}, cloud="aws", route=route)
        file = find_sources(place.firmware).credentials
        file.write_text(firmware.edit(file.read_text(), WIFI_MACRO, WIFI).new)

    def header(self) -> Path:
        """Return the keys header of Option 1."""
        place = Workspace.open(self.root, {}, cloud="aws", route="option-1")
        return find_sources(place.firmware).keys

    def remember_imported_key(self) -> None:
        """Keep the private key that is in the header."""
        text = firmware.get(self.header().read_text(), PRIVATE_KEY_PEM).value
        self.imported.append(certificates.load_private_key(text or ""))

    def lose_lines_of_the_imported_key(self) -> None:
        """Take lines out of the header's key, which nothing can use then: another pair is made."""
        header = self.header()
        lines = header.read_text().splitlines(keepends=True)
        end = next(n for n, line in enumerate(lines) if "END RSA" in line or "END PRIV" in line)
        header.write_text("".join(lines[: end - 12] + lines[end - 4 :]))

    def gather(self) -> dict[str, bytes]:
        """Return every output and every file of the workspace, by name."""
        for path in self.root.rglob("*"):
            if path.is_file():
                self.texts[path.relative_to(self.root).as_posix()] = path.read_bytes()
        return self.texts


def shown_and_raised(everything: Everything) -> None:
    """Do what a page does: differences shown, objects and errors in words."""
    for route in ROUTES:
        lab = open_lab(everything.root, cloud="aws", route=route)
        shown: list[str] = []
        for step in lab.procedure.steps:
            if "header" in step.does or ".h" in step.does or "macro" in step.does:
                lab.perform(step.name, show=shown.append)
        outputs = [repr(lab), str(lab.journal), repr(lab.workbench(lab.procedure.steps[0].name))]
        outputs += [repr(lab.preflight()), repr(lab.diagnose()), repr(lab.undo(dry_run=True))]
        try:
            lab.paste_console("no console")
        except LabError as error:
            outputs.append(repr(error) + str(error.__cause__))
        everything.texts[f"shown on {route}"] = "\n".join(shown + outputs).encode()


@pytest.mark.slow
def test_everything_is_searched(
    aws: Cloud,
    boards: Callable[..., Service],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Private keys, session token, secret key and Wi-Fi password are where they may be only."""
    assert aws
    # At DEBUG botocore logs the headers that it signs; labkit never turns that on.
    caplog.set_level("INFO")
    caplog.set_level("DEBUG", logger="labkit")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    boards()
    everything = Everything(tmp_path / "lab")
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/lab"
    Workspace.open(everything.root, {}, cloud="aws")
    set_in_lab_toml(everything.root / "lab.toml", {"account.provisioning_role": role})
    for route in ROUTES:
        everything.plant_wifi_password(route)
        everything.say("run", "--route", route, "--confirm-account", DIGITS)
        for command in ("run", "status", "preflight"):
            everything.say(command, "--route", route)
        everything.say("undo", "--dry-run", "--route", route)
    everything.say("diagnose", code=None)
    everything.remember_imported_key()
    for _ in range(2):
        everything.lose_lines_of_the_imported_key()
        everything.say("run", "--route", "option-1", code=None)
    everything.remember_imported_key()
    shown_and_raised(everything)
    everything.say("undo", "--all", code=None)
    verify_nothing_is_found(everything, caplog.text)


def verify_nothing_is_found(everything: Everything, logged: str) -> None:
    """Search everything for every secret, and hold it to the list of places it may be in."""
    texts = everything.gather() | {"logs of this process": logged.encode()}
    assert len(texts) > 60
    flashes = [name for name in texts if name.endswith("flash.json")]
    trees = ["firmware/", *(f"devices/{name}/firmware/" for name in devices(everything))]
    images = [f"{tree}build/image.json" for tree in trees]
    for folder in ("ca", "ca-just-in-time"):
        key = certificates.load_private_key(texts[f"{folder}/rootCA.key"])
        assert where(traces(key), texts) == {f"{folder}/rootCA.key"}
    for flash in flashes:
        raw = json.loads(texts[flash])["private_key"]
        key = load_der_private_key(base64.b64decode(raw), None)
        if key.public_key() not in [each.public_key() for each in everything.imported]:
            assert where(traces(key), texts) == {flash}
    keys_header = everything.header().relative_to(everything.root).as_posix()
    first, *_, last = everything.imported
    assert first.private_numbers() != last.private_numbers()
    assert where(traces(first), texts) == set()
    found = where(traces(last), texts)
    assert keys_header in found
    assert found <= {keys_header, *images, *flashes}
    assert where([TOKEN.encode(), SECRET_KEY.encode()], texts) == set()
    with_password = where([WIFI.encode()], texts)
    credentials = {name for name in texts if name.endswith("aws_clientcredential.h")}
    assert with_password >= credentials - {name for name in credentials if "backups" in name}
    assert with_password <= credentials | set(images) | set(flashes)
    backups = {name for name in with_password if "backups" in name}
    for name in {*backups, *found, *flashes, "ca/rootCA.key", "ca-just-in-time/rootCA.key"}:
        assert stat.S_IMODE((everything.root / name).stat().st_mode) == 0o600, name


def devices(everything: Everything) -> list[str]:
    """Return the names of the devices' folders."""
    return [path.name for path in (everything.root / "devices").iterdir()]
