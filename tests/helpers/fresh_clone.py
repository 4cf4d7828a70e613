"""A checkout as git would clone it, in a folder and with a home directory of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = ("LABKIT_", "JUPYTER", "PYTHON", "XDG_", "VIRTUAL_ENV", "PYTEST_")
"""Variables of this environment that a fresh machine does not have."""
ENDING_S = 20.0
"""How long a program may take to start or to end."""


def files() -> list[str]:
    """Return the names of all files that are, or are about to be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    return sorted(name for name in listed.decode().split("\0") if name and (ROOT / name).is_file())


def constraints(folder: Path) -> Path:
    """Write the locked versions as constraints for an installer, and return the file."""
    lock = (ROOT / "requirements.lock").read_text()
    file = folder / "constraints.txt"
    file.write_text(re.sub(r" \\\n\s+--hash=\S+", "", lock))
    return file


@dataclass
class Clone:
    """A fresh checkout.

    Attributes:
        folder: where it is.
        home: its empty home directory.
        python: the Python that starts `lab`.
    """

    folder: Path
    home: Path
    python: str
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Copy the checkout and make the home directory."""
        for name in files():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        self.home.mkdir()
        self.environment = self.variables(self.home)

    @staticmethod
    def variables(home: Path) -> dict[str, str]:
        """Return the variables of a person at a fresh machine."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith(OUTSIDE)}
        return outside | {"HOME": str(home)}

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `lab` to its end."""
        return subprocess.run(
            [self.python, str(self.folder / "lab"), *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `lab`."""
        return subprocess.Popen(
            [self.python, str(self.folder / "lab"), *arguments],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def processes(self) -> list[str]:
        """Return the command lines of all processes that run programs of this clone."""
        listed = subprocess.run(
            ["ps", "-wweo", "pid,args"], check=True, capture_output=True, text=True
        ).stdout
        return [line.strip() for line in listed.splitlines() if str(self.folder) in line]

    def runs(self, *programs: str) -> bool:
        """Return whether all these programs run, after a time to start in."""
        end = time.monotonic() + ENDING_S
        while time.monotonic() < end:
            lines = "\n".join(self.processes())
            if all(program in lines for program in programs):
                return True
            time.sleep(0.1)
        return False

    def left_over(self) -> list[str]:
        """Return the processes that are still there after a time to end in."""
        end = time.monotonic() + ENDING_S
        while self.processes() and time.monotonic() < end:
            time.sleep(0.1)
        return self.processes()


def address_with_token(line: str) -> str | None:
    """Return the manual's address if an output line names the file that holds it."""
    if found := re.search(r"file://(/\S+-open\.html)", line):
        page = Path(urllib.parse.unquote(found[1])).read_text("utf-8")
        return re.search(r"http://127\.0\.0\.1:\d+/\S+token=[\w-]+", page)[0]
    return None


class Manual:
    """The manual as `lab open` serves it, seen through JupyterLab's REST API."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        self.address = self._address()
        parts = urllib.parse.urlsplit(self.address)
        self.server = f"{parts.scheme}://{parts.netloc}"
        self.token = urllib.parse.parse_qs(parts.query)["token"][0]

    def _address(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if address := address_with_token(line):
                return address
        raise AssertionError(f"expected the manual's address, got: {self.output}")

    def get(self, path: str, token: str | None = None) -> bytes:
        """Fetch something, with the manual's own token unless another is given."""
        return self._open(path, token)

    def post(self, path: str, body: dict[str, object]) -> bytes:
        """Post something."""
        return self._open(path, None, json.dumps(body).encode())

    def put(self, path: str, body: dict[str, object]) -> bytes:
        """Put something."""
        return self._open(path, None, json.dumps(body).encode(), "PUT")

    def _open(
        self, path: str, token: str | None, body: bytes | None = None, method: str | None = None
    ) -> bytes:
        headers = {"Authorization": f"token {token or self.token}"}
        url = f"{self.server}{path}"
        request = urllib.request.Request(  # noqa: S310 loopback
            url, data=body, headers=headers, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return answer.read()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to `lab open` alone and return its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode
