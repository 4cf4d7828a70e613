"""A case: a log and its evidence, as the judges use them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.diagnosis.literals import Literal, What
from labkit.diagnosis.signs import Sign
from labkit.errors import LabError
from labkit.keys import short_fingerprint
from labkit.policy import NEWEST, connection_context, evaluate, generation, resource_arn

if TYPE_CHECKING:
    from cryptography import x509

    from labkit.diagnosis.evidence import AccountState, Evidence
    from labkit.diagnosis.log import Log
    from labkit.policy import Decision, HelloWorld

_AWS = "Amazon Web Services"


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The board's public key.

    Attributes:
        spki: DER SubjectPublicKeyInfo.
        where: the source, such as "the newest dump".
        line: the dump's line; None if it is not from the console.
    """

    spki: bytes
    where: str
    line: int | None = None

    @property
    def short(self) -> str:
        """The short fingerprint."""
        return short_fingerprint(self.spki)


@dataclass(frozen=True)
class Case:
    """A log and its evidence.

    Attributes:
        log: the console log.
        evidence: the other evidence.
    """

    log: Log
    evidence: Evidence

    @property
    def account(self) -> AccountState | None:
        """The account's state."""
        return self.evidence.account

    @cached_property
    def literal(self) -> Literal | None:
        """The board's certificate, or what it has instead."""
        return self.evidence.device_certificate

    @property
    def certificate(self) -> x509.Certificate | None:
        """The board's certificate; None if it is not one."""
        return self.literal.certificate if self.literal else None

    @cached_property
    def ca(self) -> x509.Certificate | None:
        """The CA's certificate."""
        literal = self.evidence.ca_certificate
        return literal.certificate if literal else None

    @cached_property
    def key(self) -> DeviceKey | None:
        """The board's key: Option 1's in the header, or the newest dump's."""
        headers = self.evidence.headers
        imported = headers.private_key if headers else None
        if imported is not None and imported.spki is not None:
            return DeviceKey(imported.spki, imported.where)
        der, newest = self.log.key, self.log.newest
        if der is None or newest is None:
            return None
        return DeviceKey(der, "the newest dump", newest.line)

    @cached_property
    def key_fits(self) -> bool | None:
        """Whether the certificate holds the board's key; None if one of them is unknown."""
        if self.key is None or self.literal is None or self.literal.spki is None:
            return None
        return self.key.spki == self.literal.spki

    @property
    def is_ca(self) -> bool | None:
        """Whether the board's certificate is a CA's; None if it is unknown."""
        certificate = self.certificate
        if certificate is None:
            return None
        if self.ca is not None and certificate == self.ca:
            return True
        return _says_ca(certificate) or certificates.is_issued_by(certificate, certificate)

    @property
    def is_issued_by_aws(self) -> bool:
        """Whether AWS IoT's own CA signed the certificate, as in Option 1; no account holds it."""
        if self.certificate is None:
            return False
        return _AWS in certificates.subject_text(self.certificate.issuer)

    @property
    def host(self) -> str | None:
        """The endpoint that the board used, or the one in its header."""
        boot = self.log.boot
        named = [boot.hosts[sign] for sign in boot.signs if boot.hosts.get(sign)]
        if named:
            return named[-1]
        headers = self.evidence.headers
        return (headers.endpoint or None) if headers else None

    @property
    def hello_world(self) -> HelloWorld:
        """The generation of the hello world: the console's, or the firmware tree's."""
        if self.has(Sign.BURST_DEMO):
            return generation("201906.00")
        headers = self.evidence.headers
        return (headers and headers.hello_world) or NEWEST

    @property
    def thing_name(self) -> str | None:
        """The thing's name."""
        headers = self.evidence.headers
        if headers and headers.thing_name:
            return headers.thing_name
        things = self.account.things if self.account else None
        return things[0] if things and len(things) == 1 else None

    def at_connect(self, *, attached: bool | None = None) -> Decision | None:
        """Evaluate the policies for CONNECT.

        Args:
            attached: whether the certificate is attached to its thing; None for the actual state.

        Returns:
            The first denial, or the decision that allows it; None if it is unknown.
        """
        thing = self.thing_name
        return None if thing is None else self._decide(self.hello_world.at_connect(thing), attached)

    def after_connect(self) -> Decision | None:
        """Evaluate the policies for the rest of the hello world, as `at_connect`."""
        thing = self.thing_name
        return None if thing is None else self._decide(self.hello_world.after_connect(thing), None)

    def _decide(
        self, requests: tuple[tuple[str, str], ...], attached: bool | None
    ) -> Decision | None:
        account, thing = self.account, self.thing_name
        if account is None or account.policies is None or thing is None:
            return None
        client_id = self.hello_world.client_id(thing)
        if attached is None:
            attached = client_id in (account.things or ())
        try:
            variables = certificates.policy_variables(self.certificate) if self.certificate else {}
            context = connection_context(client_id, attached=attached, certificate=variables)
            decisions = [
                evaluate(
                    account.policies,
                    action,
                    resource_arn(account.region, account.account_id, resource),
                    context,
                )
                for action, resource in requests
            ]
        except LabError:
            return None
        return next((each for each in decisions if not each), decisions[0])

    @property
    def is_registered(self) -> bool | None:
        """Whether the certificate is registered; None if it is unknown."""
        status = self.account.certificate_status if self.account else None
        return None if status is None else status != ""

    @property
    def is_being_registered(self) -> bool:
        """Whether the certificate is known to be unregistered or not activated yet."""
        status = self.account.certificate_status if self.account else None
        return status in ("", "PENDING_ACTIVATION")

    def has(self, *signs: Sign) -> bool:
        """Return whether the newest boot showed any of some signs."""
        return self.log.boot.has(*signs)

    def header(self, name: str) -> Literal | None:
        """Return one of the headers' literals, by its attribute's name."""
        literal = getattr(self.evidence.headers, name, None)
        return literal if isinstance(literal, Literal) else None

    def certificate_is(self, *what: What) -> bool:
        """Return whether the board's certificate is one of these."""
        return self.literal is not None and self.literal.what in what


def _says_ca(certificate: x509.Certificate) -> bool:
    described = certificates.describe(certificate)
    return any(
        each.name == "basicConstraints" and "CA:TRUE" in each.text for each in described.extensions
    )
