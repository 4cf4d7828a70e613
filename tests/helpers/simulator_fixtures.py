"""A simulated account and its gateway in this process, and what a device needs to reach them."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from labkit import certificates, policy
from labkit.bench.simulator import mqtt
from labkit.bench.simulator.account import Account
from labkit.bench.simulator.aws.aws_api import ApiServer
from labkit.bench.simulator.gateway.gateway import Gateway
from labkit.bench.simulator.mqtt.decoder import Decoder
from labkit.keys import PublicKey
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from botocore.client import BaseClient
    from cryptography import x509

REGION, ACCOUNT_ID = "us-east-1", "123456789012"
MORNING = datetime(2026, 1, 1, 9, tzinfo=UTC)


OPEN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}
ALLOW_ALL = json.dumps(OPEN)


def own_topics() -> dict[str, object]:
    """Return the hello world's policy, for all topics below the thing's name."""
    document = json.dumps(policy.hello_world_policy(REGION, ACCOUNT_ID))
    return dict(json.loads(document.replace("/example/topic", "/*")))


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time that it was set to."""
        return self.now


def iot_client(url: str, service: str = "iot", region: str = REGION) -> BaseClient:
    """Return boto3's client for a simulated account; it never asks the environment."""
    return _SESSION.client(
        service,
        region_name=region,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}),
    )


# botocore keeps the models that it has read with the session.
_SESSION = boto3.session.Session(
    aws_access_key_id="simulated",
    aws_secret_access_key="simulated",  # noqa: S106 any will do
    region_name=REGION,
)


@dataclass
class Authority:
    """A CA with its key, which signs anything that it is asked to."""

    name: str = "Lab root CA"
    randomness: Randomness = field(default_factory=Randomness)
    valid_days: int = 3650

    def __post_init__(self) -> None:
        self.key = self.randomness.ec_key(self.name, "CA key")
        self.certificate = certificates.root_ca(
            self.key,
            certificates.parse_subject(f"CN={self.name}"),
            now=MORNING,
            serial_number=self.randomness.serial_number(self.name, "CA serial"),
            valid_days=self.valid_days,
        )

    @property
    def pem(self) -> str:
        """It, in PEM."""
        return certificates.to_pem(self.certificate)

    def verification(self, code: str, now: datetime = MORNING) -> str:
        """Return the verification certificate for a registration code, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certificates.Issuer(self.certificate, self.key).verification_certificate(
            code,
            public_key=key.public_key(),
            now=now,
            serial_number=self.randomness.serial_number(self.name, "verification serial"),
        )
        return certificates.to_pem(certificate)

    def registration(self, code: str, now: datetime = MORNING) -> dict[str, Any]:
        """Return the parameters that register this CA, ACTIVE."""
        return {
            "caCertificate": self.pem,
            "verificationCertificate": self.verification(code, now),
            "setAsActive": True,
        }

    def issue(self, name: str, *, now: datetime = MORNING, valid_days: int = 500) -> Device:
        """Issue a certificate for a new device key."""
        key = self.randomness.ec_key(name, "device key")
        signer = ec.generate_private_key(ec.SECP256R1())
        certificate = certificates.Issuer(self.certificate, self.key).issue(
            certificates.certificate_request(signer, certificates.parse_subject(f"CN={name}")),
            public_key=PublicKey.from_key(key.public_key()),
            now=now,
            serial_number=self.randomness.serial_number(name, "device serial"),
            valid_days=valid_days,
        )
        return Device(name, key, certificate)


@dataclass
class Device:
    """A device's name, key and certificate."""

    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """It, in PEM."""
        return certificates.to_pem(self.certificate)

    @property
    def id(self) -> str:
        """The certificate's id."""
        return certificates.certificate_id(self.certificate)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write certificate and key, as a TLS library wants them, and return their paths."""
        certificate, key = folder / f"{self.name}.pem", folder / f"{self.name}.key"
        certificate.write_text(self.pem)
        key.write_bytes(certificates.private_key_to_pem(self.key))
        return certificate, key


class Event(NamedTuple):
    """What the gateway logs of a connection that it accepted or closed."""

    verb: str
    peer: str
    certificate_id: str
    client_id: str
    reason: str


class Events(logging.Handler):
    """The gateway's log of connections."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.logged: list[Event] = []
        self.logger = logging.getLogger("labkit.bench.simulator.gateway.broker")
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an entry."""
        self.logged.append(Event(*record.args))  # type: ignore[misc]  # the log's five values

    def close(self) -> None:
        """Stop."""
        self.logger.removeHandler(self)
        super().close()


class Cloud:
    """An account, its API and its gateway, running in this process."""

    def __init__(self, folder: Path, *, seed: str | None = None) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.account = Account(
            folder,
            region=REGION,
            account_id=ACCOUNT_ID,
            randomness=Randomness(seed),
            clock=self.clock,
        )
        self.api = ApiServer(self.account)
        self.gateway = Gateway(self.account, folder)
        self._log = Events()
        self.url = self.api.start()
        self.address = self.gateway.start()
        self.iot = iot_client(self.url)

    def close(self) -> None:
        """End all of it."""
        self.iot.close()
        self.api.close()
        self.gateway.close()
        self._log.close()
        self.account.close()

    @property
    def events(self) -> list[Event]:
        """The connections that were accepted or closed, oldest first."""
        return self._log.logged

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:aws:iot:{REGION}:{ACCOUNT_ID}:{kind}/{name}"

    def register_ca(self, ca: Authority, **parameters: object) -> str:
        """Register a CA with its verification certificate, ACTIVE, and return its id."""
        code = self.iot.get_registration_code()["registrationCode"]
        answer = self.iot.register_ca_certificate(**{**ca.registration(code), **parameters})
        return str(answer["certificateId"])

    def register(self, device: Device, *, status: str = "ACTIVE") -> str:
        """Register a device's certificate and return its ARN."""
        answer = self.iot.register_certificate(certificatePem=device.pem, status=status)
        return str(answer["certificateArn"])

    def attach_thing(self, device: Device) -> None:
        """Make a thing of the device's name and attach the certificate to it."""
        self.iot.create_thing(thingName=device.name)
        self.iot.attach_thing_principal(
            thingName=device.name, principal=self.arn("cert", device.id)
        )

    def attach_policy(
        self, device: Device, document: dict[str, object] | None = None, name: str = "hello"
    ) -> None:
        """Make a policy, by default for all topics below the thing's name, and attach it."""
        document = document or own_topics()
        self.iot.create_policy(policyName=name, policyDocument=json.dumps(document))
        self.iot.attach_policy(policyName=name, target=self.arn("cert", device.id))

    def allow(self, device: Device) -> None:
        """Do all that the hello world of a device needs."""
        self.register(device)
        self.attach_thing(device)
        self.attach_policy(device)

    def tls(
        self, device: Device | None, *, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ) -> ssl.SSLContext:
        """Return a device's TLS settings."""
        context = ssl.create_default_context(cafile=str(self.gateway.root_ca_file))
        context.minimum_version = context.maximum_version = version
        if device is not None:
            context.load_cert_chain(*device.write(self.folder))
        return context

    def connect(
        self, device: Device | None, *, server_name: str | None = None, **tls: ssl.TLSVersion
    ) -> ssl.SSLSocket:
        """Open a mutual-TLS connection as a device."""
        raw = socket.create_connection(self.address, timeout=5)
        try:
            return self.tls(device, **tls).wrap_socket(
                raw, server_hostname=server_name or self.gateway.endpoint_name
            )
        except BaseException:
            raw.close()
            raise


