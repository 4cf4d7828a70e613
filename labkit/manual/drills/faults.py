"""Every cause that a diagnosis names, as a fault of the drill device.

If a cause has several variants, the seed chooses. The board's own faults are planted through the
bench's control URL, the others with the lab's own calls.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization

from labkit import certificates
from labkit.lab.procedure.steps.headers import (
    CA_PEM,
    CERTIFICATE_PEM,
    ENDPOINT,
    FORCE,
    PRIVATE_KEY_PEM,
)
from labkit.manual.drills.device import NARROW_POLICY
from labkit.manual.drills.mistakes import certify, damaged, literal, unsupported_key
from labkit.policy import resource_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from labkit.certificates.rules import CertifiedKey
    from labkit.manual.drills.device import DrillDevice

    Variant = Callable[[DrillDevice], object]

_PORT = "clientcredentialMQTT_BROKER_PORT"
_DAY = timedelta(days=1)
_MANY = 1 << 16


def variants_of(cause: str, *, at_desk: bool = False) -> tuple[Variant, ...]:
    """Return the variants of a cause's fault.

    Args:
        cause: an id of `labkit.diagnosis.CAUSES` other than `ok` and `unknown`.
        at_desk: only those that the manual's own calls can fix.
    """
    return tuple(each for each in PLANTINGS[cause] if not at_desk or each not in _NOT_AT_DESK)


def plant(device: DrillDevice, cause: str, *, at_desk: bool = False) -> None:
    """Plant the fault of a cause on a healthy drill device; it takes effect at the next boot.

    Args:
        device: the device; its seed chooses the details.
        cause: the id of the cause.
        at_desk: choose a variant that the manual's own calls can fix.
    """
    variants = variants_of(cause, at_desk=at_desk)
    device.restore()
    device.remember()
    variants[device.number(f"{cause}, way", len(variants))](device)


def _flashed(*changes: Variant) -> Variant:
    """Return a variant that changes headers or board, then builds and flashes."""

    def variant(device: DrillDevice) -> None:
        for change in changes:
            change(device)
        device.build_and_flash()

    return variant


def _macro(macro: str, value: str | None) -> Variant:
    return lambda device: device.set(macro, value)


def _code(macro: str, code: str) -> Variant:
    return lambda device: device.set_by_hand(macro, code)


def _on_board(name: str) -> Variant:
    return lambda device: device.plant(name)


_WITHOUT_CERTIFICATE = _on_board("no-certificate")
_OTHER_ROOT, _NO_NETWORK = _on_board("wrong-root-or-endpoint"), _on_board("transport")
_NOT_AT_DESK = {_OTHER_ROOT, _NO_NETWORK}
"""Variants that need a flash tool or a network engineer to fix."""


# Certificates


def _another(
    key: Callable[[DrillDevice], CertifiedKey],
    valid: Callable[[DrillDevice], tuple[datetime, datetime]] = lambda device: (
        device.now - _DAY,
        device.now + 90 * _DAY,
    ),
) -> Variant:
    """Return a variant with a certificate for another key or time, otherwise correct."""

    def variant(device: DrillDevice) -> None:
        pem = certify(
            key(device),
            device.request.subject,
            device.ca,
            device.ca_key,
            valid=valid(device),
            serial_number=device.randomness.serial_number("drill", "another certificate"),
        )
        device.register(pem)
        device.set(CERTIFICATE_PEM, pem)

    return variant


def _own_key(device: DrillDevice) -> CertifiedKey:
    return serialization.load_der_public_key(device.device_key.der)  # type: ignore[return-value]  # EC


def _signers_key(device: DrillDevice) -> CertifiedKey:
    """Return the CSR signer's key: what OpenSSL certifies without -force_pubkey."""
    return device.request.public_key()  # type: ignore[return-value]  # the lab's requests are EC


def _another_devices_key(device: DrillDevice) -> CertifiedKey:
    return device.randomness.ec_key("another device", "key pair 1").public_key()


def _long_ago(device: DrillDevice) -> tuple[datetime, datetime]:
    return device.now - 400 * _DAY, device.now - (1 + device.number("days ago", 30)) * _DAY


def _too_early(device: DrillDevice) -> tuple[datetime, datetime]:
    begin = device.now + (1 + device.number("days ahead", 300)) * _DAY
    return begin, begin + 500 * _DAY


def _damage_certificate(device: DrillDevice) -> None:
    pem = damaged(certificates.to_pem(device.certificate), device.number("line", _MANY))
    device.set_by_hand(CERTIFICATE_PEM, literal(pem))


def _public_key(device: DrillDevice) -> None:
    device.set_by_hand(CERTIFICATE_PEM, literal(device.device_key.pem))


def _ca_for_device(device: DrillDevice) -> None:
    device.set(CERTIFICATE_PEM, certificates.to_pem(device.ca))


def _ca_without_line_ends(device: DrillDevice) -> None:
    device.set_by_hand(CA_PEM, literal(certificates.to_pem(device.ca), line_ends=False))


