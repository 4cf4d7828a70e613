"""The documentation's commands that each step replaces.

They run in the device's folder; the CA's files are in `{ca}`. Source: the documentation's own
commands, in its order; AWS IoT Core developer guide, Just-in-time provisioning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERIFICATION = """\
aws iot get-registration-code
openssl genrsa -out verificationCert.key 2048
openssl req -new -key verificationCert.key -subj "/CN=<the registration code>" \\
    -out verificationCert.csr
openssl x509 -req -in verificationCert.csr -CA {ca}/rootCA.pem \\
    -CAkey {ca}/rootCA.key -CAcreateserial -days 30 -sha256 -out {ca}/verificationCert.pem
"""

COMMANDS: Mapping[str, str] = {
    "set_endpoint_and_thing": """\
aws iot describe-endpoint --endpoint-type iot:Data-ATS
# in demos/include/aws_clientcredential.h:
#define clientcredentialMQTT_BROKER_ENDPOINT    "<the endpoint>"
#define clientcredentialIOT_THING_NAME          "{thing}"
""",
    "force_key_generation": """\
# in aws_dev_mode_key_provisioning.c:
#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    1
""",
    "run_demo_first": """\
# your board's build and flash commands, and a terminal at 115200 baud:
python -m serial.tools.miniterm <port> 115200
""",
    "extract_public_key": """\
xxd -r -ps DevicePublicKeyAsciiHex.txt DevicePublicKeyDer.bin
openssl ec -inform der -in DevicePublicKeyDer.bin -pubin -pubout -outform pem \\
    -out DevicePublicKey.pem
""",
    "stop_key_generation": """\
# in aws_dev_mode_key_provisioning.c:
#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    0
""",
    "create_ca": """\
openssl genrsa -out {ca}/rootCA.key 2048
openssl req -x509 -new -key {ca}/rootCA.key -sha256 -days 3650 -subj "{ca_subject}" \\
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \\
    -out {ca}/rootCA.pem
""",
    "register_ca": f"""{_VERIFICATION}\
aws iot register-ca-certificate --ca-certificate file://{{ca}}/rootCA.pem \\
    --verification-cert file://{{ca}}/verificationCert.pem --set-as-active
""",
    "create_provisioning_template": """\
aws iot create-provisioning-template --template-name {template} --type JITP --enabled \\
    --template-body file://template.json --provisioning-role-arn <the role's ARN>
""",
    "register_ca_with_template": f"""{_VERIFICATION}\
aws iot register-ca-certificate --ca-certificate file://{{ca}}/rootCA.pem \\
    --verification-cert file://{{ca}}/verificationCert.pem --set-as-active \\
    --allow-auto-registration --registration-config templateName={{template}}
""",
    "sign_request": """\
openssl genrsa -out tempCsrSigner.key 2048
openssl req -new -key tempCsrSigner.key -subj "/CN={thing}" -out deviceCert.csr
rm tempCsrSigner.key
""",
    "issue_certificate": """\
openssl x509 -req -in deviceCert.csr -CA {ca}/rootCA.pem -CAkey {ca}/rootCA.key \\
    -CAcreateserial -out deviceCert.pem -days 500 -sha256 -force_pubkey DevicePublicKey.pem
""",
    "import_certificate": "# in demos/include/aws_clientcredential_keys.h, "
    r"""a C string for each line of the PEM:
#define keyCLIENT_CERTIFICATE_PEM \
    "-----BEGIN CERTIFICATE-----\n" \
    "<a line of deviceCert.pem>\n" \
    "-----END CERTIFICATE-----\n"
# and the same with rootCA.pem for keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM
""",
    "run_demo_with_certificate": """\
# your board's build and flash commands, and a terminal at 115200 baud:
python -m serial.tools.miniterm <port> 115200
""",
    "register_certificate": """\
aws iot register-certificate --certificate-pem file://deviceCert.pem \\
    --ca-certificate-pem file://{ca}/rootCA.pem --status INACTIVE
""",
    "create_thing": """\
aws iot create-thing --thing-name {thing}
""",
    "create_policy": """\
aws iot create-policy --policy-name {policy} --policy-document file://policy.json
""",
    "create_keys_and_certificate": r"""aws iot create-keys-and-certificate \
    --certificate-pem-outfile deviceCert.pem --private-key-outfile deviceCert.key
# in demos/include/aws_clientcredential_keys.h, a C string for each line of the PEM:
#define keyCLIENT_CERTIFICATE_PEM \
    "<a line of deviceCert.pem>\n" \
    "<and so on>\n"
# and the same with deviceCert.key for keyCLIENT_PRIVATE_KEY_PEM; then
rm deviceCert.key
""",
    "attach_thing_and_policy": """\
aws iot attach-thing-principal --thing-name {thing} --principal <the certificate's ARN>
aws iot attach-policy --policy-name {policy} --target <the certificate's ARN>
""",
    "activate_certificate": """\
aws iot update-certificate --certificate-id <the certificate's id> --new-status ACTIVE
""",
    "first_connection": """\
# your board's build and flash commands, and a terminal at 115200 baud:
python -m serial.tools.miniterm <port> 115200
# the connection is closed; then, if the template was carried out, this says ACTIVE:
aws iot describe-certificate --certificate-id <the certificate's id>
""",
    "run_hello_world": """\
# press the board's reset button, and read on the terminal
""",
}
"""The commands of each step, by its name; {thing}, {ca} and the like are the lab's own."""


ON_ANOTHER_ROUTE: Mapping[tuple[str, str], str] = {
    ("option-1", "run_hello_world"): COMMANDS["run_demo_with_certificate"],
}
"""The commands of a step that differ on another route than Option 2."""
