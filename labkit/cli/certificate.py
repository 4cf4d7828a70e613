"""`labkit certificate`: create and show certificates. Only files are needed, no bench."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from labkit.cli.options import FILE, ends, output_option
from labkit.cli.output import put
from labkit.errors import WorkspaceError, in_file

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.x509 import Certificate

    from labkit.certificates import SigningKey

PASSPHRASE = "LABKIT_CA_PASSPHRASE"  # noqa: S105 the name of a variable
"""Opens an encrypted CA key without a terminal."""

_CA = click.option("--ca", required=True, type=FILE, help="The CA certificate, PEM or DER.")
_CA_KEY = click.option("--ca-key", required=True, type=FILE, help="The CA's private key, PEM.")


@click.group(
    epilog=ends(
        "labkit certificate new-ca --ca-key myCA.key -o myCA.pem\n"
        "labkit certificate show deviceCert.pem"
    )
)
def certificate() -> None:
    """Create and show CA and device certificates."""


@certificate.command(
    "new-ca",
    epilog=ends(
        "labkit certificate new-ca --ca-key myCA.key -o myCA.pem\n"
        'labkit certificate new-ca --ca-key CA-2.key --subject "CN=My CA" -o CA-2.pem',
        failure="failure, such as a file that exists; nothing was written",
    ),
)
@click.option(
    "--ca-key",
    required=True,
    type=FILE,
    help="The file to write the new private key to; it must not exist.",
)
@click.option(
    "--key-type",
    type=click.Choice(["EC P-256", "RSA-2048"]),
    default="EC P-256",
    show_default=True,
    help="The kind of the private key.",
)
@click.option(
    "--subject",
    default="CN=Device lab root CA",
    show_default=True,
    help="The CA's distinguished name.",
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=3650,
    show_default=True,
    help="The days for which the certificate is valid.",
)
@output_option
def new_ca(ca_key: Path, key_type: str, subject: str, days: int, output: Path | None) -> None:
    """Create a CA: a private key (mode 0600) and its self-signed certificate."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from labkit import certificates
    from labkit.workspace import write

    for file in filter(None, (ca_key, output)):
        if file.exists():
            raise WorkspaceError(
                f"{file} exists and is not overwritten. Move it, or name another file."
            )
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
        ca_key.unlink()  # without its certificate the key is of no use
        raise


@certificate.command(
    epilog=ends(
        "labkit certificate verification --ca rootCA.pem --ca-key rootCA.key -o proof.pem \\\n"
        "    --registration-code "
        "94e0bfb5f4a8d29ab3a6b3f8a2a3ec1c6f2a1a4a0d8e33c7c0f9a4b0a1d5f23a"
    )
)
@_CA
@_CA_KEY
@click.option(
    "--registration-code", required=True, help="The account's code: aws iot get-registration-code."
)
@output_option
def verification(ca: Path, ca_key: Path, registration_code: str, output: Path | None) -> None:
    """Create the verification certificate that AWS IoT requires to register a CA."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit import certificates

    issuer = certificates.Issuer(_load_certificate(ca), _load_key(ca_key))
    made = issuer.verification_certificate(
        registration_code,
        public_key=ec.generate_private_key(ec.SECP256R1()).public_key(),
        now=_now(),
        serial_number=_serial_number(),
    )
    put(certificates.to_pem(made), output)


@certificate.command(
    epilog=ends(
        "labkit certificate issue --ca rootCA.pem --ca-key rootCA.key \\\n"
        "    --public-key DevicePublicKey.pem --subject CN=my-thing -o deviceCert.pem",
        failure="the device or AWS IoT would refuse the certificate; nothing was written",
    )
)
@_CA
@_CA_KEY
@click.option("--public-key", required=True, type=FILE, help="The device's public key, PEM or DER.")
@click.option("--subject", help="The device's name, such as CN=my-thing  [default: the request's]")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="The days for which the certificate is valid.",
)
@click.option(
    "--csr", type=FILE, help="The certificate request  [default: one signed by a temporary key]"
)
@click.option(
    "--x509v1", is_flag=True, help="Issue X.509 version 1, as the documentation's command does."
)
@output_option
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
    """Issue a device certificate for a public key.

    Every rule of AWS IoT and of the device is checked first.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit import certificates
    from labkit.keys import PublicKey

    if subject is None and csr is None:
        raise click.UsageError("name the device: give --subject or --csr.")
    name = certificates.parse_subject(subject) if subject is not None else None
    if csr is not None:
        with in_file(csr):
            request = certificates.load_request(csr.read_bytes())
    elif name is not None:
        request = certificates.certificate_request(ec.generate_private_key(ec.SECP256R1()), name)
    with in_file(public_key):
        device_key = PublicKey.from_file(public_key.read_bytes())
    issuer = certificates.Issuer(_load_certificate(ca), _load_key(ca_key))
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
    epilog=ends("labkit certificate show deviceCert.pem", failure="the file is not a certificate")
)
@click.argument("file", type=FILE)
def show(file: Path) -> None:
    """Show the contents of the certificate in FILE, in words; of each one in a bundle."""
    from labkit import certificates

    with in_file(file):
        found = certificates.load_certificates(file.read_bytes())
    click.echo("\n\n".join(repr(certificates.describe(each)) for each in found))


def _load_certificate(file: Path) -> Certificate:
    from labkit import certificates

    with in_file(file):
        return certificates.load_certificate(file.read_bytes())


def _load_key(file: Path) -> SigningKey:
    from labkit import certificates

    raw = file.read_bytes()
    encrypted = certificates.needs_passphrase(raw)
    passphrase = os.environ.get(PASSPHRASE) if encrypted else None
    if passphrase is None and encrypted and sys.stdin.isatty():
        passphrase = click.prompt(f"Passphrase of {file}", hide_input=True, err=True)
    with in_file(file):
        return certificates.load_private_key(raw, passphrase)


def _now() -> datetime:
    return datetime.now(UTC)


def _serial_number() -> int:
    from labkit.support.seeding import Randomness

    return Randomness().serial_number("", "")


COMMANDS = (certificate,)
