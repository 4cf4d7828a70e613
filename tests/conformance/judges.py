"""`python tests/conformance/judges.py moto|ministack`: put the table to another open stand-in.

Makes an environment of its own for it (venv and pip, with what is pinned below), starts it on
loopback, runs the suite against it, writes what it does differently beside this file, and takes
everything away again. The exit code is pytest's: differences are no failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60.0
LOOPBACK = "127.0.0.1"
MQTT_PORT = 8883


@dataclass(frozen=True)
class Stand:
    """Another stand-in for AWS.

    Attributes:
        requirements: what pip installs, pinned: another version differs in something else.
        command: what starts it, in its environment; `{port}` is where it is to listen.
        environment: variables that it is started with.
        alone: whether it listens on every address, whatever it is reported, so that it is run in a
            network of its own, which has a loopback and nothing else.
    """

    requirements: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str]
    alone: bool = False


STANDS = {
    "moto": Stand(
        ("moto[iot,server,sts]==5.2.5",),
        ("moto_server", "-H", LOOPBACK, "-p", "{port}"),
        {},
    ),
    "ministack": Stand(
        ("ministack==1.5.33", "cryptography==50.0.2"),
        ("ministack",),
        {
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": "{port}",
            "IOT_MTLS_PORT": str(MQTT_PORT),
            # Without it no policy is evaluated; with it the suite's key is the account's root.
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
        },
        alone=True,
    ),
}


def main() -> int:
    """Run what was asked for and return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=sorted(STANDS))
    parser.add_argument("--environment", type=Path, metavar="DIR", help="kept, and used again")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.environment
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        programs = _programs(folder.absolute(), STANDS[given.name])
        if STANDS[given.name].alone and not given.inside:
            return _alone(given.name, folder.absolute())
        if given.inside:
            _raise_loopback()
        return _judged(given.name, programs)


def _programs(folder: Path, stand: Stand) -> Path:
    """Make the environment, unless it is there, and return where its programs are."""
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (programs / stand.command[0]).exists():
        venv.create(folder, with_pip=True)
        python = str(programs / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", *stand.requirements], check=True)
    return programs


def _alone(name: str, folder: Path) -> int:
    """Run this script again in a network of its own, which only Linux has."""
    if shutil.which("unshare") is None:
        raise SystemExit(f"{name} listens on every address; without `unshare` it is not started")
    again = [sys.executable, __file__, name, "--environment", str(folder), "--inside"]
    return subprocess.run(["unshare", "--map-root-user", "--net", *again], check=False).returncode


SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def _raise_loopback() -> None:
    """Bring up the loopback of a new network, as `ip link set lo up` does."""
    import fcntl  # noqa: PLC0415 Windows has none
    import struct  # noqa: PLC0415 needed here only

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", IFF_UP)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def _judged(name: str, programs: Path) -> int:
    stand = STANDS[name]
    with tempfile.TemporaryDirectory() as folder, _running(stand, programs, Path(folder)) as url:
        command = [sys.executable, "-m", "pytest", str(HERE / "test_conformance.py"), "-q"]
        command += ["-n0", "-p", "no:cacheprovider", "-rN", "--judge", name, "--endpoint", url]
        command += ["--differences", str(HERE / f"differences-{name}.md")]
        if stand.alone:
            command += ["--gateway", f"{LOOPBACK}:{MQTT_PORT}"]
        return subprocess.run(command, cwd=HERE.parent.parent, check=False).returncode


@contextlib.contextmanager
def _running(stand: Stand, programs: Path, folder: Path) -> Iterator[str]:
    """Start it with a home and a working directory of its own; end it afterwards."""
    port = str(_free_port())
    command = [part.format(port=port) for part in stand.command]
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LABKIT_"))}
    variables |= {k: v.format(port=port) for k, v in stand.environment.items()}
    variables |= {"HOME": str(folder), "TMPDIR": str(folder)}
    with (folder / "output.txt").open("w+b") as output:
        process = subprocess.Popen(
            [str(programs / command[0]), *command[1:]],
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=output,
        )
        try:
            url = f"http://{LOOPBACK}:{port}"
            _wait_for(url, process, folder / "output.txt")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S / 6)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 loopback
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"it did not start:\n{output.read_text()[-2000:]}") from None
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
