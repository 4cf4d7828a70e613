"""Troubleshooting drills: faults that are planted on a simulated bench, to be found and mended.

::

    lab = open_lab(route="drills")
    drill = drills.begin(lab, 7)           # a failing device; its repr is the console
    drill.answer("policy-denies")          # ok, or a hint
    lab.attach_thing_and_policy()          # mended with the manual's own calls
    drill.verify()                         # the hello world is accepted
    drills.summary(lab)

A fault is put where it is in life: headers, certificates, account, board. Nothing prints anything
because a fault is planted.
"""

from __future__ import annotations

from labkit.drills.drill import Drill, begin, put_away
from labkit.drills.progress import Summary, summary

__all__ = ["Drill", "Summary", "begin", "put_away", "summary"]
