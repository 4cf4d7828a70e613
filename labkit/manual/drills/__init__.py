"""Troubleshooting drills: faults that are planted on a simulated bench, to be found and mended.

::

    lab = open_lab(route="drills")
    drill = drills.begin(lab, 7)           # a failing device; its repr is the console
    drill.answer("policy-denies")          # ok, or a hint
    lab.attach_thing_and_policy()          # mended with the manual's own calls
    drill.verify()                         # the hello world is accepted
    drills.summary(lab)

    drills.plant(lab, "transport")         # a fault by its name, with no drill about it
    drills.unplant(lab)

A fault is put where it is in life: headers, certificates, account, board. Nothing prints anything
because a fault is planted.
"""

from __future__ import annotations

from labkit.manual.drills.drill import Drill, begin, put_away
from labkit.manual.drills.hands import FAULTS, plant, power, unplant
from labkit.manual.drills.progress import Summary, summary

__all__ = [
    "FAULTS",
    "Drill",
    "Summary",
    "begin",
    "plant",
    "power",
    "put_away",
    "summary",
    "unplant",
]
