"""A CSR signer's key in a PKCS #11 token, which signs and does not reveal the key.

SoftHSM2 replaces hardware. Its token is in the workspace, and no other token of this computer is
used. To use real hardware, set LABKIT_PKCS11_MODULE (the file of its module) and
LABKIT_PKCS11_TOKEN (its label); it must have the key already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from labkit.certificates import der
from labkit.errors import ApprovalError
from labkit.workspace import write
from labkit.workspace.files import copy_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives import serialization

KEY_LABEL = "csr-signer"
"""The label of the key and of the lab's token."""

SOFTHSM_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/opt/local/lib/softhsm/libsofthsm2.so",
)
"""Where Debian, Fedora, SoftHSM2's `make install`, Homebrew and MacPorts install the module."""

_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier rsaEncryption with NULL (RFC 3279, 2.3.1)."""
_TIMEOUT_S = 60

WRONG_PIN = (
    "the PIN was refused. Enter the PIN that was set when the key was made. Most tokens lock after "
    "a few wrong PINs, so ask before you guess."
)


def softhsm_module() -> Path | None:
    """Return SoftHSM2's module; None if it is not installed."""
    return next((Path(place) for place in SOFTHSM_PLACES if Path(place).is_file()), None)


@dataclass(frozen=True, slots=True)
class Token:
    """A PKCS #11 token.

    Attributes:
        module: the file of its PKCS #11 module.
        label: its label.
        folder: the folder of a SoftHSM2 token; None for real hardware.
    """

    module: Path
    label: str
    folder: Path | None = None

    def ask(self, do: str, pin: str, **more: str) -> dict[str, Any]:
        """Make one request to the token, in its own process.

        Raises:
            ApprovalError: the token refused, did not answer, or does not exist.
        """
        question = {"do": do, "module": str(self.module), "token": self.label, "key": KEY_LABEL}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "labkit.approval.pkcs11_process"],
                input=json.dumps(question | {"pin": pin} | more),
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT_S,
            )
            answer: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            # Without its cause, which contains the request and the PIN.
            raise ApprovalError(
                f"{self.module}: the token {self.label!r} did not answer. Check it: "
                f"pkcs11-tool --module {self.module} --list-token-slots."
            ) from None
        if "error" in answer:
            raise ApprovalError(self.refusal(answer))
        return answer

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self.folder is not None:
            settings = self.folder / "softhsm2.conf"
            tokens = self.folder / "tokens"
            tokens.mkdir(mode=0o700, exist_ok=True)
            write(settings, f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
            environment["SOFTHSM2_CONF"] = str(settings)
        return environment

    def refusal(self, answer: Mapping[str, Any]) -> str:
        """Return the message for a token's error."""
        kind = answer["error"]
        if kind in {"PinIncorrect", "PinLenRange", "PinInvalid"}:
            return WRONG_PIN
        if kind == "PinLocked":
            return (
                "the token is locked after too many wrong PINs. Its security officer can unlock "
                "it: pkcs11-tool --login --login-type so --init-pin."
            )
        if kind in {"NoSuchToken", "NoSuchKey"}:
            return (
                f"{self.module}: expected a token {self.label!r} with a key {KEY_LABEL!r}, got "
                f"{kind}. Make the key: pkcs11-tool --module {self.module} --token-label "
                f"{self.label} --login --keypairgen --key-type rsa:2048 --label {KEY_LABEL}."
            )
        if kind == "AttributeSensitive":
            return "the token does not reveal its private key: CKR_ATTRIBUTE_SENSITIVE."
        error = f"{kind} {answer.get('message', '')}".strip()
        return (
            f"{self.module}: the token {self.label!r} failed: {error}. Check it: pkcs11-tool "
            f"--module {self.module} --list-token-slots."
        )


def make_token(folder: Path, module: Path, pin: str) -> Token:
    """Make the lab's token with a key in it. If that fails, nothing is left in the folder.

    Raises:
        ApprovalError: SoftHSM2 refused.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-") as temporary:
        new = Path(temporary) / "token"
        new.mkdir(mode=0o700)
        Token(module, KEY_LABEL, new).ask("make", pin)
        copy_tree(new, folder)
    return Token(module, KEY_LABEL, folder)


def real_token(variables: Mapping[str, str]) -> Token | None:
    """Return the token that the environment names; None if it names no token.

    Raises:
        ApprovalError: the module does not exist, or the label is missing.
    """
    module = variables.get("LABKIT_PKCS11_MODULE")
    if not module:
        return None
    label = variables.get("LABKIT_PKCS11_TOKEN")
    if not Path(module).is_file() or not label:
        raise ApprovalError(
            "expected the file of a PKCS #11 module in LABKIT_PKCS11_MODULE and a token's label in "
            f"LABKIT_PKCS11_TOKEN, got {module!r} and {label!r}. List the tokens: pkcs11-tool "
            "--module <file> --list-token-slots."
        )
    return Token(Path(module), label)


class TokenKey(rsa.RSAPrivateKey):
    """An RSA private key in a token, which only signs.

    Args:
        token: the token.
        pin: the administrator's PIN, which is kept in memory only.

    Raises:
        ApprovalError: the PIN is wrong, or the token has no such key.
    """

    def __init__(self, token: Token, pin: str) -> None:
        self._token, self._pin = token, pin
        numbers = bytes.fromhex(token.ask("public_key", pin)["bytes"])
        info = _RSA_ALGORITHM + der.encode(der.BIT_STRING, b"\0" + numbers)
        key = load_der_public_key(der.encode(der.SEQUENCE, info))
        if not isinstance(key, rsa.RSAPublicKey):
            raise ApprovalError(
                f"{token.label}: expected an RSA key, got another kind. Use another token."
            )
        self._public_key = key

    def __repr__(self) -> str:
        """Return where the key is, without the PIN."""
        return f"<TokenKey RSA-{self.key_size} in {self._token.label}>"

    @property
    def key_size(self) -> int:
        """The size of the modulus in bits."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public key."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256, as a request needs."""
        if not isinstance(padding, _PKCS1) or not isinstance(algorithm, hashes.SHA256):
            raise ApprovalError("a CSR signer signs with PKCS #1 v1.5 and SHA-256 only. Use these.")
        return bytes.fromhex(self._token.ask("sign", self._pin, message=data.hex())["bytes"])

    def private_numbers(self) -> NoReturn:
        """Ask the token for its private key, which it must refuse.

        Raises:
            ApprovalError: always. The message is the token's refusal, or a warning.
        """
        self._token.ask("private_exponent", self._pin)
        raise ApprovalError(
            f"{self._token.label}: the token revealed its private key. Make another key that is "
            "sensitive and not extractable, and register that one."
        )

    def private_bytes(
        self,
        encoding: serialization.Encoding,  # noqa: ARG002 as the interface has it
        format: serialization.PrivateFormat,  # noqa: A002, ARG002 as the interface has it
        encryption_algorithm: serialization.KeySerializationEncryption,  # noqa: ARG002 as above
    ) -> NoReturn:
        """Refuse as `private_numbers` does."""
        self.private_numbers()

    def decrypt(self, ciphertext: bytes, padding: object) -> NoReturn:  # noqa: ARG002 as above
        """Refuse: the key is for signing only."""
        raise ApprovalError("a CSR signer's key only signs. Decrypt with another key.")

    def __copy__(self) -> TokenKey:
        """Return the same object: the token has one key."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenKey:
        """Return the same object: the token has one key."""
        return self


_PKCS1 = padding.PKCS1v15
