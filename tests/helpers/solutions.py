"""The answers to the pages' exercises, and one wrong answer to each; no page holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates, firmware
from labkit.console.dump import hex_rows
from labkit.firmware.tree import find_sources
from labkit.keys import PublicKey
from labkit.lab.choice import choose
from labkit.support.seeding import SEEDED_DAY, Randomness

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    from labkit.lab.lab import Lab

ROWS = hex_rows(PublicKey.from_key(Randomness("manual").ec_key("device", "exercise")).der)
SWAPPED_ROWS = "\n".join([*ROWS[:2], ROWS[3], ROWS[2], *ROWS[4:]])
ANY_KEYS_DUMP = "\n".join(["Device public key, 91 bytes:", *ROWS])
NEW_KEYS_DUMP = (
    "0 1 [a] Waiting for 180 seconds before generating key-pair\n1 2 [a] " + ANY_KEYS_DUMP
)


def _ca(key: str) -> x509.Certificate:
    """Return a CA's certificate; each key's has the same name."""
    return certificates.root_ca(
        Randomness("manual").ec_key("ca", key),
        certificates.parse_subject("CN=Device lab root CA"),
        now=SEEDED_DAY,
        serial_number=1,
    )


CA, FORGED = _ca("own"), _ca("another")


def subscribing_to(resource: str) -> dict[str, str]:
    """Return the statement that allows to subscribe to a resource of the manual's account."""
    arn = f"arn:aws:iot:us-east-1:123456789012:{resource}"
    return {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": arn}


SOLUTIONS: dict[str, tuple[tuple[object, object], ...]] = {
    "00-start-here": ((2, 1), ("issue_certificate", "sign_request")),
    "01-choose-your-option": (
        (2, 1),
        (choose(imports_keys=True, generates_keys=False), choose()),
    ),
    "02-option-1-private-key-import": (
        ("nowhere", "account"),
        (r'"Lab 5\" bench"', r'"Lab 5\\" bench"'),
    ),
    "03-initial-configuration": (
        ("clientcredentialIOT_THING_NAME", "clientcredentialMQTT_BROKER_ENDPOINT"),
        (
            "a1b2c3d4-ats.iot.eu-west-1.amazonaws.com",
            "https://a1b2c3d4-ats.iot.eu-west-1.amazonaws.com:8883/",
        ),
    ),
    "04-demo-project-configuration": (("flash", "build"), (ANY_KEYS_DUMP, NEW_KEYS_DUMP)),
    "05-public-key-extraction": ((False, True), (SWAPPED_ROWS, "\n".join(ROWS))),
    "06-public-key-infrastructure-setup": ((False, True), ((FORGED, CA), (CA, CA))),
    "07-certificate-import": (
        (1, 0),
        (r'"-----BEGIN CERTIFICATE-----\n"', '"-----BEGIN CERTIFICATE-----"'),
    ),
    "08-device-authorization": (
        (False, True),
        (subscribing_to("topicfilter/lab/announcements"), subscribing_to("topicfilter/lab/*")),
    ),
    "09-just-in-time-provisioning": (
        ("PENDING_ACTIVATION", "ACTIVE"),
        ("$aws/events/certificates/registered/e6714e75", "$aws/events/certificates/registered/+"),
    ),
    "10-troubleshooting-drills": ((2, 1),),
    "11-csr-signer-in-production": ((True, False), (2, 1)),
    "12-glossary": (
        ("provisioning", "TLS"),
        ("0x2700", "0x7780"),
    ),
    "13-record-and-clean-up": (
        (True, False),
        (
            [
                *("update-certificate", "detach-policy"),
                *("detach-thing-principal", "delete-certificate"),
            ],
            [
                *("detach-policy", "delete-certificate"),
                *("detach-thing-principal", "update-certificate"),
            ],
        ),
    ),
}
"""The right answer and a wrong one to each exercise of a page, in their order."""


def set_port(lab: Lab) -> None:
    """Do what `labkit firmware set` does."""
    file = find_sources(lab.workspace.firmware).credentials
    text = firmware.decode(file.read_bytes())
    file.write_bytes(
        firmware.encode(firmware.set_macro(text, "clientcredentialMQTT_BROKER_PORT", "8883"))
    )


def endpoint(lab: Lab) -> None:
    """Write the endpoint again, build and flash."""
    lab.set_endpoint_and_thing()
    lab.run_demo_with_certificate()


def header(lab: Lab) -> None:
    """Write the certificates again, build and flash."""
    lab.import_certificate()
    lab.run_demo_with_certificate()


def port(lab: Lab) -> None:
    """Write the port again, build and flash."""
    set_port(lab)
    lab.board.build()
    lab.board.flash()


def new_key(lab: Lab) -> None:
    """Give the board's new key a certificate of its own."""
    lab.file("DevicePublicKey.pem").unlink()
    lab.stop_key_generation()
    lab.run_demo_with_certificate()
    lab.activate_certificate()


def headers(lab: Lab) -> None:
    """Write everything again, build and flash."""
    lab.set_endpoint_and_thing()
    header(lab)


REPAIRS: dict[str, Callable[[Lab], object]] = {
    "endpoint-empty": endpoint,
    "placeholder-text": headers,
    "no-certificate": header,
    "wrong-root-or-endpoint": endpoint,
    "certificate-damaged": header,
    "public-key-as-certificate": header,
    "ca-literal-damaged": header,
    "transport": port,
    "no-policy": lambda lab: lab.attach_thing_and_policy(),
    "thing-not-attached": lambda lab: lab.attach_thing_and_policy(),
    "policy-denies": lambda lab: lab.attach_thing_and_policy(),
    "certificate-not-active": lambda lab: lab.activate_certificate(),
    "certificate-not-registered": lambda lab: lab.activate_certificate(),
    "jit-first-connection": lambda lab: lab.activate_certificate(),
    "ca-not-registered": lambda lab: lab.activate_certificate(),
    "certificate-not-for-this-key": header,
    "ca-certificate-as-device-certificate": header,
    "certificate-expired": header,
    "clock-wrong": header,
    "key-changed": new_key,
}
"""What repairs the fault of a drill, by its cause, with the manual's own calls."""
