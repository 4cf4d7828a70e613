"""From what the console says to what to do: symptom, ranked causes, next step.

::

    diagnosis = diagnose(console_log, Evidence(certificate=pem, account=state))
    diagnosis.best.id        # 'key-changed'
    print(diagnosis)         # what happened, why, do this next

Two tables hold what is known: `symptoms.SYMPTOMS`, which signs of the newest boot bring which
causes into question, and `judges.JUDGES`, what else speaks for a cause or rules it out. The texts
of every cause are in `CAUSES`.
"""

from __future__ import annotations

from labkit.diagnosis.causes import CAUSES, CauseText
from labkit.diagnosis.evidence import AccountState, Evidence, Headers
from labkit.diagnosis.ranking import diagnose
from labkit.diagnosis.report import Cause, Diagnosis, Item

__all__ = [
    "CAUSES",
    "AccountState",
    "Cause",
    "CauseText",
    "Diagnosis",
    "Evidence",
    "Headers",
    "Item",
    "diagnose",
]
