"""The service as its users see it: a process, a ready file, URLs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import time
from typing import TYPE_CHECKING

import pytest
import serial
from board_bench import THING, Authority, image, name
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from service_process import Bench

from labkit.policy import generation, hello_world_policy
from labkit.support.seeding import SEEDED_DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from labkit.bench.simulator.board.flash import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning"),
]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Start services in one directory and end whatever is left of them."""
    benches = []

    def start_one(*options: str) -> Bench:
        benches.append(Bench(tmp_path, *options))
        return benches[-1]

    yield start_one
    for bench in benches:
        bench.process.kill()
        bench.wait()


def run_board(bench: Bench, run: Image, *, until: bytes, thing: str = THING) -> str:
    """Flash an image, reset the board through its serial line, and return what it prints."""
    url = bench.call(f"boards/{thing}/flash", run.document())["url"]
    if thing != THING:
        with serial.serial_for_url(url, 115200, timeout=20) as port:
            return _reset(port, until)
    return _reset(bench.port, until)


def _reset(port: serial.Serial, until: bytes) -> str:
    port.dtr, port.rts = False, True
    time.sleep(0.05)
    port.reset_input_buffer()
    port.rts = False
    return port.read_until(until).decode()


def device_key(printed: str) -> PublicKeyTypes:
    """Return the public key of the dump in a console's text."""
    dump = printed.partition("91 bytes:")[2].split()
    der = bytes.fromhex("".join(dump[:46]))
    return serialization.load_der_public_key(der)


def register(bench: Bench, authority: Authority, certificate_pem: str, *, status: str) -> str:
    """Register a CA and a device's certificate; return the certificate's ARN."""
    iot = bench.iot()
    code = iot.get_registration_code()["registrationCode"]
    verification = (
        x509.CertificateBuilder()
        .subject_name(name(code))
        .issuer_name(authority.name)
        .public_key(authority.key.public_key())
        .serial_number(1)
        .not_valid_before(authority.certificate.not_valid_before_utc)
        .not_valid_after(authority.certificate.not_valid_after_utc)
        .sign(authority.key, hashes.SHA256())
    )
    iot.register_ca_certificate(
        caCertificate=authority.pem,
        verificationCertificate=verification.public_bytes(serialization.Encoding.PEM).decode(),
        setAsActive=True,
    )
    answer = iot.register_certificate(
        certificatePem=certificate_pem, caCertificatePem=authority.pem, status=status
    )
    return answer["certificateArn"]


def authorise(bench: Bench, certificate_arn: str, release: str = "202203.00") -> None:
    """Create the thing and the least policy and attach both."""
    iot = bench.iot()
    region, account_id = bench.ready["region"], bench.ready["account_id"]
    policy = hello_world_policy(region, account_id, generation(release))
    iot.create_thing(thingName=THING)
    iot.create_policy(policyName="hello-world", policyDocument=json.dumps(policy))
    iot.attach_policy(policyName="hello-world", target=certificate_arn)
    iot.attach_thing_principal(thingName=THING, principal=certificate_arn)


def test_ready_file_says_where_everything_is(start: Callable[..., Bench]) -> None:
    """The ready file has the ten promised entries, for their owner only, in time."""
    bench = start("--board", "LED:1", "--region", "eu-west-1", "--account-id", "210987654321")
    assert set(bench.ready) == {
        *("iot_endpoint_url", "mqtt_host", "mqtt_port", "mqtt_endpoint_name", "root_ca_file"),
        *("region", "account_id", "board_urls", "control_url", "pid"),
    }
    assert bench.ready["pid"] == bench.process.pid
    assert bench.ready["region"] == "eu-west-1"
    assert bench.ready["account_id"] == "210987654321"
    assert list(bench.ready["board_urls"]) == [THING, "LED:1"]
    assert bench.ready["mqtt_endpoint_name"].endswith("-ats.iot.eu-west-1.amazonaws.com")
    if os.name == "posix":
        assert stat.S_IMODE(bench.ready_file.stat().st_mode) == 0o600
        assert stat.S_IMODE((bench.state / "simulator.log").stat().st_mode) == 0o600


def test_the_mqtt_port_stays_the_same(start: Callable[..., Bench]) -> None:
    """A second start listens where the first did, so a board's header stays right."""
    first = start()
    first.end(signal.SIGTERM)
    assert start().ready["mqtt_port"] == first.ready["mqtt_port"]


