from __future__ import annotations

import json
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from simulator_fixtures import (
    MORNING,
    OPEN,
    Authority,
    Client,
    Cloud,
    Device,
    connected,
    last_reason,
    refused,
)

from labkit import certificates, policy
from labkit.simulator import admission, board_tls, mqtt, tls_connection

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("cloud_fixtures",)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

ROLE = "arn:aws:iam::123456789012:role/JITP"
COMMON_NAME = "AWS::IoT::Certificate::CommonName"
COUNTRY = "AWS::IoT::Certificate::Country"


def template(*declared: str) -> dict[str, str]:
    """Return a registration config: thing, hello world's policy and ACTIVE; and parameters."""
    body = {
        "Parameters": {name: {"Type": "String"} for name in (COMMON_NAME, *declared)},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": {"Ref": COMMON_NAME}},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                    "Status": "ACTIVE",
                },
            },
            "policy": {
                "Type": "AWS::IoT::Policy",
                "Properties": {
                    "PolicyDocument": json.dumps(
                        policy.hello_world_policy("us-east-1", "123456789012")
                    )
                },
            },
        },
    }
    body["Parameters"]["AWS::IoT::Certificate::Id"] = {"Type": "String"}
    return {"templateBody": json.dumps(body), "roleArn": ROLE}


@dataclass
class Chained(Device):
    """A device that sends a CA's certificate behind its own, as the JITR macro makes it do."""

    ca: Authority

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write certificates and key."""
        certificate, key = super().write(folder)
        certificate.write_text(self.pem + self.ca.pem)
        return certificate, key


def chained(device: Device, ca: Authority) -> Chained:
    """Return the device with a CA to send."""
    return Chained(device.name, device.key, device.certificate, ca)


@pytest.fixture
def auto(cloud: Cloud) -> Authority:
    """Return a CA that registers automatically (JITR)."""
    authority = Authority("Automatic CA")
    cloud.register_ca(authority, allowAutoRegistration=True)
    return authority


def watcher(cloud: Cloud) -> Client:
    """Connect somebody who has subscribed to the event of every CA."""
    authority = Authority("Operators' CA")
    cloud.register_ca(authority)
    operator = authority.issue("operator")
    cloud.register(operator)
    cloud.attach_policy(operator, OPEN, name="open")
    client = connected(cloud, operator)
    wanted = mqtt.Subscribe(1, (("$aws/events/certificates/registered/+", 1),))
    assert client.ask(wanted) == mqtt.SubAck(1, (1,))
    return client


def nothing_came(client: Client) -> bool:
    """Return whether nothing waits in front of the answer to a ping."""
    return client.ask(mqtt.PingReq()) == mqtt.PingResp()


def drops(cloud: Cloud, device: Device, version: ssl.TLSVersion = VERSIONS[0]) -> None:
    """Connect and be closed in good order: close_notify, and no CONNACK before it."""
    raw = socket.create_connection(cloud.address, timeout=5)
    # Without close_notify this raises: it does not take a mere end of file for an end.
    with cloud.tls(device, version=version).wrap_socket(
        raw, server_hostname=cloud.gateway.endpoint_name, suppress_ragged_eofs=False
    ) as client:
        client.sendall(mqtt.encode(mqtt.Connect(device.name)))
        assert client.recv(100) == b""


def alert(cloud: Cloud, device: Device, **tls: ssl.TLSVersion) -> str:
    """Return the alert with which a handshake ends."""
    with pytest.raises(ssl.SSLError) as caught, cloud.connect(device, **tls) as connection:
        connection.recv(1)
    return str(caught.value.reason)


def status(cloud: Cloud, device: Device) -> str:
    """Return a certificate's status in the registry."""
    answer = cloud.iot.describe_certificate(certificateId=device.id)
    return str(answer["certificateDescription"]["status"])


def is_unknown(cloud: Cloud, device: Device) -> bool:
    """Return whether a certificate is not registered."""
    answer = refused(cloud.iot.describe_certificate, certificateId=device.id)
    return answer == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("version", VERSIONS)
