"""Only one of the two is real: a board that cannot reach the account, an account that is AWS."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pytest
from board_bench import ENDPOINT, NOW, Authority, BareBoard, Server, image
from board_console import with_key
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end, labkit
from simulator_fixtures import ACCOUNT_ID

from labkit import open_lab
from labkit.bench.client import find
from labkit.bench.simulator.board.internet import (
    AMAZON_ROOT_CA_1_SHA256,
    Internet,
    amazon_root_ca_1,
    look_up,
)
from labkit.errors import BenchError, DeviceError
from labkit.workspace.lab_toml import set_in_lab_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator_fixtures import Cloud

    from labkit.bench.simulator.board.flash import Image
    from labkit.bench.simulator.service import Service
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "board_fixtures", "real_account")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.usefixtures("clean_environment"),
]


# A real board, the simulated account


@pytest.fixture
def on_a_port(tmp_path: Path) -> Lab:
    """Return a lab whose board is a real one for all that it knows: another bench's, on a port."""
    other = open_lab(tmp_path / "other")
    lab = open_lab(tmp_path / "lab", device=other.board.url)
    board = [sys.executable, "-m", "labkit", "board"]
    of_other = ["--workspace", str(other.workspace.root)]
    set_in_lab_toml(
        lab.workspace.root / "lab.toml",
        {"device.firmware": str(other.workspace.firmware)},
    )
    text = (lab.workspace.root / "lab.toml").read_text()
    for name in ("build", "flash"):
        text = text.replace(
            f'{name} = ["labkit", "board", "{name}"]',
            f"{name} = {json.dumps([*board, name, *of_other])}",
        )
    (lab.workspace.root / "lab.toml").write_text(text)
    return lab


def test_a_real_board_ends_before_the_hello_world(on_a_port: Lab, tmp_path: Path) -> None:
    """The command does all before it, the certificate's boot too, and says why it ends: exit 1."""
    url = on_a_port.workspace.settings.device_url
    root = on_a_port.workspace.root
    try:
        ended = labkit(root, "run", LABKIT_DEVICE=url)
        assert ended.returncode == 1
        assert "labkit: a real board cannot reach the simulated account" in ended.stderr
        assert "the board cannot reach it: this ends before the hello world" in ended.stdout
        lab = open_lab(root)
        assert [step.name for step, done in lab.route() if not done] == ["run_hello_world"]
        before = lab.workspace.path("console.log").stat().st_size
        with pytest.raises(DeviceError, match="cannot reach the simulated account"):
            lab.run_hello_world()
        assert lab.workspace.path("console.log").stat().st_size == before
    finally:
        end(open_lab(root))
        end(open_lab(tmp_path / "other"))


@pytest.mark.parametrize(
    ("route", "step"), [("option-1", "run_hello_world"), ("just-in-time", "first_connection")]
)
def test_on_each_route_nothing_is_built_in_vain(
    on_a_port: Lab, tmp_path: Path, route: str, step: str
) -> None:
    """The step that connects refuses before it builds, flashes or boots anything."""
    root = on_a_port.workspace.root
    lab = open_lab(root, route=route, device=on_a_port.workspace.settings.device_url)
    commands: list[str] = []
    lab.board.build_command = lab.board.flash_command = ()
    with pytest.raises(DeviceError, match="cannot reach the simulated account"):
        lab.procedure.find(step).do(lab.workbench(step, commands.append), None)
    assert commands == []
    end(lab)
    end(open_lab(tmp_path / "other"))


# The simulated board, a real account


def test_a_simulated_board_with_a_real_account(
    aws: Cloud, boards: Callable[..., Service], opened: Callable[..., Lab]
) -> None:
    """The same steps, no cell edited, end with the hello world accepted by the account."""
    boards()
    lab = opened()
    assert "it connects to AWS over this computer's network" in repr(lab)
    lab.confirm_account(ACCOUNT_ID[-4:])
    do_everything(lab)
    assert ACCEPTED in lab.run_hello_world()
    assert aws.events[-1].client_id == "lab-device"


