"""The field's terms, in the manual's own words.

Source: AWS IoT Core developer guide; FreeRTOS user guide, Developer-mode key provisioning;
RFC 5280, 5958, 6066, 7468; PKCS #11 2.40; MQTT 3.1.1.
"""

from __future__ import annotations

from typing import Final

TERMS: Final[dict[str, dict[str, str]]] = {
    "keys and certificates": {
        "CA": "Certificate authority: whose key signs certificates. The lab has one of its own, "
        "`rootCA.key` and `rootCA.pem`; whoever has the key can make trusted devices.",
        "CSR": "Certificate signing request: a subject and a public key, signed with the private "
        "key that belongs to it. A device that cannot sign one has it signed by a throw-away key, "
        "and its own public key is put in when the certificate is issued (`-force_pubkey`).",
        "client certificate": "What the device shows of itself: its public key and its name, "
        "signed by a CA. It is no secret; the private key is.",
        "DER": "The bytes of a key or certificate. PEM is the same as text.",
        "PEM": "DER in base64 between a BEGIN and an END line. In a C header each line is a string "
        "that ends in `\\n`.",
        "P-256": "The elliptic curve that the firmware knows, also called prime256v1 and "
        "secp256r1. A public key on it is 91 bytes of DER.",
        "SPKI": "SubjectPublicKeyInfo: a public key with the name of its algorithm, the form in "
        "which the board prints it and a certificate holds it.",
        "fingerprint": "The SHA-256 of a key or certificate. The id of a certificate in AWS IoT is "
        "its fingerprint, so the same certificate has the same id in every account.",
        "verification certificate": "Proof that one holds a CA's key: a certificate that it has "
        "signed, with the account's registration code for a common name.",
    },
    "the device": {
        "developer mode": "Provisioning for the lab: key and certificate come out of C headers "
        "that are compiled into the image. Never for devices in the field.",
        "provisioning": "Giving a device its key and certificate. The firmware does it at every "
        "boot, from its headers.",
        "PKCS #11": "The interface through which the firmware uses keys without knowing where "
        "they are. Its return values are the numbers in provisioning errors.",
        "PAL": "Platform abstraction layer: what a port brings to store PKCS #11's objects in its "
        "flash or secure element.",
        "secure element": "A chip that makes a key pair and never gives the private key away.",
        "dump": "The public key on the console: a header line that announces 91 bytes, then six "
        "rows of hex.",
        "log queue": "Where console messages wait for their turn. A full one loses messages "
        "without a word, and so rows of a dump.",
        "key pair": "A private key, which stays in the device, and the public key that belongs to "
        "it. A new pair makes every earlier certificate useless.",
    },
    "AWS IoT": {
        "endpoint": "The name under which an account's devices connect. Take the ATS endpoint "
        "(`…-ats.iot.…`): its certificate comes from Amazon's own roots.",
        "SNI": "Server name indication: the name that the client says it wants to talk to, in the "
        "first message of the handshake. AWS IoT finds the account by it.",
        "thing": "The device's entry in the account. Its name is the client id with which the "
        "device connects.",
        "client id": "The name that a device gives itself in CONNECT; here the thing's name.",
        "policy": "What a certificate may do: connect as whom, publish and subscribe where. "
        "What no policy allows is denied.",
        "policy variable": "A placeholder in a policy, such as "
        "`${iot:Connection.Thing.ThingName}`, filled in at the connection; so one policy serves "
        "every device.",
        "attach": "Two attachments belong to a device: its certificate to its thing, and a policy "
        "to its certificate.",
        "ACTIVE": "The status with which a certificate is let in. `INACTIVE`, `REVOKED` and "
        "`PENDING_ACTIVATION` end in the handshake.",
        "JITR": "Just-in-time registration: a CA with automatic registration introduces a "
        "certificate at its first connection. Somebody has to activate it.",
        "JITP": "Just-in-time provisioning: the same with a template, which makes thing and policy "
        "and activates. The first connection is closed in both.",
        "registration code": "64 hex digits of the account, for the verification certificate.",
    },
    "connections": {
        "mutual TLS": "Both sides show a certificate and prove that they have its key.",
        "handshake": "The beginning of TLS, where certificates are shown and checked. Who is not "
        "known to AWS IoT is turned away here.",
        "alert": "A TLS message that says why a side gives up. The firmware prints that one came "
        "and not which.",
        "MQTT": "The protocol of the hello world: CONNECT is answered by CONNACK, SUBSCRIBE by "
        "SUBACK, PUBLISH by PUBACK.",
        "CONNACK": "The broker's answer to CONNECT. AWS IoT gives none to a client that its "
        "policies do not let in: it closes the connection.",
        "root certificate": "What the firmware trusts: the CA that stands behind the server's "
        "certificate. Amazon Root CA 1 for an ATS endpoint.",
    },
}
"""The terms by what they belong to."""
