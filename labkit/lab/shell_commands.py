"""The commands that each step replaces, and a comparison with their results.

The commands are in `labkit.lab.commands`. A comparison uses a temporary folder, with the CA's files
in `../../ca/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.check import Check, check
from labkit.errors import WorkspaceError
from labkit.lab.commands import COMMANDS, ON_ANOTHER_ROUTE
from labkit.lab.procedure.steps.ca_key import load_ca_key
from labkit.lab.procedure.steps.provisioning import template_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography import x509

    from labkit.lab.lab import Lab

_CA = "../../ca"
_OF_THE_CA = ("rootCA.", "verificationCert.")


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands that a step replaces; its repr is what you would type."""

    text: str

    def __repr__(self) -> str:
        """Return the commands, a line each."""
        return self.text.rstrip("\n")


@dataclass(frozen=True, slots=True)
class Checks:
    """Several checks; its repr has a line for each."""

    each: tuple[Check, ...]

    def __repr__(self) -> str:
        """Return the lines."""
        return "\n".join(map(repr, self.each))

    def __bool__(self) -> bool:
        """Return whether all of them passed."""
        return all(self.each)


def commands(lab: Lab, step: str) -> Commands:
    """Return the commands that a step replaces, with this lab's names in them.

    Raises:
        WorkspaceError: the step does not exist.
    """
    ca_subject = certificates.parse_subject(lab.workspace.settings.ca_subject)
    names = {
        "{thing}": lab.workspace.settings.thing_name,
        "{ca}": f"../../{lab.workspace.ca.name}",
        "{policy}": lab.hello_world.policy_name,
        "{template}": template_name(lab.hello_world),
        "{ca_subject}": "".join(
            f"/{attribute.rfc4514_attribute_name}={_escaped(str(attribute.value))}"
            for attribute in ca_subject
        ),
    }
    if step not in COMMANDS:
        raise WorkspaceError(f"{step} is not a step; choose from {', '.join(COMMANDS)}.")
    text = ON_ANOTHER_ROUTE.get((lab.procedure.name, step), COMMANDS[step])
    for name, value in names.items():
        text = text.replace(name, value)
    return Commands(text)


def _escaped(value: str) -> str:
    r"""Return a value as `openssl -subj` reads it between slashes: `A/B` is `A\/B`."""
    return value.replace("\\", "\\\\").replace("/", "\\/")


def compare(lab: Lab, step: str) -> Checks:
    """Run the commands that a step replaces, where they are installed, and compare.

    Raises:
        WorkspaceError: the step has no comparison, or its files do not exist yet.
    """
    if step not in _COMPARISONS:
        raise WorkspaceError(
            f"{step} has no comparison; choose from {', '.join(sorted(_COMPARISONS))}."
        )
    files, comparison = _COMPARISONS[step]
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder:
        place = Path(folder) / "devices" / "one"
        place.mkdir(parents=True)
        (Path(folder) / "ca").mkdir()
        for name in files:
            _copy_or_link(lab.file(name), place / _CA if name.startswith(_OF_THE_CA) else place)
        return Checks(tuple(comparison(lab, place)))


def _copy_or_link(file: Path, folder: Path) -> None:
    """Put a file into a folder; a private key as a link, so that it is never copied."""
    if file.suffix == ".key" and os.name != "nt":  # where links need an administrator
        (folder / file.name).symlink_to(file.resolve())
    else:
        shutil.copy(file, folder)


def _compare_key(lab: Lab, place: Path) -> list[Check]:
    _run(place, "xxd", "-r", "-ps", "DevicePublicKeyAsciiHex.txt", "DevicePublicKeyDer.bin")
    _run(
        place, "openssl", "ec", "-inform", "der", "-in", "DevicePublicKeyDer.bin", "-pubin",
        "-pubout", "-outform", "pem", "-out", "DevicePublicKey.pem",
    )  # fmt: skip
    der, pem = (
        (place / name).read_bytes() for name in ("DevicePublicKeyDer.bin", "DevicePublicKey.pem")
    )
    own_der, own_pem = (
        lab.file(name).read_bytes() for name in ("DevicePublicKeyDer.bin", "DevicePublicKey.pem")
    )
    return [
        check("xxd makes the same bytes", der == own_der, len(der)),
        check("openssl makes the same PEM", pem == own_pem),
    ]


def _compare_ca(_lab: Lab, place: Path) -> list[Check]:
    output = _run(place, "openssl", "x509", "-in", f"{_CA}/rootCA.pem", "-noout", "-text")
    verified = _run(
        place,
        "openssl",
        "verify",
        "-no_check_time",
        "-CAfile",
        f"{_CA}/rootCA.pem",
        f"{_CA}/rootCA.pem",
    )
    return [
        check("openssl reads a CA certificate", "CA:TRUE" in output),
        check("openssl verifies its signature", verified.endswith("OK")),
    ]


