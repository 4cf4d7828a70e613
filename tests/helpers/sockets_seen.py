"""Runs a program and tells where its sockets, and those of all that it starts, have gone.

Two witnesses: Python's audit hooks, which see names that are looked up, and `strace`, which sees
what libraries do behind Python's back.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).resolve().parents[1] / "record_sockets"
DNS_PORT = 53


@dataclass(frozen=True)
class Seen:
    """One thing that a program did.

    Attributes:
        program: its command line, without Python itself.
        event: such as "socket.connect", or "begin".
        host: the address or the name; None where there is none.
    """

    program: str
    event: str
    host: str | None

    @property
    def is_local(self) -> bool:
        """Whether nothing of it can leave this computer."""
        if self.event == "begin":
            return True
        if self.host is None or self.host == "localhost":
            return self.host == "localhost"
        if self.host.startswith(("/", "@")):
            return True  # a file's or an abstract name: a socket of Unix
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def by_hook(
    command: list[str], environment: dict[str, str], record: Path
) -> tuple[list[Seen], subprocess.CompletedProcess[str]]:
    """Run a program of Python's and return what the audit hooks saw, and how it ended."""
    environment = environment | {"PYTHONPATH": str(HOOK), "SOCKET_RECORD": str(record)}
    ended = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    return [_seen(line) for line in record.read_text().splitlines()], ended


def _seen(line: str) -> Seen:
    program, event, address = json.loads(line)
    host = address[0] if isinstance(address, list) else address
    return Seen(" ".join(program), event, host)


_CALL = re.compile(
    r"^\d+ +(?:<\.\.\. )?(connect|bind|sendto|sendmsg|sendmmsg)\b.*sa_family=(AF_\w+)(.*)"
)
_INET = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)')


def by_strace(script: str, environment: dict[str, str], record: Path) -> list[Seen]:
    """Run a shell's script under strace and return where system calls went over IP.

    A question to a name server counts as a name looked up, though the server be on loopback.
    """
    calls = "trace=connect,bind,sendto,sendmsg,sendmmsg,execve"
    strace = ["strace", "-f", "-qq", "-e", calls, "-s", "256", "-o", str(record)]
    subprocess.run([*strace, "sh", "-ec", script], env=environment, check=True, capture_output=True)
    lines = record.read_text(errors="replace").splitlines()
    return [seen for line in lines for seen in _of_call(line)]


def _of_call(line: str) -> list[Seen]:
    if "execve(" in line:
        return [Seen(" ".join(re.findall(r'"([^"]*)"', line)), "begin", None)]
    call = _CALL.match(line)
    if call is None or not call[2].startswith("AF_INET"):
        return []
    address = _INET.search(call[3])
    if address is None:
        return [Seen("", call[1], call[3])]
    is_lookup = int(address[1]) == DNS_PORT
    return [Seen("", call[1], f"name server {address[2]}" if is_lookup else address[2])]


def without_aws(**variables: str) -> dict[str, str]:
    """Return the environment without what chooses a lab, an account, a proxy or bundles."""
    ours = re.compile(r"LABKIT_|AWS_|BOTO|\w*PROXY$|PYTHONPATH$", re.IGNORECASE)
    return {name: text for name, text in os.environ.items() if not ours.match(name)} | variables
