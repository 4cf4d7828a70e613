"""MQTT 3.1.1 control packets to and from bytes, strictly, for both ends of a connection.

::

    decoder = Decoder()
    for packet in decoder.feed(chunk):      # Connect, Publish, Subscribe, ...
        transport.write(encode(PingResp()))

What is malformed raises `MqttProtocolError`; the only right answer to it is to close the
connection (MQTT-4.8.0-1). The packets of QoS 2 (PUBREC, PUBREL, PUBCOMP) are refused too: AWS IoT
has no QoS 2.

Source: MQTT Version 3.1.1, OASIS Standard, sections 2 and 3; "MQTT-…" are its clauses.
"""

from labkit.bench.simulator.mqtt.decoding import MAX_PACKET_BYTES, Decoder
from labkit.bench.simulator.mqtt.encoding import encode
from labkit.bench.simulator.mqtt.packets import (
    SUBSCRIPTION_REFUSED,
    ConnAck,
    Connect,
    Disconnect,
    MqttProtocolError,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
    Will,
)

__all__ = [
    "MAX_PACKET_BYTES",
    "SUBSCRIPTION_REFUSED",
    "ConnAck",
    "Connect",
    "Decoder",
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
    "encode",
]
