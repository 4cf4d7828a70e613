"""What `./lab bench` measures of the simulated account and its gateway."""

from __future__ import annotations

import contextlib
import socket
import ssl
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service_process import Bench
from simulator_fixtures import ACCOUNT_ID, ALLOW_ALL, REGION, Authority, Device, iot_client

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.account import Account
from labkit.bench.simulator.gateway import admission
from labkit.bench.simulator.gateway.permissions import Permissions
from labkit.bench.simulator.mqtt.decoder import Decoder
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.client import BaseClient

FEW, MANY = 100, 10_000
TURNS = 400
CALLS = 150
CONNECTIONS = 200
DEVICES = 300
"""Promised; the other numbers are what gives a steady median in half a minute."""


def median_ms(seconds: list[float]) -> float:
    """Return the median of some times, in milliseconds."""
    return 1000 * statistics.median(seconds)


def timed(work: Callable[[Device], object], device: Device) -> float:
    """Return how many seconds something takes for a device."""
    begin = time.perf_counter()
    work(device)
    return time.perf_counter() - begin


# Flatness


class Grown:
    """An account in this process with many devices, each with its certificate and thing."""

    def __init__(self, folder: Path, ca: Authority, devices: list[Device]) -> None:
        self.account = Account(
            folder,
            region=REGION,
            account_id=ACCOUNT_ID,
            randomness=Randomness(),
            clock=lambda: datetime.now(UTC),
        )
        self._endpoint = self.account.endpoint_name()
        call = self.account.call
        call("CreatePolicy", {"policyName": "all", "policyDocument": ALLOW_ALL})
        code = call("GetRegistrationCode", {})["registrationCode"]
        call("RegisterCACertificate", ca.registration(code, datetime.now(UTC)))
        for device in devices:
            call("RegisterCertificate", {"certificatePem": device.pem, "status": "ACTIVE"})
            call("CreateThing", {"thingName": device.name})
            call("AttachPolicy", {"policyName": "all", "target": self.arn(device)})
            self.attach(device)

    def arn(self, device: Device) -> str:
        """Return the ARN of a device's certificate."""
        return self.account.identity.arn("cert", device.id)

    def attach(self, device: Device) -> None:
        """Attach a device's certificate to its thing."""
        parameters = {"thingName": device.name, "principal": self.arn(device)}
        self.account.call("AttachThingPrincipal", parameters)

    def detach(self, device: Device) -> None:
        """Undo it."""
        parameters = {"thingName": device.name, "principal": self.arn(device)}
        self.account.call("DetachThingPrincipal", parameters)

    def decide(self, device: Device) -> None:
        """Decide about a device's connection, as the gateway does: certificate, then CONNECT."""
        admitted = admission.judge(self.account, device.certificate, self._endpoint, self._endpoint)
        Permissions(self.account, admitted, device.name).check_connect(mqtt.Connect(device.name))


def flatness() -> Iterator[str]:
    """Attach a certificate, and decide a connection, among few devices and many, in turns."""
    now, ca = datetime.now(UTC), Authority(valid_days=36500)
    devices = [ca.issue(f"device-{number}", now=now) for number in range(MANY)]
    with tempfile.TemporaryDirectory() as folder:
        few = Grown(Path(folder) / "few", ca, devices[:FEW])
        many = Grown(Path(folder) / "many", ca, devices)
        attached: tuple[list[float], list[float]] = ([], [])
        decided: tuple[list[float], list[float]] = ([], [])
        for turn in range(TURNS):
            for grown, last, attach_s, decide_s in (
                (few, FEW, attached[0], decided[0]),
                (many, MANY, attached[1], decided[1]),
            ):
                device = devices[last - 1 - turn % FEW]
                grown.detach(device)
                attach_s.append(timed(grown.attach, device))
                decide_s.append(timed(grown.decide, device))
        few.account.close()
        many.account.close()
    for what, (first, last) in {"attach a thing": attached, "decide": decided}.items():
        ratio = statistics.median(last) / statistics.median(first)
        yield (
            f"{what:16} {median_ms(last):6.2f} ms     (among {MANY}: {ratio:.2f} of "
            f"{median_ms(first):.2f} ms among {FEW}; at most 1.5 is promised)"
        )


# Speed


