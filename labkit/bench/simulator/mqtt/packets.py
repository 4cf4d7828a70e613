"""The control packets of MQTT 3.1.1 that AWS IoT and its clients use."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "QOS_MAX",
    "SUBSCRIPTION_REFUSED",
    "ConnAck",
    "Connect",
    "Disconnect",
    "MqttProtocolError",
    "Packet",
    "PingReq",
    "PingResp",
    "PubAck",
    "Publish",
    "SubAck",
    "Subscribe",
    "UnsubAck",
    "Unsubscribe",
    "Will",
]

QOS_MAX = 2

SUBSCRIPTION_REFUSED = 0x80
"""The return code of a SUBACK for a filter that is refused (section 3.9.3)."""


class MqttProtocolError(ValueError):
    """The peer sent bytes that are not MQTT 3.1.1; the connection must be closed.

    Attributes:
        return_code: what a server puts into a CONNACK before it closes, or None for no CONNACK.
    """

    def __init__(self, message: str, *, return_code: int | None = None) -> None:
        super().__init__(message)
        self.return_code = return_code


@dataclass(frozen=True, slots=True)
class Will:
    """What the server publishes for a client that is lost."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """CONNECT; `keep_alive_s` 0 turns the keep-alive off."""

    client_id: str
    keep_alive_s: int = 0
    clean_session: bool = True
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None


@dataclass(frozen=True, slots=True)
class ConnAck:
    """CONNACK; `return_code` 0 is accepted."""

    return_code: int = 0
    session_present: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """PUBLISH; `packet_id` is 0 for QoS 0 and 1 to 65,535 otherwise."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    dup: bool = False


@dataclass(frozen=True, slots=True)
class PubAck:
    """PUBACK, the answer to a QoS 1 PUBLISH."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE; each filter stands with the QoS that is asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SubAck:
    """SUBACK; for each filter the QoS that is granted, or 0x80 for refused."""

    packet_id: int
    return_codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """UNSUBSCRIBE."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnsubAck:
    """UNSUBACK, the answer to an UNSUBSCRIBE."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class PingReq:
    """PINGREQ."""


@dataclass(frozen=True, slots=True)
class PingResp:
    """PINGRESP."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """DISCONNECT: the client leaves in good order, and its will is forgotten."""


Packet = (
    Connect
    | ConnAck
    | Publish
    | PubAck
    | Subscribe
    | SubAck
    | Unsubscribe
    | UnsubAck
    | PingReq
    | PingResp
    | Disconnect
)
