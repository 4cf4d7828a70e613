from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from first_connections import VERSIONS, alert, chained, drops, is_unknown, no_event, status, watcher
from simulator_fixtures import (
    MORNING,
    OPEN,
    Authority,
    Cloud,
    connected,
    last_reason,
)

from labkit import certificates
from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board import board_tls
from labkit.bench.simulator.gateway import admission, tls_connection

pytest_plugins = ("cloud_fixtures",)


@pytest.fixture
def auto(cloud: Cloud) -> Authority:
    """Return a CA that registers automatically (JITR)."""
    authority = Authority("Automatic CA")
    cloud.register_ca(authority, allowAutoRegistration=True)
    return authority


@pytest.mark.parametrize("version", VERSIONS)
def test_first_connection_registers_and_drops(
    cloud: Cloud, auto: Authority, version: ssl.TLSVersion
) -> None:
    """The handshake completes, the certificate is PENDING_ACTIVATION, the connection is closed."""
    device = chained(auto.issue("LED"), auto)
    drops(cloud, device, version)
    assert status(cloud, device) == "PENDING_ACTIVATION"
    assert last_reason(cloud).startswith("registered PENDING_ACTIVATION")
    assert cloud.events[-1].certificate_id == device.id
    assert cloud.gateway.connections == ()


def test_board_reports_0x7880(cloud: Cloud, auto: Authority) -> None:
    """The board's TLS client gets through the handshake and is then reported that it is closed."""
    device = auto.issue("LED")
    chain = tuple(
        certificate.public_bytes(Encoding.DER)
        for certificate in (device.certificate, auto.certificate)
    )
    with socket.create_connection(cloud.address, timeout=5) as raw:
        stream = board_tls.connect(
            raw,
            cloud.gateway.endpoint_name,
            8883,
            board_tls.Credentials(chain, device.key),
            root_ca_file=cloud.gateway.root_ca_file,
            now=MORNING,
        )
        stream.send(mqtt.encode(mqtt.Connect(device.name)))
        with pytest.raises(board_tls.TlsError) as caught:
            stream.receive()
    assert caught.value.code == 0x7880
    assert status(cloud, device) == "PENDING_ACTIVATION"


def test_event_is_published_at_every_connection_while_pending(
    cloud: Cloud, auto: Authority
) -> None:
    """A subscriber hears which certificate of which CA waits, every time it comes."""
    device = chained(auto.issue("LED"), auto)
    ca_id = certificates.certificate_id(auto.certificate)
    with watcher(cloud) as operator:
        for minute in range(2):
            drops(cloud, device)
            message = operator.receive()
            assert isinstance(message, mqtt.Publish)
            assert message.topic == f"$aws/events/certificates/registered/{ca_id}"
            assert json.loads(message.payload) == {
                "certificateId": device.id,
                "caCertificateId": ca_id,
                "timestamp": int(cloud.clock.now.timestamp() * 1000),
                "certificateStatus": "PENDING_ACTIVATION",
                "awsAccountId": "123456789012",
                "certificateRegistrationTimestamp": str(int(MORNING.timestamp() * 1000)),
            }
            cloud.clock.now += timedelta(minutes=minute + 1)
        cloud.iot.update_certificate(certificateId=device.id, newStatus="ACTIVE")
        cloud.attach_thing(device)
        cloud.attach_policy(device)
        connected(cloud, device).socket.close()
        assert no_event(operator)


def test_event_reaches_only_those_who_may_receive_it(cloud: Cloud, auto: Authority) -> None:
    """A subscription alone is not enough: iot:Receive is asked for every delivery."""
    deaf = json.loads(json.dumps(OPEN))
    deaf["Statement"].append({"Effect": "Deny", "Action": "iot:Receive", "Resource": "*"})
    with watcher(cloud) as operator:
        cloud.iot.create_policy(policyName="deaf", policyDocument=json.dumps(deaf))
        operator_id = cloud.events[-1].certificate_id
        cloud.iot.attach_policy(policyName="deaf", target=cloud.arn("cert", operator_id))
        drops(cloud, chained(auto.issue("LED"), auto))
        assert no_event(operator)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_the_ca_nothing_is_registered(
    cloud: Cloud, auto: Authority, version: ssl.TLSVersion
) -> None:
    """The connection closes in good order as well, and the log says what was missing."""
    device = auto.issue("LED")
    with watcher(cloud) as operator:
        drops(cloud, device, version)
        assert "did not send its certificate" in last_reason(cloud)
        assert is_unknown(cloud, device)
        assert no_event(operator)


