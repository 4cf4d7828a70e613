"""A device: mutual TLS and as much MQTT 3.1.1 as the rows need, byte by byte.

No MQTT library, ours least of all, has a say in what is seen: where a connection ends is what the
rows are about.
"""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import material
from judge import NotAskedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from judge import Judge
    from material import Leaf

__all__ = ["ACCEPTED", "ALERT", "CLOSED", "Device", "connects", "plugged_in"]

ACCEPTED = "accepted"
ALERT = "a TLS alert"
CLOSED = "closed without CONNACK"
PATIENCE_S = 5.0
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xD0


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def packet(first: int, body: bytes) -> bytes:
    """Return a packet: its first byte, its remaining length, its body."""
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([first]) + length + body


class Device:
    """A device whose TLS handshake has succeeded."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._received = b""
        self._early: list[tuple[int, bytes]] = []

    def connect(self, client_id: str, *, clean: bool = True, keep_alive_s: int = 60) -> str:
        """Send CONNECT and say how it ends."""
        flags = 0x02 if clean else 0x00
        head = _text("MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive_s)
        try:
            self._connection.sendall(packet(0x10, head + _text(client_id)))
            answer = self.receive()
        except ssl.SSLEOFError:
            return CLOSED
        except ssl.SSLError:
            return ALERT
        except ConnectionError:
            return CLOSED
        if answer is None:
            return CLOSED
        first, body = answer
        return ACCEPTED if (first, body[1:]) == (CONNACK, b"\0") else f"CONNACK {body[-1]}"

    def subscribe(self, *topic_filters: str, qos: int = 1) -> int | None:
        """Send SUBSCRIBE and return what SUBACK grants last; None if the connection ends."""
        filters = b"".join(_text(it) + bytes([qos]) for it in topic_filters)
        body = struct.pack(">H", 1) + filters
        self._connection.sendall(packet(0x82, body))
        answer = self.expect(SUBACK)
        return answer[-1] if answer else None

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send PUBLISH with QoS 1 and return whether PUBACK comes."""
        body = _text(topic) + struct.pack(">H", 2) + payload
        try:
            self._connection.sendall(packet(0x32, body))
            return self.expect(PUBACK) is not None
        except (ConnectionError, ssl.SSLError):
            return False

    def message(self, timeout_s: float = PATIENCE_S) -> tuple[str, bytes] | None:
        """Return the next message: topic and payload; None if there is none in time."""
        self._connection.settimeout(timeout_s)
        try:
            while answer := self._early.pop(0) if self._early else self.receive():
                first, body = answer
                if first & 0xF0 != PUBLISH:
                    continue
                end = 2 + int.from_bytes(body[:2], "big")
                skip = 2 if first & 0x06 else 0
                return body[2:end].decode(), body[end + skip :]
        except TimeoutError:
            pass
        finally:
            self._connection.settimeout(PATIENCE_S)
        return None

    def ping(self) -> bool:
        """Return whether the connection is alive."""
        try:
            self._connection.sendall(packet(0xC0, b""))
            return self.expect(PINGRESP) is not None
        except (ConnectionError, ssl.SSLError):
            return False

    def send(self, data: bytes) -> bool:
        """Send any bytes and return whether the connection lives on."""
        self._connection.sendall(data)
        return self.ping()

    def expect(self, kind: int) -> bytes | None:
        """Return the next packet of a kind; None if the connection ends.

        What comes before it is kept: a message may overtake the SUBACK (MQTT 3.1.1, 3.8.4).
        """
        while answer := self.receive():
            if answer[0] & 0xF0 == kind:
                return answer[1]
            self._early.append(answer)
        return None

    def receive(self) -> tuple[int, bytes] | None:
        """Return the next packet's first byte and body; None if the connection ends."""
        head = self._read(2)
        if head is None:
            return None
        length, shift = head[1] & 0x7F, 7
        while head[-1] & 0x80:
            more = self._read(1)
            if more is None:
                return None
            head += more
            length |= (more[0] & 0x7F) << shift
            shift += 7
        body = self._read(length)
        return None if body is None else (head[0], body)

    def _read(self, count: int) -> bytes | None:
        while len(self._received) < count:
            try:
                data = self._connection.recv(65536)
            except (ConnectionError, ssl.SSLEOFError):
                return None
            if not data:
                return None
            self._received += data
        data, self._received = self._received[:count], self._received[count:]
        return data


@contextmanager
def plugged_in(
    judge: Judge,
    leaf: Leaf | None,
    *,
    server_name: str | None = "",
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    alpn: str | None = None,
    chain: bool = False,
) -> Iterator[Device]:
    """Open a connection to a judge's gateway; TLS 1.2, where a refusal is seen in the handshake.

    Args:
        judge: whose gateway.
        leaf: the device's certificate and key; None for a device without.
        server_name: sent as SNI; the account's endpoint unless given, None for none.
        newest: the version of TLS.
        alpn: the protocol that is asked for.
        chain: whether the CA's certificate is sent behind the device's.

    Raises:
        ssl.SSLError: the handshake was refused.
    """
    gateway = judge.gateway
    if gateway is None:
        raise NotAskedError("the judge has no gateway")
    context = ssl.create_default_context(cafile=gateway.root_ca_file)
    context.minimum_version = context.maximum_version = newest
    if gateway.root_ca_file is None or server_name is None:
        context.check_hostname = False
    if gateway.root_ca_file is None:
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    if leaf is not None:
        _load(context, leaf, chain=chain)
    if server_name == "":
        found = judge.iot.describe_endpoint(endpointType="iot:Data-ATS")
        server_name = found["endpointAddress"].partition(":")[0]
    raw = socket.create_connection((gateway.host, gateway.port), timeout=PATIENCE_S)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with raw, context.wrap_socket(raw, server_hostname=server_name) as connection:
        yield Device(connection)


def _load(context: ssl.SSLContext, leaf: Leaf, *, chain: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "device.pem"
        behind = material.pem(leaf.issuer) if chain else ""
        file.write_text(leaf.pem + behind + material.private_pem(leaf.key))
        context.load_cert_chain(file)


def connects(judge: Judge, leaf: Leaf | None, client_id: str, **settings: object) -> str:
    """Connect, send CONNECT, and say how far a device comes."""
    try:
        with plugged_in(judge, leaf, **settings) as device:
            return device.connect(client_id)
    except ssl.SSLError:
        return ALERT
    except ConnectionError:
        return CLOSED
