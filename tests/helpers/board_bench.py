"""What tests of the simulated board share: a bare boot, and a server that misbehaves."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board.board_clock import FAST, BoardClock
from labkit.bench.simulator.board.flash import Flash, Image
from labkit.bench.simulator.board.hello_world import run_hello_world
from labkit.bench.simulator.board.machine import Console, Machine, Network
from labkit.bench.simulator.board.provisioning import provision
from labkit.bench.simulator.board.releases import RELEASES
from labkit.bench.simulator.mqtt.decoder import Decoder
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDPOINT = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com"
THING = "lab-device"
NOWHERE = ("127.0.0.1", 1)

_PEM = serialization.Encoding.PEM
_CLOSE_NOTIFY = bytes.fromhex("15 0303 0002 01 00")
"""A TLS 1.2 record: alert, two bytes, warning, close_notify (RFC 5246, 7.2)."""


def name(common_name: str) -> x509.Name:
    """Return a subject of one common name."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


class Authority:
    """A certificate authority of the test's own.

    Its certificates begin a day before `now`, by default the wall clock's.
    """

    def __init__(self, common_name: str = "Test CA", *, now: datetime | None = NOW) -> None:
        self._now = now or datetime.now(UTC)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(common_name)
        usage = {
            it: it in {"key_cert_sign", "crl_sign"}
            for it in [
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ]
        }
        self.certificate = (
            self._builder(self.name, self.key.public_key(), days=3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self.certificate.public_bytes(_PEM).decode()

    def issue(self, public_key: object, *, host: str | None = None, days: int = 90) -> str:
        """Return a certificate, PEM, for a device, or for a server where it has a host name."""
        builder = self._builder(name(host or THING), public_key, days=days).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
            critical=False,
        )
        if host:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(_PEM).decode()

    def _builder(
        self, subject: x509.Name, public_key: object, *, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=1))
            .not_valid_after(self._now + timedelta(days=days))
        )


def private_pem(key: object, form: str = "PKCS8") -> str:
    """Return a private key as PEM: PKCS8 or TraditionalOpenSSL."""
    form_of = serialization.PrivateFormat
    return key.private_bytes(_PEM, getattr(form_of, form), serialization.NoEncryption()).decode()


def image(release: str = "202203.00", **macros: str | None) -> Image:
    """Return an image that connects to the endpoint as the thing, with macros changed by name.

    `force`, `delay`, `certificate`, `jitr`, `key`, `endpoint`, `port` and `thing` are short names.
    """
    named = {
        "force": "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR",
        "delay": "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS",
        "certificate": "keyCLIENT_CERTIFICATE_PEM",
        "jitr": "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM",
        "key": "keyCLIENT_PRIVATE_KEY_PEM",
        "endpoint": "clientcredentialMQTT_BROKER_ENDPOINT",
        "port": "clientcredentialMQTT_BROKER_PORT",
        "thing": "clientcredentialIOT_THING_NAME",
    }
    values = {"force": "0", "endpoint": ENDPOINT, "port": "8883", "thing": THING, **macros}
    return Image(release, {named[short]: value for short, value in values.items()})


class BareBoard:
    """A board without a serial line: `boot` returns what it printed."""

    def __init__(self, directory: Path, *, seed: str | None = "test") -> None:
        self.flash = Flash(directory / "flash.json")
        self.randomness = Randomness(seed)
        self.network = Network("us-east-1", NOWHERE, directory / "root.pem", lambda: NOW)

    def connect_to(self, server: Server) -> None:
        """Let the endpoint's name resolve to a server."""
        root_ca_file = self.network.root_ca_file
        root_ca_file.write_text(server.trusted_root)
        self.network = Network("us-east-1", server.address, root_ca_file, lambda: NOW)

    def boot(self, run: Image) -> bytes:
        """Run the boot program once."""
        printed = bytearray()
        clock, release = BoardClock(FAST), RELEASES[run.release]
        machine = Machine(
            image=run,
            release=release,
            flash=self.flash,
            clock=clock,
            console=Console(release, clock, printed.extend),
            network=self.network,
            make_key=lambda count: self.randomness.ec_key(THING, f"key pair {count}"),
        )
        provision(machine)
        run_hello_world(machine)
        return bytes(printed)


class Server:
    """A TLS server that talks MQTT to one client at a time, or misbehaves on request.

    `behaviour` is "accept", "close on hello", "notify on hello" (a close_notify in the handshake),
    "close on connect" (with a close_notify), "drop on connect" (without one),
    "refuse subscribe" or "drop on publish".
    """

    def __init__(
        self,
        directory: Path,
        clients: Authority,
        *,
        behaviour: str = "accept",
        host: str = ENDPOINT,
    ) -> None:
        root, key = Authority("Test root"), ec.generate_private_key(ec.SECP256R1())
        self.trusted_root, self.behaviour = root.pem, behaviour
        self.heard: list[mqtt.Packet] = []
        pem = directory / "server.pem"
        pem.write_text(root.issue(key.public_key(), host=host) + private_pem(key))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME: tests live at NOW
        self._context.load_verify_locations(cadata=clients.pem)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def everything(self, *, until: type[mqtt.Packet]) -> list[mqtt.Packet]:
        """Return the packets received up to the first of a kind."""
        end = time.monotonic() + 5
        while not isinstance((self.heard or [None])[-1], until) and time.monotonic() < end:
            time.sleep(0.005)
        return self.heard

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        if self.behaviour.endswith("on hello"):
            connection.recv(4096)
            if self.behaviour == "notify on hello":
                connection.sendall(_CLOSE_NOTIFY)
            return
        with self._context.wrap_socket(connection, server_side=True) as tls:
            decoder = Decoder()
            while chunk := tls.recv(4096):
                for packet in decoder.feed(chunk):
                    self.heard.append(packet)
                    if not self._answer(tls, packet):
                        return

    def _answer(self, tls: ssl.SSLSocket, packet: mqtt.Packet) -> bool:
        what = f"{self.behaviour} {type(packet).__name__.lower()}"
        if what == "close on connect connect":
            tls.unwrap()
            return False
        if what in {"drop on connect connect", "drop on publish publish"}:
            return False
        answers = {
            mqtt.Connect: lambda _: [mqtt.ConnAck()],
            mqtt.Subscribe: lambda it: [
                mqtt.SubAck(
                    it.packet_id, (0x80 if "refuse subscribe" in what else 1,) * len(it.filters)
                )
            ],
            mqtt.Unsubscribe: lambda it: [mqtt.UnsubAck(it.packet_id)],
            mqtt.Publish: lambda it: [
                mqtt.PubAck(it.packet_id),
                mqtt.Publish(it.topic, it.payload, qos=1, packet_id=1),
            ],
        }
        for answer in answers.get(type(packet), lambda _: [])(packet):
            tls.sendall(mqtt.encode(answer))
        return True


def shape(printed: bytes) -> str:
    """Return console text with what differs from key to key and boot to boot made plain.

    Ticks become T, the six rows of a dump one line, CR is shown as a backslash r.
    """
    text = printed.decode("latin-1")
    text = re.sub(r"(\d+) \d+ \[iot_thread\]", r"\1 T [iot_thread]", text)
    text = re.sub(
        r"3059(?: [0-9a-f]{4}){7} \r\n(?:(?:[0-9a-f]{4} ){8}\r\n){4}"
        r"(?:[0-9a-f]{4} ){5}[0-9a-f]{2}\r\n",
        "<key rows>\r\n",
        text,
    )
    return text.replace("\r", "\\r")