class Client:
    """An MQTT client made of the codec and a TLS connection, one packet at a time."""

    def __init__(self, cloud: Cloud, device: Device, **tls: ssl.TLSVersion) -> None:
        self.socket = cloud.connect(device, **tls)
        self._decoder = Decoder()
        self._waiting: list[mqtt.Packet] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, packet: mqtt.Packet | bytes) -> None:
        """Send a packet, or any bytes."""
        self.socket.sendall(packet if isinstance(packet, bytes) else mqtt.encode(packet))

    def receive(self, timeout_s: float = 5) -> mqtt.Packet | None:
        """Return the next packet, or None when the gateway has closed the connection."""
        self.socket.settimeout(timeout_s)
        while not self._waiting:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._waiting += self._decoder.feed(data)
        return self._waiting.pop(0)

    def ask(self, packet: mqtt.Packet | bytes) -> mqtt.Packet | None:
        """Send and receive."""
        self.send(packet)
        return self.receive()


def refused(call: Callable[..., Any], **parameters: object) -> tuple[str, int]:
    """Return the code and the HTTP status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def offer_old_tls(cloud: Cloud, device: Device) -> None:
    """Offer TLS 1.1 and nothing else; the gateway answers with the alert protocol_version."""
    context = cloud.tls(device)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(cloud.address) as raw,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"),
    ):
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name)


def connected(cloud: Cloud, device: Device) -> Client:
    """Return a client whose CONNECT was accepted."""
    client = Client(cloud, device)
    assert client.ask(mqtt.Connect(device.name)) == mqtt.ConnAck()
    return client


def last_reason(cloud: Cloud) -> str:
    """Return why the last connection ended."""
    return cloud.events[-1].reason
