"""What an account holds, and who keeps notes about what is made in it."""

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
"""How a certificate is named that AWS IoT was asked to make, before it has answered."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that the account holds.

    Attributes:
        kind: "CA certificate", "certificate", "thing" or "policy".
        name: its name or id.
        arn: its ARN.
        status: its status as AWS spells it; empty where the kind has none.
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
    """A certificate that AWS IoT has issued, with the key pair that it made for it.

    Attributes:
        resource: the certificate in the account.
        certificate_pem: the certificate.
        private_key_pem: the private key, which AWS IoT tells this once and does not keep; it is
            not in the repr.
    """

    resource: Resource
    certificate_pem: str
    private_key_pem: str = field(repr=False)


class Notes(Protocol):
    """Who notes what is made, before and after; `labkit.workspace.Ledger` is one."""

    def begin(self, kind: str, name: str) -> None:
        """Note that something is about to be made."""

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note that it is made, under the name of AWS's answer where it was begun as another."""

    def unmade(self, kind: str, name: str) -> None:
        """Note that it is gone, or was never there."""

    def is_begun(self, kind: str, name: str) -> bool:
        """Return whether this run began to make something and does not know that it is made."""

    def is_this_runs(self, kind: str, name: str) -> bool:
        """Return whether this run made something, or began to."""

    def is_this_labs(self, kind: str, name: str) -> bool:
        """Return whether any run of the lab made something, or began to."""


class _NoNotes:
    """Keeps no notes: for looking at an account, and for tests."""

    def begin(self, kind: str, name: str) -> None:
        """Note nothing."""

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note nothing."""

    def unmade(self, kind: str, name: str) -> None:
        """Note nothing."""

    def is_begun(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that nothing is known to be begun."""
        return False

    def is_this_runs(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that nothing is known to be this run's."""
        return False

    def is_this_labs(self, kind: str, name: str) -> bool:  # noqa: ARG002 as the protocol says
        """Return that nobody is a stranger."""
        return True


NO_NOTES: Final = _NoNotes()
