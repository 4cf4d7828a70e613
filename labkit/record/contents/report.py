"""A record as one self-contained HTML page, for a screen or for paper."""

from __future__ import annotations

import json
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labkit import certificates
from labkit.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LONGEST_CONSOLE = 40_000
"""Characters of the console log that are shown, from its end; the record has all of it."""

_TONES = {"ok": "good", "accepted": "good", "FAIL": "bad", "failed": "bad"}

_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
)
_MONO = Markup('<span class="mono">{}</span>')
_PRE = Markup("<pre>{}</pre>")


def report(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> bytes:
    """Return the report.

    Args:
        files: the content of the record by path, without secrets.
        facts: its `record.json`.
    """
    style = resources.files("labkit.record").joinpath("report.css").read_text("utf-8")
    body = Markup("\n").join(_sections(files, facts))
    title = f"Lab record {facts['name']}"
    return _PAGE.format(title=title, style=Markup(style), body=body).encode()  # noqa: S704 labkit's own


def summary(facts: Mapping[str, Any]) -> str:
    """Return the record in a few lines of HTML."""
    return str(_mode(facts) + _table(_summary(facts)))


def _sections(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Iterator[Markup]:
    yield _mode(facts)
    yield _table(_summary(facts))
    if facts["failed"]:
        yield _section("What failed", _table(facts["failed"].items()))
    if facts["diagnosis"]:
        yield _section("Diagnosis", _table(_diagnosis(facts["diagnosis"])))
    yield _section("Checks", _checks(facts["checks"]))
    yield _section("The key, step by step", _table(_fingerprints(facts["fingerprints"])))
    yield _section("Steps", _steps(facts["steps"]))
    if pem := files.get("device/deviceCert.pem"):
        yield _section("The certificate", _certificate(pem))
    for path, raw in sorted(files.items()):
        if path.startswith("account/"):
            yield _section(f"The account: {path.removeprefix('account/')}", _answer(raw))
    for path, raw in sorted(files.items()):
        if path.endswith(".diff") and raw:
            yield _section(f"Changed: {path.removeprefix('firmware/')}", _text(raw))
    if log := files.get("device/console.log"):
        yield _section("The console", _console(log))
    if facts["pages"]:
        yield _section("Pages", _table(_pages(facts["pages"])))
    yield _section("Where", _table(_where(facts)))


def _mode(facts: Mapping[str, Any]) -> Markup:
    return Markup('<p class="mode">{}</p>').format(facts["mode"]["words"])


def _summary(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "Outcome", _toned(facts["outcome"])
    yield "Thing", facts["thing"]
    yield "Board", facts["board"] or "not given"
    yield "Operator", facts["operator"] or "not given"
    yield "Made", _when(facts["made_at"])
    yield "Route", facts["route"]
    yield "Key's fingerprint", _MONO.format(facts["fingerprint"] or "no key yet")
    if certificate := facts["certificate"]:
        yield "Certificate id", _MONO.format(certificate["id"])
        yield "Status in the account", certificate["status"] or "unknown"
    yield "Account", f"{facts['account_id'] or 'unknown'}, {facts['region'] or 'unknown'}"
    if facts["notes"]:
        yield "Notes", facts["notes"]


def _checks(checks: Iterable[Mapping[str, str]]) -> Markup:
    rows = Markup().join(
        Markup('<tr><td>{}</td><td>{}</td><td>{}</td><td class="quiet">{}</td></tr>').format(
            _toned(each["verdict"]), each["what"], each["value"], each["where"]
        )
        for each in checks
    )
    return _headed(("verdict", "what", "value", "where"), rows)


def _steps(steps: Iterable[Mapping[str, Any]]) -> Markup:
    rows = Markup().join(
        Markup(
            '<tr><td>{}</td><td>{}<br><span class="mono quiet">{}</span></td><td>{}</td></tr>'
        ).format(
            each["number"],
            each["does"],
            ", ".join(f"{item} {state[:16]}" for item, state in each["made"].items()),
            _when(each["at"]) if each["at"] else each["state"],
        )
        for each in steps
    )
    return _headed(("step", "what it does, and what it made (SHA-256)", "when"), rows)


def _fingerprints(found: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, object]]:
    for each in found:
        yield each["at"], _MONO.format(each["sha256"] or f"not read: {each['why']}")


def _diagnosis(diagnosis: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    best = diagnosis["causes"][0]
    yield "What happened", diagnosis["says"]
    yield "Why", f"{best['id']}: {best['meaning']}"
    yield "What to do", best["action"]


def _certificate(pem: bytes) -> Markup:
    try:
        return _PRE.format(repr(certificates.describe(certificates.load_certificate(pem))))
    except LabError as error:
        return Markup("<p>{}</p>").format(error)


def _answer(raw: bytes) -> Markup:
    """Show an answer without the certificate, and with its policies as JSON."""
    try:
        answer = json.loads(raw)
    except ValueError:
        return _text(raw)
    answer.pop("certificatePem", None)
    for each in answer.values():
        if isinstance(each, dict) and "policyDocument" in each:
            each["policyDocument"] = json.loads(each["policyDocument"])
    return _text(json.dumps(answer, indent=1).encode())


def _console(log: bytes) -> Markup:
    text = log.decode("utf-8", "replace").replace("\r", "")
    shown = text[-_LONGEST_CONSOLE:]
    left_out = Markup()
    if len(shown) < len(text):
        words = Markup('<p class="quiet">The last {:,} of {:,} characters.</p>')
        left_out = words.format(len(shown), len(text))
    return left_out + _PRE.format(shown)


def _pages(pages: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, object]]:
    for name, page in pages.items():
        own = [
            f"{what} in cells {', '.join(map(str, page[key]))}"
            for what, key in (("own input", "own_input"), ("other output", "own_output"))
            if page[key]
        ]
        run = f"{page['run']} of {page['cells']} cells run"
        yield name, "; ".join([run, *own]) if own else f"{run}, all as in the manual"


def _where(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    where = facts["where"]
    yield "Host", where["host"]
    yield "System", where["os"]
    yield "Python", where["python"]
    if port := facts["port"]:
        yield "Port", " ".join(filter(None, port.values()))
    firmware = where["firmware"]
    yield "Firmware", firmware["release"] or firmware["commit"] or "not in a Git repository"
    if firmware["dirty"]:
        yield "Changed since that commit", ", ".join(firmware["dirty"])
    yield "Tools", ", ".join(f"{name}: {version}" for name, version in where["tools"].items())
    yield "Packages", ", ".join(f"{name} {version}" for name, version in where["packages"].items())


def _section(title: str, body: Markup) -> Markup:
    return Markup("<section><h2>{}</h2>\n{}</section>").format(title, body)


def _table(rows: Iterable[tuple[str, object]]) -> Markup:
    row = Markup('<tr><th scope="row">{}</th><td>{}</td></tr>')
    return Markup("<table><tbody>{}</tbody></table>").format(
        Markup("\n").join(row.format(name, value) for name, value in rows)
    )


def _headed(head: Iterable[str], rows: Markup) -> Markup:
    cells = Markup().join(Markup('<th scope="col">{}</th>').format(name) for name in head)
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(cells, rows)


def _text(raw: bytes) -> Markup:
    return _PRE.format(raw.decode("utf-8", "replace"))


def _when(moment: str) -> str:
    """Return an ISO 8601 time as `2026-11-25 12:00:00 UTC`."""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC"


def _toned(word: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(_TONES.get(word, "quiet"), word)
