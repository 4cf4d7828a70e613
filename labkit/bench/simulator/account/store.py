"""The account's data: one SQLite file, in WAL mode.

A call is one transaction, committed before the answer, so that a kill at any moment loses no
answered call. All calls share one connection and one lock: they take fractions of a millisecond,
and SQLite has one writer anyway. All queries use an index, so that the 10,000th call takes as long
as the first.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING

from labkit.bench.simulator.state_lock import StateDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Times are ISO 8601, UTC. The dates of a certificate are read from its DER, not stored.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ca_certificates (
    id TEXT PRIMARY KEY, der BLOB NOT NULL, pem TEXT NOT NULL, subject BLOB NOT NULL,
    status TEXT NOT NULL, mode TEXT NOT NULL, auto_registration TEXT NOT NULL,
    registration_config TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    version INTEGER NOT NULL, generation TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ca_certificates_by_subject ON ca_certificates (subject);
CREATE TABLE IF NOT EXISTS certificates (
    id TEXT PRIMARY KEY, der BLOB NOT NULL, pem TEXT NOT NULL, ca_id TEXT, ca_der BLOB,
    status TEXT NOT NULL, mode TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    version INTEGER NOT NULL, generation TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS certificates_by_ca ON certificates (ca_id);
CREATE TABLE IF NOT EXISTS things (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, attributes TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS policies (
    name TEXT PRIMARY KEY, default_version INTEGER NOT NULL, created TEXT NOT NULL,
    modified TEXT NOT NULL, generation TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS policy_versions (
    policy TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (policy, version));
CREATE TABLE IF NOT EXISTS policy_attachments (
    target TEXT NOT NULL, policy TEXT NOT NULL, PRIMARY KEY (target, policy));
CREATE INDEX IF NOT EXISTS policy_attachments_by_policy ON policy_attachments (policy);
CREATE TABLE IF NOT EXISTS thing_principals (
    principal TEXT NOT NULL, thing TEXT NOT NULL, type TEXT NOT NULL,
    PRIMARY KEY (principal, thing));
CREATE INDEX IF NOT EXISTS thing_principals_by_thing ON thing_principals (thing);
CREATE TABLE IF NOT EXISTS tags (
    resource TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (resource, key));
CREATE TABLE IF NOT EXISTS provisioning_templates (
    name TEXT PRIMARY KEY, type TEXT NOT NULL, description TEXT NOT NULL, body TEXT NOT NULL,
    enabled INTEGER NOT NULL, role_arn TEXT NOT NULL, created TEXT NOT NULL,
    modified TEXT NOT NULL);
"""


class Store:
    """An SQLite file that many threads may use.

    Args:
        path: the file; created with its tables if it is missing.

    Raises:
        StateDamagedError: the file is not a database.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            # In WAL mode NORMAL may lose the last calls with the power, never with a kill.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise StateDamagedError(
                f"{path} cannot be read as the account's database: {error}. Move it to another"
                " folder; the next start creates an empty account."
            ) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction; commit it at the end, roll it back on an exception."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the connection for queries only."""
        with self._lock:
            yield self._connection

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
