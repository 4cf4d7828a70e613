"""From what the console says to what to do: symptom, ranked causes, next step.

::

    diagnosis = diagnose(console_log, Evidence(certificate=pem, account=state))
    diagnosis.best.id        # 'key-changed'
    print(diagnosis)         # what happened, why, do this next

What is known is in tables, each fact once: `signs.TEXTS` and `CODES`, what console lines are signs
of; `symptoms.SYMPTOMS`, which causes these signs may have; `judges.JUDGES`, what else speaks for a
cause or rules it out; `CAUSES`, what each cause is and what to do. Glossary, drills and the end of
a capture use the same tables.
"""

from __future__ import annotations

from labkit.diagnosis.causes import CAUSES, PLACES, CauseText
from labkit.diagnosis.codes import CODES, Code
from labkit.diagnosis.evidence import AccountState, Evidence, Headers
from labkit.diagnosis.finding import Item
from labkit.diagnosis.ranking import diagnose
from labkit.diagnosis.report import Cause, Diagnosis
from labkit.diagnosis.symptoms import causes_of

__all__ = [
    "CAUSES",
    "CODES",
    "PLACES",
    "AccountState",
    "Cause",
    "CauseText",
    "Code",
    "Diagnosis",
    "Evidence",
    "Headers",
    "Item",
    "causes_of",
    "diagnose",
]
