"""Steps in AWS IoT: the CA certificate, the device's certificate, thing, policy and status."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labkit import certificates, policy
from labkit.errors import CloudError
from labkit.lab.procedure.steps.ca_key import load_ca_key
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.cloud.resources import Resource
    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry

POLICY_NAME = policy.NEWEST.policy_name
"""The policy of the newest hello world; older generations have policies of their own."""


def register_ca(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Prove possession of the CA's key with a verification certificate, and register the CA."""
    ca_pem = workbench.read("rootCA.pem").decode()
    return _outcome(workbench.account.register_ca(ca_pem, verification_pem(workbench)))


def verification_pem(workbench: Workbench) -> str:
    """Return the verification certificate for the account's registration code, made if needed."""
    ca_pem = workbench.read("rootCA.pem").decode()
    code = workbench.account.registration_code()
    file = workbench.workspace.path("verificationCert.pem")
    if not file.exists() or _common_name(file.read_bytes()) != code:
        issuer = certificates.Issuer(certificates.load_certificate(ca_pem), load_ca_key(workbench))
        verification = issuer.verification_certificate(
            code,
            public_key=workbench.randomness.ec_key(code, "verification key").public_key(),
            now=workbench.now,
            serial_number=workbench.randomness.serial_number(code, "verificationCert.pem"),
        )
        write(file, certificates.to_pem(verification))
    return file.read_text()


def register_certificate(workbench: Workbench, before: Entry | None) -> Outcome:
    """Register the device's certificate, and return it with the status that it was given then.

    A new one is INACTIVE until it is activated.
    """
    registered = workbench.account.register_certificate(
        workbench.read("deviceCert.pem").decode(), workbench.read("rootCA.pem").decode()
    )
    status = str(before.facts["registered_as"]) if before else registered.status
    return Outcome(
        replace(registered, status=status), {"arn": registered.arn, "registered_as": status}
    )


def create_thing(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Create the thing."""
    has_certificate = workbench.workspace.path("deviceCert.pem").exists()
    own = _certificate_id(workbench) if has_certificate else ""
    return _outcome(workbench.account.create_thing(workbench.thing_name, own))


def create_policy(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Create the policy that allows the firmware tree's hello world and nothing else."""
    account, hello_world = workbench.account, workbench.hello_world
    document = policy.hello_world_policy(account.region, account.account_id, hello_world)
    return _outcome(account.create_policy(hello_world.policy_name, document))


def attach_thing_and_policy(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Attach the certificate to the thing and the policy to the certificate, and read it back."""
    account = workbench.account
    arn = account.certificate(_certificate_id(workbench)).arn
    policy_name = workbench.hello_world.policy_name
    account.attach(workbench.thing_name, policy_name, arn)
    attached = account.attachments(arn)
    expected = {f"thing {workbench.thing_name}", f"policy {policy_name}"}
    if not expected <= set(attached):
        raise CloudError(
            f"the certificate is not attached: expected {' and '.join(sorted(expected))}, got "
            f"{', '.join(attached) or 'nothing'}. Run the step again."
        )
    return Outcome(attached, {"certificate_arn": arn})


def activate_certificate(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Set the device's certificate ACTIVE."""
    return _outcome(workbench.account.set_certificate_status(_certificate_id(workbench), "ACTIVE"))


def _certificate_id(workbench: Workbench) -> str:
    return certificates.certificate_id(
        certificates.load_certificate(workbench.read("deviceCert.pem"))
    )


def _common_name(pem: bytes) -> str:
    return certificates.common_name(certificates.load_certificate(pem).subject)


def _outcome(resource: Resource) -> Outcome:
    return Outcome(resource, {"arn": resource.arn})
