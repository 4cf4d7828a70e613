"""Names and texts that the tests of `labkit.firmware` share."""

from __future__ import annotations

import base64

CERTIFICATE = "keyCLIENT_CERTIFICATE_PEM"
AUTHORITY = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
PRIVATE_KEY = "keyCLIENT_PRIVATE_KEY_PEM"
THING = "clientcredentialIOT_THING_NAME"
ENDPOINT = "clientcredentialMQTT_BROKER_ENDPOINT"
PORT = "clientcredentialMQTT_BROKER_PORT"
SSID = "clientcredentialWIFI_SSID"
PASSWORD = "clientcredentialWIFI_PASSWORD"  # noqa: S105 a macro's name
SECURITY = "clientcredentialWIFI_SECURITY"
FORCE = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"
KEY_LABEL = "EC " + "PRIVATE" + " KEY"


def pem(label: str = "CERTIFICATE", size: int = 100) -> str:
    """Return a text in PEM's outline; its content means nothing."""
    content = base64.encodebytes(bytes(range(size))).decode().replace("\n", "")
    lines = [content[n : n + 64] for n in range(0, len(content), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def literals(text: str, joint: str = " \\\n") -> str:
    """Return a PEM text as the documentation writes it into a header."""
    return joint.join(f'"{line}\\n"' for line in text.splitlines())


# The text, its kind, its value, the form, and the name that was asked for.
