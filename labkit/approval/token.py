"""A CSR signer's key in a PKCS #11 token: what is to be signed goes in, the key never comes out.

SoftHSM2, the stand-in for hardware, keeps a token of the lab's own in the workspace; no other token
of this computer is looked at. A real one is named by LABKIT_PKCS11_MODULE (its module's file) and
LABKIT_PKCS11_TOKEN (its label), and must hold the key already.
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
"""The label of the key, and of the lab's own token."""

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
"""Where Debian, Fedora, SoftHSM2's own `make install`, Homebrew and MacPorts put the module."""

_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier rsaEncryption with NULL (RFC 3279, 2.3.1)."""
_LONGEST_ANSWER_S = 60


def softhsm_module() -> Path | None:
    """Return SoftHSM2's module, or None where it is not installed."""
    return next((Path(place) for place in SOFTHSM_PLACES if Path(place).is_file()), None)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and how it is reached.

    Attributes:
        module: the file of its PKCS #11 module.
        label: its label.
        folder: where SoftHSM2 keeps it; None for real hardware.
    """

    module: Path
    label: str
    folder: Path | None = None

    def ask(self, do: str, pin: str, **more: str) -> dict[str, Any]:
        """Ask the token one thing, in a process of its own.

        Raises:
            ApprovalError: the token refused, or there is none.
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
                timeout=_LONGEST_ANSWER_S,
            )
            answer: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            # Without its cause: that would hold the question, and with it the PIN.
            raise ApprovalError(
                f"{self.module}: expected an answer of the token {self.label}, came none. Look at "
                f"it: pkcs11-tool --module {self.module} --list-token-slots."
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
        """Return what to say of a token's answer that is an error."""
        kind = answer["error"]
        if kind in {"PinIncorrect", "PinLenRange", "PinInvalid"}:
            last = " The token says that one try is left." if answer.get("final_try") else ""
            return wrong_pin(last)
        if kind == "PinLocked":
            return (
                "the token is locked after too many wrong PINs: expected it to be open. Only its "
                "security officer can unlock it: pkcs11-tool --login --login-type so --init-pin."
            )
        if kind in {"NoSuchToken", "NoSuchKey"}:
            return (
                f"{self.module}: expected a token {self.label!r} with a key {KEY_LABEL!r}, came "
                f"{kind}. Make the key with: pkcs11-tool --module {self.module} --token-label "
                f"{self.label} --login --keypairgen --key-type rsa:2048 --label {KEY_LABEL}."
            )
        if kind == "AttributeSensitive":
            return "the token keeps the private key to itself: CKR_ATTRIBUTE_SENSITIVE."
        told = f"{kind} {answer.get('told', '')}".strip()
        return f"{self.module}: the token {self.label!r} did not do what it was asked: {told}."


def wrong_pin(tries: str = "") -> str:
    """Return what is said of a wrong PIN; it is not in it."""
    return (
        "the PIN was refused: expected the one that was set when the key was made. A few wrong "
        f"ones lock most tokens, so ask before you guess.{tries}"
    )


def make_token(folder: Path, module: Path, pin: str) -> Token:
    """Make a token of the lab's own with a key in it, whole or not at all.

    Raises:
        ApprovalError: the PIN cannot be one, or SoftHSM2 refused.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-") as temporary:
        new = Path(temporary) / "token"
        new.mkdir(mode=0o700)
        Token(module, KEY_LABEL, new).ask("make", pin)
        copy_tree(new, folder)
    return Token(module, KEY_LABEL, folder)


def real_token(variables: Mapping[str, str]) -> Token | None:
    """Return the token that the variables name, or None where they name none.

    Raises:
        ApprovalError: there is no such module, or no label.
    """
    module = variables.get("LABKIT_PKCS11_MODULE")
    if not module:
        return None
    label = variables.get("LABKIT_PKCS11_TOKEN")
    if not Path(module).is_file() or not label:
        raise ApprovalError(
            f"LABKIT_PKCS11_MODULE is {module!r}: expected the file of a PKCS #11 module, and its "
            f"token's label in LABKIT_PKCS11_TOKEN, came {label!r}. List the tokens: "
            "pkcs11-tool --module <file> --list-token-slots."
        )
    return Token(Path(module), label)


class TokenKey(rsa.RSAPrivateKey):
    """An RSA private key in a token: it signs, and gives nothing else away.

    Args:
        token: where the key is.
        pin: the administrator's; kept in this object's memory alone.

    Raises:
        ApprovalError: the PIN is wrong, or the token has no such key.
    """

    def __init__(self, token: Token, pin: str) -> None:
        self._token, self._pin = token, pin
        numbers = bytes.fromhex(token.ask("public_key", pin)["bytes"])
        info = _RSA_ALGORITHM + der.encode(der.BIT_STRING, b"\0" + numbers)
        key = load_der_public_key(der.encode(der.SEQUENCE, info))
        if not isinstance(key, rsa.RSAPublicKey):
            raise ApprovalError(f"{token.label}: expected an RSA key. Name another token.")
        self._public_key = key

    def __repr__(self) -> str:
        """Return where the key is; the PIN is not in it."""
        return f"<TokenKey RSA-{self.key_size} in {self._token.label}>"

    @property
    def key_size(self) -> int:
        """Return the bits of the modulus."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:
        """Let the token sign: RSASSA-PKCS1-v1_5 with SHA-256, as requests are."""
        if not isinstance(padding, _PKCS1) or not isinstance(algorithm, hashes.SHA256):
            raise ApprovalError("a CSR signer signs with PKCS #1 v1.5 and SHA-256. Ask for these.")
        return bytes.fromhex(self._token.ask("sign", self._pin, message=data.hex())["bytes"])

    def private_numbers(self) -> NoReturn:
        """Ask the token for its private key, which it refuses.

        Raises:
            ApprovalError: always; the token's refusal, where it refused.
        """
        self._token.ask("private_exponent", self._pin)
        raise ApprovalError(
            f"{self._token.label}: the token gave its private key away: expected a refusal. Make "
            "another key that is sensitive and not extractable, and register that one."
        )

    def private_bytes(
        self,
        encoding: serialization.Encoding,  # noqa: ARG002 as the interface has it
        format: serialization.PrivateFormat,  # noqa: A002, ARG002 as the interface has it
        encryption_algorithm: serialization.KeySerializationEncryption,  # noqa: ARG002 as above
    ) -> NoReturn:
        """Refuse, as `private_numbers` does."""
        self.private_numbers()

    def decrypt(self, ciphertext: bytes, padding: object) -> NoReturn:  # noqa: ARG002 as above
        """Refuse: this key is for signing."""
        raise ApprovalError("a CSR signer's key only signs. Use another key for this.")

    def __copy__(self) -> TokenKey:
        """Return the same key: there is only one."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenKey:
        """Return the same key: there is only one."""
        return self


_PKCS1 = padding.PKCS1v15
