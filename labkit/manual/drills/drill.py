"""A drill: a failing device to examine, an answer to check, a proof that the fault is fixed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit import certificates, diagnosis, firmware
from labkit.check import Check
from labkit.diagnosis import CAUSES, PLACES, Evidence
from labkit.diagnosis.signs import ACCEPTED
from labkit.errors import ManualError
from labkit.lab.diagnosis_evidence import with_account
from labkit.lab.header_evidence import read_headers
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM
from labkit.manual import glossary
from labkit.manual.drills import results
from labkit.manual.drills.catalogue import Exercise, find
from labkit.manual.drills.device import DrillDevice
from labkit.manual.drills.faults import PLANTINGS, plant

if TYPE_CHECKING:
    from labkit.certificates import Description
    from labkit.device.capture import Capture
    from labkit.diagnosis import Diagnosis
    from labkit.lab.lab import Lab

_ROUTE = "drills"
_HEALTHY = "the drill device is accepted, and no fault is planted"


@dataclass(slots=True)
class Drill:
    """A drill that was begun; its repr shows the failing device's console.

    Attributes:
        exercise: the title, story and possible causes.
        console: what the board printed.
    """

    exercise: Exercise
    console: Capture
    _device: DrillDevice = field(repr=False)
    _cause: str = field(repr=False)
    _wrong: list[str] = field(default_factory=list, repr=False)
    _named: bool = field(default=False, repr=False)

    def __repr__(self) -> str:
        """Return title, story and console, without the cause."""
        return f"{self.exercise}\n{self.exercise.story}\n\n{self.console!r}"

    def answer(self, cause: str | None) -> Check:
        """Check an answer.

        Args:
            cause: the id of a cause in the glossary, such as "no-policy"; None for no answer yet.

        Returns:
            A `Check`; a wrong answer gets a hint that does not name the cause.

        Raises:
            ManualError: the glossary has no such cause.
        """
        claim = f"drill {self.exercise.number}, the cause"
        if cause is None:
            return Check(claim, None)
        if cause not in PLANTINGS:
            near = difflib.get_close_matches(cause, PLANTINGS, 3) or ["no-policy"]
            raise ManualError(
                f"{cause[:60]!r} is not the id of a cause. Page 12 lists the ids, such as "
                f"{', '.join(near)}."
            )
        self._count("answers")
        if cause == self._cause:
            if not self._named:
                self._count("named")
            self._named = True
            return Check(claim, passed=True, shown=f"{cause}. {glossary.link(cause)}")
        self._wrong.append(cause)
        return Check(claim, passed=False, shown=self._hint(cause))

    def verify(self) -> Check:
        """Boot; the drill is mastered if its cause was named and the board is accepted."""
        claim = f"drill {self.exercise.number}, the hello world is accepted"
        if not self._named:
            return Check(claim, None)
        if not self._device.is_disturbed:
            return Check(claim, passed=True, shown="fixed before")
        self.console = self._device.lab.board.boot()
        if ACCEPTED not in self.console:
            last = [line for line in repr(self.console).splitlines() if line][-1:]
            return Check(
                claim,
                passed=False,
                shown=f"the console ends with: {' '.join(last)} After a change of a header, build "
                "and flash. drill.console shows the whole console.",
            )
        self._device.settle()
        self._count("mastered")
        return Check(claim, passed=True)

    def diagnose(self) -> Diagnosis:
        """Let labkit find the cause, from console, headers, certificates and the account.

        Use it after your own answer.
        """
        lab = self._device.lab
        evidence = Evidence(headers=read_headers(lab.workspace.firmware))
        return diagnosis.diagnose(self.console.text, with_account(lab, evidence))

    @property
    def certificate(self) -> Description:
        """The certificate in the keys header, in words.

        Raises:
            CertificateError: the header has no certificate.
        """
        value = firmware.get(
            self._device.lab.source("aws_clientcredential_keys.h"), CERTIFICATE_PEM
        )
        return certificates.describe(certificates.load_certificate(value.value or ""))

    def _count(self, event: str) -> None:
        results.count(self._device.lab, self.exercise.number, event)

    def _hint(self, cause: str) -> str:
        """Return how to recognise the wrong answer; after two also where the fault is."""
        sign = CAUSES[cause].distinguish or CAUSES[cause].meaning
        hint = f"not {cause}. You would recognise it by this: {sign}"
        if len(self._wrong) > 1:
            place = next(place for place, ids in PLACES.items() if self._cause in ids)
            hint += f" This fault is fixed in {place}."
        return hint


def begin(lab: Lab, number: int, *, seed: str = "1") -> Drill:
    """Begin a drill: bring the drill device to a healthy state, plant a fault, boot.

    Args:
        lab: the lab, opened with `route="drills"`.
        number: the drill's number.
        seed: chooses the fault and its details; the same seed gives the same drill.

    Raises:
        ManualError: there is no drill of this number, or the lab is another device's.
    """
    exercise = find(number)
    if lab.workspace.settings.route != _ROUTE:
        raise ManualError(
            "drills break a device on purpose, so they use a device of their own. Open it with "
            f'open_lab(route="{_ROUTE}").'
        )
    _provision(lab)
    device = DrillDevice(lab, f"drill {number}, seed {seed}")
    cause = exercise.causes[device.number("cause", len(exercise.causes))]
    plant(device, cause, at_desk=True)
    return Drill(exercise, lab.board.boot(), device, cause)


def restore(lab: Lab) -> Check:
    """Remove what a drill has planted, fixed or not; the device is as it was before.

    A device that has never been accepted is provisioned first.
    """
    device = DrillDevice(lab)
    if not device.is_disturbed:
        return Check(_HEALTHY, _provision(lab))
    device.restore()
    return Check(_HEALTHY, ACCEPTED in lab.board.boot())


def _provision(lab: Lab) -> bool:
    """Do the steps that are not done yet; return whether the device is accepted."""
    if DrillDevice(lab).is_disturbed or all(done for _, done in lab.route()):
        return True
    return ACCEPTED in lab.run_hello_world()
