"""The bench forgets nothing: killed at any moment, it has all that it has answered."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from account_writers import Reader, Writer
from service_process import Bench
from simulator_fixtures import Authority, iot_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.client import BaseClient

pytestmark = pytest.mark.slow

WRITERS = 4
MAKERS = {"register_certificate", "create_keys_and_certificate"}
"""The calls that make a certificate."""


TABLES = ("things", "policies", "certificates", "thing_principals", "policy_attachments")
ORPHANS = """
SELECT 'certificate of an attachment' FROM thing_principals WHERE principal NOT IN
    (SELECT 'arn:aws:iot:us-east-1:123456789012:cert/' || id FROM certificates)
UNION ALL SELECT 'thing of an attachment' FROM thing_principals WHERE thing NOT IN
    (SELECT name FROM things)
UNION ALL SELECT 'policy of an attachment' FROM policy_attachments WHERE policy NOT IN
    (SELECT name FROM policies)
UNION ALL SELECT 'default version of a policy' FROM policies p WHERE NOT EXISTS
    (SELECT 1 FROM policy_versions v WHERE v.policy = p.name AND v.version = p.default_version)
UNION ALL SELECT 'policy of a version' FROM policy_versions WHERE policy NOT IN
    (SELECT name FROM policies)
"""
"""What half a call would leave behind."""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[Bench, BaseClient]]:
    """Run a bench on a folder, with a client of its account, and kill it at the end."""
    bench = Bench(folder)
    try:
        assert bench.ready, bench.process.communicate()
        with contextlib.closing(iot_client(bench.ready["iot_endpoint_url"])) as client:
            yield bench, client
    finally:
        if bench.process.poll() is None:
            bench.end(signal.SIGKILL)
        bench.process.communicate()


def identity(client: BaseClient) -> tuple[Any, ...]:
    """Return what an account is known by."""
    code = client.get_registration_code()["registrationCode"]
    return code, client.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]


def write_and_kill(bench: Bench, ca: Authority, after_s: float) -> list[Writer]:
    """Have clients write to a bench at once, and kill it a time after they began."""
    writers = [Writer(number) for number in range(WRITERS)]
    begin = threading.Barrier(WRITERS + 1)
    url = bench.ready["iot_endpoint_url"]
    threads = [
        threading.Thread(target=writer.write_until_gone, args=(url, ca, begin))
        for writer in writers
    ]
    for thread in threads:
        thread.start()
    begin.wait()
    time.sleep(after_s)
    deadline = time.monotonic() + 10
    while not any(writer.answered for writer in writers) and time.monotonic() < deadline:
        time.sleep(0.01)  # a busy computer may not have come to anything yet
    bench.end(signal.SIGKILL)
    for thread in threads:
        thread.join()
    return writers


def register(client: BaseClient, ca: Authority) -> None:
    """Register a CA, ACTIVE."""
    code = client.get_registration_code()["registrationCode"]
    # The bench's clock is the wall clock: it was not given a seed.
    client.register_ca_certificate(**ca.registration(code, datetime.now(UTC)))


def orphans(bench: Bench) -> list[str]:
    """Return what is in the account's file without what belongs to it."""
    address = f"file:{bench.state / 'account.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in database.execute(ORPHANS)]


@pytest.mark.parametrize("seed", range(8))
def test_what_was_answered_is_there_after_a_kill(tmp_path: Path, seed: int) -> None:
    """With the same ids, code and endpoint; the calls that were cut off, wholly or not at all."""
    ca = Authority(valid_days=36500)
    with running(tmp_path) as (bench, client):
        before = identity(client)
        register(client, ca)
        moment_s = random.Random(seed).uniform(0.05, 0.9)  # noqa: S311 a moment, no key
        writers = write_and_kill(bench, ca, moment_s)
    with running(tmp_path) as (bench, client):
        assert identity(client) == before
        reader = Reader(client)
        answered = [call for writer in writers for call in writer.answered]
        assert answered
        assert [call for call in answered if not reader.is_there(*call)] == []
        assert orphans(bench) == []
        cut_off = [writer.cut_off for writer in writers if writer.cut_off]
        assert len(cut_off) == WRITERS  # each was in the middle of a call
        least = sum(operation in MAKERS for operation, *_ in answered)
        most = least + sum(operation in MAKERS for operation, _ in cut_off)
        pages = client.get_paginator("list_certificates").paginate()
        assert least <= sum(len(page["certificates"]) for page in pages) <= most


def test_a_reader_finds_what_is_missing(tmp_path: Path) -> None:
    """The twin: of what was answered, whatever is then taken away is missed."""
    ca, writer, begin = Authority(valid_days=36500), Writer(0), threading.Barrier(2)
    with running(tmp_path) as (bench, client):
        register(client, ca)
        thread = threading.Thread(
            target=writer.write_until_gone, args=(bench.ready["iot_endpoint_url"], ca, begin)
        )
        thread.start()
        begin.wait()
        while len(writer.answers) < 8:
            time.sleep(0.01)
        bench.end(signal.SIGKILL)
        thread.join()
    with contextlib.closing(sqlite3.connect(bench.state / "account.sqlite3")) as database:
        for table in (
            "things",
            "policies",
            "certificates",
            "thing_principals",
            "policy_attachments",
        ):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 our own names
        database.commit()
    assert orphans(bench) != []
    with running(tmp_path) as (bench, client):
        reader = Reader(client)
        assert [call[0] for call in writer.answered if reader.is_there(*call)] == []


@pytest.mark.parametrize("seed", range(5))
def test_killed_while_it_starts(tmp_path: Path, seed: int) -> None:
    """Killed at any moment of its first starts, it starts the next time, with an account."""
    chance, state = random.Random(seed), tmp_path / "state"  # noqa: S311 as above
    for _ in range(2):
        command = [sys.executable, "-m", "labkit.bench.simulator", "--state", str(state)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.15, 0.7))
        process.kill()
        process.wait()
    with running(tmp_path) as (_, client):
        assert len(identity(client)[0]) == 64
