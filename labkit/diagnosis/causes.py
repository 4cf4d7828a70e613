"""The table of causes: meaning, remedy, distinguishing evidence, and the place of the fix.

`symptoms.SYMPTOMS` maps console lines to causes; `judges.JUDGES` decides between them.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CauseText:
    """A cause.

    Attributes:
        meaning: what has happened, in one or two sentences.
        action: what to do next.
        distinguish: what distinguishes it from similar causes; may be empty.
        source: the source file, section or standard that explains it.
    """

    meaning: str
    action: str
    distinguish: str = ""
    source: str = ""


_COMPARE = "Compare the certificate's public key with the newest dump: "
_ASK = "Ask the account (--ask-account): "
_PROVISIONING = "aws_dev_mode_key_provisioning.c"
_TLS = "iot_tls.c"
_GUIDE = "AWS IoT Core developer guide"
_CONNECTIVITY = f"{_GUIDE}, diagnosing connectivity issues"


_BOARD: dict[str, CauseText] = {
    "key-changed": CauseText(
        "The board's key pair is not the one that its certificate was issued for: the pair was "
        "made after the certificate.",
        "Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 0, build and flash; then issue the "
        "certificate for the key of the newest dump, register it, put it into the keys header, "
        "build and flash again. Do not erase the flash in between.",
        _COMPARE
        + "the certificate holds an older dump's key, or the board announced a new key pair.",
        source=_PROVISIONING,
    ),
    "private-key-missing": CauseText(
        "The board has no private key: it was not provisioned, or the key's import failed.",
        "Read the first provisioning error of the boot and fix it. If there is none, boot "
        "with keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR 1 once (Option 2), or put the private "
        "key into the keys header (Option 1).",
        "With a damaged certificate the key is still there; here the board reports that it has "
        "none.",
        source=_TLS,
    ),
    "storage-failed": CauseText(
        "The board could not write the object to its flash: the storage is full, damaged, or its "
        "port has an error.",
        "Erase the flash and provision again (this makes a new key: issue a new certificate). If "
        "the error stays, check the PKCS #11 PAL of the port and the flash partition.",
        "Status 48 and 49 are errors of the device; 7 and 19 of the values in the header.",
        source="PKCS #11 2.40, 11.1: CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY",
    ),
    "rows-lost": CauseText(
        "The public-key dump is incomplete: rows or digits were lost between the board and the "
        "log. The board drops messages when its log queue is full.",
        "Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 0, reset the board and capture again "
        "(from 202107.00 on it prints the key at every boot). If rows are lost again, lengthen "
        "the log queue.",
        "A dump has six rows: five of 16 bytes and one of 11.",
        source="iot_logging_task_dynamic_buffers.c",
    ),
    "generation-delay": CauseText(
        "The board waits before it makes a key pair, as intended; the log ends during this delay.",
        "Wait for the dump (180 seconds by default), and do not reset the board meanwhile.",
        source=_PROVISIONING,
    ),
}

_HEADERS: dict[str, CauseText] = {
    "no-certificate": CauseText(
        "The board has no client certificate to send. Before the certificate import, at the step "
        "that makes the key pair, this is expected.",
        "Put deviceCert.pem into keyCLIENT_CERTIFICATE_PEM, build and flash.",
        'The boot has no "Write certificate...", or the certificate could not be opened again '
        "when it was needed.",
        source=_TLS,
    ),
    "certificate-damaged": CauseText(
        "The client certificate in the board cannot be read: characters or lines were lost or "
        "changed on the way into the header.",
        "Put deviceCert.pem into keyCLIENT_CERTIFICATE_PEM again (labkit firmware set … --pem), "
        "build and flash.",
        "Read the literal in the keys header: its label is CERTIFICATE, and it cannot be parsed.",
        source="mbedTLS 2.16, mbedtls_x509_crt_parse",
    ),
    "public-key-as-certificate": CauseText(
        "A PUBLIC KEY block is in the place of the device certificate. Provisioning accepts it; "
        "the TLS library does not.",
        "Issue a certificate for that key, put the certificate into keyCLIENT_CERTIFICATE_PEM, "
        "build and flash.",
        "Read the first line of the literal in the keys header: BEGIN PUBLIC KEY.",
        source="Amazon FreeRTOS 202203.00, convert_pem_to_der",
    ),
    "placeholder-text": CauseText(
        'A header still has a placeholder, such as "Paste client certificate here.".',
        "Put the PEM text into the macro, or NULL if there is none, and the account's endpoint "
        "into clientcredentialMQTT_BROKER_ENDPOINT; build and flash.",
        "Read the headers: the value does not begin with a dash.",
        source=_PROVISIONING,
    ),
    "ca-literal-damaged": CauseText(
        "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM cannot be read: its lines do not end in \\n, or "
        "characters were lost.",
        "Put rootCA.pem into the macro again (labkit firmware set … --pem), or NULL without "
        "just-in-time registration; build and flash.",
        "Read the literal in the keys header. A client certificate needs no \\n, the CA does.",
        source="mbedTLS 2.16, mbedtls_pem_read_buffer",
    ),
    "key-literal-damaged": CauseText(
        "keyCLIENT_PRIVATE_KEY_PEM cannot be read: its lines do not end in \\n, or characters "
        "were lost.",
        "Put the private key into the macro again (labkit firmware set … --pem), build and flash.",
        "Read the literal in the keys header: an intact key of an unsupported type causes the "
        "same message.",
        source="mbedTLS 2.16, mbedtls_pem_read_buffer",
    ),
    "unsupported-key": CauseText(
        "The firmware cannot import private keys of the type in the keys header.",
        "Use an EC P-256 or RSA-2048 key and its certificate, build and flash.",
        "Check the key: labkit and openssl can read it, and it is P-384, RSA-4096 or similar.",
        source=_PROVISIONING,
    ),
    "endpoint-empty": CauseText(
        "clientcredentialMQTT_BROKER_ENDPOINT is empty, so the board cannot connect.",
        "Set it to the answer of: aws iot describe-endpoint --endpoint-type iot:Data-ATS; build "
        "and flash.",
        source="aws_clientcredential.h",
    ),
}

_CERTIFICATE: dict[str, CauseText] = {
    "certificate-not-for-this-key": CauseText(
        "The certificate holds a public key that is not the board's: the CSR signer's, because "
        "-force_pubkey was missing; another device's; or Option 1's key and certificate are not a "
        "pair.",
        "Issue the certificate again with -force_pubkey DevicePublicKey.pem (Option 1: use a key "
        "and a certificate that belong together), register it, put it into the keys header, build "
        "and flash.",
        _COMPARE + "they differ, and there is no sign that the board's key is new.",
        source="RFC 5246, 7.4.8",
    ),
    "ca-certificate-as-device-certificate": CauseText(
        "The CA's certificate is in the place of the device's.",
        "Put deviceCert.pem into keyCLIENT_CERTIFICATE_PEM (rootCA.pem belongs in "
        "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM), build and flash.",
        "Check the certificate: it has CA:TRUE, or its issuer equals its subject.",
        source="RFC 5280, 4.2.1.9",
    ),
    "certificate-expired": CauseText(
        "The certificate's validity has ended.",
        "Issue a new certificate for the same key, register it, put it into the keys header, "
        "build and flash.",
        "Check the certificate's end of validity.",
        source="RFC 5280, 4.1.2.5",
    ),
    "clock-wrong": CauseText(
        "A clock is wrong, so a valid certificate is rejected as not yet valid or expired.",
        "Set the clock of the computer that issues certificates and, where the firmware checks "
        "dates, the board's (SNTP); issue the certificate again if its validity begins too late.",
        "Compare the dates in the certificate with the account's clock and this computer's.",
        source="RFC 5280, 4.1.2.5",
    ),
}

_NETWORK: dict[str, CauseText] = {
    "wrong-root-or-endpoint": CauseText(
        "The endpoint is wrong, so its name does not resolve or is not the account's ATS "
        "endpoint; or the firmware lacks Amazon's root certificates, and the board does not "
        "accept the server.",
        "Set clientcredentialMQTT_BROKER_ENDPOINT to the answer of: aws iot describe-endpoint "
        "--endpoint-type iot:Data-ATS. Keep Amazon Root CA 1 in the firmware. Build and flash.",
        _ASK + "the endpoint differs. If not, the cause is the root certificate or the clock.",
        source=f"{_GUIDE}, server authentication",
    ),
    "server-closed-handshake": CauseText(
        "The server closed the connection during the TLS handshake, without an alert.",
        "Check that the endpoint is the account's ATS endpoint and that the firmware sends its "
        "name (SNI). Then check the certificate's status in the account.",
        _ASK + "endpoint, certificate and status explain it, or are ruled out.",
        source=_CONNECTIVITY,
    ),
    "transport": CauseText(
        "The network failed, not the credentials: name resolution, Wi-Fi, the port, or a socket.",
        "Check Wi-Fi name and password, that the network resolves names and lets TCP port 8883 "
        "out, and clientcredentialMQTT_BROKER_PORT; then reset the board.",
        "Codes below 0x80 are socket errors; the text of the TLS library is wrong.",
        source="mbedTLS 2.16, net_sockets.h",
    ),
}

_ACCOUNT: dict[str, CauseText] = {
    "ca-not-registered": CauseText(
        "AWS IoT does not know the CA that signed the certificate, or it is not ACTIVE.",
        "Register rootCA.pem with its verification certificate and set it ACTIVE, in the region "
        "of the endpoint; then register the device certificate.",
        _ASK + "no CA certificate of this id, or one that is INACTIVE.",
        source=_CONNECTIVITY,
    ),
    "certificate-not-registered": CauseText(
        "The device certificate is not registered in this account and region.",
        "Register deviceCert.pem, set it ACTIVE, attach the thing and the policy, reset the board.",
        _ASK + "no certificate of this id, while its CA is registered.",
        source=_CONNECTIVITY,
    ),
    "certificate-not-active": CauseText(
        "The certificate is registered and not ACTIVE.",
        "Set it ACTIVE (aws iot update-certificate --new-status ACTIVE) and reset the board. "
        "REVOKED is final: issue a new certificate.",
        _ASK + "the certificate's status.",
        source=_CONNECTIVITY,
    ),
    "no-policy": CauseText(
        "No policy is attached to the certificate, so AWS IoT denies every action.",
        "Attach a policy that allows iot:Connect for this client id (the manual's hello world "
        "policy), and reset the board.",
        _ASK + "the list of the certificate's policies is empty.",
        source=_CONNECTIVITY,
    ),
    "thing-not-attached": CauseText(
        "The policy requires an attached thing, and the certificate is not attached to the thing "
        "whose name is the client id.",
        "Attach the certificate to the thing (aws iot attach-thing-principal), and check that "
        "clientcredentialIOT_THING_NAME is that thing's name.",
        _ASK + "the client id is not among the certificate's things.",
        source=f"{_GUIDE}, thing policy variables",
    ),
    "policy-denies": CauseText(
        "The certificate's policies do not allow what the device requested.",
        "Fix the policy: iot:Connect on client/<thing name>, iot:Subscribe on topicfilter/…, "
        "iot:Publish and iot:Receive on topic/…, in the account and region of the endpoint.",
        _ASK + "the policies, evaluated for this client id and topic.",
        source=_CONNECTIVITY,
    ),
    "jit-first-connection": CauseText(
        "The first connection of a certificate that is registered just in time always drops. "
        "Without the CA's certificate after the device's, nothing is registered.",
        "Put rootCA.pem into keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM, and reset the board so "
        "that it connects again. If the connection drops again, check the provisioning template "
        "(JITP), or the rule that activates the certificate (JITR).",
        _ASK + "the certificate is not registered or PENDING_ACTIVATION, and its CA registers "
        "automatically.",
        source=f"{_GUIDE}, just-in-time registration",
    ),
}

_NONE: dict[str, CauseText] = {
    "ok": CauseText(
        "Nothing failed in the newest boot.",
        "Go on with the next step of the procedure.",
    ),
    "unknown": CauseText(
        "The log has no known sign of a failure or of success.",
        "Capture the console from the reset until it is quiet, and diagnose it again. Then read "
        "the lines named here.",
    ),
}

PLACES: Final[dict[str, dict[str, CauseText]]] = {
    "the board": _BOARD,
    "the headers": _HEADERS,
    "the certificate": _CERTIFICATE,
    "the network": _NETWORK,
    "the account": _ACCOUNT,
    "no cause": _NONE,
}
"""The causes by the place of the fix, each with its id."""

CAUSES: Final[Mapping[str, CauseText]] = ChainMap(*reversed(PLACES.values()))
"""All causes by id. Pages link to them by the id."""
