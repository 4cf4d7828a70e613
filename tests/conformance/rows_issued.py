"""Rows: certificates that AWS issues itself, from a request or with keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import material
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from expected import Seen, gives, raises
from material import ec_key, rsa_key
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

FROM_CSR = "model: CreateCertificateFromCsr"
WITH_KEYS = "model: CreateKeysAndCertificate"
INVALID = raises("InvalidRequestException", 400)
EXPIRY = "guide: X.509 client certificates: those of AWS IoT expire at the end of 2049"


def from_csr(s: Situation, key: object, **parameters: object) -> Act:
    """Return the call that asks for a certificate for a key's request."""
    csr = material.request(key)
    return lambda: s.iot.create_certificate_from_csr(certificateSigningRequest=csr, **parameters)


def key_of(pem: str) -> str:
    """Return the public key in a certificate, PEM."""
    return material.public_pem(x509.load_pem_x509_certificate(pem.encode()).public_key())


for _name, _key in {
    "P-256": lambda: ec_key("csr"),
    "P-384": lambda: ec_key("csr", "P-384"),
    "P-521": lambda: ec_key("csr", "P-521"),
    "RSA-2048": rsa_key,
}.items():

    @row(
        "CreateCertificateFromCsr",
        f"an {_name} key" if _name.startswith("R") else f"a {_name} key",
        gives({"key": Seen("key"), "id": True}),
        source=f"{FROM_CSR}: the certificate carries the request's key",
    )
    def _(s: Situation, key: object = _key) -> Steps:
        s.seen["key"] = material.public_pem(key().public_key())
        ask = from_csr(s, key())
        yield
        answer = ask()
        pem = answer["certificatePem"]
        return {
            "key": key_of(pem),
            "id": answer["certificateId"] == material.certificate_id(pem),
        }


for _name, _csr in {
    "an RSA-1024 key": lambda: material.request(rsa_key(1024)),
    "a secp256k1 key": lambda: material.request(ec_key("csr", "secp256k1")),
    "an Ed25519 key": lambda: material.request(material.ed25519_key()),
    "a signature that is broken": material.broken_request,
    "the text hello": lambda: "hello",
}.items():

    @row(
        "CreateCertificateFromCsr",
        _name,
        INVALID,
        source=f"{FROM_CSR}: RSA of 2,048 bits or more, P-256, P-384 or P-521",
    )
    def _(s: Situation, csr: object = _csr) -> Act:
        request = csr()
        return lambda: s.iot.create_certificate_from_csr(certificateSigningRequest=request)


@row(
    "CreateCertificateFromCsr",
    "says nothing of its status",
    gives({"status": "INACTIVE", "certificateMode": "DEFAULT"}),
)
def _(s: Situation) -> Act:
    ask = from_csr(s, ec_key("csr"))
    return lambda: s.described(ask()["certificateId"])


@row("CreateCertificateFromCsr", "setAsActive", gives("ACTIVE"))
def _(s: Situation) -> Act:
    ask = from_csr(s, ec_key("csr"), setAsActive=True)
    return lambda: s.status(ask()["certificateId"])


@row(
    "CreateCertificateFromCsr",
    "the same request twice",
    gives({"distinct": True}),
    source=f"{FROM_CSR}: reusing a request results in a distinct certificate",
)
def _(s: Situation) -> Act:
    ask = from_csr(s, ec_key("csr"))
    return lambda: {"distinct": ask()["certificateId"] != ask()["certificateId"]}


@row("CreateCertificateFromCsr", "when it ends", gives("2049-12-31T23:59:59+00:00"), source=EXPIRY)
def _(s: Situation) -> Act:
    ask = from_csr(s, ec_key("csr"))
    return lambda: expiry(ask()["certificatePem"])


def expiry(pem: str) -> str:
    """Return when a certificate ends."""
    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.isoformat()


@row(
    "CreateKeysAndCertificate",
    "the key pair",
    gives({"bits": 2048, "pair": True, "certified": True, "id": True}),
    source=f"{WITH_KEYS}: a 2048-bit RSA key pair, the private key once",
)
def _(s: Situation) -> Steps:
    yield
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


@row(
    "CreateKeysAndCertificate",
    "the private key is nowhere afterwards",
    gives({"private": False, "status": "INACTIVE"}),
)
def _(s: Situation) -> Steps:
    made = s.iot.create_keys_and_certificate()["certificateId"]
    yield
    found = s.described(made)
    text = json.dumps(found, default=str)
    return {"private": "PRIVATE" in text, "status": found["status"]}


@row("CreateKeysAndCertificate", "setAsActive", gives("ACTIVE"))
def _(s: Situation) -> Act:
    return lambda: s.status(s.iot.create_keys_and_certificate(setAsActive=True)["certificateId"])


@row("CreateKeysAndCertificate", "when it ends", gives("2049-12-31T23:59:59+00:00"), source=EXPIRY)
def _(s: Situation) -> Act:
    return lambda: expiry(s.iot.create_keys_and_certificate()["certificatePem"])


@row(
    "CreateKeysAndCertificate",
    "setAsActive is neither true nor false",
    INVALID | raises("SerializationException", 400),
    source="model: SetAsActive is a boolean; open: which",
)
def _(s: Situation) -> Act:
    return lambda: s.send("POST", "/keys-and-certificate?setAsActive=maybe")
