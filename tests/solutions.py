"""The answers to the pages' exercises, and one wrong answer to each; no page holds them."""

from __future__ import annotations

SOLUTIONS: dict[str, tuple[object, object]] = {
    "00-start-here": (2, 1),
    "01-choose-your-option": (2, 1),
    "02-option-1-private-key-import": ("nowhere", "account"),
    "03-initial-configuration": (
        "clientcredentialIOT_THING_NAME",
        "clientcredentialMQTT_BROKER_ENDPOINT",
    ),
    "04-demo-project-configuration": ("flash", "build"),
    "05-public-key-extraction": (False, True),
    "06-public-key-infrastructure-setup": (False, True),
    "07-certificate-import": (1, 0),
    "08-device-authorization": (False, True),
    "09-just-in-time-provisioning": ("PENDING_ACTIVATION", "ACTIVE"),
    "12-glossary": ("provisioning", "TLS"),
    "13-record-and-clean-up": (True, False),
}
"""The right answer and a wrong one, by page."""
