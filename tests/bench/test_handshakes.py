"""What the gateway saw of a handshake: step by step, who proved what, and where it broke."""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from handshakes_seen import CLIENT, broke, reported, seen, step
from simulator_fixtures import MORNING, Authority, Client, Cloud, Device, offer_old_tls

from labkit.bench.handshake import Outcome
from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board import board_tls
from labkit.bench.simulator.gateway import attempts as store

if TYPE_CHECKING:
    from collections.abc import Callable


pytest_plugins = ("cloud_fixtures",)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
NAMES = {ssl.TLSVersion.TLSv1_2: "TLS 1.2", ssl.TLSVersion.TLSv1_3: "TLS 1.3"}


@pytest.fixture(autouse=True)
def port(cloud: Cloud) -> None:
    """Lead every connection of a test to one port."""
    cloud.address = cloud.gateway.open_port(CLIENT)
    cloud.gateway.attempts.look_up(CLIENT)


def connect(
    cloud: Cloud, device: Device | None, client_id: str | None = None, **tls: ssl.TLSVersion
) -> str:
    """Shake hands and, if a client id is given, send CONNECT; return the alert if one comes."""
    try:
        with cloud.connect(device, **tls) as connection:
            if client_id is not None:
                connection.sendall(mqtt.encode(mqtt.Connect(client_id)))
            connection.recv(1)
    except ssl.SSLError as error:
        return str(error.reason).lower()
    except OSError:
        pass
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_accepted(cloud: Cloud, led: Device, version: ssl.TLSVersion) -> None:
    """Every message is ok, from the hello to CONNACK, and says who proved what."""
    connect(cloud, led, "LED", version=version)
    shaken = seen(cloud)
    assert shaken.is_accepted
    assert {it.outcome for it in shaken.steps} == {Outcome.OK}
    assert [(it.sender, it.message) for it in shaken.steps[:2]] == [
        ("device", "ClientHello"),
        ("AWS IoT", "ServerHello"),
    ]
    assert f"offers {NAMES[version]} and asks for {cloud.gateway.endpoint_name}" in repr(shaken)
    assert f"chooses {NAMES[version]}" in repr(shaken)
    assert f"CN=LED, id {led.id[:16]}…" in step(shaken, "device", "Certificate").means
    assert "the device proves" in step(shaken, "device", "CertificateVerify").means
    assert step(shaken, "device", "CONNECT").means.endswith(": LED")
    assert "Nothing broke" in shaken.verdict


def unknown(_: Cloud, ca: Authority) -> Device:
    """Return a device whose certificate is not registered."""
    return ca.issue("stranger")


def of_unknown_ca(_: Cloud, __: Authority) -> Device:
    """Return a device of a CA that is not registered."""
    return Authority("Unknown CA").issue("stranger")


def inactive(cloud: Cloud, ca: Authority) -> Device:
    """Return a device whose certificate is registered and no more."""
    device = ca.issue("stranger")
    cloud.register(device, status="INACTIVE")
    return device


def expired(cloud: Cloud, ca: Authority) -> Device:
    """Return a device whose certificate's time has been over for a second of the lab's clock."""
    device = ca.issue("stranger", valid_days=30)
    cloud.register(device)
    cloud.clock.now = device.certificate.not_valid_after_utc
    assert connect(cloud, device, "stranger") == ""
    cloud.clock.now += timedelta(seconds=1)
    return device


def of_tomorrow(cloud: Cloud, ca: Authority) -> Device:
    """Return a device whose certificate's time has not come."""
    device = ca.issue("stranger", now=MORNING + timedelta(days=1))
    cloud.register(device)
    return device


