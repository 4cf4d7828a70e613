"""A record as one page of HTML: self-contained, to read on a screen or on paper."""

from __future__ import annotations

import json
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labkit import certificates
from labkit.certificates.chain import examine
from labkit.errors import LabError
from labkit.manual.pictures.chain import draw_chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LONGEST_CONSOLE = 40_000
"""Characters of the console's end that are shown; all of it is in the record."""

_TONES = {"ok": "good", "accepted": "good", "FAIL": "bad", "failed": "bad"}

_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
)


def report(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> bytes:
    """Return the report.

    Args:
        files: what the record holds, by path, secrets taken out.
        facts: its `record.json`.
    """
    style = resources.files("labkit.record").joinpath("report.css").read_text("utf-8")
    body = Markup("\n").join(_sections(files, facts))
    title = f"Lab record {facts['name']}"
    return _PAGE.format(title=title, style=Markup(style), body=body).encode()  # noqa: S704 our own


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
    yield from _certificate(files, facts)
    for path in sorted(files):
        if path.startswith("account/"):
            yield _section(f"The account: {path.removeprefix('account/')}", _answer(files[path]))
    for path in sorted(files):
        if path.endswith(".diff") and files[path]:
            yield _section(f"Changed: {path.removeprefix('firmware/')}", _text(files[path]))
    if log := files.get("device/console.log"):
        yield _section("The console", _console(log))
    if facts["pages"]:
        yield _section("Pages", _table(_pages(facts["pages"])))
    yield _section("Where", _table(_where(facts)))
    yield _section("Files", _table((path, f"{len(raw)} bytes") for path, raw in _listed(files)))


def _mode(facts: Mapping[str, Any]) -> Markup:
    return Markup('<p class="mode">{}</p>').format(facts["mode"]["words"])


def _summary(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "Outcome", _toned(facts["outcome"])
    yield "Thing", facts["thing"]
    yield "Board", facts["board"] or "not told"
    yield "Operator", facts["operator"] or "not told"
    yield "Made", _when(facts["made_at"])
    yield "Route", facts["route"]
    yield "Key's fingerprint", _mono(facts["fingerprint"] or "none yet")
    if certificate := facts["certificate"]:
        yield "Certificate id", _mono(certificate["id"])
        yield "Status in the account", certificate["status"] or "not told"
    yield "Account", f"{facts['account_id'] or 'not told'}, {facts['region'] or 'not told'}"
    if facts["notes"]:
        yield "Notes", facts["notes"]


def _checks(checks: Iterable[Mapping[str, str]]) -> Markup:
    rows = Markup().join(
        Markup('<tr><td>{}</td><td>{}</td><td>{}</td><td class="quiet">{}</td></tr>').format(
            _toned(each["verdict"]), each["what"], each["value"], each["where"]
        )
        for each in checks
    )
    head = ("verdict", "what", "value", "where")
    return _headed(head, rows)


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


def _fingerprints(told: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, object]]:
    for each in told:
        yield each["at"], _mono(each["sha256"] or f"not read: {each['why']}")


def _diagnosis(told: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    best = told["causes"][0]
    yield "What happened", told["says"]
    yield "Why", f"{best['id']}: {best['meaning']}"
    yield "What to do", best["action"]


def _certificate(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Iterator[Markup]:
    pem, ca_pem = files.get("device/deviceCert.pem"), files.get("ca/rootCA.pem")
    if pem is None:
        return
    csr = files.get("device/deviceCert.csr")
    try:
        certificate = certificates.load_certificate(pem)
        chain = examine(
            certificate,
            certificates.load_certificate(ca_pem) if ca_pem else None,
            now=datetime.fromisoformat(facts["certificate"]["looked_at"]),
            csr=certificates.load_request(csr) if csr else None,
        )
    except LabError as error:
        yield _section("The certificate", Markup("<p>{}</p>").format(error))
        return
    words = Markup("<pre>{}</pre>").format(repr(certificates.describe(certificate)))
    picture = draw_chain(chain) if ca_pem else Markup()
    yield _section("The certificate", picture + words)


def _answer(raw: bytes) -> Markup:
    """Show an answer without the certificate, which stands elsewhere, and its policy as JSON."""
    try:
        told = json.loads(raw)
    except ValueError:
        return _text(raw)
    told.pop("certificatePem", None)
    for each in told.values():
        if isinstance(each, dict) and "policyDocument" in each:
            each["policyDocument"] = json.loads(each["policyDocument"])
    return _text(json.dumps(told, indent=1).encode())


def _console(log: bytes) -> Markup:
    text = log.decode("utf-8", "replace").replace("\r", "")
    shown = text[-_LONGEST_CONSOLE:]
    left = Markup()
    if len(shown) < len(text):
        left = Markup('<p class="quiet">Its last {:,} of {:,} characters.</p>').format(
            len(shown), len(text)
        )
    return left + Markup("<pre>{}</pre>").format(shown)


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
    yield "Firmware", firmware["release"] or firmware["commit"] or "a tree that git does not know"
    if firmware["dirty"]:
        yield "Changed since that commit", ", ".join(firmware["dirty"])
    yield "Tools", ", ".join(f"{name}: {said}" for name, said in where["tools"].items())
    yield "Packages", ", ".join(f"{name} {version}" for name, version in where["packages"].items())


def _listed(files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    return sorted(files.items())


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
    return Markup("<pre>{}</pre>").format(raw.decode("utf-8", "replace"))


def _when(moment: str) -> str:
    """Return an ISO 8601 time for people."""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC"


def _mono(text: str) -> Markup:
    return Markup('<span class="mono">{}</span>').format(text)


def _toned(word: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(_TONES.get(word, "quiet"), word)
