"""Option 1, private key import from AWS IoT: thing, policy, key pair and the hello world.

The documentation sends the reader to "Configuring the FreeRTOS demos" for it. Thing and policy
come first there, then the key pair with its certificate; the rows that Option 2 has are its own.

Source: FreeRTOS user guide, Configuring the FreeRTOS demos and First steps.
"""

from __future__ import annotations

from dataclasses import replace

from labkit.lab.procedure import option_2
from labkit.lab.procedure.step import Route, Step
from labkit.lab.procedure.steps import board, imported_key
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM, ENDPOINT, PRIVATE_KEY_PEM
from labkit.workspace import DEFAULT_ROUTE

_02 = ("02-option-1-private-key-import", "Private Key Import from AWS IoT")

_option_2 = Route(DEFAULT_ROUTE, option_2.STEPS).find

STEPS: tuple[Step, ...] = (
    _option_2("set_endpoint_and_thing").on(*_02),
    _option_2("create_thing").on(*_02),
    _option_2("create_policy").on(*_02),
    Step(
        "create_keys_and_certificate", *_02,
        "let AWS IoT make a key pair and its certificate, and write both into the keys header",
        (), ("deviceCert.pem", CERTIFICATE_PEM, PRIVATE_KEY_PEM, "account: certificate"),
        imported_key.create_keys_and_certificate,
        actions=(
            "iot:CreateKeysAndCertificate", "iot:DescribeCertificate", "iot:DeleteCertificate",
            "iot:UpdateCertificate",
        ),
    ),
    _option_2("attach_thing_and_policy").on(*_02),
    _option_2("activate_certificate").on(*_02),
    replace(
        _option_2("run_hello_world").on(*_02),
        does="build, flash and run the demo: the hello world is accepted",
        needs=(ENDPOINT, CERTIFICATE_PEM, PRIVATE_KEY_PEM, "account: ACTIVE"),
        do=board.build_and_run_hello_world,
    ),
)  # fmt: skip
"""Option 1, from the settings to the accepted hello world."""
