"""Just-in-time provisioning: the device makes its key, and registers itself when it connects.

The account's side comes first, since it is done once for all devices: policy, template, and a CA
of its own. Nothing is registered, attached or activated by hand. What the device does until its
certificate is in the header is Option 2's, and so are the rows.

Source: AWS IoT Core developer guide, Just-in-time provisioning; FreeRTOS user guide,
Developer-mode key provisioning, Option #2, on the JITR certificate.
"""

from __future__ import annotations

from dataclasses import replace

from labkit.lab.procedure import option_2
from labkit.lab.procedure.step import Route, Step
from labkit.lab.procedure.steps import provisioning
from labkit.lab.procedure.steps.headers import CA_PEM, CERTIFICATE_PEM, ENDPOINT, FORCE
from labkit.workspace import DEFAULT_ROUTE

_09 = ("09-just-in-time-provisioning", "Just-in-time provisioning")

_option_2 = Route(DEFAULT_ROUTE, option_2.STEPS).find

STEPS: tuple[Step, ...] = (
    _option_2("create_policy").on(*_09),
    Step(
        "create_provisioning_template", *_09,
        "create the template: what AWS IoT makes for a device that comes for the first time",
        ("account: policy",), ("account: provisioning template",),
        provisioning.create_provisioning_template,
        actions=(
            *("iot:DescribeProvisioningTemplate", "iot:CreateProvisioningTemplate"),
            *("iot:UpdateProvisioningTemplate", "iot:TagResource", "iam:PassRole"),
        ),
    ),
    replace(
        _option_2("create_ca").on(*_09),
        does="create another certificate authority, for devices that register themselves",
    ),
    Step(
        "register_ca_with_template", *_09,
        "register the CA certificate, with automatic registration and the template",
        ("rootCA.key", "rootCA.pem", "account: provisioning template"),
        ("verificationCert.pem", "account: CA certificate"),
        provisioning.register_ca_with_template,
        actions=(
            *("iot:GetRegistrationCode", "iot:DescribeCACertificate", "iot:RegisterCACertificate"),
            *("iot:UpdateCACertificate", "iot:TagResource", "iam:PassRole"),
        ),
    ),
    *(
        _option_2(name).on(*_09)
        for name in (
            *("set_endpoint_and_thing", "force_key_generation", "run_demo_first"),
            *("extract_public_key", "stop_key_generation", "sign_request", "issue_certificate"),
            "import_certificate",
        )
    ),
    Step(
        "first_connection", *_09,
        "build, flash and run the demo: AWS IoT closes the connection, and provisions the device",
        (ENDPOINT, f"{FORCE}=0", CERTIFICATE_PEM, CA_PEM, "account: CA certificate"),
        (
            *("console.log: certificate on board", "account: certificate", "account: thing"),
            *("account: attachments", "account: ACTIVE"),
        ),
        provisioning.first_connection,
        actions=(
            *("iot:DescribeCertificate", "iot:DescribeThing", "iot:ListPrincipalThings"),
            "iot:ListAttachedPolicies",
        ),
    ),
    replace(
        _option_2("run_hello_world").on(*_09),
        does="the second connection: run the demo again, the hello world is accepted",
    ),
)  # fmt: skip
"""Just-in-time provisioning, from the policy to the accepted hello world."""
