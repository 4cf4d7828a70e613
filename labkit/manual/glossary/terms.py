"""Definitions of terms.

Source: AWS IoT Core developer guide; FreeRTOS user guide, Developer-mode key provisioning;
RFC 5280, 5958, 6066, 7468; PKCS #11 2.40; MQTT 3.1.1.
"""

from __future__ import annotations

from typing import Final

TERMS: Final[dict[str, dict[str, str]]] = {
    "keys and certificates": {
        "CA": "Certificate authority: the owner of a key that signs certificates. The lab has its "
        "own CA, `rootCA.key` and `rootCA.pem`. With this key, anyone can make trusted devices.",
        "CSR": "Certificate signing request: a subject and a public key, signed with the private "
        "key of the pair. If a device cannot sign a CSR, a temporary key signs it, and the CA "
        "puts the device's public key into the certificate (`-force_pubkey`).",
        "client certificate": "The device's public key and name, signed by a CA. The device "
        "presents it to AWS IoT. It is not secret; the private key is.",
        "DER": "The binary encoding of a key or certificate. PEM is the same content as text.",
        "PEM": "DER in base64 between a BEGIN and an END line. In a C header each line is a "
        "string that ends in `\\n`.",
        "P-256": "The elliptic curve that the firmware supports, also called prime256v1 and "
        "secp256r1. A public key on it is 91 bytes of DER.",
        "SPKI": "SubjectPublicKeyInfo: a public key with the name of its algorithm. The board "
        "prints its key in this form, and certificates contain it.",
        "fingerprint": "The SHA-256 of a key or certificate. The id of a certificate in AWS IoT "
        "is its fingerprint, so the same certificate has the same id in every account.",
        "verification certificate": "Proof that you have a CA's private key: a certificate, "
        "signed with that key, whose common name is the account's registration code.",
    },
    "the device": {
        "developer mode": "Provisioning for the lab: key and certificate are in C headers that "
        "are compiled into the image. Do not use it for devices in the field.",
        "provisioning": "Giving a device its key and certificate. The firmware does it at every "
        "boot, from its headers.",
        "PKCS #11": "The interface through which the firmware uses keys, wherever they are "
        "stored. Its return values are the numbers in provisioning errors.",
        "PAL": "Platform abstraction layer: the code of a port that stores PKCS #11 objects in "
        "its flash or secure element.",
        "secure element": "A chip that generates a key pair and never exports the private key.",
        "dump": "The public key on the console: a header line that announces 91 bytes, then six "
        "rows of hex.",
        "log queue": "The queue of console messages to print. When it is full, messages are lost "
        "without a warning, and with them rows of a dump.",
        "key pair": "A private key, which stays in the device, and its public key. After a new "
        "pair is made, no earlier certificate of the device is of use.",
    },
    "AWS IoT": {
        "endpoint": "The host name to which an account's devices connect. Use the ATS endpoint "
        "(`…-ats.iot.…`): its certificate is issued under Amazon's own root CAs.",
        "SNI": "Server name indication: the host name in the first message of the handshake. AWS "
        "IoT uses it to find the account.",
        "thing": "The device's entry in the account. Its name is the client id with which the "
        "device connects.",
        "client id": "The name of the client in CONNECT; in this lab the thing's name.",
        "policy": "What a certificate allows: the client ids and the topics to publish and "
        "subscribe. Everything that no policy allows is denied.",
        "policy variable": "A placeholder in a policy, such as "
        "`${iot:Connection.Thing.ThingName}`, filled in for each connection, so that one policy "
        "works for every device.",
        "attach": "A device needs two attachments: its certificate to its thing, and a policy to "
        "its certificate.",
        "ACTIVE": "The status of a certificate that AWS IoT accepts. With `INACTIVE`, `REVOKED` "
        "or `PENDING_ACTIVATION` the handshake fails.",
        "JITR": "Just-in-time registration: if automatic registration is enabled for a CA, AWS "
        "IoT registers its certificates at their first connection. You must activate them.",
        "JITP": "Just-in-time provisioning: as JITR, with a template that creates thing and "
        "policy and activates the certificate. With both, the first connection is closed.",
        "registration code": "64 hex digits of the account, for the verification certificate.",
    },
    "connections": {
        "mutual TLS": "Both sides present a certificate and prove that they have its private key.",
        "handshake": "The beginning of a TLS connection, where certificates are presented and "
        "verified. AWS IoT refuses an unknown certificate here.",
        "alert": "A TLS message with the reason why a side ends the connection. The firmware "
        "prints that it received an alert, but not which one.",
        "MQTT": "The protocol of the hello world: CONNECT is answered by CONNACK, SUBSCRIBE by "
        "SUBACK, PUBLISH by PUBACK.",
        "CONNACK": "The broker's answer to CONNECT. If no policy allows the connection, AWS IoT "
        "does not answer: it closes the connection.",
        "root certificate": "The CA certificate that the firmware trusts, which verifies the "
        "server's certificate: Amazon Root CA 1 for an ATS endpoint.",
    },
}
"""The terms of each field."""
