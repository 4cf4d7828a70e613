"""The secrets that a lab itself knows of, so that a record is searched for each by its content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from labkit import certificates, firmware
from labkit.cloud.session import session_secrets
from labkit.errors import CertificateError, DeviceError, FirmwareError
from labkit.firmware import literals
from labkit.firmware.kinds import Kind, kind_of
from labkit.firmware.macros import secret_definitions, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.tree import find_sources
from labkit.record.scan.known import Known
from labkit.record.scan.words import WIFI_PASSWORD, is_no_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.lab import Lab

__all__ = ["known_secrets"]

_PASSPHRASE = "LABKIT_RECORD_PASSPHRASE"  # noqa: S105 a variable's name


def known_secrets(lab: Lab) -> tuple[Known, ...]:
    """Return the CA's key, an imported key, the Wi-Fi password, AWS credentials, a passphrase."""
    return tuple(_known(lab))


def _known(lab: Lab) -> Iterator[Known]:
    file = lab.workspace.ca / "rootCA.key"
    if file.is_file():
        yield from _key("the CA's private key", file.read_bytes())
    for macro, value in _in_headers(lab):
        if kind_of(macro) is Kind.PEM:
            yield from _key("the device's private key", value.encode())
        elif not is_no_secret(value):
            yield Known.text(WIFI_PASSWORD, value)
    if not lab.workspace.settings.account_is_simulated:
        for kind, secret in session_secrets():
            yield Known.text(kind, secret)
    if passphrase := os.environ.get(_PASSPHRASE):
        yield Known.text("passphrase of the signing key", passphrase)


def _key(kind: str, pem: bytes) -> Iterator[Known]:
    """Yield a private key; an encrypted one is found by its shape, which needs no passphrase."""
    try:
        yield Known.key(kind, certificates.load_private_key(pem))
    except CertificateError:
        return


def _in_headers(lab: Lab) -> Iterator[tuple[str, str]]:
    """Yield each macro that holds a secret, with every text that it is defined as."""
    try:
        sources = find_sources(lab.workspace.firmware)
        for file in (sources.keys, sources.credentials):
            source = parse(firmware.decode(file.read_bytes()))
            for definition in secret_definitions(source):
                how = written(source, definition)
                if how.what == "string":
                    yield definition.name, literals.unescape(how.code, line=definition.line)
    except (DeviceError, FirmwareError):
        return
