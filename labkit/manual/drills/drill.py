"""A drill: a failing device to look at, an answer that is checked, a proof that it is mended."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit import certificates, firmware
from labkit.check import Check
from labkit.diagnosis import CAUSES, PLACES
from labkit.diagnosis.signs import ACCEPTED
from labkit.errors import ManualError
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM
from labkit.manual import glossary
from labkit.manual.drills import progress
from labkit.manual.drills.boots import boot, diagnose
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
        exercise: what was set.
        console: what the board prints.
    """

    exercise: Exercise
    console: Capture
    _device: DrillDevice = field(repr=False)
    _cause: str = field(repr=False)
    _wrong: list[str] = field(default_factory=list, repr=False)
    _named: bool = field(default=False, repr=False)

    def __repr__(self) -> str:
        """Return title, story and console; the cause is not in it."""
        return f"{self.exercise}\n{self.exercise.story}\n\n{self.console!r}"

    def answer(self, cause: str | None) -> Check:
        """Check an answer.

        Args:
            cause: an id as the glossary has it, such as "no-policy"; None for not answered yet.

        Returns:
            A `Check`; a wrong answer's has a hint that does not name the cause.

        Raises:
            ManualError: there is no such cause.
        """
        claim = f"drill {self.exercise.number}, the cause"
        if cause is None:
            return Check(claim, None)
        if cause not in PLANTINGS:
            near = difflib.get_close_matches(cause, PLANTINGS, 3) or ["no-policy"]
            raise ManualError(
                f"{cause[:60]!r} is no cause: expected an id of page 12, such as {', '.join(near)}."
            )
        progress.note(self._device.lab, self.exercise.number, "answers")
        if cause == self._cause:
            if not self._named:
                progress.note(self._device.lab, self.exercise.number, "named")
            self._named = True
            return Check(claim, passed=True, shown=f"{cause}. {glossary.link(cause)}")
        self._wrong.append(cause)
        return Check(claim, passed=False, shown=self._hint(cause))

    def verify(self) -> Check:
        """Run the hello world: the drill is mastered when it was named and is accepted."""
        claim = f"drill {self.exercise.number}, the hello world is accepted"
        if not self._named:
            return Check(claim, None)
        if not self._device.is_disturbed:
            return Check(claim, passed=True, shown="mended before")
        self.console = boot(self._device.lab)
        if ACCEPTED not in self.console:
            last = [line for line in repr(self.console).splitlines() if line][-1:]
            return Check(
                claim,
                passed=False,
                shown=f"the console ends with: {' '.join(last)} Is what you changed also built and "
                "flashed? drill.console shows all of it.",
            )
        self._device.settle()
        progress.note(self._device.lab, self.exercise.number, "mastered")
        return Check(claim, passed=True)

    def diagnose(self) -> Diagnosis:
        """Let labkit find the cause: for after your own answer."""
        return diagnose(self._device.lab, self.console)

    @property
    def certificate(self) -> Description:
        """The certificate in the keys header, in words.

        Raises:
            CertificateError: what stands there is none.
        """
        value = firmware.get(
            self._device.lab.source("aws_clientcredential_keys.h"), CERTIFICATE_PEM
        )
        return certificates.describe(certificates.load_certificate(value.value or ""))

    def _hint(self, cause: str) -> str:
        """Return what an answer would have shown; after the second, also where to mend it."""
        told = CAUSES[cause].distinguish or CAUSES[cause].meaning
        hint = f"not {cause}. You would know it by this: {told}"
        if len(self._wrong) > 1:
            place = next(place for place, ids in PLACES.items() if self._cause in ids)
            hint += f" What is wrong here is mended in this place: {place}."
        return hint


def begin(lab: Lab, number: int, *, seed: str = "1") -> Drill:
    """Begin a drill: bring the drill device to a healthy state, plant a fault, boot.

    Args:
        lab: the lab, opened with `route="drills"`.
        number: the drill's number.
        seed: chooses the fault and its details; the same seed, the same drill.

    Raises:
        ManualError: there is no such drill, or the lab is another device's.
    """
    exercise = find(number)
    if lab.workspace.settings.route != _ROUTE:
        raise ManualError(
            "drills have a device of their own, so that no other page's is put out of order: open "
            f'it with open_lab(route="{_ROUTE}").'
        )
    _provision(lab)
    device = DrillDevice(lab, f"drill {number}, seed {seed}")
    cause = exercise.causes[device.number("cause", len(exercise.causes))]
    plant(device, cause, at_desk=True)
    return Drill(exercise, boot(lab), device, cause)


def put_away(lab: Lab) -> Check:
    """Take away whatever a drill has planted, mended or not; the device is as it was before.

    A device that has never been accepted is provisioned first.
    """
    device = DrillDevice(lab)
    if not device.is_disturbed:
        return Check(_HEALTHY, _provision(lab))
    device.restore()
    return Check(_HEALTHY, ACCEPTED in boot(lab))


def _provision(lab: Lab) -> bool:
    """Walk the route where it was not walked to its end, and say that the device is accepted."""
    if DrillDevice(lab).is_disturbed or all(done for _, done in lab.route()):
        return True
    return ACCEPTED in lab.run_hello_world()
