"""The commands that steps replace, and the second opinion that those commands give."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, end, files

from labkit import open_lab
from labkit.check import Check
from labkit.errors import CertificateError, NotReadyError, WorkspaceError
from labkit.lab import shell_commands
from labkit.lab.procedure import ROUTES, STEPS

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

COMPARED = {
    "extract_public_key": ("xxd", "openssl"),
    "create_ca": ("openssl",),
    "register_ca": ("openssl",),
    "sign_request": ("openssl",),
    "issue_certificate": ("openssl",),
    "register_certificate": ("aws",),
    "activate_certificate": ("aws",),
}
EACH = [
    pytest.param(step, marks=[pytest.mark.needs(program) for program in programs], id=step)
    for step, programs in COMPARED.items()
]


def test_every_step_has_its_commands(lab: Lab) -> None:
    """Each step shows the commands that it replaces, with this lab's names; none is left open."""
    devices = [open_lab(lab.workspace.root, route=name) for name in ROUTES]
    each = [(device, step) for device in devices for step in device.procedure.steps]
    for device, step in each:
        shown = repr(shell_commands.commands(device, step.name))
        assert shown
        assert "{" not in shown
        for line in shown.replace("\\\n", " ").splitlines():
            if not line.startswith(("#", '"', " ")):
                assert line.split()[0] in {"aws", "openssl", "xxd", "python", "rm"}
    with pytest.raises(WorkspaceError, match="fly is not a step; choose from set_endpoint"):
        shell_commands.commands(lab, "fly")


def test_names_are_this_labs(lab: Lab) -> None:
    """Thing, policy and the CA's subject are in the commands as this lab has them."""
    assert "--thing-name lab-device" in repr(shell_commands.commands(lab, "create_thing"))
    assert "labkit-hello-world" in repr(shell_commands.commands(lab, "create_policy"))
    assert '-subj "/CN=lab-device"' in repr(shell_commands.commands(lab, "sign_request"))
    just_in_time = open_lab(lab.workspace.root, route="just-in-time")
    shown = repr(shell_commands.commands(just_in_time, "register_ca_with_template"))
    assert "file://../../ca-just-in-time/rootCA.pem" in shown
    assert "--registration-config templateName=labkit-just-in-time" in shown
    assert "file://../../ca/rootCA.pem" in repr(shell_commands.commands(lab, "register_ca"))


@pytest.mark.needs("openssl")
def test_the_subject_as_openssl_reads_it(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    """Openssl makes the CA's own subject of the -subj that is shown, slashes and all."""
    del clean_environment
    (tmp_path / "lab.toml").write_text('[ca]\nsubject = "CN=Lab/root, O=A and B"\n')
    lab = open_lab(tmp_path)
    shown = repr(shell_commands.commands(lab, "create_ca")).splitlines()
    words = shlex.split(next(line for line in shown if "-subj" in line).rstrip("\\"))
    subject = words[words.index("-subj") + 1]
    request = shell_commands._run(  # noqa: SLF001 the same way as the commands are run
        tmp_path, "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout",
        str(tmp_path / "k"), "-subj", subject, "-out", str(tmp_path / "csr"),
    )  # fmt: skip
    assert "error" not in request.lower()
    output = shell_commands._run(  # noqa: SLF001 as above
        tmp_path, "openssl", "req", "-in", str(tmp_path / "csr"), "-noout", "-subject"
    )
    lab.create_ca()
    ours = shell_commands._run(  # noqa: SLF001 as above
        tmp_path, "openssl", "x509", "-in", "ca/rootCA.pem", "-noout", "-subject"
    )
    assert output == ours
    assert "Lab/root" in output
    end(lab)


@pytest.mark.parametrize("step", EACH)
def test_the_commands_say_the_same(finished: Lab, step: str) -> None:
    """Run where they are installed, the commands agree with each step, and leave nothing."""
    place = finished.workspace
    before = files(place.device, place.ca, place.firmware)
    checks = shell_commands.compare(finished, step)
    assert checks, checks
    assert len(checks.each) >= 1
    assert all(line.startswith("ok   ") for line in repr(checks).splitlines())
    assert files(place.device, place.ca, place.firmware) == before


@pytest.mark.needs("xxd", "openssl")
def test_a_changed_byte_is_seen(finished: Lab) -> None:
    """One byte changed in what we made, and the command's opinion differs."""
    der = finished.workspace.path("DevicePublicKeyDer.bin")
    kept = der.read_bytes()
    der.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    try:
        checks = shell_commands.compare(finished, "extract_public_key")
    finally:
        der.write_bytes(kept)
    assert not checks
    assert repr(checks).splitlines()[0].startswith("FAIL xxd makes the same bytes")


@pytest.mark.needs("openssl")
def test_a_certificate_of_another_ca_is_seen(finished: Lab) -> None:
    """Openssl does not verify a certificate that another CA signed."""
    file, verification = (
        finished.workspace.path(name) for name in ("deviceCert.pem", "verificationCert.pem")
    )
    kept = verification.read_bytes()
    verification.write_bytes(b"".join(kept.split(b"\n")[:3]))
    try:
        with pytest.raises((WorkspaceError, CertificateError)):
            shell_commands.compare(finished, "register_ca")
    finally:
        verification.write_bytes(kept)
    assert file.exists()


@pytest.mark.needs("aws")
def test_a_status_that_differs_is_seen(finished: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The aws command's answer is compared, not assumed."""
    real = shell_commands._run  # noqa: SLF001 to change what it says
    monkeypatch.setattr(
        shell_commands, "_run", lambda *a, **k: real(*a, **k).replace("ACTIVE", "REVOKED")
    )
    assert not shell_commands.compare(finished, "activate_certificate")


def test_a_program_that_is_missing_is_named(
    finished: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the program nothing is compared, and the page works on."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match="is not installed, so nothing can be compared"):
        shell_commands.compare(finished, "create_ca")


def test_what_has_no_comparison(lab: Lab) -> None:
    """Steps without a comparison say which have one."""
    with pytest.raises(WorkspaceError, match="create_thing has no comparison; choose from "):
        shell_commands.compare(lab, "create_thing")
    assert {step.name for step in STEPS} >= set(COMPARED)


def test_what_is_missing_on_a_real_board(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch
) -> None:
    """What a comparison needs is named with its page where it cannot be made unasked."""
    del clean_environment
    real = open_lab(tmp_path, device="loop://")
    with pytest.raises(NotReadyError, match="05-public-key-extraction"):
        shell_commands.compare(real, "extract_public_key")
    end(real)


@pytest.mark.needs("openssl")
def test_the_cas_key_is_never_copied(finished: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that signs uses the CA's key where it is: its folder holds a link."""
    seen: list[bool] = []
    real = shell_commands._run  # noqa: SLF001 to look into its folder

    def look(place: Path, *command: str, **options: object) -> str:
        key = Path(place) / "../../ca/rootCA.key"
        seen.append(key.is_symlink())
        return real(place, *command, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(shell_commands, "_run", look)
    assert shell_commands.compare(finished, "issue_certificate")
    assert seen
    assert all(seen)


def test_checks_read_as_lines() -> None:
    """Several checks are true only if all are, and show a line each."""
    good, bad = Check("one", passed=True), Check("two", passed=False)
    assert shell_commands.Checks((good, good))
    assert not shell_commands.Checks((good, bad))
    assert len(repr(shell_commands.Checks((good, bad))).splitlines()) == 2
