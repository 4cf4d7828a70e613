"""Rank the causes of a log with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labkit.diagnosis.case import Case
from labkit.diagnosis.evidence import Evidence
from labkit.diagnosis.finding import Item
from labkit.diagnosis.judges import JUDGES
from labkit.diagnosis.literals import What
from labkit.diagnosis.log import read_log
from labkit.diagnosis.report import Cause, Diagnosis
from labkit.diagnosis.signs import REFUSALS, Sign
from labkit.diagnosis.symptom import ACCOUNT, CERTIFICATE, HEADERS
from labkit.diagnosis.symptoms import symptom_of
from labkit.firmware.values import THING, fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.console import Dump
    from labkit.diagnosis.finding import Finding
    from labkit.diagnosis.log import Boot, Log
    from labkit.diagnosis.symptom import Symptom

_DECIDED: Final = 0.97
_DECIDED_TOO: Final = 0.9
"""For further proved causes, to be fixed after the first."""
_UNDECIDED_MAX: Final = 0.9
"""An unproved cause is never more certain than this, or than its own weight."""
_TOO_LITTLE: Final = 0.1
"""If less weight than this is left, the usual causes of a symptom are ruled out."""
_UNKNOWN: Final = "unknown"
_UNKNOWN_CONFIDENCE: Final = 0.5
_LEAST: Final = 0.01
_LEFT_BESIDE_DECIDED: Final = 0.03

_HEALTHY: Final = (
    (Sign.COMPLETED, 0.99, "The hello world completed."),
    (Sign.MESSAGE_BACK, 0.95, "The message was sent to AWS IoT and received again."),
    (Sign.MQTT_CONNECTED, 0.9, "AWS IoT accepted the connection, and nothing failed after it."),
    (
        Sign.TLS_CONNECTED,
        0.6,
        "The TLS session is established, and the log ends there: nothing failed so far.",
    ),
    (Sign.PROVISIONED, 0.9, "Provisioning succeeded, and nothing failed after it."),
    (Sign.HEADER, 0.8, "The board showed its public key, and nothing failed."),
)


def diagnose(console: str | bytes, evidence: Evidence | None = None) -> Diagnosis:
    """Diagnose a console log.

    Only the newest boot's outcome counts; earlier boots are history.

    Args:
        console: the console's text, of one boot or several.
        evidence: the other evidence.

    Returns:
        Ranked causes; only `ok` if nothing failed, only `unknown` if the log has no known sign.
    """
    log = read_log(console)
    case = Case(log, evidence or Evidence())
    symptom = symptom_of(log)
    if symptom is None:
        return _without_symptom(log)
    return _with_symptom(case, symptom)


def _without_symptom(log: Log) -> Diagnosis:
    """Return the diagnosis of a log that shows no known failure."""
    boot = log.boot
    unexplained = boot.failures or list(boot.errors)
    if not unexplained or boot.has(Sign.MQTT_CONNECTED, Sign.COMPLETED):
        for sign, confidence, says in _HEALTHY:
            if boot.has(sign):
                lines = tuple(boot.lines_of(sign)[-1:])
                return Diagnosis(says, (Cause("ok", confidence, lines),), notes=_history(log))
        if log.newest is not None and log.newest.der is not None and _is_of(boot, log.newest):
            item = Item("a whole public-key dump", line=log.newest.line)
            return Diagnosis("The log has a complete dump.", (Cause("ok", 0.8, (item,)),))
    says = "The log has no known sign of a failure or of success."
    if unexplained:
        says = "Something failed, and the cause is unknown."
    unknown = Cause(_UNKNOWN, _UNKNOWN_CONFIDENCE, tuple(unexplained or boot.last))
    return Diagnosis(says, (unknown,), notes=_history(log))


def _is_of(boot: Boot, dump: Dump) -> bool:
    return dump.boot == boot.number and not boot.failures and not boot.errors


def _with_symptom(case: Case, symptom: Symptom) -> Diagnosis:
    findings = {cause: JUDGES[cause](case) for cause in symptom.causes if cause in JUDGES}
    found = {cause: (finding.item,) for cause, finding in findings.items() if finding}
    besides = [symptom.besides] if symptom.besides else []
    shown = tuple(case.log.boot.lines_of(*symptom.signs, *besides))
    says = f"{symptom.says[0].upper()}{symptom.says[1:]}."
    ranked = dict(_ranked(symptom, findings))
    notes = (*_history(case.log), *_notes(case))
    causes = [
        Cause(cause, confidence, shown + found.get(cause, ()))
        for cause, confidence in ranked.items()
        if cause != _UNKNOWN
    ]
    if _UNKNOWN in ranked:
        against = (item for items in found.values() for item in items)
        causes.insert(0, Cause(_UNKNOWN, ranked[_UNKNOWN], (*shown, *against)))
        says += " The usual causes were checked and ruled out."
    decided = any(finding and finding.verdict == "for" for finding in findings.values())
    settled = decided or (len(causes) == 1 and causes[0].id != _UNKNOWN)
    needs = () if settled else _needs(case, symptom)
    return Diagnosis(says, tuple(causes), needs, notes)


def _ranked(symptom: Symptom, findings: dict[str, Finding | None]) -> Iterator[tuple[str, float]]:
    """Yield the remaining causes, best first, each with its confidence.

    If no cause is proved and only rare causes remain, `unknown` comes first.
    """
    verdicts = {cause: finding.verdict for cause, finding in findings.items() if finding}
    decided = [cause for cause in symptom.causes if verdicts.get(cause) == "for"]
    left = {cause: weight for cause, weight in symptom.causes.items() if cause not in verdicts}
    for at, cause in enumerate(decided):
        yield cause, max(_DECIDED_TOO - 0.05 * (at - 1), 0.5) if at else _DECIDED
    total = sum(left.values())
    share = _LEFT_BESIDE_DECIDED if decided else 1.0
    if not decided and total < _TOO_LITTLE:
        yield _UNKNOWN, _UNKNOWN_CONFIDENCE
        share = 1 - _UNKNOWN_CONFIDENCE
    for cause, weight in sorted(left.items(), key=lambda pair: -pair[1]):
        confidence = min(share * weight / total, max(_UNDECIDED_MAX, weight))
        if confidence >= _LEAST:
            yield cause, confidence


_NEEDS: Final = {
    CERTIFICATE: "the device certificate (--certificate FILE, or --firmware DIR): its public key "
    "and the newest dump show whether it was issued for the board's key",
    HEADERS: "the firmware tree (--firmware DIR): its headers distinguish these causes",
    ACCOUNT: "the account's state (--ask-account): CA, certificate, status, policies and thing",
}


def _needs(case: Case, symptom: Symptom) -> tuple[str, ...]:
    """Return the missing evidence that would decide, in the order in which to give it."""
    evidence = case.evidence
    there = {
        CERTIFICATE: case.certificate is not None,
        HEADERS: evidence.headers is not None,
        ACCOUNT: case.account is not None,
    }
    needs = [_NEEDS[what] for what in symptom.asks if not there[what]]
    if CERTIFICATE in symptom.asks and case.key is None:
        needs.insert(0, "a console log with a whole public-key dump of the newest boot")
    return tuple(needs)


def _history(log: Log) -> tuple[str, ...]:
    notes = []
    if log.boots > 1:
        failed = f"; {log.failed_before} of the earlier ones failed" if log.failed_before else ""
        notes.append(f"{log.boots} boots in this log: the newest one counts{failed}.")
    newest = log.newest
    if newest is not None and newest.problem:
        notes.append(
            f"The newest public-key dump, line {newest.line}, is damaged: {newest.problem}"
        )
    elif log.console.outdated:
        notes.append(f"The board's key is not known: {log.console.outdated}")
    return tuple(notes)


def _notes(case: Case) -> tuple[str, ...]:
    notes = []
    if case.has(Sign.MQTT_CONNECTED, Sign.COMPLETED) and case.has(*REFUSALS):
        notes.append(
            "AWS IoT accepted the connection nevertheless: the board used the older values in its "
            "flash, not those of its headers."
        )
    literal, evidence = case.literal, case.evidence
    thing = evidence.headers.thing_name if evidence.headers else None
    if fault := fault_of(THING, thing):
        notes.append(f"{THING} in the header: {fault}.")
    if literal is not None and literal.why and evidence.certificate:
        notes.append(f"{_capital(literal.where)} has {literal.what}: {literal.why}.")
    if literal is not None and literal.what is What.CERTIFICATE and evidence.certificate:
        given = Evidence(certificate=evidence.certificate).device_certificate
        if given is not None and given.certificate not in (None, literal.certificate):
            notes.append(
                "The certificate in the keys header differs from the given file. The header's "
                "counts, because the board was built with it."
            )
    if case.account is not None:
        notes += [f"The account's answer is missing: {what}." for what in case.account.unknown]
    return tuple(notes)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:] if text.startswith("the ") else text
