"""Rows: policies, their versions and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, holds, raises
from situation import GONE, policy
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

CREATE = "model: CreatePolicy"
VERSION = "model: CreatePolicyVersion"
MALFORMED = raises("MalformedPolicyException", 400)
INVALID = raises("InvalidRequestException", 400)
CONFLICT = raises("DeleteConflictException", 409)
DOCUMENT = policy(("iot:Connect", "*"))
OTHER = policy(("iot:Publish", "*"))
LONGEST = 2048
"""Characters of a policy document, white space not counted (quotas)."""


def create(s: Situation, document: str) -> Act:
    """Return the call that makes a policy."""
    name = s.name("policy")
    return lambda: s.iot.create_policy(policyName=name, policyDocument=document)


def as_long_as(length: int) -> str:
    """Return a policy document of so many characters, and of white space that is not counted."""
    client = "arn:aws:iot:us-east-1:123456789012:client/"
    bare = "".join(policy(("iot:Connect", client)).split())
    padded = bare.replace(client, client + "x" * (length - len(bare)))
    return padded.replace(",", ",\n      ")


@row(
    "CreatePolicy",
    "a new name",
    gives({"policyName": Seen("name"), "policyArn": Seen("arn"), "policyVersionId": "1"}),
)
def _(s: Situation) -> Act:
    name = s.name("policy")
    s.seen.update(name=name, arn=s.arn("policy", name))
    return lambda: s.iot.create_policy(policyName=name, policyDocument=DOCUMENT)


@row(
    "CreatePolicy",
    "the name is taken",
    raises("ResourceAlreadyExistsException", 409),
    source=f"{CREATE}: ResourceAlreadyExistsException",
)
def _(s: Situation) -> Act:
    name = s.policy()
    return lambda: s.iot.create_policy(policyName=name, policyDocument=OTHER)


for _name in ("a b", "p" * 129, "a#b"):

    @row(
        "CreatePolicy",
        "a name of 129 characters" if len(_name) > 128 else f"the name {_name!r}",
        INVALID,
        source="model: PolicyName",
    )
    def _(s: Situation, name: str = _name) -> Act:
        return lambda: s.unchecked.create_policy(policyName=name, policyDocument=DOCUMENT)


for _what, _document in {
    "the text hello": "hello",
    "a JSON list": "[]",
    "no statement": '{"Version": "2012-10-17"}',
    "a statement without Effect": policy(("iot:Connect", "*")).replace("Effect", "Effekt"),
    "a statement without Action": policy(("iot:Connect", "*")).replace("Action", "Aktion"),
    "a statement without Resource": policy(("iot:Connect", "*")).replace("Resource", "Object"),
    "an unknown Effect": policy(("iot:Connect", "*"), effect="Perhaps"),
    "an unknown version": policy(("iot:Connect", "*")).replace("2012", "2013"),
    "JSON that ends early": DOCUMENT[:-1],
}.items():

    @row(
        "CreatePolicy",
        f"its document is {_what}" if "hello" in _what else f"its document: {_what}",
        MALFORMED,
        source="model: MalformedPolicyException; guide: AWS IoT Core policies",
    )
    def _(s: Situation, document: str = _document) -> Act:
        return create(s, document)


@row(
    "CreatePolicy",
    "2,048 characters without white space, more with it",
    gives({"policyVersionId": "1"}),
    source="quotas; model: PolicyDocument",
)
def _(s: Situation) -> Act:
    return create(s, as_long_as(LONGEST))


@row(
    "CreatePolicy",
    "2,049 characters without white space",
    MALFORMED | INVALID,
    source="quotas; open: which",
)
def _(s: Situation) -> Act:
    return create(s, as_long_as(LONGEST + 1))


@row("GetPolicy", "its default version", gives({"policyDocument": OTHER, "defaultVersionId": "2"}))
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER, setAsDefault=True)
    return lambda: s.iot.get_policy(policyName=name)


@row(
    "CreatePolicyVersion",
    "not as the default",
    gives({"policyVersionId": "2", "isDefaultVersion": False}),
)
def _(s: Situation) -> Act:
    name = s.policy()
    return lambda: s.iot.create_policy_version(policyName=name, policyDocument=OTHER)


@row(
    "CreatePolicyVersion",
    "as the default",
    gives({"policyVersionId": "2", "isDefaultVersion": True}),
)
def _(s: Situation) -> Act:
    name = s.policy()
    return lambda: s.iot.create_policy_version(
        policyName=name, policyDocument=OTHER, setAsDefault=True
    )


@row("CreatePolicyVersion", "the text hello", MALFORMED)
def _(s: Situation) -> Act:
    name = s.policy()
    return lambda: s.iot.create_policy_version(policyName=name, policyDocument="hello")


@row(
    "CreatePolicyVersion",
    "the fifth",
    gives({"policyVersionId": "5"}),
    source=f"{VERSION}: up to five",
)
def _(s: Situation) -> Act:
    name = s.policy()
    for _ in range(3):
        s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return lambda: s.iot.create_policy_version(policyName=name, policyDocument=OTHER)


@row(
    "CreatePolicyVersion",
    "the sixth",
    raises("VersionsLimitExceededException", 409),
    source=f"{VERSION}: up to five",
)
def _(s: Situation) -> Act:
    name = s.policy()
    for _ in range(4):
        s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return lambda: s.iot.create_policy_version(policyName=name, policyDocument=OTHER)


@row(
    "CreatePolicyVersion",
    "a number is not given twice",
    gives({"policyVersionId": "3"}),
    source="guide: AWS IoT Core policies; open: as IAM numbers its versions",
)
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    s.iot.delete_policy_version(policyName=name, policyVersionId="2")
    return lambda: s.iot.create_policy_version(policyName=name, policyDocument=OTHER)


@row(
    "ListPolicyVersions",
    "two",
    gives(
        holds(
            {"versionId": "1", "isDefaultVersion": True},
            {"versionId": "2", "isDefaultVersion": False},
        )
    ),
)
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return lambda: s.iot.list_policy_versions(policyName=name)["policyVersions"]


@row(
    "DeletePolicyVersion",
    "the default",
    CONFLICT | INVALID,
    source="model: DeletePolicyVersion: it cannot be deleted; open: which",
)
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return lambda: s.iot.delete_policy_version(policyName=name, policyVersionId="1")


@row("DeletePolicyVersion", "another; then it does not exist", gives(GONE))
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return s.after(
        lambda: s.iot.delete_policy_version(policyName=name, policyVersionId="2"),
        lambda: s.iot.delete_policy_version(policyName=name, policyVersionId="2"),
    )


@row("DeletePolicy", "it has another version", CONFLICT)
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.create_policy_version(policyName=name, policyDocument=OTHER)
    return lambda: s.iot.delete_policy(policyName=name)


@row("DeletePolicy", "it is attached", CONFLICT)
def _(s: Situation) -> Act:
    name = s.policy()
    s.iot.attach_policy(policyName=name, target=s.cert_arn())
    return lambda: s.iot.delete_policy(policyName=name)


@row(
    "DeletePolicy",
    "it is free, then it does not exist",
    gives(GONE),
    source="model: DeletePolicy, GetPolicy",
)
def _(s: Situation) -> Act:
    name = s.policy()
    return s.after(
        lambda: s.iot.delete_policy(policyName=name), lambda: s.iot.get_policy(policyName=name)
    )
