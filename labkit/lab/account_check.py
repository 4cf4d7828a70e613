"""Check what the account holds for a lab's device, and what a connection lacks (read-only).

Source: AWS IoT Core developer guide, X.509 client certificates, Register a client certificate,
Just-in-time provisioning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labkit.certificates import certificate_id
from labkit.cloud.resources import POLICY, TEMPLATE, THING
from labkit.cloud.state import read_account_state
from labkit.diagnosis import AccountState, Evidence
from labkit.errors import LabError
from labkit.keys import PublicKey, short_fingerprint
from labkit.lab.account_graph import AccountGraph, Box, Line
from labkit.lab.header_evidence import read_headers
from labkit.lab.procedure.steps.provisioning import template_name
from labkit.policy import NEWEST, HelloWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.account_graph import Tone
    from labkit.lab.lab import Lab
    from labkit.workspace import Workspace

_BY_AWS: Final = "option-1"
_JUST_IN_TIME: Final = "just-in-time"
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class Expected:
    """What the account should hold for a device.

    Attributes:
        route: the device's route.
        thing: the thing's name.
        certificate: the certificate's id; empty if there is none yet.
        ca: the CA certificate's id; empty if there is none yet.
        key: the device's own public key, DER SubjectPublicKeyInfo; None if it is not known.
        hello_world: the generation of the hello world, which names policy and template.
    """

    route: str
    thing: str
    certificate: str = ""
    ca: str = ""
    key: bytes | None = None
    hello_world: HelloWorld = NEWEST

    @property
    def policy(self) -> str:
        """The policy's name."""
        return self.hello_world.policy_name

    @property
    def template(self) -> str:
        """The provisioning template's name."""
        return template_name(self.hello_world)

    def call(self, step: str) -> str:
        """Return the call that corrects a part; on the just-in-time route it is a connection."""
        by_connecting = (
            "register_certificate", "create_thing", "attach_thing_and_policy",
            "activate_certificate",
        )  # fmt: skip
        if self.route == _JUST_IN_TIME:
            renamed = {"register_ca": "register_ca_with_template"}
            step = "first_connection" if step in by_connecting else renamed.get(step, step)
        if self.route == _BY_AWS and step in ("register_certificate", "issue_certificate"):
            step = "create_keys_and_certificate"
        return f"lab.{step}()"


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """What an account holds for a device, against what it should hold.

    Attributes:
        state: the account's answers.
        expected: what it should hold.
    """

    state: AccountState
    expected: Expected

    @property
    def graph(self) -> AccountGraph:
        """Every part with its state."""
        return account_graph(self.state, self.expected)

    @property
    def verdict(self) -> str:
        """What that means for a connection, in one sentence."""
        gaps = self.graph.gaps
        if gaps:
            next_call = next((each.call for each in gaps if each.call), "")
            then = f" Next: {next_call}." if next_call else ""
            return f"A connection would fail: {len(gaps)} parts are missing or wrong.{then}"
        if not self.graph.is_complete:
            return "Some parts could not be read; the others are right."
        return "Nothing is missing for a connection."

    def __str__(self) -> str:
        """Return the graph as lines, the verdict, and what could not be read."""
        unread = [f"not read: {each}" for each in self.state.unknown]
        return "\n".join([str(self.graph), self.verdict, *unread])


def check_account(lab: Lab) -> AccountCheck:
    """Query the account about a lab's device; no step is performed and nothing is written.

    Raises:
        LabError: the account cannot be reached, or a file of the lab cannot be read.
    """
    place = lab.workspace
    evidence = Evidence(certificate=place.content("deviceCert.pem"), ca=place.content("rootCA.pem"))
    route = place.settings.route
    device, authority = evidence.device_certificate, evidence.ca_certificate
    certificate = device.certificate if device else None
    ca = authority.certificate if authority and route != _BY_AWS else None
    expected = Expected(
        route,
        place.settings.thing_name,
        certificate_id(certificate) if certificate else "",
        certificate_id(ca) if ca else "",
        _device_key(place),
        lab.hello_world,
    )
    by_name = {THING: expected.thing, POLICY: expected.policy}
    if route == _JUST_IN_TIME:
        by_name[TEMPLATE] = expected.template
    state = read_account_state(lab.account, certificate=certificate, ca=ca, by_name=by_name)
    return AccountCheck(state, expected)


def account_graph(state: AccountState, expected: Expected) -> AccountGraph:
    """Compare an account's answers with what it should hold; name the call for each difference."""
    return AccountGraph(tuple(_boxes(state, expected)), tuple(_lines(state, expected)))