REFUSED: dict[Callable[[Cloud, Authority], Device], tuple[str, str]] = {
    unknown: ("certificate_unknown", "the certificate is not registered; its CA is"),
    of_unknown_ca: ("unknown_ca", "neither is its CA (CN=Unknown CA)"),
    inactive: ("certificate_unknown", "the certificate is INACTIVE"),
    expired: ("certificate_expired", "the certificate expired on 2026-01-31"),
    of_tomorrow: ("bad_certificate", "the certificate is not valid before 2026-01-02"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_refused_certificate(
    cloud: Cloud,
    ca: Authority,
    make: Callable[[Cloud, Authority], Device],
    version: ssl.TLSVersion,
) -> None:
    """It breaks at the device's certificate; the device gets the alert, the log the reason."""
    device = make(cloud, ca)
    sent = connect(cloud, device, "stranger", version=version)
    shaken, (alert, reason) = seen(cloud), REFUSED[make]
    assert sent.endswith(f"alert_{alert}")
    assert broke(shaken) == ("device", "Certificate")
    assert shaken.alert == alert
    assert f"AWS IoT refused it with the alert {alert}: " in shaken.verdict
    assert reason in shaken.verdict
    assert reason in reported(cloud)["refusal"]
    assert f"CN=stranger, id {device.id[:16]}…" in repr(shaken)
    assert step(shaken, "AWS IoT", "Certificate").outcome is Outcome.OK
    assert step(shaken, "device", "CertificateVerify").outcome is Outcome.NOT_REACHED
    assert not shaken.is_accepted


@pytest.mark.parametrize("version", VERSIONS)
def test_no_certificate(cloud: Cloud, version: ssl.TLSVersion) -> None:
    """A device that shows none breaks it at the same message, and nothing was shown."""
    alerts = dict(zip(VERSIONS, ("handshake_failure", "certificate_required"), strict=True))
    assert connect(cloud, None, "LED", version=version).endswith(alerts[version])
    assert broke(seen(cloud)) == ("device", "Certificate")
    assert "peer did not return a certificate" in seen(cloud).verdict
    assert reported(cloud)["certificate_id"] == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_wrong_root_on_the_device(cloud: Cloud, led: Device, version: ssl.TLSVersion) -> None:
    """A device that does not trust the server's certificate refuses it, and shows nothing."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*led.write(cloud.folder))
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        socket.create_connection(cloud.address) as raw,
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name),
    ):
        pass
    shaken = seen(cloud)
    assert broke(shaken) == ("AWS IoT", "Certificate")
    assert "the device refused it with the alert unknown_ca" in shaken.verdict
    assert "the root CA certificate that it holds" in shaken.verdict
    proof = "ServerKeyExchange" if version is VERSIONS[0] else "CertificateVerify"
    assert step(shaken, "AWS IoT", proof).outcome is Outcome.IGNORED
    assert step(shaken, "device", "Certificate").outcome is Outcome.NOT_REACHED
    assert reported(cloud)["certificate_id"] == ""


def board_connects(cloud: Cloud, device: Device, key: object) -> None:
    """Shake hands as the simulated board does, which signs with whatever key it has."""
    shown = (device.certificate.public_bytes(Encoding.DER),)
    with socket.create_connection(cloud.address) as raw, contextlib.suppress(board_tls.TlsError):
        board_tls.connect(
            raw,
            cloud.gateway.endpoint_name,
            8883,
            board_tls.Credentials(shown, key),  # type: ignore[arg-type]  # an EC key
            root_ca_file=cloud.gateway.root_ca_file,
            now=MORNING,
        )


def test_key_that_is_not_the_certificates(cloud: Cloud, ca: Authority, led: Device) -> None:
    """The certificate is welcome; the proof of its key fails, with decrypt_error."""
    board_connects(cloud, led, ca.issue("another").key)
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "CertificateVerify")
    assert shaken.alert == "decrypt_error"
    assert step(shaken, "device", "Certificate").outcome is Outcome.OK


def test_key_that_is_the_certificates(cloud: Cloud, led: Device) -> None:
    """The twin: with its own key it gets as far as CONNECT, which it does not send."""
    board_connects(cloud, led, led.key)
    assert broke(seen(cloud)) == ("device", "CONNECT")
    assert step(seen(cloud), "device", "CertificateVerify").outcome is Outcome.OK


@pytest.mark.parametrize("version", VERSIONS)
def test_wrong_client_id(cloud: Cloud, led: Device, version: ssl.TLSVersion) -> None:
    """The handshake is whole; the policy refuses the name, and no CONNACK comes."""
    connect(cloud, led, "somebody else", version=version)
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "CONNECT")
    assert "both sides have proved who they are; then: iot:Connect on client/" in shaken.verdict
    assert step(shaken, "device", "CONNECT").means.endswith(": somebody else")
    assert step(shaken, "AWS IoT", "CONNACK").outcome is Outcome.NOT_REACHED
    assert {it.outcome for it in shaken.steps[:-2]} == {Outcome.OK}


def test_to_be_registered_just_in_time(cloud: Cloud) -> None:
    """An unregistered device proves its identity; at CONNECT the account registers it or not."""
    ca = Authority("Just in time")
    cloud.register_ca(ca, allowAutoRegistration=True)
    connect(cloud, ca.issue("new"), "new")
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "CONNECT")
    assert "proved who they are; then: the CA registers automatically" in shaken.verdict
    assert reported(cloud)["refusal"] == ""


def test_what_follows_the_handshake_is_no_mqtt(cloud: Cloud, led: Device) -> None:
    """Garbage in place of CONNECT breaks it there."""
    with Client(cloud, led) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        client.receive()
    assert broke(seen(cloud)) == ("device", "CONNECT")
    assert "not MQTT 3.1.1" in seen(cloud).verdict


@pytest.mark.parametrize(
    "raw", [b"GET / HTTP/1.0\r\n\r\n", b"\0" * 50, b"\x16\x03\x01\x00\x05abcde"]
)
def test_garbage(cloud: Cloud, raw: bytes) -> None:
    """What is no TLS breaks at once, and nothing is claimed about it."""
    with socket.create_connection(cloud.address) as connection:
        connection.sendall(raw)
        with contextlib.suppress(ConnectionError):
            connection.recv(100)
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "ClientHello")
    assert {it.outcome for it in shaken.steps[1:]} == {Outcome.NOT_REACHED}
    assert "no version of TLS agreed" in repr(shaken)


def test_old_tls_tells_what_was_offered(cloud: Cloud, led: Device) -> None:
    """TLS 1.1 is refused at the hello, and the hello was read all the same."""
    offer_old_tls(cloud, led)
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "ClientHello")
    assert shaken.alert == "protocol_version"
    assert "offers TLS 1.1 and asks for " in repr(shaken)


def hello(cloud: Cloud, version: ssl.TLSVersion) -> tuple[bytes, ssl.SSLObject, ssl.MemoryBIO]:
    """Return a ClientHello, the client that sent it, and where its answer goes."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = cloud.gateway.endpoint_name
    client = cloud.tls(None, version=version).wrap_bio(coming, going, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return going.read(), client, coming


@pytest.mark.parametrize("version", VERSIONS)
def test_cut_off_in_the_middle(cloud: Cloud, version: ssl.TLSVersion) -> None:
    """Gone after the server's half: nobody knows whether the device took it."""
    with socket.create_connection(cloud.address) as raw:
        raw.sendall(hello(cloud, version)[0])
        assert raw.recv(65536)
    shaken = seen(cloud)
    assert broke(shaken) == ("device", "Certificate")
    assert step(shaken, "AWS IoT", "Certificate").outcome is Outcome.SENT
    assert "no alert was sent; the client closed the connection" in shaken.verdict


def test_cut_off_inside_the_hello(cloud: Cloud) -> None:
    """Half a hello offers nothing."""
    with socket.create_connection(cloud.address) as raw:
        raw.sendall(hello(cloud, VERSIONS[1])[0][:100])
    assert broke(seen(cloud)) == ("device", "ClientHello")
    assert reported(cloud)["offered"] == []


def test_still_going_on(cloud: Cloud, led: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake whose device waits is neither broken nor accepted."""
    monkeypatch.setattr(store, "_SETTLING_S", 0.05)
    with cloud.connect(led, version=VERSIONS[1]):
        cloud.gateway.attempts.last(CLIENT)
        assert seen(cloud).broke_at is None
        assert "in progress" in seen(cloud).verdict
    assert not seen(cloud).is_accepted