@dataclass(frozen=True)
class Fleet:
    """Devices that may connect to a running bench.

    Attributes:
        bench: it.
        iot: a client of its account.
        settings: the TLS settings of each device, by its name.
    """

    bench: Bench
    iot: BaseClient
    settings: dict[str, ssl.SSLContext]

    def connect(self, name: str) -> ssl.SSLSocket:
        """Connect a device: TCP, mutual TLS, and CONNECT until it is accepted."""
        ready = self.bench.ready
        raw = socket.create_connection((ready["mqtt_host"], ready["mqtt_port"]), timeout=20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = self.settings[name].wrap_socket(raw, server_hostname=ready["mqtt_endpoint_name"])
        expect(ask(tls, mqtt.Connect(name)), mqtt.ConnAck())
        return tls


def ask(tls: ssl.SSLSocket, packet: mqtt.Packet, answers: int = 1) -> list[mqtt.Packet]:
    """Send a packet and return the answers, as many as are expected."""
    tls.sendall(mqtt.encode(packet))
    decoder, heard = Decoder(), list[mqtt.Packet]()
    while len(heard) < answers:
        chunk = tls.recv(4096)
        if not chunk:
            raise SystemExit(f"the gateway closed the connection after {packet}")
        heard += decoder.feed(chunk)
    return heard


def expect(heard: list[mqtt.Packet], *expected: mqtt.Packet) -> None:
    """End the bench unless what was heard is what was expected, in any order."""
    if set(heard) != set(expected):
        raise SystemExit(f"heard {heard}, expected {expected}")


def speed() -> Iterator[str]:
    """Call the account, connect to its gateway, and hold many connections at once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            with contextlib.closing(iot_client(bench.ready["iot_endpoint_url"])) as iot:
                yield from calls(iot)
                fleet = Fleet(bench, iot, provision(bench, iot, Path(folder)))
                yield from connections(fleet)
                yield from devices_at_once(fleet)
        finally:
            bench.end()


def calls(iot: Any) -> Iterator[str]:  # noqa: ANN401 boto3 has no types
    """Call each operation of the procedure, over HTTP with boto3."""
    ca, now = Authority("Calls", valid_days=36500), datetime.now(UTC)
    code = iot.get_registration_code()["registrationCode"]
    iot.register_ca_certificate(**ca.registration(code, now))
    seconds: dict[str, list[float]] = {}

    def call(operation: str, **parameters: object) -> dict[str, Any]:
        begin = time.perf_counter()
        answer: dict[str, Any] = getattr(iot, operation)(**parameters)
        seconds.setdefault(operation, []).append(time.perf_counter() - begin)
        return answer

    for number in range(CALLS):
        name = f"called-{number}"
        pem = ca.issue(name, now=now).pem
        call("get_registration_code")
        call("create_thing", thingName=name)
        call("create_policy", policyName=name, policyDocument=ALLOW_ALL)
        arn = call("register_certificate", certificatePem=pem, status="ACTIVE")["certificateArn"]
        call("attach_thing_principal", thingName=name, principal=arn)
        call("attach_policy", policyName=name, target=arn)
        call("describe_certificate", certificateId=arn.rpartition("/")[2])
        call("describe_endpoint", endpointType="iot:Data-ATS")
    medians = {operation: median_ms(times) for operation, times in seconds.items()}
    slowest = max(medians, key=medians.__getitem__)
    median = statistics.median(medians.values())
    yield (
        f"control call     {median:6.1f} ms     (median with boto3; the slowest, {slowest}: "
        f"{medians[slowest]:.1f} ms; under 8 is promised)"
    )


def provision(bench: Bench, iot: Any, folder: Path) -> dict[str, ssl.SSLContext]:  # noqa: ANN401 as above
    """Register devices, and return their TLS settings."""
    ca, now, settings = Authority("Fleet", valid_days=36500), datetime.now(UTC), {}
    code = iot.get_registration_code()["registrationCode"]
    iot.register_ca_certificate(**ca.registration(code, now))
    iot.create_policy(policyName="fleet", policyDocument=ALLOW_ALL)
    for number in range(DEVICES):
        device = ca.issue(f"fleet-{number}", now=now)
        arn = iot.register_certificate(certificatePem=device.pem, status="ACTIVE")["certificateArn"]
        iot.create_thing(thingName=device.name)
        iot.attach_thing_principal(thingName=device.name, principal=arn)
        iot.attach_policy(policyName="fleet", target=arn)
        context = ssl.create_default_context(cafile=bench.ready["root_ca_file"])
        context.load_cert_chain(*device.write(folder))
        settings[device.name] = context
    return settings


def connections(fleet: Fleet) -> Iterator[str]:
    """Connect one device after another, in either version of TLS."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        seconds = []
        for name in [*fleet.settings][:CONNECTIONS]:
            fleet.settings[name].minimum_version = ssl.TLSVersion.TLSv1_2
            fleet.settings[name].maximum_version = version
            begin = time.perf_counter()
            tls = fleet.connect(name)
            seconds.append(time.perf_counter() - begin)
            tls.close()
        yield (
            f"mutual TLS       {median_ms(seconds):6.1f} ms     (median of TCP to CONNACK with "
            f"{version.name.replace('v', ' ').replace('_', '.')}; under 15 is promised)"
        )


def devices_at_once(fleet: Fleet) -> Iterator[str]:
    """Connect many devices, and let each hear its own message while all are connected."""
    with contextlib.ExitStack() as stack:
        begin = time.perf_counter()
        devices = {
            name: stack.enter_context(contextlib.closing(fleet.connect(name)))
            for name in fleet.settings
        }
        connected_s = time.perf_counter() - begin
        for name, tls in devices.items():
            expect(ask(tls, mqtt.Subscribe(1, ((f"{name}/own", 1),))), mqtt.SubAck(1, (1,)))
        begin = time.perf_counter()
        for name, tls in devices.items():
            message = mqtt.Publish(f"{name}/own", name.encode(), 1, 7)
            heard = ask(tls, message, answers=2)
            expect(heard, mqtt.PubAck(7), mqtt.Publish(f"{name}/own", name.encode(), 1, 1))
        heard_s = time.perf_counter() - begin
    each_ms = 1000 * heard_s / len(devices)
    yield (
        f"devices at once  {len(devices):6}        (connected in {connected_s:.1f} s, each heard "
        f"its own message in {each_ms:.1f} ms; {DEVICES} are promised)"
    )
