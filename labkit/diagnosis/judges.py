"""Judges: for each cause, the evidence that proves it or rules it out.

A judge uses certificates, headers and the account, never the symptom. A finding for a cause proves
it; a finding against it removes it from the list. Without a finding the cause keeps its weight.

Source: RFC 5280, 4.1.2.5 and 4.2.1.9; the documentation's "Certificate import".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from labkit.diagnosis import account_judges
from labkit.diagnosis.finding import Finding
from labkit.diagnosis.literals import What
from labkit.diagnosis.signs import Sign
from labkit.keys import short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from labkit.diagnosis.case import Case

_SKEW = timedelta(minutes=5)
"""AWS refuses requests that are signed with a clock further off."""


def _key_is_new(case: Case) -> Finding | None:
    """Return evidence that the board's key was made after its certificate."""
    return _made_in_this_boot(case) or (None if case.key_fits else _was_another(case))


def _made_in_this_boot(case: Case) -> Finding | None:
    signs = case.log.boot.signs
    line = signs.get(Sign.WAITING)
    if line is None and Sign.CERTIFICATE_WRITTEN in signs and not case.key_fits:
        line = signs.get(Sign.WARNING)
    return None if line is None else Finding("for", line.text, "console", line.line)


def _was_another(case: Case) -> Finding | None:
    """Return evidence that the board had another key before, or will have one."""
    change = case.log.key_change
    if change is not None:
        text = f"the key in this dump differs from the key in the dump in line {change[0].line}"
        return Finding("for", text, "console", change[1].line)
    spki = case.literal.spki if case.literal else None
    older = case.log.earlier_keys.get(spki) if spki else None
    if older is not None:
        text = f"the certificate holds the key of the older dump in line {older.line}"
        return Finding("for", text, "certificate", older.line)
    headers = case.evidence.headers
    if case.key_fits is False and headers is not None and headers.force:
        text = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR is 1: every boot makes a new key"
        return Finding("for", text, "headers")
    return None


def _key_changed(case: Case) -> Finding | None:
    found = _key_is_new(case)
    if found is None and case.key_fits:
        return Finding("against", "the certificate holds the board's key", "certificate")
    return found


def _not_for_this_key(case: Case) -> Finding | None:
    if case.key_fits is None:
        return None
    if case.key_fits:
        return Finding("against", "the certificate holds the board's key", "certificate")
    if case.is_ca or _key_is_new(case):
        return Finding("against", "another cause explains the different key", "certificate")
    key, literal = case.key, case.literal
    whose = f"{key.where} has {key.short} …" if key else ""
    short = short_fingerprint(literal.spki) if literal and literal.spki else ""
    return Finding("for", f"the certificate's key is {short} …, and {whose}", "certificate")


def _is_ca(case: Case) -> Finding | None:
    if case.is_ca is None:
        return None
    if case.is_ca:
        return Finding("for", f"{_where(case)} holds a CA's certificate", "certificate")
    return Finding("against", "the certificate is not a CA's", "certificate")


def _where(case: Case) -> str:
    return case.literal.where if case.literal else "the certificate"


def _literal_is(name: str, *what: What) -> Callable[[Case], Finding | None]:
    """Return a judge of one literal: is it what the cause states?"""

    def judge(case: Case) -> Finding | None:
        header = case.header(name)
        literal = case.literal if name == "certificate" else header
        if literal is None:
            return None
        source = "headers" if literal is header else "certificate"
        if literal.what in what:
            why = f": {literal.why}" if literal.why else ""
            return Finding("for", f"{literal.where} holds {literal.what}{why}", source)
        if literal is not header:
            # An intact file does not prove that its copy in the header is intact.
            return None
        return Finding("against", f"{literal.where} holds {literal.what}", source)

    return judge


def _certificate_damaged(case: Case) -> Finding | None:
    headers = case.evidence.headers
    if headers is not None and headers.faults:
        text = f"the keys header cannot be compiled: {headers.faults[0]}"
        return Finding("for", text, "headers")
    if case.has(Sign.CERTIFICATE_UNREADABLE) and case.literal and not case.literal.has_line_end:
        text = f"in {case.literal.where} no line end (\\n) follows the BEGIN line"
        return Finding("for", text, "headers")
    return _literal_is("certificate", What.DAMAGED)(case)


