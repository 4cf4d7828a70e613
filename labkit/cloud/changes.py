"""The changes that a step makes again in an account, recorded at the client, which sees every call.

Source: boto3 user guide, Extensibility guide, for the event `before-parameter-build`; AWS IoT API
reference for the operations and their parameters.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.cloud.confirmation import is_write
from labkit.errors import CloudError
from labkit.support.prompt import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ASSUME_YES = "LABKIT_YES"
"""The variable that answers yes if its value is 1; `labkit run --yes` sets it."""

_PAST = {"attach": "attached", "call": "called", "create": "created", "enable": "enabled"} | {
    "register": "registered",
    "set": "set",
}

_CHANGES = {
    "CreateThing": ("create", "the thing {thingName}", "missing"),
    "CreatePolicy": ("create", "the policy {policyName}", "missing"),
    "CreateProvisioningTemplate": (
        "create", "the provisioning template {templateName}", "missing",
    ),
    "UpdateProvisioningTemplate": (
        "enable", "the provisioning template {templateName} with its role",
        "disabled, or had another role",
    ),
    "RegisterCACertificate": ("register", "the CA certificate", "missing"),
    "UpdateCACertificate": (
        "set", "the CA certificate {newStatus} as this route needs it", "set otherwise",
    ),
    "RegisterCertificate": ("register", "the certificate", "missing"),
    "CreateKeysAndCertificate": ("create", "a key pair and its certificate", "missing"),
    "AttachThingPrincipal": (
        "attach", "the certificate to the thing {thingName}", "not attached",
    ),
    "AttachPolicy": ("attach", "the policy {policyName} to the certificate", "not attached"),
}  # fmt: skip
"""For each call the verb, what it acts on, and how the account was before it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the account.

    Attributes:
        verb: what is done, in the infinitive, such as "set".
        what: what it is done to, such as "the certificate ACTIVE".
        before: how the account was before, such as "INACTIVE".
    """

    verb: str
    what: str
    before: str

    @property
    def act(self) -> str:
        """The act in the infinitive, such as "set the certificate ACTIVE"."""
        return f"{self.verb} {self.what}"

    def __str__(self) -> str:
        """Return the act in the past, and how the account was before."""
        return f"{_PAST[self.verb]} {self.what} (it was {self.before})"


def ask_before(step: str, change: Change) -> None:
    """Ask before a step that was done before changes a real account again.

    Someone has changed the account since then, perhaps for a reason.

    Args:
        step: the step's name.
        change: what it is about to change.

    Raises:
        CloudError: the answer is not yes, or there is no one to ask.
    """
    if os.environ.get(ASSUME_YES) == "1":
        return
    since = f"The account was changed after lab.{step}() was done: it is {change.before} now."
    answer = ask(
        f"{since} The account is REAL. {change.act[0].upper()}{change.act[1:]} again? [y/N] "
    )
    if (answer or "").strip().lower() not in ("y", "yes"):
        raise CloudError(
            f"{since} Nothing was changed. Find out who changed it, and why. To {change.act} "
            "again, answer y in a terminal or on an open page, or use labkit run --yes."
        )


@contextmanager
def watched(client: Any, about_to: Callable[[Change], object]) -> Iterator[None]:  # noqa: ANN401 boto3 makes clients at run time
    """Call a function before each call of an `iot` client that changes the account.

    Args:
        client: boto3's `iot` client.
        about_to: is given the change; an error that it raises prevents the call.
    """

    def before_call(params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 botocore's OperationModel
        if is_write(model):
            about_to(_change(client, model.name, params))

    event = "before-parameter-build.iot"
    client.meta.events.register(event, before_call)
    try:
        yield
    finally:
        client.meta.events.unregister(event, before_call)


def _change(client: Any, operation: str, params: Mapping[str, Any]) -> Change:  # noqa: ANN401 as above
    if operation == "UpdateCertificate":
        found = client.describe_certificate(certificateId=params["certificateId"])
        status = found["certificateDescription"]["status"]
        return Change("set", f"the certificate {params['newStatus']}", status)
    verb, what, before = _CHANGES.get(operation, ("call", operation, "otherwise"))
    return Change(verb, what.format_map(params), before)