def test_the_mqtt_port_is_given_up_if_it_is_taken(start: Callable[..., Bench]) -> None:
    """Another program has taken the port of the last run: the bench takes a free one."""
    first = start()
    first.end(signal.SIGTERM)
    port = first.ready["mqtt_port"]
    with socket.create_server(("127.0.0.1", port)):
        assert start().ready["mqtt_port"] not in (0, port)


def test_the_mqtt_port_can_be_chosen(start: Callable[..., Bench]) -> None:
    """The chosen port is used; if another program has it, the bench says so and ends with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = start("--mqtt-port", port)
        error = refused.process.communicate(timeout=60)[1].decode()
        assert refused.process.returncode == 1
        assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in error
        assert "account.mqtt_port" in error
    assert start("--mqtt-port", port).ready["mqtt_port"] == int(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(start: Callable[..., Bench], number: int) -> None:
    """SIGTERM and SIGINT end the service with 0, and the ready file is gone."""
    bench = start()
    assert bench.end(number) == 0
    assert not bench.ready_file.exists()


def test_stop_ends_it_cleanly(start: Callable[..., Bench]) -> None:
    """POST stop is answered, then the service ends with 0."""
    bench = start()
    assert bench.call("stop", {}) == {"stopping": True}
    assert bench.wait() == 0
    assert not bench.ready_file.exists()


@pytest.mark.slow
def test_idle_service_ends_by_itself(start: Callable[..., Bench]) -> None:
    """Without a request for the given time the service ends; each request puts it off."""
    bench = start("--idle-hours", str(4.0 / 3600))
    end = time.monotonic() + 6
    while time.monotonic() < end:
        bench.call()
        time.sleep(0.2)
    assert bench.wait() == 0


def test_state_directory_in_use_is_refused(start: Callable[..., Bench]) -> None:
    """A second service on the directory says whose it is; after a kill the next one starts."""
    first = start()
    second = Bench(first.state.parent / "second", "--state", str(first.state))
    second.process.kill()
    output = second.process.communicate()[1].decode()
    assert second.process.returncode == 75
    assert f"in use by a running simulator (process {first.process.pid})" in output
    assert "Traceback" not in output
    assert first.call()["pid"] == first.process.pid
    first.process.kill()
    first.process.communicate()
    assert start().process.poll() is None


def test_deleted_state_directory_ends_it(start: Callable[..., Bench]) -> None:
    """A bench whose directory is deleted ends by itself: nobody could find it any more."""
    bench = start()
    shutil.rmtree(bench.state)
    assert bench.wait() == 0


def test_usage_error(start: Callable[..., Bench]) -> None:
    """A wrong option ends with 2 and a usage line."""
    bench = start("--board-clock", "slow")
    output = bench.process.communicate(timeout=10)[1].decode()
    assert bench.process.returncode == 2
    assert output.startswith("usage:")


def test_control_refuses_what_it_cannot_do(start: Callable[..., Bench]) -> None:
    """Wrong paths, boards, bodies and content types get 4xx and a reason; nothing changes."""
    bench = start("--board-clock", "fast")
    before = bench.call()
    plain = {"Content-Type": "text/plain"}
    assert bench.refused("boards/lab-device/reset", {}, **plain)[0] == 415
    assert bench.refused("boards/LED") == (
        404,
        "no board 'LED': POST /boards/<thing> creates one",
    )
    assert bench.refused("boards/LED/explode", {})[0] == 404
    for wrong in ("a%2Fb", "a.b", "x" * 129, "%C3%A9"):
        assert bench.refused(f"boards/{wrong}/reset", {})[0] == 400
    assert bench.refused("boards/lab-device/explode", {})[0] == 404
    assert bench.refused("boards/lab-device/power", {"on": 1})[0] == 400
    assert bench.refused("boards/lab-device/clock", {"speed": 0})[0] == 400
    assert bench.refused("boards/lab-device/clock", {"speed": True})[0] == 400
    assert bench.refused("boards/lab-device/flash", {"format": 2})[0] == 400
    assert bench.refused("boards/lab-device/flash", [])[0] == 400
    assert bench.call() == before
    assert bench.call("boards/lab-device") == before["boards"][THING]


def test_private_key_in_an_image_is_never_told(start: Callable[..., Bench]) -> None:
    """An image's private key is in the flash file only: not in an answer, not in the log."""
    bench = start("--board-clock", "fast")
    bench.call("boards/lab-device/flash", image(key="secret scalar").document())
    wrong = {"format": 1, "release": "202203.00", "macros": {"keyX": ["secret scalar"]}}
    assert "secret" not in bench.refused("boards/lab-device/flash", wrong)[1]
    bench.call("boards/lab-device/reset", {})
    assert "secret" not in json.dumps(bench.call())
    assert bench.end() == 0
    assert "secret" not in (bench.state / "simulator.log").read_text()
    flash = bench.state / "boards" / THING / "flash.json"
    assert "secret" in flash.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(flash.stat().st_mode) == 0o600