def _no_certificate(case: Case) -> Finding | None:
    if case.certificate_is(What.MISSING):
        return Finding("for", f"{_where(case)} holds nothing", "headers")
    written = case.log.boot.signs.get(Sign.CERTIFICATE_WRITTEN)
    if written is not None and not case.has(Sign.NO_CERTIFICATE_FILE, Sign.CERTIFICATE_MISSING):
        return Finding("against", written.text, "console", written.line)
    return None


def _placeholder(case: Case) -> Finding | None:
    literals = [case.header("certificate"), case.header("private_key")]
    for literal in literals:
        if literal is not None and literal.what is What.NO_PEM:
            return Finding("for", f"{literal.where} holds {literal.what}", "headers")
    headers = case.evidence.headers
    if headers is not None and headers.endpoint and " " in headers.endpoint.strip():
        return Finding("for", "the endpoint in the header is not a host name", "headers")
    if case.has(Sign.UNRESOLVED) or None in literals:
        return None
    return Finding("against", "the literals of the keys header are PEM texts", "headers")


def _rows_lost(case: Case) -> Finding | None:
    dump, header = case.log.newest, case.log.boot.signs.get(Sign.HEADER)
    if dump is None or header is None or not dump.problem:
        return None
    return Finding("for", header.text, "console", header.line)


def _expired(case: Case) -> Finding | None:
    certificate = case.certificate
    now = _time(case)
    if certificate is None or now is None:
        return None
    end = certificate.not_valid_after_utc
    if now > end:
        return Finding(
            "for", f"the certificate expired on {end:%Y-%m-%d %H:%M:%S} UTC", "certificate"
        )
    return Finding("against", f"the certificate is valid until {end:%Y-%m-%d}", "certificate")


def _time(case: Case) -> datetime | None:
    """Return the time of the account, or of this computer."""
    account = case.account
    return account.clock if account and account.clock else case.evidence.now


def _clock(case: Case) -> Finding | None:
    clock, now = (case.account.clock if case.account else None), case.evidence.now
    if clock is not None and now is not None and abs(clock - now) > _SKEW:
        text = (
            f"the account's clock says {clock:%Y-%m-%d %H:%M} UTC, this computer's "
            f"{now:%Y-%m-%d %H:%M}"
        )
        return Finding("for", text, "account")
    certificate, time = case.certificate, _time(case)
    if certificate is None or time is None:
        return None
    begin = certificate.not_valid_before_utc
    if time < begin:
        text = f"the certificate is not valid before {begin:%Y-%m-%d %H:%M:%S} UTC"
        return Finding("for", text, "certificate")
    if case.has(Sign.ALERT):
        return Finding("against", f"the certificate is valid since {begin:%Y-%m-%d}", "certificate")
    return None


def _endpoint_empty(case: Case) -> Finding | None:
    headers = case.evidence.headers
    if headers is None or headers.endpoint is None:
        return None
    if not headers.endpoint:
        return Finding("for", "clientcredentialMQTT_BROKER_ENDPOINT is empty", "headers")
    return None


JUDGES: Final[dict[str, Callable[[Case], Finding | None]]] = {
    "key-changed": _key_changed,
    "certificate-not-for-this-key": _not_for_this_key,
    "ca-certificate-as-device-certificate": _is_ca,
    "no-certificate": _no_certificate,
    "certificate-damaged": _certificate_damaged,
    "public-key-as-certificate": _literal_is("certificate", What.PUBLIC_KEY),
    "ca-literal-damaged": _literal_is("ca", What.DAMAGED, What.PUBLIC_KEY, What.NO_PEM),
    "key-literal-damaged": _literal_is("private_key", What.DAMAGED),
    "unsupported-key": _literal_is("private_key", What.UNSUPPORTED),
    "placeholder-text": _placeholder,
    "rows-lost": _rows_lost,
    "certificate-expired": _expired,
    "clock-wrong": _clock,
    "ca-not-registered": account_judges.ca_not_registered,
    "certificate-not-registered": account_judges.certificate_not_registered,
    "certificate-not-active": account_judges.not_active,
    "jit-first-connection": account_judges.just_in_time,
    "no-policy": account_judges.no_policy,
    "thing-not-attached": account_judges.thing_not_attached,
    "policy-denies": account_judges.policy_denies,
    "wrong-root-or-endpoint": account_judges.wrong_endpoint,
    "endpoint-empty": _endpoint_empty,
    "transport": account_judges.transport,
}
"""The judges by cause. For causes without one, the console decides."""
