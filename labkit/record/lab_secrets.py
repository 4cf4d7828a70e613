"""The secrets that a lab itself knows of, so that a record is searched for each by its content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from labkit import certificates, firmware
from labkit.cloud.session import session_secrets
from labkit.device.image import find_sources
from labkit.errors import CertificateError, DeviceError, FirmwareError
from labkit.record.secret_known import Known
from labkit.steps.headers import PRIVATE_KEY_PEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab import Lab

__all__ = ["known_secrets"]

_WIFI_PASSWORD = "clientcredentialWIFI_PASSWORD"  # noqa: S105 a macro's name
_PASSPHRASE = "LABKIT_RECORD_PASSPHRASE"  # noqa: S105 a variable's name


def known_secrets(lab: Lab) -> tuple[Known, ...]:
    """Return the CA's key, an imported key, the Wi-Fi password, AWS credentials, a passphrase."""
    return tuple(_known(lab))


def _known(lab: Lab) -> Iterator[Known]:
    file = lab.workspace.ca / "rootCA.key"
    if file.is_file():
        yield from _key("the CA's private key", file.read_bytes())
    keys, credentials = _headers(lab)
    if imported := _macro(keys, PRIVATE_KEY_PEM):
        yield from _key("the device's private key", imported.encode())
    if password := _macro(credentials, _WIFI_PASSWORD):
        yield Known.text("Wi-Fi password", password)
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


def _headers(lab: Lab) -> tuple[str, str]:
    try:
        sources = find_sources(lab.workspace.firmware)
        return (
            firmware.decode(sources.keys.read_bytes()),
            firmware.decode(sources.credentials.read_bytes()),
        )
    except (DeviceError, FirmwareError):
        return "", ""


def _macro(text: str, name: str) -> str | None:
    try:
        return firmware.get(text, name).value
    except FirmwareError:
        return None
