"""Steps of just-in-time provisioning: the template, the CA that uses it, the first connection.

AWS IoT closes a certificate's first connection, always: it registers the certificate, carries out
the template of its CA, and lets it in the next time. So here a connection that fails is what has
to happen, and the account is asked what it has led to.

Source: AWS IoT Core developer guide, Just-in-time provisioning.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from labkit import certificates
from labkit.cloud import templates
from labkit.cloud.resources import CERTIFICATE, POLICY_ATTACHMENT, THING, THING_ATTACHMENT
from labkit.errors import CloudError, DeviceError, WorkspaceError
from labkit.lab.procedure.steps.account import verification_pem
from labkit.lab.procedure.steps.board import refuse_unreachable_account, verify_key_of_boot
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.policy import NEWEST, resource_arn

if TYPE_CHECKING:
    from labkit.cloud.resources import Resource
    from labkit.device.capture import Capture
    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.policy import HelloWorld
    from labkit.workspace import Entry

TEMPLATE_NAME: Final = "labkit-just-in-time"
"""The template of the newest hello world. What it makes is named by the certificate's subject."""

_STEP = "first_connection"

_SIMULATED_ROLE = "arn:aws:iam::{account_id}:role/labkit-just-in-time"

_WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Before each look at the account: AWS IoT provisions after it has closed the connection, and says
nowhere how long that takes."""


def template_name(hello_world: HelloWorld) -> str:
    """Return the name of the template that attaches a hello world's policy."""
    return TEMPLATE_NAME if hello_world == NEWEST else f"{TEMPLATE_NAME}-{hello_world.name}"