def test_first_connection_registers_and_drops(
    cloud: Cloud, auto: Authority, version: ssl.TLSVersion
) -> None:
    """The handshake completes, the certificate is PENDING_ACTIVATION, the connection is closed."""
    device = chained(auto.issue("LED"), auto)
    drops(cloud, device, version)
    assert status(cloud, device) == "PENDING_ACTIVATION"
    assert last_reason(cloud).startswith("registered PENDING_ACTIVATION")
    assert cloud.gateway.events[-1].certificate_id == device.id
    assert cloud.gateway.connections == ()


def test_board_reports_0x7880(cloud: Cloud, auto: Authority) -> None:
    """The board's TLS client gets through the handshake and is then told that it is closed."""
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
        with pytest.raises(board_tls.TlsError) as caught:
            stream.receive()
    assert caught.value.code == 0x7880
    assert status(cloud, device) == "PENDING_ACTIVATION"


def test_event_is_published_at_every_connection_while_pending(
    cloud: Cloud, auto: Authority
) -> None:
    """Whoever has subscribed hears which certificate of which CA waits, every time it comes."""
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
                "certificateRegistrationTimestamp": int(MORNING.timestamp() * 1000),
            }
            cloud.clock.now += timedelta(minutes=minute + 1)
        cloud.iot.update_certificate(certificateId=device.id, newStatus="ACTIVE")
        cloud.attach_thing(device)
        cloud.attach_policy(device)
        connected(cloud, device).socket.close()
        assert nothing_came(operator)


def test_event_reaches_only_those_who_may_receive_it(cloud: Cloud, auto: Authority) -> None:
    """A subscription alone is not enough: iot:Receive is asked for every delivery."""
    deaf = json.loads(json.dumps(OPEN))
    deaf["Statement"].append({"Effect": "Deny", "Action": "iot:Receive", "Resource": "*"})
    with watcher(cloud) as operator:
        cloud.iot.create_policy(policyName="deaf", policyDocument=json.dumps(deaf))
        operator_id = cloud.gateway.events[-1].certificate_id
        cloud.iot.attach_policy(policyName="deaf", target=cloud.arn("cert", operator_id))
        drops(cloud, chained(auto.issue("LED"), auto))
        assert nothing_came(operator)


@pytest.mark.parametrize("version", VERSIONS)
def test_template_provisions_and_the_second_connection_is_in(
    cloud: Cloud, version: ssl.TLSVersion
) -> None:
    """JITP: thing, policy and ACTIVE come from the template; the first connection drops anyway."""
    authority = Authority("JITP CA")
    cloud.register_ca(authority, allowAutoRegistration=True, registrationConfig=template())
    device = chained(authority.issue("LED"), authority)
    with watcher(cloud) as operator:
        drops(cloud, device, version)
        assert isinstance(operator.receive(), mqtt.Publish)
        assert status(cloud, device) == "ACTIVE"
        with Client(cloud, device, version=version) as client:
            assert client.ask(mqtt.Connect("LED")) == mqtt.ConnAck()
            assert client.ask(mqtt.Publish("LED/a", b"x", 1, 1)) == mqtt.PubAck(1)
            assert nothing_came(operator)


def test_parameter_that_the_subject_lacks_leaves_it_pending(cloud: Cloud) -> None:
    """A template that declares a country fails for CN=LED, at every connection."""
    authority = Authority("JITP CA")
    config = template(COUNTRY)
    cloud.register_ca(authority, allowAutoRegistration=True, registrationConfig=config)
    device = chained(authority.issue("LED"), authority)
    for _ in range(2):
        drops(cloud, device)
        assert status(cloud, device) == "PENDING_ACTIVATION"
        assert "Country" in last_reason(cloud)
    assert refused(cloud.iot.describe_thing, thingName="LED")[0] == "ResourceNotFoundException"


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
        assert nothing_came(operator)


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
    """Automatic registration does not bring a certificate back that was put out of use."""
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
        assert cloud.gateway.events == ()
        cloud.iot.update_ca_certificate(
            certificateId=certificates.certificate_id(auto.certificate), newStatus="INACTIVE"
        )
        raw.sendall(flight[-1:])
        while raw.recv(65536):
            pass
    assert "has changed while the client connected" in last_reason(cloud)
    assert is_unknown(cloud, device)
