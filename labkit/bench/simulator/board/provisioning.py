"""Developer-mode key provisioning, as the firmware does it at every boot.

Source: Amazon FreeRTOS 201910.00 and 202203.00, `vDevModeKeyProvisioning` and `xProvisionDevice`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from labkit.bench.simulator.board.credentials import (
    CKR_OK,
    PemError,
    PrivateKey,
    der_of_certificate_pem,
    private_key_of_pem,
)
from labkit.bench.simulator.board.flash import FlashRefusesError

if TYPE_CHECKING:
    from labkit.bench.simulator.board.machine import Machine

CERTIFICATE_MACRO: Final = "keyCLIENT_CERTIFICATE_PEM"
PRIVATE_KEY_MACRO: Final = "keyCLIENT_PRIVATE_KEY_PEM"
JITR_MACRO: Final = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
FORCE_MACRO: Final = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
DELAY_MACRO: Final = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"

_CKR_DEVICE_MEMORY = 0x31
"""PKCS #11's code for a flash that refuses an object. Open: what else a port prints."""

_DEFAULT_DELAY_S = 180
_KEY_GENERATION_MS = 10
_START_MS = 1


def provision(machine: Machine) -> int:
    """Import the keys header's values, generate a key pair if needed, print the public key.

    Returns:
        The PKCS #11 status: 0 on success.
    """
    machine.clock.spend(_START_MS)
    status = CKR_OK
    try:
        imported = _import_objects(machine)
        _ensure_key_pair(machine, imported_key=imported)
    except PemError as error:
        status = error.status
    except FlashRefusesError:
        status = _CKR_DEVICE_MEMORY
    machine.console.log("provisioned", status=status)
    return status


def load_key(der: bytes | None) -> PrivateKey | None:
    """Return the device's key in the flash, or None without one."""
    if der is None:
        return None
    key = serialization.load_der_private_key(der, password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError("the private key in the flash is neither EC nor RSA")
    return key


def _import_objects(machine: Machine) -> bool:
    """Import the certificate, private key and JITR certificate of the keys header.

    Returns:
        Whether a private key was imported.
    """
    certificate = machine.image.text(CERTIFICATE_MACRO)
    private_key = machine.image.text(PRIVATE_KEY_MACRO)
    jitr_certificate = machine.image.text(JITR_MACRO)
    if certificate and private_key:
        _destroy_objects(machine)
    if certificate:
        _import_certificate(machine, certificate)
    if private_key:
        _import_private_key(machine, private_key)
    if jitr_certificate:
        _import_jitr_certificate(machine, jitr_certificate)
    return bool(private_key)


def _destroy_objects(machine: Machine) -> None:
    """Delete all objects; the firmware prints a failed search for each kind."""
    machine.store(certificate=None, private_key=None)
    for event in ("no certificate file", "no code signing file", "no key file", "no key file"):
        machine.console.log(event)


def _import_certificate(machine: Machine, pem: str) -> None:
    try:
        der = der_of_certificate_pem(pem)
    except PemError as error:
        machine.console.log("certificate refused", status=error.status)
        raise
    machine.console.log("no certificate file")
    machine.console.log("certificate written")
    try:
        machine.store(certificate=der)
    except FlashRefusesError:
        machine.console.log("certificate refused", status=_CKR_DEVICE_MEMORY)
        raise


def _import_private_key(machine: Machine, pem: str) -> None:
    try:
        key = private_key_of_pem(pem)
    except PemError as error:
        for complaint in error.complaints:
            machine.console.log(complaint)
        machine.console.log("key refused", status=error.status)
        raise
    try:
        machine.store(private_key=_key_der(key))
    except FlashRefusesError:
        machine.console.log("key refused", status=_CKR_DEVICE_MEMORY)
        raise


def _import_jitr_certificate(machine: Machine, pem: str) -> None:
    """Try to store the JITR certificate: like most boards, this one has no storage for it."""
    der_of_certificate_pem(pem)
    for event in ("no jitr file", "certificate written", "jitr not saved", "no storage for jitr"):
        machine.console.log(event)


def _ensure_key_pair(machine: Machine, *, imported_key: bool) -> None:
    held = machine.flash.read()
    key = load_key(held.private_key)
    if not imported_key:
        if key is None:
            machine.console.log("no key file")
        if held.certificate is None:
            machine.console.log("no certificate file")
    # A stored RSA key has no public key to print: the firmware then generates a pair as well.
    needed = not imported_key and not isinstance(key, ec.EllipticCurvePrivateKey)
    forced = machine.image.text(FORCE_MACRO) == "1"
    if needed or forced:
        key = _generate_key_pair(machine)
    shown = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
    if shown is not None and machine.release.dumps_every_boot and (forced or not imported_key):
        machine.console.log("showing key")
        _show(machine, shown)
    if not imported_key and (needed or forced or held.certificate is None):
        machine.console.log("certificate outdated")
        if shown is not None and not machine.release.dumps_every_boot:
            _show(machine, shown)


def _generate_key_pair(machine: Machine) -> ec.EllipticCurvePrivateKey:
    if machine.release.waits:
        seconds = machine.image.number(DELAY_MACRO, _DEFAULT_DELAY_S)
        machine.console.log("waiting", seconds=seconds)
        machine.clock.spend(seconds * 1000)
    machine.clock.spend(_KEY_GENERATION_MS)
    count = machine.flash.read().generated + 1
    key = machine.make_key(count)
    machine.store(private_key=_key_der(key), generated=count)
    return key


def _show(machine: Machine, key: ec.EllipticCurvePrivateKey) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    machine.console.dump(key.public_key().public_bytes(serialization.Encoding.DER, form))


def _key_der(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
