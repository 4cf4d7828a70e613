"""The MQTT demo of 201906.00 to 202007.00: bursts of numbered messages, each one acknowledged.

Trees of another generation that behave like 201910.00 also run it, with the client id and the
topics of their own generation.

Source: Amazon FreeRTOS 201910.00, `iot_demo_mqtt.c` and `iot_mqtt_api.c`; `iot_config.h` of the
boards has bursts of 2. The order of lines is that of a console of the unmodified code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.bench.simulator.board.demo_session import Session
    from labkit.policy import HelloWorld

_WILL: Final = b"MQTT demo unexpectedly disconnected."
_BURST: Final = 2
_BURSTS: Final = 10

_ROUND_TRIP_MS = 40
_CLOSE_MS = 300
"""Durations on the console of real firmware code."""

_SUBSCRIBE_ID, _UNSUBSCRIBE_ID, _FIRST_PUBLISH_ID = 1, 2, 3


def run_burst_demo(session: Session, demo: HelloWorld, thing: str) -> None:
    """Connect, subscribe, publish all bursts, unsubscribe and disconnect."""
    log, topics = session.machine.console.log, demo.topics(thing)
    will = mqtt.Will(demo.will, _WILL) if demo.will else None
    session.connect(demo.client_id(thing), will)
    log("subscribing")
    session.send(
        mqtt.Subscribe(_SUBSCRIBE_ID, tuple((each, 1) for each in topics)), step="subscribe"
    )
    answer = session.expect(mqtt.SubAck, step="subscribe")
    refused = [
        topic
        for topic, code in zip(topics, answer.return_codes, strict=False)
        if code == mqtt.SUBSCRIPTION_REFUSED
    ]
    if refused:
        raise session.ended("subscribe", "refused", topic=refused[0])
    log("subscribed")
    packet_ids = iter(range(_FIRST_PUBLISH_ID, 1 << 16))
    acknowledgements = next((each for each in demo.published if each not in demo.subscribed), None)
    for first in range(0, _BURST * _BURSTS, _BURST):
        numbers = range(first, first + _BURST)
        for echo in _burst(session, topics, numbers, packet_ids):
            log("message", topic=echo.topic, payload=echo.payload.decode("utf-8", "replace"))
            if acknowledgements is not None:
                _acknowledge(session, echo, acknowledgements, next(packet_ids))
        log("publishes received", count=_BURST)
    log("unsubscribing")
    session.send(mqtt.Unsubscribe(_UNSUBSCRIBE_ID, topics), step="unsubscribe")
    session.expect(mqtt.UnsubAck, step="unsubscribe")
    log("unsubscribed")
    session.send(mqtt.Disconnect(), step="unsubscribe")
    session.machine.clock.spend(_CLOSE_MS)
    log("disconnected")


def _burst(
    session: Session, topics: tuple[str, ...], numbers: range, packet_ids: Iterator[int]
) -> Iterator[mqtt.Publish]:
    """Publish a burst and wait for all answers; then print each message and yield its echo."""
    log = session.machine.console.log
    log("publishing", first=numbers[0], last=numbers[-1])
    pending = set()
    for number in numbers:
        packet_id = next(packet_ids)
        pending.add(packet_id)
        topic, payload = topics[number % len(topics)], f"Hello world {number}!".encode()
        session.send(mqtt.Publish(topic, payload, qos=1, packet_id=packet_id), step="publish")
        log("publish queued")
    log("publishes awaited", count=len(numbers))
    echoes: list[mqtt.Publish] = []
    while pending or len(echoes) < len(numbers):
        packet = session.wait(step="publish")
        if isinstance(packet, mqtt.PubAck):
            pending.discard(packet.packet_id)
        elif isinstance(packet, mqtt.Publish):
            if packet.qos:
                session.send(mqtt.PubAck(packet.packet_id), step="publish")
            if packet.topic in topics:
                echoes.append(packet)
    session.machine.clock.spend(_ROUND_TRIP_MS)
    for number, echo in zip(numbers, echoes, strict=False):
        log("publish sent", number=number)
        yield echo


def _acknowledge(session: Session, echo: mqtt.Publish, topic: str, packet_id: int) -> None:
    """Publish that a message was received; the demo does not wait for the acknowledgement."""
    number = re.search(rb"[0-9]+", echo.payload)
    if number is None:
        return
    text = f"Client has received PUBLISH {number[0].decode()} from server."
    session.send(mqtt.Publish(topic, text.encode(), qos=1, packet_id=packet_id), step="publish")
    session.machine.console.log("publish queued")
    session.machine.console.log("acknowledging", number=number[0].decode())
