"""The CSR signer: a key under a named administrator, in a token or a file, and its requests."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from labkit import certificates
from labkit.approval.token import (
    KEY_LABEL,
    WRONG_PIN,
    Token,
    TokenKey,
    make_token,
    real_token,
    softhsm_module,
)
from labkit.errors import ApprovalError, CertificateError
from labkit.support.prompt import ask_unseen
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labkit.keys import PublicKey
    from labkit.workspace import Workspace

LAB_PIN = "246810"
"""The PIN on a simulated bench. It is published here, so it does not protect anything."""

_PIN_LENGTHS = range(4, 256)
_NO_SOFTHSM = (
    "a key in a file, since SoftHSM2 is not installed (Debian, Ubuntu: apt install softhsm2; "
    "macOS: brew install softhsm)"
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A CSR signer.

    Attributes:
        administrator: the name of the administrator, who knows the PIN.
        key: the private key, or an object that signs with the token's.
        place: where the key is, in words.
    """

    administrator: str
    key: rsa.RSAPrivateKey = field(repr=False)
    place: str = field(repr=False)

    def custody(self) -> str:
        """Return where the private key is, and what happens if a program asks for it."""
        if not isinstance(self.key, TokenKey):
            return f"{self.place}: a copy of the file and the PIN are enough to use the key"
        try:
            self.key.private_numbers()
        except ApprovalError as error:
            return f"{self.place}. Asked for the private key: {error}"

    def request(
        self, name: str, device_key: PublicKey | None = None
    ) -> x509.CertificateSigningRequest:
        """Sign a request, which approves a name for a device key.

        Args:
            name: the common name, such as "pump-7".
            device_key: the device's public key. The request names its SHA-256 as the subject key
                identifier. If None, the request is as in the documentation and names no key.

        Source: RFC 2985, 5.4.2 (extensionRequest); RFC 7093, section 2, method 4.
        """
        if device_key is None:
            return certificates.certificate_request(self.key, _subject(name))
        builder = x509.CertificateSigningRequestBuilder(_subject(name)).add_extension(
            x509.SubjectKeyIdentifier(bytes.fromhex(device_key.sha256)), critical=False
        )
        return builder.sign(self.key, hashes.SHA256())


def approved_key(csr: x509.CertificateSigningRequest) -> str:
    """Return the SHA-256 of the device key that a request names, 64 hex digits; empty if none."""
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
    """Open the lab's CSR signer. Its key is made on first use.

    Args:
        workspace: the workspace of the certificate authority.
        administrator: the administrator's name.
        pin: the PIN; if None, `LAB_PIN` on a simulated bench, otherwise you are prompted.
        variables: the environment; LABKIT_PKCS11_MODULE and LABKIT_PKCS11_TOKEN name hardware.
        module: returns the path of SoftHSM2's module.

    Raises:
        ApprovalError: the PIN is wrong or has a wrong length, or the token cannot be used.
    """
    folder = workspace.ca / "approval"
    hardware = real_token(variables)
    if pin is None:
        is_practice = workspace.settings.is_simulated and hardware is None
        pin = LAB_PIN if is_practice else _ask(f"PIN of {administrator}: ")
    if len(pin.encode()) not in _PIN_LENGTHS:
        raise ApprovalError(
            f"PIN: expected {_PIN_LENGTHS[0]} to {_PIN_LENGTHS[-1]} bytes, got "
            f"{len(pin.encode())}. Enter it again."
        )
    if hardware is not None:
        return Signer(administrator, TokenKey(hardware, pin), f"the token {hardware.label!r}")
    file, token = folder / "csr-signer.pem", folder / "token"
    found = module()
    if not file.exists() and found is not None:
        if not token.exists():
            make_token(token, found, pin)
        key = TokenKey(Token(found, KEY_LABEL, token), pin)
        return Signer(administrator, key, "a SoftHSM2 token, which replaces hardware")
    if token.exists():
        raise ApprovalError(
            f"{token}: the key is in a SoftHSM2 token, and SoftHSM2 is not installed any more. "
            "Install it again: apt install softhsm2, or brew install softhsm."
        )
    if not file.exists():
        new_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write(file, certificates.private_key_to_pem(new_key, pin), private=True)
    return Signer(administrator, _load_file_key(file, pin), _NO_SOFTHSM)


def _load_file_key(file: Path, pin: str) -> rsa.RSAPrivateKey:
    """Load a key that is encrypted with the PIN. A copy of the file allows any number of tries."""
    try:
        key = certificates.load_private_key(file.read_bytes(), pin)
    except CertificateError:
        raise ApprovalError(WRONG_PIN) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ApprovalError(
            f"{file}: expected an RSA key, got another kind. Move the file to have a new key made."
        )
    return key


def rogue_signer() -> Signer:
    """Return a signer whose key is not registered with any authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer("mallory", key, "a file that anyone can make")


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _ask(question: str) -> str:
    typed = ask_unseen(question)
    if typed is None:
        raise ApprovalError(
            "the key needs its administrator's PIN, and no terminal or page is open to enter it. "
            "Run this in a terminal or on an open page."
        )
    return typed