def create_provisioning_template(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Create the template that provisions devices at their first connection.

    Raises:
        WorkspaceError: the account is real, and lab.toml names no role to provision in.
    """
    created = templates.create_template(
        workbench.account,
        template_name(workbench.hello_world),
        templates.provisioning_template(workbench.hello_world.policy_name),
        _role_arn(workbench),
    )
    return Outcome(created, {"arn": created.arn})


def register_ca_with_template(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Register the CA with automatic registration, and the template that it is to run."""
    registered = templates.register_automatic_ca(
        workbench.account,
        workbench.read("rootCA.pem").decode(),
        verification_pem(workbench),
        template=template_name(workbench.hello_world),
    )
    return Outcome(registered, {"arn": registered.resource.arn})


def first_connection(workbench: Workbench, before: Entry | None) -> Outcome:
    """Build, flash and run the demo: AWS IoT closes the connection, and provisions the device.

    If the flash tool starts the board, that boot is the first connection, and the one that is
    captured is accepted.

    There is one first connection. Where the account has the certificate already, what the board
    printed then is returned; the image is built and flashed again if something else may be on the
    board.

    Raises:
        DeviceError: the account does not know the certificate afterwards.
        CloudError: the template was not carried out, or its resources were changed since.
    """
    refuse_unreachable_account(workbench)
    found = _find(workbench)
    if found is not None and found.status != "PENDING_ACTIVATION":
        _verify_provisioned(workbench, found)
        _note_as_made(workbench)
        return _stored_outcome(workbench, before)
    _build_and_flash(workbench)
    for kind, name in _made_by_template(workbench):
        if kind != THING or workbench.account.find_thing(name) is None:
            workbench.account.notes.begin(kind, name)
    capture = workbench.board.boot(show=workbench.show)
    verify_key_of_boot(workbench, capture)
    _verify_provisioned(workbench, _wait_for(workbench, capture))
    _note_as_made(workbench)
    return _outcome(workbench, capture)


def _role_arn(workbench: Workbench) -> str:
    settings = workbench.workspace.settings
    if settings.provisioning_role:
        return settings.provisioning_role
    if settings.account_is_simulated:
        return _SIMULATED_ROLE.format(account_id=workbench.account.account_id)
    raise WorkspaceError(
        "AWS IoT provisions devices in an IAM role, and lab.toml names none. Create a role in the "
        "IAM console for the AWS service IoT, with AWS's managed policy AWSIoTThingsRegistration, "
        "and write its ARN into lab.toml: account.provisioning_role. Your own identity needs "
        "iam:PassRole on it."
    )


def _build_and_flash(workbench: Workbench) -> None:
    workbench.board.build(workbench.show)
    workbench.board.flash(workbench.show)


def _certificate_id(workbench: Workbench) -> str:
    return certificates.certificate_id(
        certificates.load_certificate(workbench.read("deviceCert.pem"))
    )


def _find(workbench: Workbench) -> Resource | None:
    return workbench.account.find_certificate(_certificate_id(workbench))


def _wait_for(workbench: Workbench, capture: Capture) -> Resource:
    """Return the certificate as soon as it is provisioned, or as it is in the end.

    Raises:
        DeviceError: the account does not know it.
    """
    found = None
    for pause_s in _WAITS_S:
        time.sleep(pause_s)
        found = _find(workbench)
        if found is not None and found.status != "PENDING_ACTIVATION":
            return found
    if found is not None:
        return found
    last = [line for line in repr(capture).splitlines() if line.strip()][-1:]
    raise DeviceError(
        "the first connection had no effect: expected AWS IoT to register the certificate, but "
        f"the account has none of its id. The board ended with: {' '.join(last) or 'nothing'}. "
        "Does it send its CA's certificate (keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM)? Is that CA "
        "registered, ACTIVE and with automatic registration: lab.register_ca_with_template()?"
    )


def _verify_provisioned(workbench: Workbench, certificate: Resource) -> None:
    """Verify that a certificate is as the template leaves one.

    Raises:
        CloudError: it is not.
    """
    if certificate.status == "PENDING_ACTIVATION":
        raise CloudError(
            "AWS IoT has registered the certificate and left it PENDING_ACTIVATION: expected the "
            f"template {template_name(workbench.hello_world)} to make it ACTIVE. Is there a value "
            "in the certificate's subject for each parameter that the template declares? Is the "
            "template enabled, its policy there, and may its role register things? Correct "
            "that, and run the step again."
        )
    attached = workbench.account.attachments(certificate.arn)
    expected = {f"thing {workbench.thing_name}", f"policy {workbench.hello_world.policy_name}"}
    if certificate.status != "ACTIVE" or not expected <= set(attached):
        raise CloudError(
            "the certificate is not as just-in-time provisioning leaves one: expected ACTIVE, "
            f"with {' and '.join(sorted(expected))}; it is {certificate.status}, with "
            f"{' and '.join(attached) or 'nothing'}. It was changed later, and AWS IoT provisions "
            "no certificate twice: set it right in the AWS IoT console (Security, Certificates)."
        )


def _made_by_template(workbench: Workbench) -> tuple[tuple[str, str], ...]:
    """Return kind and name of what AWS IoT makes at a first connection."""
    account, certificate_id = workbench.account, _certificate_id(workbench)
    arn = resource_arn(account.region, account.account_id, f"cert/{certificate_id}")
    thing = workbench.thing_name
    return (
        (CERTIFICATE, certificate_id),
        (THING, thing),
        (THING_ATTACHMENT, f"{thing} {arn}"),
        (POLICY_ATTACHMENT, f"{workbench.hello_world.policy_name} {arn}"),
    )


def _note_as_made(workbench: Workbench) -> None:
    """Note as made what was begun; a kill may have come between the connection and this."""
    notes = workbench.account.notes
    for kind, name in _made_by_template(workbench):
        if notes.is_begun(kind, name):
            notes.made(kind, name)


def _outcome(workbench: Workbench, capture: Capture) -> Outcome:
    facts = {"start": capture.start, "end": capture.end}
    return Outcome(capture, {"certificate_id": _certificate_id(workbench), **facts})


def _stored_outcome(workbench: Workbench, before: Entry | None) -> Outcome:
    """Return what the board printed at the first connection, as far as this lab has seen it.

    A run that ended between the connection and its note in the journal has not: then the board
    is run once more, and let in.
    """
    if before is None:
        _build_and_flash(workbench)
    known = before or workbench.workspace.journal.newest(_STEP)
    if known is None or known.facts["certificate_id"] != _certificate_id(workbench):
        capture = workbench.board.boot(show=workbench.show)
        verify_key_of_boot(workbench, capture)
        return _outcome(workbench, capture)
    facts = known.facts
    return _outcome(
        workbench, workbench.board.stored(int(str(facts["start"])), int(str(facts["end"])))
    )
