"""Which of the documentation's two options is for a device: its introduction as questions.

Four questions about the device, each answered with True, False or None for "not known", give an
option and the reasons, or state that there is none, or that it is undecided.

Source: FreeRTOS user guide, Developer-mode key provisioning, Introduction and both options;
Amazon FreeRTOS 202203.00, `aws_dev_mode_key_provisioning.c` and the builds of its boards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

QUESTIONS: Final = {
    "generates_keys": "Can the device make an elliptic-curve key pair on board?",
    "imports_keys": "Can a private key from outside be written into the device's storage?",
    "enrols": "Can the device write and sign a certificate request (CSR) itself?",
    "secure_element": "Does the device have a secure element, a chip that never reveals a key?",
}
"""The questions, by the name of the argument that answers them."""

_TITLES: Final = {
    1: "Option 1: private key import from AWS IoT (page 02)",
    2: "Option 2: onboard private key generation (pages 03 to 08)",
}
_NEITHER = "Neither option: the device cannot hold a private key in a way that the demos know"
_NOT_YET = "Undecided: it depends on answers that you do not have yet"


@dataclass(frozen=True, slots=True)
class Choice:
    """An option for a device, and why.

    Attributes:
        option: 1 or 2; None if neither is possible, or if it is undecided.
        why: the reasons, a sentence each.
        open_questions: names of the questions whose answers would change this choice.
    """

    option: int | None
    why: tuple[str, ...]
    open_questions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the option, the reasons, and what to find out, a line each."""
        undecided = _NOT_YET if self.open_questions else _NEITHER
        title = _TITLES[self.option] if self.option else undecided
        questions = (f"{name}: {QUESTIONS[name]}" for name in self.open_questions)
        return "\n".join(
            [
                title,
                *(f"    because   {reason}" for reason in self.why),
                *(f"    find out  {question}" for question in questions),
            ]
        )


def choose(
    *,
    generates_keys: bool | None = None,
    imports_keys: bool | None = None,
    enrols: bool | None = None,
    secure_element: bool | None = None,
) -> Choice:
    """Choose an option for a device.

    Option 2 wherever it is possible: its private key never leaves the device. A secure element
    makes keys unless it is said not to, and rules Option 1 out: the demos' builds for ECC608A,
    OPTIGA Trust X and PSoC64 leave the import out. For other secure elements this is not known, and
    the stricter answer is used. Enrolment decides who writes the certificate request, not which
    option to use.

    Args:
        generates_keys: it makes an EC key pair on board.
        imports_keys: a private key can be written into it.
        enrols: it writes and signs a certificate request itself.
        secure_element: it has one.

    Returns:
        The choice; a device that may make keys or not, and can import one, gets Option 1 with
        the open question that would make it Option 2.
    """
    makes_keys = True if generates_keys is None and secure_element else generates_keys
    takes_keys = False if secure_element else imports_keys
    if makes_keys:
        return Choice(2, (*_why_option_2(takes_keys, secure_element), *_why_request(enrols)))
    if takes_keys:
        return Choice(
            1,
            _why_option_1(makes_keys, secure_element),
            ("generates_keys",) if makes_keys is None else (),
        )
    open_questions = tuple(
        name
        for name, answer in (("generates_keys", makes_keys), ("imports_keys", takes_keys))
        if answer is None
    )
    return Choice(None, _why_none(makes_keys, imports_keys, secure_element), open_questions)


def _why_option_2(takes_keys: bool | None, secure_element: bool | None) -> tuple[str, ...]:
    reasons = ["the device makes its key pair itself, and the private key never leaves it"]
    if secure_element:
        reasons.append("a secure element is there for this; its builds leave key import out")
    elif takes_keys:
        reasons.append("Option 1 is possible too, but its key has been outside the device")
    return tuple(reasons)


def _why_request(enrols: bool | None) -> tuple[str, ...]:
    if enrols is None:
        return ()
    if enrols:
        return ("it could write its own certificate request; the demos leave that code out",)
    return ("it need not write a certificate request: your workstation does",)


def _why_option_1(makes_keys: bool | None, secure_element: bool | None) -> tuple[str, ...]:
    reasons = ["a private key can be imported: AWS IoT makes one, with its certificate"]
    if makes_keys is False:
        reasons.append("the device makes no key pair of its own, so Option 2 is out")
    else:
        reasons.append("if the device makes key pairs, Option 2 is the better one")
    if secure_element is None:
        reasons.append("a secure element would rule it out: check the board's data sheet")
    reasons.append("for the lab only: anyone who has seen the key can act as this device")
    return tuple(reasons)


def _why_none(
    makes_keys: bool | None, imports_keys: bool | None, secure_element: bool | None
) -> tuple[str, ...]:
    reasons = []
    if makes_keys is False:
        reasons.append("the device makes no key pair of its own, so Option 2 is out")
    if secure_element:
        reasons.append("builds for secure elements leave key import out, so Option 1 is out")
        reasons.append("its maker may have put a key pair in: ask for it and its certificate")
    elif imports_keys is False:
        reasons.append("no private key can be imported, so Option 1 is out")
    return tuple(reasons)
