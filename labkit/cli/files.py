"""Commands about keys and certificates, which work with files alone and need no bench."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.output import put
from labkit.errors import WorkspaceError

if TYPE_CHECKING:
    from labkit.certificates import SigningKey
    from labkit.console import Console

PASSPHRASE = "LABKIT_CA_PASSPHRASE"  # noqa: S105 the name of a variable
"""Opens an encrypted CA key where there is no terminal to ask at."""

_FILE = click.Path(dir_okay=False, path_type=Path)
_OUTPUT = click.option("-o", "--output", type=_FILE, help="Write to a file, not to the terminal.")
_CA = click.option("--ca", required=True, type=_FILE, help="The CA certificate, PEM or DER.")
_CA_KEY = click.option("--ca-key", required=True, type=_FILE, help="The CA's private key, PEM.")


@click.command(
    epilog="""\b
Examples:
  labkit key console.log
  labkit key console.log --format pem -o DevicePublicKey.pem
  labkit key - --format json < console.log"""
)
@click.argument("console_log", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["pem", "der", "hex", "json"]),
    default="pem",
    show_default=True,
)
@_OUTPUT
def key(console_log: Path, form: str, output: Path | None) -> None:
    """Print the newest public key that CONSOLE_LOG (or - for standard input) holds."""
    from labkit import console

    with click.open_file(str(console_log), "rb") as file:
        log = console.parse(file)
    public_key = log.public_key()
    forms: dict[str, str | bytes] = {
        "pem": public_key.pem,
        "der": public_key.der,
        "hex": public_key.der.hex() + "\n",
        "json": _as_json(log),
    }
    put(forms[form], output)


def _as_json(log: Console) -> str:
    public_key = log.public_key()
    newest = log.newest
    told = {
        "der_hex": public_key.der.hex(),
        "sha256": public_key.sha256,
        "rows": newest.rows if newest else 0,
        "dumps": log.dumps,
        "generated": newest.generated if newest else None,
        "notes": list(log.notes),
    }
    return json.dumps(told, indent=2) + "\n"


@click.group(
    epilog="""\b
Examples:
  labkit certificate new-ca --ca-key rootCA.key -o rootCA.pem
  labkit certificate issue --ca rootCA.pem --ca-key rootCA.key \\
      --public-key DevicePublicKey.pem --subject CN=my-thing -o deviceCert.pem"""
)
def certificate() -> None:
    """Make and show certificates: CA, verification certificate, device certificate."""


@certificate.command(
    "new-ca",
    epilog="""\b
Example:
  labkit certificate new-ca --ca-key rootCA.key -o rootCA.pem""",
)
@click.option("--ca-key", required=True, type=_FILE, help="Where to write the new private key.")
@click.option(
    "--key-type", type=click.Choice(["EC P-256", "RSA-2048"]), default="EC P-256", show_default=True
)
@click.option("--subject", default="CN=Device lab root CA", show_default=True)
@click.option("--days", type=click.IntRange(min=1), default=3650, show_default=True)
@_OUTPUT
def new_ca(ca_key: Path, key_type: str, subject: str, days: int, output: Path | None) -> None:
    """Make a CA: a private key (0600), never overwritten, and its self-signed certificate."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from labkit import certificates
    from labkit.workspace import write

    for file in filter(None, (ca_key, output)):
        if file.exists():
            raise WorkspaceError(f"{file} is there already and is never overwritten. Move it away.")
    new_key: SigningKey
    if key_type == "RSA-2048":
        new_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        new_key = ec.generate_private_key(ec.SECP256R1())
    made = certificates.root_ca(
        new_key,
        certificates.parse_subject(subject),
        now=_now(),
        serial_number=_serial_number(),
        valid_days=days,
    )
    write(ca_key, certificates.private_key_to_pem(new_key), private=True)
    try:
        put(certificates.to_pem(made), output)
    except BaseException:
        ca_key.unlink()  # a key whose certificate is lost is of no use, and stands in the way
        raise


@certificate.command(
    epilog="""\b
Example:
  labkit certificate verification --ca rootCA.pem --ca-key rootCA.key \\
      --registration-code 94e0…f23a -o verificationCert.pem"""
)
@_CA
@_CA_KEY
@click.option("--registration-code", required=True, help="aws iot get-registration-code")
@_OUTPUT
def verification(ca: Path, ca_key: Path, registration_code: str, output: Path | None) -> None:
    """Make the verification certificate that AWS IoT asks for when a CA is registered."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit import certificates

    issuer = certificates.Issuer(certificates.load_certificate(ca.read_bytes()), _load_key(ca_key))
    made = issuer.verification_certificate(
        registration_code,
        public_key=ec.generate_private_key(ec.SECP256R1()).public_key(),
        now=_now(),
        serial_number=_serial_number(),
    )
    put(certificates.to_pem(made), output)


@certificate.command(
    epilog="""\b
Example:
  labkit certificate issue --ca rootCA.pem --ca-key rootCA.key \\
      --public-key DevicePublicKey.pem --subject CN=my-thing -o deviceCert.pem"""
)
@_CA
@_CA_KEY
@click.option("--public-key", required=True, type=_FILE, help="The device's, PEM or DER.")
@click.option("--subject", help="Such as CN=my-thing  [default: the request's]")
@click.option("--days", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--csr", type=_FILE, help="The request; without it a throw-away key signs one.")
@click.option("--x509v1", is_flag=True, help="The version 1 shape of the documented command.")
@_OUTPUT
def issue(
    *,
    ca: Path,
    ca_key: Path,
    public_key: Path,
    subject: str | None,
    days: int,
    csr: Path | None,
    x509v1: bool,
    output: Path | None,
) -> None:
    """Issue a device certificate for a bare public key, after every rule was checked."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit import certificates
    from labkit.keys import PublicKey

    if subject is None and csr is None:
        raise click.UsageError("--subject or --csr is needed: whose certificate is it?")
    name = certificates.parse_subject(subject) if subject is not None else None
    if csr is not None:
        request = certificates.load_request(csr.read_bytes())
    elif name is not None:
        request = certificates.certificate_request(ec.generate_private_key(ec.SECP256R1()), name)
    device_key = PublicKey.from_file(public_key.read_bytes())
    issuer = certificates.Issuer(certificates.load_certificate(ca.read_bytes()), _load_key(ca_key))
    made = issuer.issue(
        request,
        public_key=device_key,
        now=_now(),
        serial_number=_serial_number(),
        valid_days=days,
        subject=name,
        x509v1=x509v1,
    )
    put(certificates.to_pem(made), output)


@certificate.command(
    epilog="""\b
Example:
  labkit certificate show deviceCert.pem"""
)
@click.argument("file", type=_FILE)
def show(file: Path) -> None:
    """Show what a certificate says, in plain words."""
    from labkit import certificates

    click.echo(repr(certificates.describe(certificates.load_certificate(file.read_bytes()))))


def _load_key(file: Path) -> SigningKey:
    from labkit import certificates

    raw = file.read_bytes()
    passphrase = os.environ.get(PASSPHRASE) if b"ENCRYPTED" in raw else None
    if passphrase is None and b"ENCRYPTED" in raw and sys.stdin.isatty():
        passphrase = click.prompt(f"Passphrase of {file}", hide_input=True, err=True)
    return certificates.load_private_key(raw, passphrase)


def _now() -> datetime:
    return datetime.now(UTC)


def _serial_number() -> int:
    from labkit.support.seeding import Randomness

    return Randomness().serial_number("", "")


COMMANDS = (key, certificate)
