"""A judge: an account that is asked what it does, wherever it lives."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.client import BaseClient

__all__ = ["Gateway", "Judge", "NotAskedError", "at_endpoint", "ours", "real_account"]

REGION = "us-east-1"
PATIENCE_S = 20.0
NO_KEY = "simulated"
"""Any text will do: who answers on loopback knows no keys."""


class NotAskedError(Exception):
    """A row cannot be put to this judge; the message says why."""


@dataclass(frozen=True)
class Gateway:
    """Where devices connect: an address, and the file with the CA that proves it, if there is one.

    Without the file the gateway's own certificate is not looked at.
    """

    host: str
    port: int
    root_ca_file: str | None = None


@dataclass
class Judge:
    """An account.

    Attributes:
        name: what it is called in reports.
        session: the credentials and the region.
        url: where its API is; None for AWS itself.
        account_id: its number.
        gateway: None if it has none.
        strict: whether a difference is a failure, because it is ours.
        real: whether it is an account at AWS.
    """

    name: str
    session: boto3.session.Session
    url: str | None
    account_id: str
    gateway: Gateway | None = None
    strict: bool = False
    real: bool = False

    @property
    def region(self) -> str:
        """Its region."""
        return str(self.session.region_name)

    def client(self, service: str, **config: Any) -> BaseClient:  # noqa: ANN401 botocore's settings
        """Return boto3's client for one of its services, which tries each call once."""
        settings = Config(retries={"total_max_attempts": 1}, **config)
        return self.session.client(service, endpoint_url=self.url, config=settings)

    @cached_property
    def iot(self) -> BaseClient:
        """The client of its IoT API."""
        return self.client("iot")

    @cached_property
    def unchecked(self) -> BaseClient:
        """The same, but it sends what boto3 would not."""
        return self.client("iot", parameter_validation=False)

    @cached_property
    def sts(self) -> BaseClient:
        """The client of its STS."""
        return self.client("sts")

    def close(self) -> None:
        """Close the connections."""
        for name in ("iot", "unchecked", "sts"):
            if name in self.__dict__:
                self.__dict__[name].close()


def _simulated_session() -> boto3.session.Session:
    return boto3.session.Session(NO_KEY, NO_KEY, region_name=REGION)


@contextmanager
def ours(folder: Path) -> Iterator[Judge]:
    """Start a bench of ours in a process of its own, and end it afterwards."""
    ready_file = folder / "ready.json"
    command = [sys.executable, "-m", "labkit.bench.simulator", "--state", str(folder)]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        ready = _wait_for(ready_file, process)
        gateway = Gateway(ready["mqtt_host"], ready["mqtt_port"], ready["root_ca_file"])
        judge = Judge(
            "ours",
            _simulated_session(),
            ready["iot_endpoint_url"],
            ready["account_id"],
            gateway,
            strict=True,
        )
        yield judge
        judge.close()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_for(ready_file: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE_S
    while not ready_file.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the bench did not start; see {ready_file.parent / 'output.txt'}")
        time.sleep(0.02)
    return dict(json.loads(ready_file.read_text()))


@contextmanager
def at_endpoint(name: str, url: str, gateway: Gateway | None) -> Iterator[Judge]:
    """Ask the service at an address; what it says is noted, not judged."""
    judge = Judge(name, _simulated_session(), url, "", gateway)
    judge.account_id = judge.sts.get_caller_identity()["Account"]
    yield judge
    judge.close()


SHORTEST_CONFIRMATION = 4


@contextmanager
def real_account(confirmation: str) -> Iterator[Judge]:
    """Ask the account at AWS that the environment's credentials are for.

    Args:
        confirmation: the last digits, four or more, of the account's number, as proof that the
            caller knows which account it is.

    Raises:
        SystemExit: another account.
    """
    session = boto3.session.Session()
    judge = Judge("the real account", session, None, "", real=True)
    account_id = judge.sts.get_caller_identity()["Account"]
    if len(confirmation) < SHORTEST_CONFIRMATION or not account_id.endswith(confirmation):
        raise SystemExit(
            f"the credentials are for account {account_id} in {judge.region}. Nothing was asked. "
            f"Confirm it with --confirm-account {account_id[-SHORTEST_CONFIRMATION:]}"
        )
    judge.account_id = account_id
    yield judge
    judge.close()
