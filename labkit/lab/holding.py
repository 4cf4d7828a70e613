"""What the account holds of a lab's device, and what is missing for a connection; only reading.

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
from labkit.lab.procedure.steps.just_in_time import template_name
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
    """What the account should hold of a device.

    Attributes:
        route: the device's route.
        thing: the thing's name.
        certificate: the certificate's id; empty where there is none yet.
        ca: the CA certificate's id; empty where there is none yet.
        key: the device's own public key, DER SubjectPublicKeyInfo; None where nobody knows it.
        hello_world: the generation of the device's hello world, which names policy and template.
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
        """Return the call that closes a gap; on the just-in-time route a connection does."""
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
class Holding:
    """What an account was found to hold of a device.

    Attributes:
        state: the account's answers.
        expected: what it should hold.
    """

    state: AccountState
    expected: Expected

    @property
    def graph(self) -> AccountGraph:
        """What is there and what is missing."""
        return account_graph(self.state, self.expected)

    @property
    def verdict(self) -> str:
        """What that means for a connection, in one sentence."""
        gaps, is_told = self.graph.gaps, self.graph.is_told
        if gaps:
            next_call = next((each.call for each in gaps if each.call), "")
            then = f" Next: {next_call}." if next_call else ""
            return f"Not as a connection needs it: {len(gaps)} of the parts.{then}"
        if not is_told:
            return "The account did not tell all; what it told is right."
        return "Nothing is missing for a connection."

    def __str__(self) -> str:
        """Return the graph as lines, the verdict, and what was not told."""
        unknown = [f"not told: {each}" for each in self.state.unknown]
        return "\n".join([str(self.graph), self.verdict, *unknown])


def read_holding(lab: Lab) -> Holding:
    """Ask the account what it holds of a lab's device; no step is done and nothing is written.

    Raises:
        LabError: the account cannot be reached, or a file of the lab cannot be read.
    """
    place = lab.workspace
    evidence = Evidence(
        certificate=_content(place, "deviceCert.pem"), ca=_content(place, "rootCA.pem")
    )
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
    return Holding(state, expected)


def account_graph(state: AccountState, expected: Expected) -> AccountGraph:
    """Judge what an account holds of a device: what is there, and what closes each gap."""
    return AccountGraph(tuple(_boxes(state, expected)), tuple(_lines(state, expected)))


def _boxes(state: AccountState, expected: Expected) -> Iterator[Box]:
    yield _ca(state, expected)
    if expected.route == _JUST_IN_TIME:
        call = expected.call("create_provisioning_template")
        yield Box("provisioning template", "", *_there(state, TEMPLATE, call, expected.template))
    yield _certificate(state, expected)
    thing_call, policy_call = expected.call("create_thing"), expected.call("create_policy")
    yield Box("thing", "", *_there(state, THING, thing_call, expected.thing))
    yield Box("policy", "", *_there(state, POLICY, policy_call, expected.policy))


def _there(state: AccountState, kind: str, call: str, name: str) -> tuple[Tone, str, str, str]:
    there = state.there.get(kind)
    if there is None:
        return "unknown", "not told", name, ""
    return ("good", "there", name, "") if there else ("gap", "missing", name, call)


def _ca(state: AccountState, expected: Expected) -> Box:
    if expected.route == _BY_AWS:
        return Box("CA certificate", "", "good", "AWS IoT's own", "trusted by every account")
    name = _short(expected.ca)
    if not expected.ca:
        return Box("CA certificate", "", "gap", "not made yet", call=expected.call("create_ca"))
    if state.ca_status is None:
        return Box("CA certificate", name, "unknown", "not told")
    call = expected.call("register_ca")
    if not state.ca_status:
        return Box("CA certificate", name, "gap", "missing: not registered", call=call)
    automatic = "registers newcomers" if state.auto_registration else "registers no newcomers"
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
        return Box("certificate", "", "gap", "not made yet", call=call)
    if status is None:
        return Box("certificate", name, "unknown", "not told")
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
    """Return whether a certificate may be the device's, and whose key it holds, in words."""
    if certified is None:
        return True, "whose key it holds was not told"
    if own is None:
        return True, f"for key {_fingerprint(certified)}; the device's is not known"
    if certified == own:
        return True, f"for the device's own key {_fingerprint(own)}"
    return False, f"for key {_fingerprint(certified)}, NOT the device's {_fingerprint(own)}"


def _lines(state: AccountState, expected: Expected) -> Iterator[Line]:
    if expected.route == _JUST_IN_TIME and state.ca_status:
        call = expected.call("register_ca")
        told = None if state.ca_template is None else state.ca_template == expected.template
        yield Line(
            "CA certificate",
            "provisioning template",
            *_held(told, "runs it", "does not run it", call),
        )
    signed = bool(expected.certificate) and (expected.route == _BY_AWS or bool(expected.ca))
    if signed:
        yield Line("CA certificate", "certificate", "good", "signed it")
    call = expected.call("attach_thing_and_policy")
    is_known = state.certificate_status != ""
    things = None if state.things is None else expected.thing in state.things
    policies = state.policies
    held = None if policies is None else expected.policy in {each.name for each in policies}
    if not is_known or not expected.certificate:
        things = held = False
    yield Line("certificate", "thing", *_held(things, "attached", "not attached", call))
    yield Line("policy", "certificate", *_held(held, "attached", "not attached", call))


def _held(told: bool | None, yes: str, no: str, call: str) -> tuple[Tone, str, str]:
    if told is None:
        return "unknown", "not told", ""
    return ("good", yes, "") if told else ("gap", no, call)


def _device_key(place: Workspace) -> bytes | None:
    """Return the device's public key: extracted, or of the private key that was imported."""
    pem = _content(place, "DevicePublicKey.pem")
    if pem is not None:
        return PublicKey.from_pem(pem).der
    try:
        literal = read_headers(place.firmware).private_key
    except LabError:
        return None
    return literal.spki if literal else None


def _content(place: Workspace, name: str) -> bytes | None:
    path = place.path(name)
    return path.read_bytes() if path.is_file() else None


def _short(identifier: str) -> str:
    return f"{identifier[:_SHORT]}…" if identifier else ""


def _fingerprint(key: bytes) -> str:
    return short_fingerprint(key)[:9]
