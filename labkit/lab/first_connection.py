"""Certificates that AWS IoT does not know yet, to try first connections with.

A certificate has one first connection. To see another one, with a macro left out or with a CA
without a template, you need another certificate. It is for the device's own key, and is in the
header only for the experiment: `lab.import_certificate()` restores the device's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from labkit import certificates
from labkit.cloud import events
from labkit.cloud.resources import CA_CERTIFICATE, CERTIFICATE, POLICY_ATTACHMENT, THING_ATTACHMENT
from labkit.cloud.templates import AutomaticCA, register_automatic_ca
from labkit.cloud.undo import remove_temporary
from labkit.errors import CloudError
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.ca_key import load_ca_key

if TYPE_CHECKING:
    from cryptography import x509

    from labkit.certificates import SigningKey
    from labkit.cloud.resources import Resource
    from labkit.device.capture import Capture
    from labkit.lab.lab import Lab

_MQTT_PORT = 8883
_POLICY_NAME_MAX = 128
_SUBJECT: Final = "CN=CA without a template"


@dataclass(frozen=True, slots=True)
class UnknownCertificate:
    """A certificate for the device's key that AWS IoT does not know yet.

    Attributes:
        lab: the device's lab.
        certificate_pem: the certificate.
        ca_pem: the certificate of the CA that signed it.
        ca: the CA in the account if it was registered only for this certificate, otherwise None.
    """

    lab: Lab
    certificate_pem: str
    ca_pem: str
    ca: AutomaticCA | None = None

    def __repr__(self) -> str:
        """Return a line about the certificate: its subject, its issuer and its id."""
        return (
            f"certificate {self.certificate_id[:16]}… for {self._text('subject')}, "
            f"signed by {self._text('issuer')}"
        )

    @property
    def certificate_id(self) -> str:
        """The id that it has in AWS IoT, or would have."""
        return certificates.certificate_id(self._certificate)

    @property
    def _certificate(self) -> x509.Certificate:
        return certificates.load_certificate(self.certificate_pem)

    def _text(self, name: str) -> str:
        return certificates.subject_text(getattr(self._certificate, name))

    def registered(self) -> Resource:
        """Return the certificate as the account has it.

        Raises:
            CloudError: the account does not know it.
        """
        found = self.lab.account.find_certificate(self.certificate_id)
        if found is None:
            raise CloudError(
                f"AWS IoT does not know the certificate {self.certificate_id[:16]}…; expected its "
                "first connection to register it. Check that the device also sent the CA's "
                "certificate."
            )
        return found

    def connect(self, *, send_ca: bool = True) -> Capture:
        """Build, flash and run the demo with this certificate in the header.

        Args:
            send_ca: False leaves keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM at NULL.

        Returns:
            What the board printed, however it ended.
        """
        lab, account = self.lab, self.lab.account
        if account.find_certificate(self.certificate_id) is None:
            account.notes.begin(CERTIFICATE, self.certificate_id)
        ca_pem = self.ca_pem if send_ca else None
        headers.put_certificates(lab.workbench("import_certificate"), self.certificate_pem, ca_pem)
        lab.board.build()
        lab.board.flash()
        return lab.board.boot()

    def forget(self) -> None:
        """Delete the certificate from the account, and a CA registered only for it."""
        account = self.lab.account
        found = account.find_certificate(self.certificate_id)
        kinds = {"thing": THING_ATTACHMENT, "policy": POLICY_ATTACHMENT}
        attached = []
        for each in account.attachments(found.arn) if found else ():
            kind, _, name = each.partition(" ")
            attached.append((kinds[kind], f"{name} {found.arn}" if found else name))
        own_ca = [(CA_CERTIFICATE, self.ca.resource.name)] if self.ca else []
        remove_temporary(account, [*attached, (CERTIFICATE, self.certificate_id), *own_ca])


def another_certificate(lab: Lab) -> UnknownCertificate:
    """Issue another certificate for the device's key, by the CA that registers just in time."""
    ca = certificates.load_certificate(lab.file("rootCA.pem").read_bytes())
    ca_key = load_ca_key(lab.workbench("create_ca"))
    return UnknownCertificate(
        lab, _issue(lab, ca, ca_key, "another certificate"), certificates.to_pem(ca)
    )


def of_ca_without_template(lab: Lab) -> UnknownCertificate:
    """Register a CA with automatic registration and no template, and let it issue a certificate.

    The CA's key is not written to any file.
    """
    workbench = lab.workbench("register_ca_with_template")
    whose = f"{workbench.thing_name}, CA without a template"
    ca_key = workbench.randomness.ec_key(whose, "rootCA.key")
    ca = certificates.root_ca(
        ca_key,
        certificates.parse_subject(_SUBJECT),
        now=workbench.now,
        serial_number=workbench.randomness.serial_number(whose, "rootCA.pem"),
    )
    code = workbench.account.registration_code()
    verification = certificates.Issuer(ca, ca_key).verification_certificate(
        code,
        public_key=workbench.randomness.ec_key(whose, "verification key").public_key(),
        now=workbench.now,
        serial_number=workbench.randomness.serial_number(whose, "verificationCert.pem"),
    )
    ca_pem = certificates.to_pem(ca)
    registered = register_automatic_ca(
        workbench.account, ca_pem, certificates.to_pem(verification), template=""
    )
    return UnknownCertificate(lab, _issue(lab, ca, ca_key, whose), ca_pem, registered)


def _issue(lab: Lab, ca: x509.Certificate, ca_key: SigningKey, purpose: str) -> str:
    request = certificates.load_request(lab.file("deviceCert.csr").read_bytes())
    workbench = lab.workbench("issue_certificate")
    certificate = certificates.Issuer(ca, ca_key).issue(
        request,
        public_key=lab.public_key,
        now=workbench.now,
        serial_number=workbench.randomness.serial_number(workbench.thing_name, purpose),
    )
    return certificates.to_pem(certificate)


def listen(lab: Lab) -> events.Listener:
    """Start a listener for certificates that register automatically in the lab's account."""
    thing = lab.workspace.settings.thing_name
    # A thing's name may have colons, a policy's name may not.
    name = f"labkit-listener-{thing.replace(':', '.')}"[:_POLICY_NAME_MAX]
    key = lab.workbench("first_connection").randomness.ec_key(thing, "listener")
    return events.listen(lab.account, _gateway(lab), name, key)


def _gateway(lab: Lab) -> events.Gateway:
    bench = lab.bench
    if bench is not None and lab.workspace.settings.account_is_simulated:
        root_ca_file = Path(bench.root_ca_file)
        return events.Gateway(
            bench.mqtt_endpoint_name, bench.mqtt_host, bench.mqtt_port, root_ca_file
        )
    endpoint = lab.account.endpoint()
    return events.Gateway(endpoint, endpoint, _MQTT_PORT)