def test_another_ca_in_the_chain_is_not_enough(cloud: Cloud, auto: Authority) -> None:
    """The CA that is sent must be the one that has signed the certificate."""
    other = Authority("Other automatic CA")
    cloud.register_ca(other, allowAutoRegistration=True)
    device = chained(auto.issue("LED"), other)
    drops(cloud, device)
    assert is_unknown(cloud, device)


def test_ca_of_the_same_name_is_not_enough(cloud: Cloud, auto: Authority) -> None:
    """A forger who calls himself like the CA gets an alert, whichever CA he sends."""
    forger = Authority(auto.name)
    for sent in (forger, auto):
        device = chained(forger.issue("LED"), sent)
        assert alert(cloud, device) == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
        assert is_unknown(cloud, device)


def test_two_automatic_cas_of_one_name(cloud: Cloud, auto: Authority) -> None:
    """Where several CAs share a subject, the one that has signed counts."""
    twin = Authority(auto.name)
    cloud.register_ca(twin, allowAutoRegistration=True)
    for authority in (auto, twin):
        device = chained(authority.issue("LED"), authority)
        drops(cloud, device)
        about = cloud.iot.describe_certificate(certificateId=device.id)
        signer = certificates.certificate_id(authority.certificate)
        assert about["certificateDescription"]["caCertificateId"] == signer


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (MORNING + timedelta(days=31), "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
        (MORNING - timedelta(days=1), "SSLV3_ALERT_BAD_CERTIFICATE"),
    ],
)
def test_dates_are_judged_before_anything_is_registered(
    cloud: Cloud, auto: Authority, *, version: ssl.TLSVersion, now: object, expected: str
) -> None:
    """An expired certificate, and one of tomorrow, still end in an alert."""
    device = chained(auto.issue("LED", valid_days=30), auto)
    cloud.clock.now = now
    assert alert(cloud, device, version=version) == expected
    assert is_unknown(cloud, device)


@pytest.mark.parametrize(
    "change", [{"newStatus": "INACTIVE"}, {"newAutoRegistrationStatus": "DISABLE"}]
)
def test_ca_must_be_active_and_automatic(
    cloud: Cloud, auto: Authority, change: dict[str, str]
) -> None:
    """Otherwise an unknown certificate, or a pending one, gets an alert."""
    unknown, pending = (chained(auto.issue(name), auto) for name in ("unknown", "pending"))
    drops(cloud, pending)
    ca_id = certificates.certificate_id(auto.certificate)
    cloud.iot.update_ca_certificate(certificateId=ca_id, **change)
    for device in (unknown, pending):
        assert alert(cloud, device) == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
    assert is_unknown(cloud, unknown)
    assert last_reason(cloud) == "the certificate is PENDING_ACTIVATION"


@pytest.mark.parametrize("newer", ["INACTIVE", "REVOKED"])
def test_certificate_that_is_known_otherwise_is_not_introduced(
    cloud: Cloud, auto: Authority, newer: str
) -> None:
    """Automatic registration does not bring a certificate back that was deactivated."""
    device = chained(auto.issue("LED"), auto)
    drops(cloud, device)
    cloud.iot.update_certificate(certificateId=device.id, newStatus=newer)
    assert alert(cloud, device) == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
    assert status(cloud, device) == newer


def test_change_in_the_middle_of_the_handshake_counts(
    cloud: Cloud, auto: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA was automatic when the certificate was judged, and is not when it is introduced."""
    judged = threading.Event()
    monkeypatch.setattr(
        tls_connection, "judge", lambda *asked: (judged.set(), admission.judge(*asked))[1]
    )
    device = chained(auto.issue("LED"), auto)
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = cloud.tls(device).wrap_bio(coming, going, server_hostname=cloud.gateway.endpoint_name)
    with socket.create_connection(cloud.address, timeout=5) as raw:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        raw.sendall(going.read())
        coming.write(raw.recv(65536))
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        flight = going.read()
        raw.sendall(flight[:-1])
        assert judged.wait(5)
        assert cloud.events == []
        cloud.iot.update_ca_certificate(
            certificateId=certificates.certificate_id(auto.certificate), newStatus="INACTIVE"
        )
        raw.sendall(flight[-1:])
        with contextlib.suppress(ssl.SSLWantReadError):
            coming.write(raw.recv(65536))
            tls.do_handshake()
        tls.write(mqtt.encode(mqtt.Connect(device.name)))
        raw.sendall(going.read())
        while raw.recv(65536):
            pass
    assert "has changed while the client connected" in last_reason(cloud)
    assert is_unknown(cloud, device)
