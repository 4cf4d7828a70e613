"""Make one request to a PKCS #11 token: `python -m labkit.approval.pkcs11_process`.

A module keeps its state and its tokens' location as long as its process runs, so each request has
its own process. Request and answer are JSON on standard input and output. The request contains the
PIN, which is therefore in no argument and no environment variable.
"""

from __future__ import annotations

import ctypes
import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, UserType
from pkcs11.util.rsa import encode_rsa_public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RSA_BITS = 2048

_OK = 0
_TO_WRITE = 0x2 | 0x4
"""CKF_RW_SESSION and CKF_SERIAL_SESSION."""
_LABEL_BYTES = 32


def main() -> int:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    try:
        answer = _ACTIONS[request["do"]](request)
    except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    json.dump(answer, sys.stdout)
    return 0


def _make(request: Mapping[str, str]) -> dict[str, Any]:
    """Initialize the first free token and make a key pair in it that cannot be extracted."""
    _initialize_token(request["module"], request["token"], request["pin"])
    with _session(request, rw=True) as session:
        session.generate_keypair(
            KeyType.RSA,
            RSA_BITS,
            label=request["key"],
            store=True,
            private_template={
                Attribute.SENSITIVE: True,
                Attribute.EXTRACTABLE: False,
                Attribute.DECRYPT: False,
                Attribute.UNWRAP: False,
            },
        )
    return {}


def _public_key(request: Mapping[str, str]) -> dict[str, Any]:
    """Return the public key, DER RSAPublicKey (RFC 8017, A.1.1)."""
    with _session(request) as session:
        key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=request["key"])
        return {"bytes": encode_rsa_public_key(key).hex()}


def _sign(request: Mapping[str, str]) -> dict[str, Any]:
    """Sign a message: RSASSA-PKCS1-v1_5 with SHA-256."""
    with _session(request) as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=request["key"])
        message = bytes.fromhex(request["message"])
        return {"bytes": key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS).hex()}


def _private_exponent(request: Mapping[str, str]) -> dict[str, Any]:
    """Read the private key; return whether the token revealed it, never the key."""
    with _session(request) as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=request["key"])
        return {"revealed": bool(key[Attribute.PRIVATE_EXPONENT])}


_ACTIONS: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "make": _make,
    "public_key": _public_key,
    "sign": _sign,
    "private_exponent": _private_exponent,
}


def _session(request: Mapping[str, str], *, rw: bool = False) -> Any:  # noqa: ANN401 a session of the package
    token = pkcs11.lib(request["module"]).get_token(token_label=request["token"])
    return token.open(rw=rw, user_pin=request["pin"])


def _initialize_token(module: str, label: str, pin: str) -> None:
    """Initialize the first free token: what `softhsm2-util --init-token --free` does.

    python-pkcs11 cannot, and that command takes the PIN as an argument, which other users can see.
    The security officer's PIN is random and not stored, so the user's PIN cannot be reset.
    """
    officer_pin = secrets.token_hex(16)
    library = ctypes.CDLL(module)
    ulong = ctypes.c_ulong
    slot, session, count = ulong(), ulong(), ulong(1)

    def call(name: str, *arguments: object) -> None:
        if (code := getattr(library, name)(*arguments)) != _OK:
            raise RuntimeError(f"{name} returned {code:#x}")

    def text(value: str) -> tuple[bytes, ctypes.c_ulong]:
        return value.encode(), ulong(len(value.encode()))

    call("C_Initialize", None)
    call("C_GetSlotList", ctypes.c_ubyte(1), ctypes.byref(slot), ctypes.byref(count))
    call("C_InitToken", slot, *text(officer_pin), label.encode().ljust(_LABEL_BYTES))
    call("C_OpenSession", slot, ulong(_TO_WRITE), None, None, ctypes.byref(session))
    call("C_Login", session, ulong(UserType.SO), *text(officer_pin))
    call("C_InitPIN", session, *text(pin))
    call("C_Finalize", None)


if __name__ == "__main__":
    sys.exit(main())