def test_the_command_line_does_the_same(
    aws: Cloud, boards: Callable[..., Service], tmp_path: Path
) -> None:
    """With the account confirmed by its digits, and not without."""
    boards()
    root = tmp_path / "lab"
    unconfirmed = labkit(root, "run", LABKIT_CLOUD="aws")
    assert unconfirmed.returncode != 0
    assert aws.iot.list_things()["things"] == []
    done = labkit(root, "run", "--confirm-account", ACCOUNT_ID[-4:], LABKIT_CLOUD="aws")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The device was accepted" in done.stdout


def test_a_bench_of_the_other_network_is_refused(tmp_path: Path) -> None:
    """Boards that reach the wrong account are not talked to: the message says what to do."""
    simulated = open_lab(tmp_path / "lab")
    try:
        with pytest.raises(BenchError, match=r"boards that reach a simulated account.*labkit stop"):
            open_lab(tmp_path / "lab", cloud="aws")
        assert open_lab(tmp_path / "lab", cloud="aws", device="loop://").bench is None
    finally:
        end(simulated)


def test_the_bench_is_started_for_the_real_network(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """Where the account is real, the bench is started with Amazon's root and AWS's names."""
    assert aws
    lab = opened()
    bench = find(lab.workspace)
    assert bench is not None
    assert bench.get()["network"] == "real"
    assert (lab.workspace.bench / "AmazonRootCA1.pem").read_bytes() == amazon_root_ca_1()
    with pytest.raises(BenchError, match="boards that reach a real account"):
        open_lab(lab.workspace.root, cloud="sim")


# Names, routes and the root


def test_a_server_of_the_trusted_root_is_talked_to(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """The endpoint's name is looked up, and port and host are what the image says."""
    asked: list[tuple[str, int]] = []
    server = serve()

    def look(host: str, port: int) -> tuple[str, int]:
        asked.append((host, port))
        return server.address

    first = with_certificate(board, authority)
    board.network = Internet(board.network.root_ca_file, lambda: NOW, look)
    assert ACCEPTED.encode() in board.boot(first)
    assert asked == [(ENDPOINT, 8883)]


def test_a_server_of_another_root_is_refused(
    board: BareBoard, authority: Authority, serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Trusting Amazon Root CA 1 alone, the board refuses anybody else's server: 0x2700."""
    server = serve()
    root = tmp_path / "AmazonRootCA1.pem"
    root.write_bytes(amazon_root_ca_1())
    first = with_certificate(board, authority)
    board.network = Internet(root, lambda: NOW, lambda *_: server.address)
    assert b"TLS_Connect fail (0x2700" in board.boot(first)


def with_certificate(board: BareBoard, authority: Authority) -> Image:
    """Return an image with a certificate of the key that the board has."""
    return image(certificate=authority.issue(with_key(board)))


def test_names_are_looked_up_as_this_computer_does() -> None:
    """A name that resolves gives address and port; one that does not gives nothing."""
    assert look_up("127.0.0.1", 8883) == ("127.0.0.1", 8883)
    assert look_up(f"{'x' * 64}.invalid", 8883) is None
    assert Internet(None, lambda: NOW).resolve("", 8883) is None  # type: ignore[arg-type]


def test_amazon_root_ca_1_is_known_by_its_fingerprint() -> None:
    """One certificate comes out of certifi's many; if it is missing, the error says so."""
    pem = amazon_root_ca_1()
    assert pem.count(b"BEGIN CERTIFICATE") == 1
    assert len(AMAZON_ROOT_CA_1_SHA256) == 64
    others = Path(certifi.where()).read_bytes()
    body = pem.split(b"-----")[2].strip()
    assert body in others
    lacking = b"".join(
        b"-----BEGIN CERTIFICATE-----" + block
        for block in others.split(b"-----BEGIN CERTIFICATE-----")[1:]
        if body.splitlines()[0] not in block
    )
    with pytest.raises(BenchError, match="lack Amazon Root CA 1"):
        amazon_root_ca_1(lacking)


def test_a_host_without_network_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that fails is a name that does not resolve."""

    def fails(*_: object, **__: object) -> object:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert look_up("a.example", 8883) is None
