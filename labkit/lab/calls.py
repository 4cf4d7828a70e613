"""The steps of every route as calls of a lab, each with its help.

What a step is called, needs and makes is in its route's table in `labkit.lab.procedure`; a test
compares the calls with the tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

    from labkit.certificates import Description
    from labkit.cloud.resources import Resource
    from labkit.cloud.templates import AutomaticCA
    from labkit.device.capture import Capture
    from labkit.keys import PublicKey
    from labkit.lab.procedure.steps.headers import Diff
    from labkit.lab.procedure.steps.imported_key import KeysAndCertificate


class StepCalls(ABC):
    """One method for each step.

    Every step can be called again: what is done already is checked, not made a second time. A step
    raises `NotReadyError` if an earlier one has to be done first on a real bench, and
    `WorkspaceError` if it is not on the device's route.
    """

    __slots__ = ()

    @abstractmethod
    def perform(self, name: str) -> Any:  # noqa: ANN401 each step has its own value
        """Perform a step by its name."""

    def set_endpoint_and_thing(self) -> Diff:
        """Write the account's MQTT endpoint and the thing's name into aws_clientcredential.h.

        Needs: a firmware tree, and an account that is asked for its endpoint.

        Returns:
            The difference in the header.

        Raises:
            DeviceError: the firmware tree or one of its three sources is not found.
            FirmwareError: a macro is missing, or is defined in a way that cannot be edited.

        Section: Initial Configuration.
        """
        return cast("Diff", self.perform("set_endpoint_and_thing"))

    def force_key_generation(self) -> Diff:
        """Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 1: the device makes a key pair.

        Needs: a firmware tree whose release has the macro (201910.00 and later).

        Returns:
            The difference in aws_dev_mode_key_provisioning.c.

        Raises:
            FirmwareError: the macro is missing, or the keys header holds a private key, which the
                device would import in place of making its own.

        Section: Demo Project Configuration.
        """
        return cast("Diff", self.perform("force_key_generation"))

    def run_demo_first(self) -> Capture:
        """Build, flash and run the demo. The device makes its key pair, and cannot connect yet.

        Needs: `set_endpoint_and_thing`, `force_key_generation`.

        Returns:
            What the board printed, with the dump of its public key; also in console.log. It runs
            once: another run would make another key pair.

        Raises:
            DeviceError: a command of lab.toml failed, or the port cannot be used.
            ConsoleError: the board printed no whole dump of a public key.

        Section: Demo Project Configuration.
        """
        return cast("Capture", self.perform("run_demo_first"))

    def extract_public_key(self) -> PublicKey:
        """Read the newest public key in console.log, and write it as hex, DER and PEM.

        Needs: console.log, of `run_demo_first` or `paste_console`.

        Returns:
            The device's public key, EC P-256; its DER has 91 bytes. It is in
            DevicePublicKeyAsciiHex.txt, DevicePublicKeyDer.bin and DevicePublicKey.pem.

        Raises:
            ConsoleError: the dump is missing, or the newest one is damaged.
            DeviceError: another key was extracted before.

        Section: Public Key Extraction.
        """
        return cast("PublicKey", self.perform("extract_public_key"))

    def stop_key_generation(self) -> Diff:
        """Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR back to 0: the device keeps its key.

        Needs: `extract_public_key`.

        Returns:
            The difference in aws_dev_mode_key_provisioning.c.

        Raises:
            FirmwareError: the macro is missing.

        Section: Public Key Extraction.
        """
        return cast("Diff", self.perform("stop_key_generation"))

    def create_ca(self) -> Description:
        """Create the lab's certificate authority: rootCA.key (mode 0600) and rootCA.pem.

        Needs: nothing. All devices of the lab share one CA; one that exists is used.

        Returns:
            The CA certificate in words.

        Raises:
            CertificateError: key and certificate do not belong together, one of them is missing,
                or the passphrase of an encrypted key is wrong.

        Section: Public Key Infrastructure Setup.
        """
        return cast("Description", self.perform("create_ca"))

    def register_ca(self) -> Resource:
        """Prove to AWS IoT that you hold the CA's key, and register the CA certificate as ACTIVE.

        Needs: `create_ca`.

        Returns:
            The CA certificate in the account. The proof is verificationCert.pem, a certificate for
            the account's registration code.

        Raises:
            CloudError: AWS IoT refuses.

        Section: Public Key Infrastructure Setup.
        """
        return cast("Resource", self.perform("register_ca"))

    def sign_request(self) -> CertificateSigningRequest:
        """Write a certificate signing request, signed by a temporary key that is then destroyed.

        Needs: nothing. The subject is the thing's name; the public key in it is not the device's.

        Returns:
            The request; it is in deviceCert.csr.

        Raises:
            CertificateError: the thing's name cannot be a common name.

        Section: Public Key Infrastructure Setup.
        """
        return cast("CertificateSigningRequest", self.perform("sign_request"))

    def issue_certificate(self) -> Description:
        """Issue the device's certificate: the request's subject, the device's own public key.

        Needs: `extract_public_key`, `sign_request`, `create_ca`.

        Returns:
            The certificate in words; it is in deviceCert.pem.

        Raises:
            CertificateError: the device or AWS IoT would refuse the certificate. Nothing is signed.

        Section: Public Key Infrastructure Setup.
        """
        return cast("Description", self.perform("issue_certificate"))

    def import_certificate(self) -> Diff:
        """Write the device's and the CA's certificate into aws_clientcredential_keys.h.

        Needs: `issue_certificate`, `stop_key_generation`.

        Returns:
            The difference in the header.

        Raises:
            FirmwareError: the header holds a private key, which Option 2 has no use for.

        Section: Certificate Import.
        """
        return cast("Diff", self.perform("import_certificate"))

    def run_demo_with_certificate(self) -> Capture:
        """Build, flash and run the demo with its certificate, which AWS IoT does not know yet.

        Needs: `import_certificate`.

        Returns:
            What the board printed.

        Raises:
            DeviceError: a command failed, or the board's key is not the certificate's.

        Section: Certificate Import.
        """
        return cast("Capture", self.perform("run_demo_with_certificate"))

    def register_certificate(self) -> Resource:
        """Register the device's certificate with AWS IoT; a new one is INACTIVE.

        Needs: `register_ca`, `issue_certificate`, `run_demo_with_certificate`.

        Returns:
            The certificate in the account, with the status that it was registered with.

        Raises:
            CloudError: AWS IoT refuses.

        Section: Device Authorization.
        """
        return cast("Resource", self.perform("register_certificate"))

    def create_thing(self) -> Resource:
        """Create the thing that the device is in AWS IoT.

        Needs: nothing.

        Returns:
            The thing.

        Raises:
            CloudError: a thing of that name has a certificate that this lab did not make.

        Section: Device Authorization.
        """
        return cast("Resource", self.perform("create_thing"))

    def create_policy(self) -> Resource:
        """Create the policy that allows the device's hello world and nothing else.

        Needs: nothing.

        Returns:
            The policy.

        Raises:
            CloudError: the account has another policy of that name.

        Section: Device Authorization.
        """
        return cast("Resource", self.perform("create_policy"))

    def attach_thing_and_policy(self) -> tuple[str, ...]:
        """Attach the certificate to the thing, and the policy to the certificate.

        Needs: `register_certificate`, `create_thing`, `create_policy`.

        Returns:
            What the certificate is attached to, such as "thing lab-device".

        Raises:
            CloudError: AWS IoT refuses.

        Section: Device Authorization.
        """
        return cast("tuple[str, ...]", self.perform("attach_thing_and_policy"))

    def activate_certificate(self) -> Resource:
        """Set the device's certificate ACTIVE.

        Needs: `register_certificate`, `attach_thing_and_policy`.

        Returns:
            The certificate in the account.

        Raises:
            CloudError: AWS IoT refuses: a REVOKED certificate stays REVOKED.

        Section: Device Authorization.
        """
        return cast("Resource", self.perform("activate_certificate"))

    def run_hello_world(self) -> Capture:
        """Run the demo, and verify that its hello world was accepted.

        Needs: `activate_certificate`, and the board as the route has left it. On the route
        option-1 the demo is built and flashed first.

        Returns:
            What the board printed.

        Raises:
            DeviceError: the hello world was not accepted, the board's key has changed, or a real
                board cannot reach the simulated account.

        Section: Device Authorization; Private Key Import from AWS IoT.
        """
        return cast("Capture", self.perform("run_hello_world"))

    def create_keys_and_certificate(self) -> KeysAndCertificate:
        """Let AWS IoT make a key pair and its certificate, and write both into the keys header.

        Needs: nothing. The route option-1 has this step. AWS IoT returns the private key once.

        Returns:
            The certificate in the account, and what kind of key it is for. The private key is in
            aws_clientcredential_keys.h and nowhere else.

        Raises:
            CertificateError: the key in AWS IoT's answer is not the certificate's.
            CloudError: AWS IoT refuses.

        Section: Private Key Import from AWS IoT.
        """
        return cast("KeysAndCertificate", self.perform("create_keys_and_certificate"))

    def create_provisioning_template(self) -> Resource:
        """Create the template that provisions a device at its first connection.

        Needs: `create_policy`; in a real account the IAM role `account.provisioning_role` of
        lab.toml. The route just-in-time has this step.

        Returns:
            The template.

        Raises:
            WorkspaceError: lab.toml names no role.
            CloudError: the account has another template of that name, or AWS IoT refuses.

        Source: AWS IoT Core developer guide, Just-in-time provisioning.
        """
        return cast("Resource", self.perform("create_provisioning_template"))

    def register_ca_with_template(self) -> AutomaticCA:
        """Register the CA certificate, with automatic registration and the template.

        Needs: `create_ca`, `create_provisioning_template`. The route just-in-time has this step.

        Returns:
            The CA certificate in the account, and how it registers devices.

        Raises:
            CloudError: AWS IoT refuses.

        Source: AWS IoT Core developer guide, Just-in-time provisioning.
        """
        return cast("AutomaticCA", self.perform("register_ca_with_template"))

    def first_connection(self) -> Capture:
        """Build, flash and run the demo. AWS IoT closes the connection, and provisions the device.

        Needs: `import_certificate`, `register_ca_with_template`. The route just-in-time has this
        step.

        Returns:
            What the board printed at its first connection.

        Raises:
            DeviceError: the connection had no effect.
            CloudError: the template was not carried out, or what it made was changed since.

        Source: AWS IoT Core developer guide, Just-in-time provisioning.
        """
        return cast("Capture", self.perform("first_connection"))