def _boxes(state: AccountState, expected: Expected) -> Iterator[Box]:
    yield _ca(state, expected)
    if expected.route == _JUST_IN_TIME:
        call = expected.call("create_provisioning_template")
        yield Box("provisioning template", "", *_presence(state, TEMPLATE, call, expected.template))
    yield _certificate(state, expected)
    thing_call, policy_call = expected.call("create_thing"), expected.call("create_policy")
    yield Box("thing", "", *_presence(state, THING, thing_call, expected.thing))
    yield Box("policy", "", *_presence(state, POLICY, policy_call, expected.policy))


def _presence(state: AccountState, kind: str, call: str, name: str) -> tuple[Tone, str, str, str]:
    there = state.there.get(kind)
    if there is None:
        return "unknown", "not read", name, ""
    return ("good", "exists", name, "") if there else ("gap", "missing", name, call)


def _ca(state: AccountState, expected: Expected) -> Box:
    if expected.route == _BY_AWS:
        return Box("CA certificate", "", "good", "AWS IoT's own", "trusted by every account")
    name = _short(expected.ca)
    if not expected.ca:
        return Box("CA certificate", "", "gap", "not created yet", call=expected.call("create_ca"))
    if state.ca_status is None:
        return Box("CA certificate", name, "unknown", "not read")
    call = expected.call("register_ca")
    if not state.ca_status:
        return Box("CA certificate", name, "gap", "missing: not registered", call=call)
    is_automatic = state.auto_registration
    automatic = f"automatic registration {'enabled' if is_automatic else 'disabled'}"
    wants_automatic = expected.route == _JUST_IN_TIME
    is_right = state.ca_status == "ACTIVE" and bool(state.auto_registration or not wants_automatic)
    return Box(
        "CA certificate", name, "good" if is_right else "bad", state.ca_status,
        automatic, "" if is_right else call,
    )  # fmt: skip


def _certificate(state: AccountState, expected: Expected) -> Box:
    name, status = _short(expected.certificate), state.certificate_status
    if not expected.certificate:
        call = expected.call("issue_certificate")
        return Box("certificate", "", "gap", "not created yet", call=call)
    if status is None:
        return Box("certificate", name, "unknown", "not read")
    if not status:
        call = expected.call("register_certificate")
        return Box("certificate", name, "gap", "missing: not registered", call=call)
    fits, whose = _whose(state.certificate_key, expected.key)
    call = "" if status == "ACTIVE" else expected.call("activate_certificate")
    if not fits:
        call = expected.call("issue_certificate")
    tone: Tone = "good" if status == "ACTIVE" and fits else "bad"
    return Box("certificate", name, tone, status, whose, call)


def _whose(certified: bytes | None, own: bytes | None) -> tuple[bool, str]:
    """Return whether a certificate may be the device's, and its key in words."""
    if certified is None:
        return True, "its key could not be read"
    if own is None:
        return True, f"for key {_fingerprint(certified)}; the device's key is not known"
    if certified == own:
        return True, f"for the device's own key {_fingerprint(own)}"
    return False, f"for key {_fingerprint(certified)}, NOT the device's {_fingerprint(own)}"


def _lines(state: AccountState, expected: Expected) -> Iterator[Line]:
    if expected.route == _JUST_IN_TIME and state.ca_status:
        call = expected.call("register_ca")
        runs_it = None if state.ca_template is None else state.ca_template == expected.template
        yield Line(
            "CA certificate",
            "provisioning template",
            *_connection(runs_it, "runs it", "does not run it", call),
        )
    signed = bool(expected.certificate) and (expected.route == _BY_AWS or bool(expected.ca))
    if signed:
        yield Line("CA certificate", "certificate", "good", "signed it")
    call = expected.call("attach_thing_and_policy")
    is_known = state.certificate_status != ""
    things = None if state.things is None else expected.thing in state.things
    policies = state.policies
    has_policy = None if policies is None else expected.policy in {each.name for each in policies}
    if not is_known or not expected.certificate:
        things = has_policy = False
    yield Line("certificate", "thing", *_connection(things, "attached", "not attached", call))
    yield Line("policy", "certificate", *_connection(has_policy, "attached", "not attached", call))


def _connection(exists: bool | None, yes: str, no: str, call: str) -> tuple[Tone, str, str]:
    if exists is None:
        return "unknown", "not read", ""
    return ("good", yes, "") if exists else ("gap", no, call)


def _device_key(place: Workspace) -> bytes | None:
    """Return the device's public key: the extracted one, or that of the imported private key."""
    pem = place.content("DevicePublicKey.pem")
    if pem is not None:
        return PublicKey.from_pem(pem).der
    try:
        literal = read_headers(place.firmware).private_key
    except LabError:
        return None
    return literal.spki if literal else None


def _short(identifier: str) -> str:
    return f"{identifier[:_SHORT]}…" if identifier else ""


def _fingerprint(key: bytes) -> str:
    return short_fingerprint(key)[:9]
