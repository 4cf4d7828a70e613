"""Rows: certificates that AWS issues itself, with their keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import material
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from expected import gives, raises
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

WITH_KEYS = "model: CreateKeysAndCertificate"
INVALID = raises("InvalidRequestException", 400)
EXPIRY = "guide: X.509 client certificates: those of AWS IoT expire at the end of 2049"


def key_of(pem: str) -> str:
    """Return the public key in a certificate, PEM."""
    return material.public_pem(x509.load_pem_x509_certificate(pem.encode()).public_key())


def expiry(pem: str) -> str:
    """Return when a certificate ends."""
    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.isoformat()


@row(
    "CreateKeysAndCertificate",
    "the key pair",
    gives({"bits": 2048, "pair": True, "certified": True, "id": True}),
    source=f"{WITH_KEYS}: a 2048-bit RSA key pair, the private key once",
    free=True,
)
def _(s: Situation) -> Act:
    def act() -> object:
        answer = s.iot.create_keys_and_certificate()
        pair, pem = answer["keyPair"], answer["certificatePem"]
        key = serialization.load_pem_private_key(pair["PrivateKey"].encode(), None)
        public = material.public_pem(key.public_key())
        return {
            "bits": key.key_size if isinstance(key, rsa.RSAPrivateKey) else 0,
            "pair": public.split() == pair["PublicKey"].split(),
            "certified": key_of(pem) == public,
            "id": answer["certificateId"] == material.certificate_id(pem),
        }

    return act


@row(
    "CreateKeysAndCertificate",
    "the private key is nowhere afterwards",
    gives({"private": False, "status": "INACTIVE"}),
    source=WITH_KEYS,
    free=True,
)
def _(s: Situation) -> Act:
    made = s.iot.create_keys_and_certificate()["certificateId"]

    def act() -> object:
        found = s.described(made)
        text = json.dumps(found, default=str)
        return {"private": "PRIVATE" in text, "status": found["status"]}

    return act


@row("CreateKeysAndCertificate", "setAsActive", gives("ACTIVE"), source=WITH_KEYS, free=True)
def _(s: Situation) -> Act:
    return lambda: s.status(s.iot.create_keys_and_certificate(setAsActive=True)["certificateId"])


@row(
    "CreateKeysAndCertificate",
    "when it ends",
    gives("2049-12-31T23:59:59+00:00"),
    source=EXPIRY,
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: expiry(s.iot.create_keys_and_certificate()["certificatePem"])


@row(
    "CreateKeysAndCertificate",
    "setAsActive is neither true nor false",
    INVALID | raises("SerializationException", 400),
    source="model: SetAsActive is a boolean; open: which",
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: s.send("POST", "/keys-and-certificate?setAsActive=maybe")
