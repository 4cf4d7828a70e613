"""What a row's function is given: the judge's clients and short ways to make a situation."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from typing import TYPE_CHECKING, Any, Self

import material
from botocore.exceptions import ClientError
from expected import refusal
from judge import NotAskedError
from material import Authority, Leaf
from raw import send
from undo import Undo

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from judge import Judge
    from table import Act

__all__ = ["FREE_OPERATIONS", "GONE", "ROLE", "Situation", "policy"]

GONE = "ResourceNotFoundException 404"
ROLE = "arn:aws:iam::123456789012:role/Provisioning"
_NUMBERS = itertools.count(1)
_RUN = secrets.token_hex(3)


FREE_OPERATIONS = frozenset(
    re.findall(
        r"\w+",
        """
AttachPolicy CreateCertificateFromCsr CreateKeysAndCertificate CreatePolicy CreatePolicyVersion
CreateProvisioningTemplate DeleteCACertificate DeleteCertificate DeletePolicy
DeletePolicyVersion DeleteProvisioningTemplate DescribeCACertificate DescribeCertificate
DescribeEndpoint DescribeProvisioningTemplate DetachPolicy GetCallerIdentity
GetEffectivePolicies GetPolicy GetRegistrationCode ListAttachedPolicies ListCACertificates
ListCertificates ListCertificatesByCA ListPolicies ListPolicyVersions ListProvisioningTemplates
ListTagsForResource ListTargetsForPolicy RegisterCACertificate RegisterCertificate
TestAuthorization UpdateCACertificate UpdateCertificate UpdateProvisioningTemplate
""",
    )
)
"""The calls that cost nothing and change nothing that others use.

AWS charges for the registry of things, for messages and for connections (AWS IoT Core pricing),
not for certificates and policies. Calls that change the account for others, such as a new
registration code, are left out.
"""


def policy(*statements: tuple[str, str] | tuple[str, str, str], effect: str = "Allow") -> str:
    """Return a policy document: an action, a resource and perhaps an effect, each a statement."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": (*rest, effect)[0], "Action": action, "Resource": resource}
                for action, resource, *rest in statements
            ],
        }
    )


class Situation:
    """One row's view of a judge; what is made through it is undone when the row is over."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.seen: dict[str, object] = {}
        self.undo = Undo(judge.iot, judge.unchecked)

    def __enter__(self) -> Self:
        self.undo.__enter__()
        for client in self._clients():
            client.meta.events.register("before-call", self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients():
            client.meta.events.unregister("before-call", self._watch)
        self.undo.__exit__()

    def _clients(self) -> tuple[BaseClient, ...]:
        return (self.judge.iot, self.judge.unchecked, self.judge.sts)

    def _watch(self, model: Any, **_: object) -> None:  # noqa: ANN401 botocore's
        if self.judge.real and model.name not in FREE_OPERATIONS:
            raise NotAskedError(f"{model.name} costs something, or changes what others use")

    @property
    def iot(self) -> BaseClient:
        """The client."""
        return self.judge.iot

    @property
    def unchecked(self) -> BaseClient:
        """The client that sends what boto3 would not."""
        return self.judge.unchecked

    def name(self, what: str = "x") -> str:
        """Return a name that nobody else uses, with the suite's prefix."""
        return f"conformance-{_RUN}-{next(_NUMBERS)}-{what}"[:36]

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:aws:iot:{self.judge.region}:{self.judge.account_id}:{kind}/{name}"

    def ca(self, subject: str = "", key: object = None, **shape: Any) -> Authority:  # noqa: ANN401 as is
        """Make a CA, which is not registered."""
        return Authority(subject or f"CN={self.name('CA')}", key, shape)

    def code(self) -> str:
        """Return the registration code."""
        return str(self.iot.get_registration_code()["registrationCode"])

    def register_ca(self, ca: Authority | None = None, **parameters: object) -> Authority:
        """Register a CA with its verification certificate, ACTIVE unless given otherwise."""
        ca = ca or self.ca()
        self.iot.register_ca_certificate(
            caCertificate=ca.pem,
            verificationCertificate=ca.verification(self.code()),
            **{"setAsActive": True, **parameters},
        )
        return ca

    def registration(self, ca: Authority, **parameters: object) -> Act:
        """Return the call that registers a CA with the right verification certificate."""
        arguments = {
            "caCertificate": ca.pem,
            "verificationCertificate": ca.verification(self.code()),
            **parameters,
        }
        return lambda: self.iot.register_ca_certificate(**arguments)

    def leaf(self, status: str = "ACTIVE", ca: Authority | None = None) -> Leaf:
        """Register a device's certificate of a registered CA, a new one unless given."""
        leaf = (ca or self.register_ca()).issue(f"CN={self.name('device')}")
        self.iot.register_certificate(certificatePem=leaf.pem, status=status)
        return leaf

    def certificate(self, status: str = "ACTIVE") -> str:
        """Register a certificate and return its id; its ARN is noted."""
        leaf = self.leaf(status)
        self.seen.update(id=leaf.id, arn=self.arn("cert", leaf.id))
        return leaf.id

    def cert_arn(self, status: str = "ACTIVE") -> str:
        """Register a certificate and return its ARN."""
        return self.arn("cert", self.certificate(status))

    def status(self, certificate: str) -> str:
        """Return a certificate's status."""
        return str(self.described(certificate)["status"])

    def described(self, certificate: str) -> dict[str, Any]:
        """Return a certificate's description."""
        answer = self.iot.describe_certificate(certificateId=certificate)
        return dict(answer["certificateDescription"])

    def described_ca(self, ca: Authority) -> dict[str, Any]:
        """Return a CA's description."""
        answer = self.iot.describe_ca_certificate(certificateId=ca.id)
        return dict(answer["certificateDescription"])

    def policy(self, document: str = "") -> str:
        """Make a policy and return its name."""
        name = self.name("policy")
        self.iot.create_policy(
            policyName=name, policyDocument=document or policy(("iot:Connect", "*"))
        )
        return name

    def thing(self, **parameters: object) -> str:
        """Make a thing and return its name."""
        name = self.name("thing")
        self.iot.create_thing(thingName=name, **parameters)
        return name

    def after(self, done: Act, look: Act) -> Act:
        """Return calls that do something, and say how a look at it is refused afterwards."""

        def act() -> object:
            done()
            try:
                look()
            except ClientError as error:
                return str(refusal(error))
            return "still there"

        return act

    def send(self, method: str, path: str, body: str = "", *, signed: bool = True) -> object:
        """Send a request that boto3 would not make, and return or raise as boto3 would."""
        return send(self.judge, method, path, body, signed=signed)

    def nobody(self) -> str:
        """Return the id of a certificate that is not registered."""
        return material.certificate_id(self.ca().certificate)
