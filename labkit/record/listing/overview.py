"""A list of records as one HTML page: self-contained, sortable and printable."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from labkit.record.listing.records import moment, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from labkit.record.listing.records import Listed, Records

_TONES = {"accepted": "good", "failed": "bad"}

_PAGE = Markup("""\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
{style}</style></head>
<body><main><h1>{title}</h1>
<p>{summary} Not verified. Verify a record with <code>labkit record verify FILE</code>.</p>
{body}</main>
<script>{script}</script></body></html>
""")
_TABLE = Markup("""\
<div class="wide" tabindex="0" role="group" aria-label="Table of records"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></div>
""")
_HEAD = (
    *("file", "made (UTC)", "outcome", "bench", "thing", "board", "operator", "route", "account"),
    *("key's fingerprint (SHA-256)", "certificate id", "status then", "valid until (UTC)"),
)
_ROW = Markup(
    '<tr><th scope="row"><a href="{}">{}</a></th><td>{}</td><td class="{}">{}</td><td>{}</td>'
    '<td class="free">{}</td><td class="free">{}</td><td class="free">{}</td><td>{}</td><td>{}</td>'
    '<td class="mono">{}</td><td class="mono">{}</td><td>{}</td><td>{}</td></tr>'
)


def to_html(records: Records, page_folder: Path | None = None) -> str:
    """Return the page.

    Args:
        records: the list.
        page_folder: the folder that the page will be in, for its links; that of the records if
            None.
    """
    script = _resource("listing/overview.js")
    body = (
        _table(records.listed, _link(page_folder or records.folder, records.folder))
        if records.listed
        else Markup()
    )
    page = _PAGE.format(
        title="Lab records",
        policy=_policy(script),
        style=Markup(_resource("report.css") + _resource("listing/overview.css")),  # noqa: S704 labkit's own
        summary=records.summary,
        body=body + _others(records),
        script=Markup(script),  # noqa: S704 labkit's own
    )
    return str(page)


def _policy(script: str) -> str:
    """Return a Content-Security-Policy that allows this style and this script only."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _resource(name: str) -> str:
    return resources.files("labkit.record").joinpath(name).read_text("utf-8")


def _link(page_folder: Path, folder: Path) -> str:
    """Return the beginning of a relative link from the page to the records."""
    path = os.path.relpath(os.fsencode(folder.absolute()), os.fsencode(page_folder.absolute()))
    return f"{quote(path.replace(os.sep.encode(), b'/'))}/"


def _table(listed: Iterable[Listed], link: str) -> Markup:
    head = Markup().join(Markup('<th scope="col">{}</th>').format(name) for name in _HEAD)
    return _TABLE.format(head=head, rows=Markup("\n").join(_row(each, link) for each in listed))


def _row(listed: Listed, link: str) -> Markup:
    facts = listed.facts
    values = (
        *(facts.bench, facts.thing, facts.board, facts.operator, facts.route),
        f"{facts.account_id} {facts.region}".strip(),
        *(facts.fingerprint, facts.certificate_id, facts.certificate_status),
    )
    return _ROW.format(
        *(link + quote(os.fsencode(listed.file)), plain(listed.file), moment(facts.made_at)),
        *(_TONES.get(facts.outcome, "quiet"), facts.outcome),
        *map(plain, values),
        moment(facts.not_after),
    )


def _others(records: Records) -> Markup:
    if not records.others:
        return Markup()
    rows = Markup("\n").join(
        Markup("<li>{}: {}</li>").format(plain(each.file), plain(each.why))
        for each in records.others
    )
    return Markup("<h2>Files that are not records</h2>\n<ul>\n{}\n</ul>\n").format(rows)