def _compare_verification(lab: Lab, place: Path) -> list[Check]:
    file = f"{_CA}/verificationCert.pem"
    output = _run(place, "openssl", "x509", "-in", file, "-noout", "-subject")
    verified = _run(
        place, "openssl", "verify", "-no_check_time", "-CAfile", f"{_CA}/rootCA.pem", file
    )
    return [
        check(
            "its common name is the registration code", lab.account.registration_code() in output
        ),
        check("openssl verifies that the CA signed it", verified.endswith("OK")),
    ]


def _compare_request(lab: Lab, place: Path) -> list[Check]:
    output = _run(place, "openssl", "req", "-in", "deviceCert.csr", "-noout", "-verify", "-subject")
    return [
        check(
            "openssl verifies the request's own signature", "verify" in output and "OK" in output
        ),
        check("its common name is the thing's", lab.workspace.settings.thing_name in output),
    ]


def _compare_certificate(lab: Lab, place: Path) -> list[Check]:
    """Issue with openssl, and once more ourselves in its shape, with its serial and dates."""
    _run(
        place, "openssl", "x509", "-req", "-in", "deviceCert.csr", "-CA", f"{_CA}/rootCA.pem",
        "-CAkey", f"{_CA}/rootCA.key", "-CAcreateserial", "-out", "openssl.pem", "-days", "500",
        "-sha256", "-force_pubkey", "DevicePublicKey.pem",
    )  # fmt: skip
    ca = certificates.load_certificate(lab.file("rootCA.pem").read_bytes())
    theirs = certificates.load_certificate((place / "openssl.pem").read_bytes())
    issuer = certificates.Issuer(ca, load_ca_key(lab.workbench("create_ca")))
    ours = issuer.issue(
        certificates.load_request(lab.file("deviceCert.csr").read_bytes()),
        public_key=lab.public_key,
        now=max(theirs.not_valid_before_utc, ca.not_valid_before_utc),
        serial_number=theirs.serial_number,
        x509v1=True,
    )
    verified = _run(
        place, "openssl", "verify", "-no_check_time", "-CAfile", f"{_CA}/rootCA.pem",
        "deviceCert.pem",
    )  # fmt: skip
    key = certificates.public_key(theirs)
    return [
        check(
            "same subject", theirs.subject == ours.subject, certificates.subject_text(ours.subject)
        ),
        check("same issuer", theirs.issuer == ours.issuer, certificates.subject_text(ours.issuer)),
        check("same public key, the device's", key == certificates.public_key(ours), key.short),
        check("same serial number and dates", _serial_and_dates(theirs) == _serial_and_dates(ours)),
        check("the CA's key signed openssl's", certificates.is_issued_by(theirs, ca)),
        check("openssl verifies that it signed ours", verified.endswith("OK")),
    ]


def _serial_and_dates(certificate: x509.Certificate) -> tuple[object, ...]:
    return (
        certificate.serial_number,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _compare_status(lab: Lab, place: Path) -> list[Check]:
    certificate = certificates.load_certificate(lab.file("deviceCert.pem").read_bytes())
    certificate_id = certificates.certificate_id(certificate)
    endpoint = ["--endpoint-url", lab.bench.iot_endpoint_url] if lab.bench else []
    answer = _run(
        place, "aws", "iot", "describe-certificate", "--certificate-id", certificate_id,
        "--query", "certificateDescription.status", "--output", "text", *endpoint,
        environment=_aws_environment(lab),
    )  # fmt: skip
    own = lab.account.certificate(certificate_id).status
    return [check("the aws command returns the same status", answer == own)]


_COMPARISONS: Mapping[str, tuple[tuple[str, ...], Callable[[Lab, Path], list[Check]]]] = {
    "extract_public_key": (("DevicePublicKeyAsciiHex.txt",), _compare_key),
    "create_ca": (("rootCA.pem",), _compare_ca),
    "register_ca": (("rootCA.pem", "verificationCert.pem"), _compare_verification),
    "sign_request": (("deviceCert.csr",), _compare_request),
    "issue_certificate": (
        ("deviceCert.csr", "deviceCert.pem", "DevicePublicKey.pem", "rootCA.pem", "rootCA.key"),
        _compare_certificate,
    ),
    "register_certificate": (("deviceCert.pem",), _compare_status),
    "activate_certificate": (("deviceCert.pem",), _compare_status),
}
"""The steps that have a comparison: the files that their commands read, and what is compared."""


def _run(place: Path, *command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output, both streams."""
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise WorkspaceError(
            f"{command[0]} is not installed, so nothing can be compared. Install it and run this "
            "cell again; everything else on this page works without it."
        ) from None
    if done.returncode != 0:
        raise WorkspaceError(
            f"{command[0]} ended with exit code {done.returncode}: {' '.join(command)}\n"
            f"{done.stdout.strip()}"
        )
    return done.stdout.strip()


def _aws_environment(lab: Lab) -> Mapping[str, str]:
    """Return the environment for the aws command; with a simulated account it finds no other."""
    if not lab.workspace.settings.account_is_simulated:
        return dict(os.environ)
    kept = {n: v for n, v in os.environ.items() if not n.upper().startswith(("AWS_", "HTTP"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_DEFAULT_REGION": lab.account.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }
