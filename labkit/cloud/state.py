"""The account's state of one certificate, read for a diagnosis; nothing is changed.

Each query is independent: if one is denied, only its answer is unknown. A certificate or CA that
does not exist is an answer.

Source: AWS IoT API reference: DescribeEndpoint, DescribeCertificate, DescribeCACertificate,
ListCACertificates, ListPrincipalThings, GetEffectivePolicies, ListAttachedPolicies, GetPolicy,
DescribeThing, DescribeProvisioningTemplate.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from labkit import policy
from labkit.certificates import certificate_id, is_issued_by, load_certificate
from labkit.certificates.rules import spki
from labkit.cloud.aws_errors import translated, unless_missing
from labkit.cloud.kinds import KINDS, listed
from labkit.cloud.resources import CA_CERTIFICATE, CERTIFICATE
from labkit.diagnosis import AccountState
from labkit.errors import CertificateError, CloudError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cryptography import x509

    from labkit.cloud.account import Account
    from labkit.policy import Policy

_NO_NAMES: Mapping[str, str] = MappingProxyType({})

_Answer = TypeVar("_Answer")


def read_account_state(
    account: Account,
    *,
    certificate: x509.Certificate | None,
    ca: x509.Certificate | None,
    by_name: Mapping[str, str] = _NO_NAMES,
) -> AccountState:
    """Query the account about a device's certificate.

    Args:
        account: the account; only calls that read are made.
        certificate: the device's certificate; None leaves out what depends on it.
        ca: the CA's certificate; None leaves the CA out.
        by_name: other resources to look for: "thing", "policy", "provisioning template", each with
            its expected name.

    Returns:
        The state. A value that could not be read is None, and listed in `unknown`.
    """
    asking = _Asking(account.client)
    endpoint = asking.ask("the endpoint", asking.endpoint)
    registered = asking.certificate(certificate)
    authority = asking.ca(certificate, ca)
    arn = registered.arn if registered else ""
    things = asking.ask("its things", lambda: asking.things(arn)) if arn else None
    return AccountState(
        region=account.region,
        account_id=account.account_id,
        endpoint=endpoint,
        ca_status=authority.status if authority else None,
        auto_registration=authority.is_automatic if authority else None,
        ca_template=authority.template if authority else None,
        certificate_status=registered.status if registered else None,
        certificate_key=registered.key if registered else None,
        things=things,
        policies=asking.ask("its policies", lambda: asking.policies(arn, things)) if arn else None,
        there=asking.there(by_name),
        clock=asking.clock,
        unknown=tuple(asking.unknown),
    )


class _Registered(NamedTuple):
    """A device certificate in the account; all values are empty if it is not registered."""

    status: str = ""
    arn: str = ""
    key: bytes | None = None


class _Authority(NamedTuple):
    """A CA certificate in the account; all values are empty if it is not registered."""

    status: str = ""
    is_automatic: bool = False
    template: str = ""


def _key(pem: str) -> bytes | None:
    try:
        return spki(load_certificate(pem).public_key())
    except CertificateError:
        return None


def _signed(ca_pem: str, certificate: x509.Certificate) -> bool:
    try:
        return is_issued_by(certificate, load_certificate(ca_pem))
    except CertificateError:
        return False


class _Asking:
    """Queries of one account; failed ones are recorded.

    Attributes:
        clock: the account's clock, from its last answer.
        unknown: what could not be read, with the reason.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401 boto3 makes clients at run time
        self._client = client
        self.clock: datetime | None = None
        self.unknown: list[str] = []

    def ask(self, what: str, question: Callable[[], _Answer]) -> _Answer | None:
        """Return an answer, or None if the account did not give it."""
        try:
            return question()
        except CloudError as error:
            self.unknown.append(f"{what} ({error.code or 'no answer'})")
        except PolicyError as error:
            self.unknown.append(f"{what} ({error})")
        return None

    def call(self, what: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Make one call."""
        with translated(f"reading {what}"):
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self.clock = parsedate_to_datetime(date)
        return answer

    def pages(self, what: str, operation: str, **parameters: object) -> list[Any]:
        """Return everything that a listing call lists, page by page."""
        with translated(f"reading {what}"):
            return listed(self._client, operation, **parameters)

    def endpoint(self) -> str:
        """Return the ATS endpoint."""
        answer = self.call("the endpoint", "describe_endpoint", endpointType="iot:Data-ATS")
        return str(answer["endpointAddress"])

    def certificate(self, certificate: x509.Certificate | None) -> _Registered | None:
        """Return the certificate as it is registered."""
        if certificate is None:
            return None
        answer = self.ask(
            "the certificate",
            lambda: self._describe(CERTIFICATE, certificate_id(certificate)),
        )
        if answer is None:
            return None
        described = answer.get("certificateDescription", {})
        return _Registered(
            str(described.get("status", "")),
            str(described.get("certificateArn", "")),
            _key(str(described.get("certificatePem", ""))),
        )

    def ca(
        self, certificate: x509.Certificate | None, ca: x509.Certificate | None
    ) -> _Authority | None:
        """Return the signing CA as it is registered.

        A given CA is looked up by its id. If it is not the certificate's issuer, or none is given,
        the issuer is searched among the account's CAs.
        """
        if ca is not None and (certificate is None or is_issued_by(certificate, ca)):
            return self.ask("the CA certificate", lambda: self._ca(certificate_id(ca)))
        if certificate is None:
            return None
        return self.ask("the CA certificates", lambda: self._issuer(certificate))

    def _ca(self, identifier: str) -> _Authority:
        answer = self._describe(CA_CERTIFICATE, identifier)
        described = answer.get("certificateDescription", {})
        return _Authority(
            str(described.get("status", "")),
            described.get("autoRegistrationStatus") == "ENABLE",
            str((answer.get("registrationConfig") or {}).get("templateName", "")),
        )

    def _issuer(self, certificate: x509.Certificate) -> _Authority:
        """Return the account's answer about the CA that signed a certificate."""
        for each in self.pages("CA certificates", "list_ca_certificates"):
            identifier = str(each["certificateId"])
            answer = self._describe(CA_CERTIFICATE, identifier)
            pem = answer.get("certificateDescription", {}).get("certificatePem", "")
            if _signed(pem, certificate):
                return self._ca(identifier)
        return _Authority()

    def _describe(self, kind: str, name: str) -> dict[str, Any]:
        """Describe a resource; a missing one gives an empty answer."""
        row, what = KINDS[kind], f"the {kind} {name}"
        look = partial(self.call, what, row.describe, **{row.parameter: name})
        return unless_missing(look) or {}

    def there(self, by_name: Mapping[str, str]) -> dict[str, bool]:
        """Return for each kind whether the account has the resource of that name."""
        asked = {
            kind: self.ask(f"the {kind} {name}", partial(self._is_there, kind, name))
            for kind, name in by_name.items()
        }
        return {kind: answer for kind, answer in asked.items() if answer is not None}

    def _is_there(self, kind: str, name: str) -> bool:
        return bool(self._describe(kind, name))

    def things(self, arn: str) -> tuple[str, ...]:
        """Return the things that a certificate is attached to."""
        return tuple(self.pages("things", "list_principal_things", principal=arn))

    def policies(self, arn: str, things: tuple[str, ...] | None) -> tuple[Policy, ...]:
        """Return the policies that apply to a certificate.

        The policies of its thing's groups also apply, and only GetEffectivePolicies returns them.
        If that is denied, the policies attached to the certificate itself are read.

        Args:
            arn: the certificate's ARN.
            things: the things that it is attached to; the first one is used. Not checked: whether
                the device may connect as another.
        """
        thing = {"thingName": things[0]} if things else {}
        try:
            answer = self.call("policies", "get_effective_policies", principal=arn, **thing)
        except CloudError:
            attached = self.pages("policies", "list_attached_policies", target=arn, recursive=False)
            named = [each["policyName"] for each in attached]
            answer = {"effectivePolicies": [self._policy(name) for name in named]}
        return tuple(
            policy.parse(each["policyDocument"], name=each["policyName"])
            for each in answer["effectivePolicies"]
        )

    def _policy(self, name: str) -> dict[str, Any]:
        return self.call("a policy", "get_policy", policyName=name)