# Private keys


def _key_without_line_ends(device: DrillDevice) -> None:
    key = device.randomness.ec_key("drill", "imported key")
    pem = certificates.private_key_to_pem(key).decode()
    device.set_by_hand(PRIVATE_KEY_PEM, literal(pem, line_ends=False))


def _unsupported_key(device: DrillDevice) -> None:
    pem = unsupported_key(device.number("kind of key", 2))
    device.set_by_hand(PRIVATE_KEY_PEM, literal(pem))


# The account


def _register_by_connecting(device: DrillDevice) -> None:
    """Enable automatic registration by the CA, and delete the device's certificate."""
    device.unregister(device.arn)
    device.update_ca(newAutoRegistrationStatus="ENABLE")


def _ca_inactive(device: DrillDevice) -> None:
    device.unregister(device.arn)
    device.update_ca(newStatus="INACTIVE")


def _ca_deleted(device: DrillDevice) -> None:
    _ca_inactive(device)
    device.call("delete_ca_certificate", certificateId=certificates.certificate_id(device.ca))


def _no_policy(device: DrillDevice) -> None:
    device.lab.account.detach_policy(device.policy_name, device.arn)


def _no_thing(device: DrillDevice) -> None:
    device.call("detach_thing_principal", thingName=device.thing, principal=device.arn)


def _narrow(*actions: str) -> Variant:
    """Return a variant that replaces the policy by one that allows less to this client."""

    def variant(device: DrillDevice) -> None:
        account = device.lab.account
        of_another = resource_arn(account.region, account.account_id, "client/another-device")
        topics = [
            resource_arn(account.region, account.account_id, f"{kind}/*")
            for kind in ("topic", "topicfilter", "client")
        ]
        statements = [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": of_another},
            {"Effect": "Allow", "Action": list(actions), "Resource": topics},
        ]
        document = {"Version": "2012-10-17", "Statement": statements}
        account.create_policy(NARROW_POLICY, document)
        device.call("attach_policy", policyName=NARROW_POLICY, target=device.arn)
        account.detach_policy(device.policy_name, device.arn)

    return variant


PLANTINGS: Final[Mapping[str, tuple[Variant, ...]]] = {
    "key-changed": (
        _on_board("key-changed"),
        _flashed(_macro(FORCE, "1")),
    ),
    "certificate-not-for-this-key": (
        _flashed(_another(_signers_key)),
        _flashed(_another(_another_devices_key)),
    ),
    "ca-certificate-as-device-certificate": (_flashed(_ca_for_device),),
    "no-certificate": (_flashed(_macro(CERTIFICATE_PEM, None), _WITHOUT_CERTIFICATE),),
    "certificate-damaged": (_flashed(_damage_certificate),),
    "public-key-as-certificate": (_flashed(_public_key),),
    "ca-literal-damaged": (_flashed(_ca_without_line_ends),),
    "key-literal-damaged": (_flashed(_key_without_line_ends),),
    "placeholder-text": (
        _flashed(_code(CERTIFICATE_PEM, '"Paste client certificate here."'), _WITHOUT_CERTIFICATE),
        _flashed(_macro(ENDPOINT, "Paste AWS IoT Broker endpoint here.")),
    ),
    "unsupported-key": (_flashed(_unsupported_key),),
    "private-key-missing": (_on_board("private-key-missing"),),
    "storage-failed": (_on_board("storage-failed"),),
    "wrong-root-or-endpoint": (
        _flashed(_macro(ENDPOINT, "a3kexample1234-ats.iot.us-east-1.amazonaws.com")),
        _OTHER_ROOT,
    ),
    "endpoint-empty": (_flashed(_macro(ENDPOINT, "")),),
    "server-closed-handshake": (_on_board("server-closed-handshake"),),
    "jit-first-connection": (_register_by_connecting,),
    "ca-not-registered": (_ca_inactive, _ca_deleted),
    "certificate-not-registered": (lambda device: device.unregister(device.arn),),
    "certificate-not-active": (
        lambda device: device.lab.account.set_certificate_status(
            device.lab.certificate_id, "INACTIVE"
        ),
    ),
    "certificate-expired": (_flashed(_another(_own_key, _long_ago)),),
    "no-policy": (_no_policy,),
    "policy-denies": (
        _narrow("iot:Publish", "iot:Subscribe", "iot:Receive"),
        _narrow("iot:Connect", "iot:Subscribe"),
    ),
    "thing-not-attached": (_no_thing,),
    "rows-lost": (
        _flashed(_macro(CERTIFICATE_PEM, None), _macro(CA_PEM, None), _on_board("rows-lost")),
    ),
    "generation-delay": (_on_board("generation-delay"),),
    "transport": (
        _NO_NETWORK,
        _flashed(_macro(_PORT, "1234")),
    ),
    "clock-wrong": (_flashed(_another(_own_key, _too_early)),),
}
"""The variants of each cause's fault."""
