"""A handshake, read from an attempt to connect as the simulated gateway reports it.

The gateway reports the messages that it has read and written, and the alert. What the device
accepted is inferred: a side that continues has accepted all messages before, as both RFCs require.

Source: RFC 8446, sections 4.4 and 6; RFC 5246, sections 7.2 and 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from labkit.bench.handshake.messages import (
    ALERTS,
    DEVICE_DOUBTS_SERVER,
    MESSAGES,
    SIGNATURE_IS_WRONG,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.handshake.messages import Message

_ID_LETTERS = 16
_NO_VERSION_YET = "TLSv1.2"
_SERVER_PROOFS = ("ServerKeyExchange", "CertificateVerify")
_OPENSSL_PREFIX = "TLS failed in the TLS handshake: "


class Outcome(StrEnum):
    """The result of a step, as it is displayed."""

    OK = "ok"
    SENT = "sent"
    """Sent; whether the other side accepted it is not known."""
    BROKE = "broke here"
    IGNORED = "sent, not looked at"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Step:
    """A message.

    Attributes:
        sender: "device" or "AWS IoT".
        message: its name in the RFC.
        outcome: its result.
        means: what it states, or what its sender proves with it.
    """

    sender: str
    message: str
    outcome: Outcome
    means: str


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """The handshake of a device's last connection; its repr is a list of its steps.

    Attributes:
        source: where the information comes from, one sentence.
        verdict: the result, one sentence.
        steps: the messages; empty if they could not be observed.
        is_accepted: whether both sides proved their identity and CONNECT was accepted.
        alert: the name of the alert that ended it, such as "unknown_ca"; empty without one.
    """

    source: str
    verdict: str
    steps: tuple[Step, ...] = ()
    is_accepted: bool = False
    alert: str = ""

    @property
    def broke_at(self) -> Step | None:
        """The step that failed, or None."""
        return next((step for step in self.steps if step.outcome is Outcome.BROKE), None)

    def __repr__(self) -> str:
        """Return the source, a line for each step, and the verdict."""
        width = max((len(step.outcome) for step in self.steps), default=0)
        lines = [
            f"{number:2}  {step.sender:7}  {step.message:18}  {step.outcome:{width}}  {step.means}"
            for number, step in enumerate(self.steps, 1)
        ]
        return "\n".join([self.source, *lines, self.verdict])


def read(attempt: Mapping[str, Any]) -> Handshake:
    """Return a handshake step by step.

    Args:
        attempt: the `handshake` of `GET /boards/<thing>/handshake` of a simulated bench.
    """
    messages = MESSAGES.get(attempt["version"], MESSAGES[_NO_VERSION_YET])
    passed = _passed(messages, attempt)
    broke = _broke_at(messages, passed, attempt)
    steps = tuple(
        Step(
            message.sender,
            message.name,
            _outcome(messages, at, passed, broke, attempt),
            _means(message, attempt),
        )
        for at, message in enumerate(messages)
    )
    version = _version(attempt["version"]) or "no version of TLS agreed"
    return Handshake(
        source=f"The last connection as the simulated AWS IoT saw it: {version}",
        steps=steps,
        verdict=_verdict(messages, passed, broke, attempt),
        is_accepted=bool(attempt["is_accepted"]),
        alert=_alert(attempt),
    )


def _passed(messages: tuple[Message, ...], attempt: Mapping[str, Any]) -> int:
    """Return how many messages were read or written without a gap from the first."""
    if attempt["is_accepted"]:
        return len(messages)
    states = set(attempt["steps"])
    return next(at for at, message in enumerate(messages) if message.state not in states)


def _broke_at(messages: tuple[Message, ...], passed: int, attempt: Mapping[str, Any]) -> int | None:
    """Return the message that failed; None if none did, or the attempt is in progress."""
    if attempt["is_accepted"] or not attempt["ended"]:
        return None
    is_in_handshake = bool(messages[passed].state)
    if attempt["alert_sent_by"] == "client" and is_in_handshake:
        doubted = _doubted(messages[:passed], attempt["alert"])
        if doubted is not None:
            return doubted
    return passed


def _doubted(sent: tuple[Message, ...], alert: int) -> int | None:
    """Return which of AWS IoT's messages the device's alert is about."""
    servers = [at for at, message in enumerate(sent) if not message.by_device]
    for at in servers:
        if alert in DEVICE_DOUBTS_SERVER and sent[at].name == "Certificate":
            return at
        if alert == SIGNATURE_IS_WRONG and sent[at].name in _SERVER_PROOFS:
            return at
    return servers[0] if servers else None


def _outcome(
    messages: tuple[Message, ...],
    at: int,
    passed: int,
    broke: int | None,
    attempt: Mapping[str, Any],
) -> Outcome:
    if at == broke:
        return Outcome.BROKE
    if broke is not None and at > broke:
        return Outcome.IGNORED if at < passed else Outcome.NOT_REACHED
    if at >= passed:
        return Outcome.NOT_REACHED
    # A side that has sent nothing since, not even an alert, may not have accepted the message.
    answered = any(message.by_device for message in messages[at + 1 : passed])
    answered |= attempt["alert"] is not None or attempt["client_id"] is not None
    is_known = messages[at].by_device or answered or attempt["is_accepted"]
    return Outcome.OK if is_known else Outcome.SENT


def _means(message: Message, attempt: Mapping[str, Any]) -> str:
    """Return what a message states in this attempt, if that is known, and what it proves."""
    match message.name:
        case "ClientHello" if attempt["offered"]:
            offered = ", ".join(map(_version, attempt["offered"]))
            name = attempt["server_name"] or "no name"
            return f"offers {offered} and asks for {name} (SNI)"
        case "ServerHello" if attempt["version"]:
            return f"chooses {_version(attempt['version'])}"
        case "Certificate" if message.by_device and attempt["certificate_id"]:
            shown = f"{attempt['certificate_id'][:_ID_LETTERS]}…"
            if attempt["subject"]:
                shown = f"{attempt['subject']}, id {shown}"
            return f"{shown}; {message.means}"
        case "CONNECT" if attempt["client_id"] is not None:
            return f"{message.means}: {attempt['client_id'] or 'an empty one'}"
    return message.means


def _verdict(
    messages: tuple[Message, ...], passed: int, broke: int | None, attempt: Mapping[str, Any]
) -> str:
    if attempt["is_accepted"]:
        return "Nothing broke: both sides have proved who they are, and CONNECT was accepted."
    if broke is None:
        return f"It is in progress: the next message is {messages[passed].name}. Ask again."
    where = f"Broke at step {broke + 1}, {messages[broke].name}"
    if not messages[broke].state:
        return f"{where}: both sides have proved who they are; then: {attempt['ended']}."
    return f"{where}: {_why(attempt)}"


def _why(attempt: Mapping[str, Any]) -> str:
    """Return why the handshake ended."""
    why = attempt["ended"].removeprefix(_OPENSSL_PREFIX)
    if attempt["alert"] is None:
        return f"no alert was sent; {why}."
    if attempt["alert_sent_by"] == "client":
        return f"the device refused it with the alert {_alert(attempt)}.{_doubt(attempt)}"
    return f"AWS IoT refused it with the alert {_alert(attempt)}: {why}."


def _doubt(attempt: Mapping[str, Any]) -> str:
    if attempt["alert"] not in DEVICE_DOUBTS_SERVER:
        return ""
    return (
        " By the root CA certificate that it holds this is not AWS IoT, or not the name that it "
        "asked for; it has shown nothing of itself."
    )


def _alert(attempt: Mapping[str, Any]) -> str:
    number = attempt["alert"]
    return "" if number is None else ALERTS.get(number, f"number {number}")


def _version(name: str) -> str:
    """Return a version with a blank: "TLSv1.2" is TLS 1.2."""
    return name.replace("v", " ", 1)
