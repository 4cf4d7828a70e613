"""Diagnose a console log: symptom, ranked causes, next step.

::

    diagnosis = diagnose(console_log, Evidence(certificate=pem, account=state))
    diagnosis.best.id        # 'key-changed'
    print(diagnosis)         # what happened, why, do this next

The knowledge is in tables, each fact once: `signs.TEXTS` and `CODES` map console lines to signs;
`symptoms.SYMPTOMS` maps signs to possible causes; `judges.JUDGES` confirms a cause or rules it out
with further evidence; `CAUSES` explains each cause and its remedy. The glossary, the drills and the
end of a capture use the same tables.
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
