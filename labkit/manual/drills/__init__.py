"""Troubleshooting drills: faults that are planted on a simulated bench, to find and fix.

::

    lab = open_lab(route="drills")
    drill = drills.begin(lab, 7)           # a failing device; its repr is the console
    drill.answer("policy-denies")          # ok, or a hint
    lab.attach_thing_and_policy()          # fixed with the manual's own calls
    drill.verify()                         # the hello world is accepted
    drills.summary(lab)

    drills.plant(lab, "transport")         # a fault by its name, without a drill
    drills.unplant(lab)

A fault is made where it occurs on real hardware: in headers, certificates, the account or the
board. No output is faked.
"""

from __future__ import annotations

from labkit.manual.drills.board import FAULTS, plant, power, unplant
from labkit.manual.drills.drill import Drill, begin, restore
from labkit.manual.drills.results import Summary, summary

__all__ = [
    "FAULTS",
    "Drill",
    "Summary",
    "begin",
    "plant",
    "power",
    "restore",
    "summary",
    "unplant",
]
