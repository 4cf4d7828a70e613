"""The context of an operation: one call to the account, in one transaction."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from labkit.policy import resource_arn

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime

    from labkit.support.seeding import Randomness

_DEFAULT_PAGE = 250


class Refusal(Exception):  # noqa: N818 it is AWS's answer to a call, not an error of the program
    """A call is refused with an exception that the service model lists for it.

    Attributes:
        code: AWS's name, such as "ResourceNotFoundException"; the model knows its HTTP status.
        message: what boto3 shows after the code.
        fields: further members of the exception, such as `resourceId` and `resourceArn`.
    """

    def __init__(self, code: str, message: str, **fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields


class Kind(Enum):
    """The kind of a change, for subscribers."""

    STATUS = "status"
    DELETED = "deleted"
    POLICIES = "policies"
    THINGS = "things"


@dataclass(frozen=True, slots=True)
class Change:
    """A change that affects connections.

    Attributes:
        kind: its kind.
        arn: the certificate that it affects.
    """

    kind: Kind
    arn: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An account and its region.

    Attributes:
        region: such as "us-east-1".
        account_id: 12 digits.
    """

    region: str
    account_id: str

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource of this account, such as `arn:…:thing/LED`."""
        return self.resource(f"{kind}/{name}")

    def resource(self, path: str) -> str:
        """Return the ARN of a resource by kind and name, such as `topic/a/b`."""
        return resource_arn(self.region, self.account_id, path)

    def name_in(self, arn: str, kind: str) -> str | None:
        """Return the name in an ARN of this account and kind; None for another text."""
        prefix = self.arn(kind, "")
        return arn[len(prefix) :] if arn.startswith(prefix) else None


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the account.

    Attributes:
        database: the connection, inside the call's transaction.
        identity: the account and its region.
        now: the time of the call.
        randomness: the source of random identifiers.
        changes: passed to the subscribers when the call is committed.
    """

    database: sqlite3.Connection
    identity: Identity
    now: datetime
    randomness: Randomness
    changes: list[Change] = field(default_factory=list)

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        row: sqlite3.Row | None = self.database.execute(query, values).fetchone()
        return row

    def find(self, query: str, *values: object, missing: str) -> sqlite3.Row:
        """Return the first row of a query.

        Raises:
            Refusal: ResourceNotFoundException with the text `missing` if no row matches.
        """
        row = self.one(query, *values)
        if row is None:
            raise Refusal("ResourceNotFoundException", missing)
        return row

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """Return a setting of the account; create it at its first use."""
        row = self.one("SELECT value FROM settings WHERE name = ?", name)
        if row is not None:
            return str(row["value"])
        value = make()
        self.insert("settings", name=name, value=value)
        return value

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self.database.execute(query, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Run a statement and return how many rows it affected."""
        return self.database.execute(statement, values).rowcount

    def insert(self, table: str, **columns: object) -> None:
        """Insert a row; names of tables and columns must not come from a request."""
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        self.run(f"INSERT INTO {table} ({names}) VALUES ({places})", *columns.values())  # noqa: S608 as above

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo the changes in this block if an exception leaves it; the call can continue."""
        changes_before = len(self.changes)
        self.database.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK TO attempt")
            del self.changes[changes_before:]
            raise
        finally:
            self.database.execute("RELEASE attempt")

    def identifier(self, purpose: str) -> str:
        """Return a random identifier in the form of a UUID, version 4."""
        octets = bytearray(self.randomness.draw(self.identity.account_id, purpose, 16))
        octets[6] = octets[6] & 0x0F | 0x40
        octets[8] = octets[8] & 0x3F | 0x80
        digits = octets.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def listing(
        self,
        members: str,
        show: Callable[[sqlite3.Row], object],
        query: str,
        *values: object,
        request: Mapping[str, Any],
        next_page: str = "nextMarker",
    ) -> dict[str, Any]:
        """Return the requested page of a listing.

        Args:
            members: the result's member with the list, such as "things".
            show: returns the listed form of a row.
            query: selects from one table, ends in a WHERE clause and has the column `rowid`.
            values: the query's values.
            request: `pageSize` or `maxResults`, `marker` or `nextToken`, and `ascendingOrder`:
                oldest first, the default.
            next_page: the result's member with the marker of the next page; None after the last.
        """
        size = request.get("pageSize") or request.get("maxResults") or _DEFAULT_PAGE
        order, compare = ("ASC", ">") if request.get("ascendingOrder", True) else ("DESC", "<")
        start = _marked_row(request.get("marker") or request.get("nextToken"))
        if start is not None:
            query, values = f"{query} AND rowid {compare} ?", (*values, start)
        rows = self.all(f"{query} ORDER BY rowid {order} LIMIT ?", *values, size + 1)
        marker = _marker(rows[size - 1]["rowid"]) if len(rows) > size else None
        return {members: [show(row) for row in rows[:size]], next_page: marker}


Operation = Callable[[Call, Mapping[str, Any]], dict[str, Any]]
"""An operation of the account: returns a result for parameters, both by AWS's names."""


def _marker(rowid: int) -> str:
    return base64.b64encode(f"row {rowid}".encode()).decode()


def _marked_row(marker: str | None) -> int | None:
    if marker is None:
        return None
    try:
        text = base64.b64decode(marker, validate=True).decode("ascii")
    except ValueError:
        text = ""
    match = re.fullmatch(r"row ([0-9]{1,18})", text)
    if match is None:
        raise Refusal("InvalidRequestException", "The marker is not valid")
    return int(match[1])
