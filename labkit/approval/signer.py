"""The CSR signer: a key under a named administrator, and the requests that it signs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from labkit import certificates
from labkit.approval.file_key import load_file_key, make_file_key
from labkit.approval.token import KEY_LABEL, Token, TokenKey, make_token, real_token, softhsm_module
from labkit.errors import ApprovalError
from labkit.support.prompt import ask_unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import rsa

    from labkit.keys import PublicKey
    from labkit.workspace import Workspace

LAB_PIN = "246810"
"""The PIN of a simulated bench, known to every reader: it protects nothing there."""

_PIN_LENGTHS = range(4, 256)
_NO_SOFTHSM = (
    "a key in a file, since SoftHSM2 is not installed (Debian, Ubuntu: apt install softhsm2; "
    "macOS: brew install softhsm)"
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A CSR signer.

    Attributes:
        administrator: who has the PIN.
        key: the key, or what stands for it where it is in a token.
        place: where the key is, in words.
    """

    administrator: str
    key: rsa.RSAPrivateKey = field(repr=False)
    place: str = field(repr=False)

    def custody(self) -> str:
        """Say where the private key is, and what comes of asking for it."""
        if not isinstance(self.key, TokenKey):
            return f"{self.place}: whoever copies the file has the key, and needs but the PIN"
        try:
            self.key.private_numbers()
        except ApprovalError as error:
            return f"{self.place}; asked for the private key: {error}"

    def request(
        self, name: str, device_key: PublicKey | None = None
    ) -> x509.CertificateSigningRequest:
        """Sign a request: this name is approved, for this device key.

        Args:
            name: the common name, such as "pump-7".
            device_key: the key that it is approved for. Its SHA-256 is asked for as the
                certificate's subject key identifier. Without it the request is as the
                documentation has it, and says nothing about a key.

        Source: RFC 2985, 5.4.2 (extensionRequest); RFC 7093, section 2, method 4.
        """
        if device_key is None:
            return certificates.certificate_request(self.key, _subject(name))
        builder = x509.CertificateSigningRequestBuilder(_subject(name)).add_extension(
            x509.SubjectKeyIdentifier(bytes.fromhex(device_key.sha256)), critical=False
        )
        return builder.sign(self.key, hashes.SHA256())


def approved_key(csr: x509.CertificateSigningRequest) -> str:
    """Return the SHA-256 of the device key that a request is for, empty where it names none."""
    try:
        identifier = csr.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ""
    return identifier.value.digest.hex()


def open_signer(
    workspace: Workspace,
    *,
    administrator: str,
    pin: str | None = None,
    variables: Mapping[str, str] = os.environ,
    module: Callable[[], Path | None] = softhsm_module,
) -> Signer:
    """Open the lab's CSR signer; its key is made where there is none yet.

    Args:
        workspace: whose certificate authority it is for.
        administrator: who has the PIN.
        pin: the PIN; None to be asked for it, or, on a simulated bench, for `LAB_PIN`.
        variables: the environment; LABKIT_PKCS11_MODULE and LABKIT_PKCS11_TOKEN name hardware.
        module: finds SoftHSM2's module.

    Raises:
        ApprovalError: the PIN is wrong or cannot be one, or the token cannot be used.
    """
    folder = workspace.ca / "approval"
    hardware = real_token(variables)
    if pin is None:
        is_practice = workspace.settings.is_simulated and hardware is None
        pin = LAB_PIN if is_practice else _ask(f"PIN of {administrator}: ")
    if len(pin.encode()) not in _PIN_LENGTHS:
        raise ApprovalError(
            f"PIN: expected {_PIN_LENGTHS[0]} to {_PIN_LENGTHS[-1]} bytes, came "
            f"{len(pin.encode())}. Type it again."
        )
    if hardware is not None:
        return Signer(administrator, TokenKey(hardware, pin), f"the token {hardware.label!r}")
    file, token = folder / "csr-signer.pem", folder / "token"
    found = module()
    if not file.exists() and found is not None:
        if not token.exists():
            make_token(token, found, pin)
        key = TokenKey(Token(found, KEY_LABEL, token), pin)
        return Signer(administrator, key, "a token of SoftHSM2, the stand-in for hardware")
    if token.exists():
        raise ApprovalError(
            f"{token}: the key is in a token of SoftHSM2, and that is not installed any more. "
            "Install it again: apt install softhsm2, or brew install softhsm."
        )
    if not file.exists():
        make_file_key(file, pin)
    return Signer(administrator, load_file_key(file, pin), _NO_SOFTHSM)


def rogue_signer() -> Signer:
    """Return a signer with a key of its own that no authority has registered."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 for the page alone

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer("mallory", key, "a file that anybody can make")


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _ask(question: str) -> str:
    typed = ask_unseen(question)
    if typed is None:
        raise ApprovalError(
            "the key needs its administrator's PIN, and nobody is there to type it: run this in a "
            "terminal or on an open page."
        )
    return typed
