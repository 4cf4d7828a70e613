"""A simulated bench that a test runs as a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import serial
from board_bench import THING
from botocore.config import Config

if TYPE_CHECKING:
    from pathlib import Path


class Bench:
    """A service that a test has started."""

    def __init__(self, directory: Path, *options: str) -> None:
        directory.mkdir(exist_ok=True)
        self.state, self.ready_file = directory / "state", directory / "ready.json"
        command = [sys.executable, "-W", "error", "-m", "labkit.bench.simulator"]
        command += ["--state", str(self.state), "--ready-file", str(self.ready_file)]
        command += ["--board", THING, *options]
        started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.ready: dict[str, Any] = {}
        while self.ready.get("pid") != self.process.pid and self.process.poll() is None:
            time.sleep(0.005)
            # The file of one that was killed stays until the next one holds the directory.
            with contextlib.suppress(FileNotFoundError):
                self.ready = json.loads(self.ready_file.read_text())
        self.ready_after_s = time.perf_counter() - started

    @cached_property
    def port(self) -> serial.Serial:
        """The lab device's serial line, opened with pySerial."""
        return serial.serial_for_url(self.ready["board_urls"][THING], 115200, timeout=20)

    def call(self, path: str = "", body: object = None, **headers: str) -> dict[str, Any]:
        """Ask the control URL: GET, or POST where there is a body."""
        request = urllib.request.Request(  # noqa: S310 the bench's own address
            f"{self.ready['control_url']}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 as above
            return json.load(answer)

    def refused(self, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """Return the status and message with which the control URL refuses a request."""
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.call(path, body, **headers)
        with caught.value as error:
            return error.code, json.load(error)["error"]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        if "port" in self.__dict__:
            self.port.close()
        self.process.communicate(timeout=15)
        return self.process.returncode

    def iot(self) -> Any:  # noqa: ANN401 boto3 has no types
        """Return a boto3 client of the account."""
        return boto3.client(
            "iot",
            endpoint_url=self.ready["iot_endpoint_url"],
            region_name=self.ready["region"],
            aws_access_key_id="simulated",
            aws_secret_access_key="simulated",  # noqa: S106 a name that opens nothing
            config=Config(retries={"max_attempts": 1}),
        )