def test_a_seeded_key_depends_on_seed_and_thing_alone(tmp_path: Path) -> None:
    """Boards that are made before or after change no key; another thing or seed does.

    The endpoint's name depends on the seed alone.
    """
    names: list[str] = []

    def keys(where: str, seed: str, *things: str) -> list[PublicKeyTypes]:
        bench = Bench(tmp_path / where, "--board-clock", "fast", "--seed", seed)
        run = image(endpoint="", force="1")
        names.append(bench.ready["mqtt_endpoint_name"])
        try:
            return [
                device_key(run_board(bench, run, until=b"resolve", thing=thing)) for thing in things
            ]
        finally:
            bench.end()

    device, led = keys("a", "7", THING, "LED:1")
    assert device != led
    assert keys("b", "7", "LED:0", "LED:1", THING)[1:] == [led, device]
    assert keys("c", "8", "LED:1") != [led]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("release", "options", "now"),
    [("202203.00", (), None), ("201910.00", ("--seed", "1"), SEEDED_DAY)],
    ids=["202203.00", "201910.00 seeded"],
)
def test_hello_world_end_to_end(
    start: Callable[..., Bench], release: str, options: tuple[str, ...], now: datetime | None
) -> None:
    """Option 2 by hand on a bench that was just started: refused at each step, then accepted."""
    bench = start("--board-clock", "fast", *options)
    endpoint = bench.ready["mqtt_endpoint_name"]
    authority = Authority(now=now)
    first = run_board(
        bench, image(release, force="1", endpoint=endpoint), until=b"TLS_Connect fail"
    )
    public_key = device_key(first)

    certificate = authority.issue(public_key)
    run = image(release, endpoint=endpoint, certificate=certificate, jitr=authority.pem)
    assert "TLS_Connect fail (0x7780, " in run_board(bench, run, until=b"amazonaws.com)")

    arn = register(bench, authority, certificate, status="INACTIVE")
    assert "TLS_Connect fail (0x7780, " in run_board(bench, run, until=b"amazonaws.com)")

    bench.iot().update_certificate(certificateId=arn.rpartition("/")[2], newStatus="ACTIVE")
    refused = {"202203.00": b"MQTT CONNECT: MQTTRecvFailed", "201910.00": b"error TIMEOUT"}[release]
    assert refused.decode() in run_board(bench, run, until=refused)

    authorise(bench, arn, release)
    accepted = run_board(bench, run, until=b"Demo completed successfully.\r\n")
    assert "hello world" in accepted.lower()
    assert accepted.endswith("Demo completed successfully.\r\n")


def test_flash_and_account_survive_a_kill(start: Callable[..., Bench]) -> None:
    """After kill -9 and a new start the board has its key and the account its certificates."""
    bench = start("--board-clock", "fast")
    endpoint = bench.ready["mqtt_endpoint_name"]
    authority = Authority(now=None)
    first = run_board(bench, image(force="1", endpoint=endpoint), until=b"TLS_Connect fail")
    certificate = authority.issue(device_key(first))
    authorise(bench, register(bench, authority, certificate, status="ACTIVE"))
    bench.process.kill()
    bench.wait()
    again = start("--board-clock", "fast")
    assert again.ready["mqtt_endpoint_name"] == endpoint
    run = image(endpoint=endpoint, certificate=certificate)
    printed = run_board(again, run, until=b"Demo completed successfully.\r\n")
    assert device_key(printed) == device_key(first)
    assert printed.endswith("Demo completed successfully.\r\n")
