"""Evidence in addition to the console: headers, certificates, the account's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from labkit import firmware
from labkit.diagnosis.literals import Literal, What, read_certificate, read_private_key
from labkit.errors import FirmwareError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from labkit.policy import HelloWorld, Policy

_CERTIFICATE: Final = "keyCLIENT_CERTIFICATE_PEM"
_CA: Final = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
_PRIVATE_KEY: Final = "keyCLIENT_PRIVATE_KEY_PEM"
_ENDPOINT: Final = "clientcredentialMQTT_BROKER_ENDPOINT"
_THING: Final = "clientcredentialIOT_THING_NAME"
_PORT: Final = "clientcredentialMQTT_BROKER_PORT"
_FORCE: Final = (
    "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR",
    "keyprovisioningFORCE_GENERATE_NEW_KEYSET",
)


@dataclass(frozen=True, slots=True, repr=False)
class Headers:
    """The macros of a firmware tree that a diagnosis uses; None means unknown.

    Attributes:
        certificate: the device's certificate literal.
        ca: the just-in-time CA literal.
        private_key: Option 1's private key literal; only its public key is stored.
        endpoint: the MQTT endpoint; empty for NULL.
        thing_name: the thing's name, which is the client id.
        port: the MQTT port.
        force: whether the board makes a new key pair at every boot.
        hello_world: the generation of the tree's hello world.
        faults: what a compiler refuses in the keys header, each with its line.
    """

    certificate: Literal | None = None
    ca: Literal | None = None
    private_key: Literal | None = None
    endpoint: str | None = None
    thing_name: str | None = None
    port: str | None = None
    force: bool | None = None
    hello_world: HelloWorld | None = None
    faults: tuple[str, ...] = ()

    @classmethod
    def read(cls, *, credentials: str, keys: str, provisioning: str) -> Headers:
        """Read the macros from the demo's two headers and its provisioning source.

        Args:
            credentials: `aws_clientcredential.h`.
            keys: `aws_clientcredential_keys.h`.
            provisioning: `aws_dev_mode_key_provisioning.c`.
        """
        known, certificate = _value(keys, _CERTIFICATE)
        ca_known, ca = _value(keys, _CA)
        key_known, private_key = _value(keys, _PRIVATE_KEY)
        endpoint_known, endpoint = _value(credentials, _ENDPOINT)
        return cls(
            certificate=read_certificate(certificate, _CERTIFICATE) if known else None,
            ca=read_certificate(ca, _CA, strict=True) if ca_known else None,
            private_key=read_private_key(private_key, _PRIVATE_KEY) if key_known else None,
            endpoint=(endpoint or "") if endpoint_known else None,
            thing_name=_value(credentials, _THING)[1],
            port=_value(credentials, _PORT)[1],
            force=_switch([_value(provisioning, name)[1] for name in _FORCE]),
            faults=_faults(keys),
        )


def _faults(text: str) -> tuple[str, ...]:
    try:
        return firmware.faults(text)
    except FirmwareError as error:
        return (str(error),)


def _value(text: str, macro: str) -> tuple[bool, str | None]:
    """Return whether a macro's value is known, and the value; NULL is None.

    A value that names another macro, or is an expression, is unknown.
    """
    try:
        found = firmware.get(text, macro)
    except FirmwareError:
        return False, None
    if found.written in ("name", "expression"):
        return False, None
    return True, found.value


def _switch(tokens: list[str | None]) -> bool | None:
    """Return whether a switch is on, by the first of its names that has a value."""
    numbers = (firmware.integer(token) for token in tokens if token is not None)
    number = next(numbers, None)
    return None if number is None else number == 1


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account's state for one certificate; None means unknown.

    Attributes:
        region: the region.
        account_id: the account's 12 digits.
        endpoint: the account's ATS endpoint.
        ca_status: the CA certificate's status; empty if it is not registered.
        auto_registration: whether that CA registers certificates automatically.
        ca_template: the name of that CA's provisioning template; empty if it has none.
        certificate_status: the certificate's status; empty if it is not registered.
        certificate_key: DER SubjectPublicKeyInfo of the certificate as it is registered.
        things: the names of the things that the certificate is attached to.
        policies: the policies that are effective for the certificate.
        there: for each kind of resource that was looked up, whether the account has it.
        clock: the account's clock.
        unknown: what could not be read, each in words.
    """

    region: str = ""
    account_id: str = ""
    endpoint: str | None = None
    ca_status: str | None = None
    auto_registration: bool | None = None
    ca_template: str | None = None
    certificate_status: str | None = None
    certificate_key: bytes | None = None
    things: tuple[str, ...] | None = None
    policies: tuple[Policy, ...] | None = None
    there: Mapping[str, bool] = field(default_factory=dict)
    clock: datetime | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """The evidence in addition to the console; missing evidence is None.

    Attributes:
        headers: the firmware tree's macros.
        certificate: the device certificate's file, PEM or DER.
        ca: the CA certificate's file, PEM or DER.
        account: the account's state.
        now: the time, with a time zone, by this computer's clock or the lab's.
    """

    headers: Headers | None = None
    certificate: str | bytes | None = None
    ca: str | bytes | None = None
    account: AccountState | None = None
    now: datetime | None = None

    @property
    def device_certificate(self) -> Literal | None:
        """The board's certificate: the header's if it has one, otherwise the file's."""
        header = self.headers.certificate if self.headers else None
        if header is not None and header.what is not What.MISSING:
            return header
        if self.certificate is not None:
            return read_certificate(self.certificate, "the certificate file")
        return header

    @property
    def ca_certificate(self) -> Literal | None:
        """The CA's certificate: the file's, or the header's just-in-time literal."""
        if self.ca is not None:
            return read_certificate(self.ca, "the CA file")
        return self.headers.ca if self.headers else None
