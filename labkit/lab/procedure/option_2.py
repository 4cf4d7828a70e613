"""Option 2, onboard private key generation: every step once, in the documentation's order."""

from __future__ import annotations

from labkit.lab.procedure.step import Step
from labkit.lab.procedure.steps import account, board, certificate, headers
from labkit.lab.procedure.steps.headers import CA_PEM, CERTIFICATE_PEM, ENDPOINT, FORCE, THING_NAME

_03 = ("03-initial-configuration", "Initial Configuration")
_04 = ("04-demo-project-configuration", "Demo Project Configuration")
_05 = ("05-public-key-extraction", "Public Key Extraction")
_06 = ("06-public-key-infrastructure-setup", "Public Key Infrastructure Setup")
_07 = ("07-certificate-import", "Certificate Import")
_08 = ("08-device-authorization", "Device Authorization")

STEPS: tuple[Step, ...] = (
    Step(
        "set_endpoint_and_thing", *_03,
        "write the account's endpoint and the thing's name into aws_clientcredential.h",
        (), (ENDPOINT, THING_NAME), headers.set_endpoint_and_thing,
        actions=("iot:DescribeEndpoint",),
    ),
    Step(
        "force_key_generation", *_04,
        "set the macro that makes the device generate a key pair to 1",
        (), (f"{FORCE}=1",), headers.force_key_generation,
    ),
    Step(
        "run_demo_first", *_04,
        "build, flash and run the demo, which generates the key pair and then fails to connect",
        (ENDPOINT, f"{FORCE}=1"), ("console.log",), board.run_demo_first,
    ),
    Step(
        "extract_public_key", *_05,
        "read the device's public key out of the console and keep it as hex, DER and PEM",
        ("console.log",),
        ("DevicePublicKeyAsciiHex.txt", "DevicePublicKeyDer.bin", "DevicePublicKey.pem"),
        board.extract_public_key,
    ),
    Step(
        "stop_key_generation", *_05,
        "set the macro back to 0, so that the next boot keeps the key pair",
        ("DevicePublicKey.pem",), (f"{FORCE}=0",), headers.stop_key_generation,
    ),
    Step(
        "create_ca", *_06,
        "create the lab's certificate authority: its key and its self-signed certificate",
        (), ("rootCA.key", "rootCA.pem"), certificate.create_ca,
    ),
    Step(
        "register_ca", *_06,
        "prove to AWS IoT that the CA's key is ours, and register the CA certificate",
        ("rootCA.key", "rootCA.pem"), ("verificationCert.pem", "account: CA certificate"),
        account.register_ca,
        actions=(
            "iot:GetRegistrationCode", "iot:DescribeCACertificate", "iot:RegisterCACertificate",
            "iot:TagResource", "iot:UpdateCACertificate",
        ),
    ),
    Step(
        "sign_request", *_06,
        "write a certificate signing request, signed by a temporary key that is then destroyed",
        (), ("deviceCert.csr",), certificate.sign_request,
    ),
    Step(
        "issue_certificate", *_06,
        "issue the device's certificate: the request's subject, the device's own public key",
        ("DevicePublicKey.pem", "deviceCert.csr", "rootCA.key", "rootCA.pem"),
        ("deviceCert.pem",), certificate.issue_certificate,
    ),
    Step(
        "import_certificate", *_07,
        "write device and CA certificate into aws_clientcredential_keys.h",
        ("deviceCert.pem", "rootCA.pem", f"{FORCE}=0"), (CERTIFICATE_PEM, CA_PEM),
        headers.import_certificate,
    ),
    Step(
        "run_demo_with_certificate", *_07,
        "build, flash and run the demo: the certificate is on board, AWS IoT does not know it",
        (ENDPOINT, f"{FORCE}=0", CERTIFICATE_PEM, CA_PEM), ("console.log: certificate on board",),
        board.run_demo_with_certificate,
    ),
    Step(
        "register_certificate", *_08,
        "register the device's certificate with AWS IoT, INACTIVE as yet",
        ("deviceCert.pem", "account: CA certificate", "console.log: certificate on board"),
        ("account: certificate",), account.register_certificate,
        actions=("iot:DescribeCertificate", "iot:RegisterCertificate"),
    ),
    Step(
        "create_thing", *_08,
        "create the thing that the device is in AWS IoT",
        (), ("account: thing",), account.create_thing,
        actions=("iot:DescribeThing", "iot:ListThingPrincipals", "iot:CreateThing"),
    ),
    Step(
        "create_policy", *_08,
        "create the policy that allows the hello world and nothing else",
        (), ("account: policy",), account.create_policy,
        actions=("iot:GetPolicy", "iot:CreatePolicy", "iot:TagResource"),
    ),
    Step(
        "attach_thing_and_policy", *_08,
        "attach the certificate to the thing, and the policy to the certificate",
        ("account: certificate", "account: thing", "account: policy"), ("account: attachments",),
        account.attach_thing_and_policy,
        actions=(
            "iot:ListPrincipalThings", "iot:ListAttachedPolicies", "iot:AttachThingPrincipal",
            "iot:AttachPolicy",
        ),
    ),
    Step(
        "activate_certificate", *_08,
        "set the certificate ACTIVE",
        ("account: certificate", "account: attachments"), ("account: ACTIVE",),
        account.activate_certificate,
        actions=("iot:DescribeCertificate", "iot:UpdateCertificate"),
    ),
    Step(
        "run_hello_world", *_08,
        "run the demo again: the hello world is accepted",
        ("console.log: certificate on board", "account: ACTIVE"), (), board.run_hello_world,
    ),
)  # fmt: skip
"""Option 2, onboard private key generation, from the settings to the accepted hello world."""
