"""The resources of an account, and the interface of the notes about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

CERTIFICATE: Final = "certificate"
THING: Final = "thing"
POLICY: Final = "policy"
CA_CERTIFICATE: Final = "CA certificate"
TEMPLATE: Final = "provisioning template"
POLICY_ATTACHMENT: Final = "policy attachment"
"""Named by the policy and the certificate's ARN, a blank between them."""
THING_ATTACHMENT: Final = "thing attachment"
"""Named by the thing and the certificate's ARN, a blank between them."""

UNKNOWN_CERTIFICATE: Final = "(id not known yet)"
"""The name of a certificate that AWS IoT was asked to create, before it has answered."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in the account.

    Attributes:
        kind: "CA certificate", "certificate", "thing" or "policy".
        name: its name or id.
        arn: its ARN.
        status: its status as AWS spells it; empty if the kind has none.
    """

    kind: str
    name: str
    arn: str
    status: str = ""

    def __repr__(self) -> str:
        """Return one line: kind, short name and status."""
        shown = f"{self.name[:16]}…" if "certificate" in self.kind else self.name
        return f"{self.kind} {shown}" + (f": {self.status}" if self.status else "")


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate that AWS IoT has issued, with the key pair that it generated.

    Attributes:
        resource: the certificate in the account.
        certificate_pem: the certificate.
        private_key_pem: the private key, which AWS IoT returns once and does not keep; not in the
            repr.
    """

    resource: Resource
    certificate_pem: str
    private_key_pem: str = field(repr=False)


class Notes(Protocol):
    """Notes about created resources; implemented by `labkit.workspace.Ledger`."""

    def begin(self, kind: str, name: str) -> None:
        """Note that a resource is about to be created."""

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note that it was created; `begun_as` is its name in the first note if it differs."""

    def deleted(self, kind: str, name: str) -> None:
        """Note that it was deleted, or never existed."""

    def is_begun(self, kind: str, name: str) -> bool:
        """Return whether this run has noted its creation and not its success."""

    def is_this_runs(self, kind: str, name: str) -> bool:
        """Return whether this run created it, or began to."""

    def is_this_labs(self, kind: str, name: str) -> bool:
        """Return whether any run of the lab created it, or began to."""


class _NoNotes:
    """Keeps no notes."""

    def begin(self, kind: str, name: str) -> None:
        """Note nothing."""

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note nothing."""

    def deleted(self, kind: str, name: str) -> None:
        """Note nothing."""

    def is_begun(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that nothing is begun."""
        return False

    def is_this_runs(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that nothing is this run's."""
        return False

    def is_this_labs(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that everything is this lab's."""
        return True


NO_NOTES: Final = _NoNotes()
