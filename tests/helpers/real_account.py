"""A stand-in for a real account: boto3 finds it by profile, region and endpoint, as it finds AWS.

The simulated account answers, but labkit does not know: its lab is opened as a real one.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from lab_bench import end
from simulator_fixtures import Cloud

from labkit import open_lab
from labkit.bench.simulator.board.board import warm_up
from labkit.bench.simulator.board.internet import Internet
from labkit.bench.simulator.service import Service, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab

__all__ = ["aws", "boards", "opened"]


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Let boto3 find a stand-in where it looks for AWS."""
    folder = tmp_path / "aws"
    folder.mkdir()
    cloud = Cloud(folder)
    cloud.clock.now = datetime.now(UTC) + timedelta(days=1)  # after all that is made
    config = folder / "config"
    config.write_text(
        f"[profile lab]\nregion = us-east-1\nendpoint_url = {cloud.url}\n"
        "aws_access_key_id = theirs\naws_secret_access_key = theirs\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    yield cloud
    cloud.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Open labs with a real account, each in a workspace of its own; they end with the test."""
    labs: list[Lab] = []

    def open_one(name: str = "lab", **chosen: str) -> Lab:
        lab = open_lab(tmp_path / name, **{"cloud": "aws", **chosen})
        labs.append(lab)
        return lab

    yield open_one
    for lab in labs:
        end(lab)


@pytest.fixture
def boards(aws: Cloud, tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    """Give workspaces benches whose boards reach the stand-in by name, as they reach AWS."""
    # The service does so in a thread, where pytest's and tlslite-ng's warning filters would meet.
    warm_up()
    endpoint = aws.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    running: list[tuple[Service, threading.Thread]] = []

    def bench_of(name: str = "lab") -> Service:
        network = Internet(
            aws.gateway.root_ca_file,
            aws.clock,
            lambda host, _: aws.address if host == endpoint else None,
        )
        service = Service(Settings(tmp_path / name / "bench"), network)
        service.start()
        thread = threading.Thread(target=until_stopped, args=(service,))
        thread.start()
        running.append((service, thread))
        return service

    yield bench_of
    for service, thread in running:
        service.stop()
        thread.join()


def until_stopped(service: Service) -> None:
    """Run a bench until it gets the signal to stop, as its program does."""
    service.wait()
    service.close()
