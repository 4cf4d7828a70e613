"""The MQTT connection of a hello world, as every release's demo has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board.board_tls import TlsError
from labkit.bench.simulator.mqtt.decoder import Decoder

if TYPE_CHECKING:
    from labkit.bench.simulator.board.board_tls import TlsStream
    from labkit.bench.simulator.board.machine import Machine

_KEEP_ALIVE_S = 60
_NOT_MQTT = 1
"""The code that is printed for an answer that is not MQTT."""

_CONNECT_MS = 65
"""What it took on the consoles of real firmware code."""

_P = TypeVar("_P", bound=mqtt.Packet)


class DemoEndedError(Exception):
    """The demo cannot go on; what there was to say about it has been printed."""


class Session:
    """An MQTT connection of the demo, which ends by saying why.

    Args:
        machine: what the demo runs on.
        stream: the TLS session.
    """

    def __init__(self, machine: Machine, stream: TlsStream) -> None:
        self.machine, self._stream = machine, stream
        self._decoder, self._received = Decoder(), list[mqtt.Packet]()

    def send(self, packet: mqtt.Packet, *, step: str) -> None:
        """Send a packet."""
        try:
            self._stream.send(mqtt.encode(packet))
        except TlsError as error:
            raise self.ended(step, "lost", code=error.code) from error

    def wait(self, *, step: str) -> mqtt.Packet:
        """Return the next packet."""
        while not self._received:
            try:
                self._received += self._decoder.feed(self._stream.receive())
            except TlsError as error:
                raise self.ended(step, "lost", code=error.code) from error
            except mqtt.MqttProtocolError as error:
                raise self.ended(step, "lost", code=_NOT_MQTT) from error
        return self._received.pop(0)

    def expect(self, kind: type[_P], *, step: str) -> _P:
        """Return the next packet of a kind; the demo knows nothing to do with another."""
        while not isinstance(packet := self.wait(step=step), kind):
            pass
        return packet

    def connect(self, client_id: str, will: mqtt.Will | None = None) -> None:
        """Send CONNECT, and return when it is accepted."""
        self.machine.console.say("connecting")
        packet = mqtt.Connect(client_id, keep_alive_s=_KEEP_ALIVE_S, will=will)
        self.send(packet, step="connect")
        answer = self.expect(mqtt.ConnAck, step="connect")
        self.passed(_CONNECT_MS, answer)
        if answer.return_code:
            raise self.ended("connect", "lost", code=answer.return_code)
        self.machine.console.say("mqtt connected")

    def ended(self, step: str, how: str, **fields: object) -> DemoEndedError:
        """Print how a step came to nothing and return the error to raise."""
        if how != "refused":
            self.machine.clock.spend(self.machine.release.notices_loss_after_ms)
        self.machine.console.say(f"{step} {how}", **fields)
        return DemoEndedError()

    def passed(self, ms: int, packet: mqtt.Packet) -> None:
        """Let the time of a round trip pass and say that its answer came."""
        self.machine.clock.spend(ms)
        self.machine.console.say("packet", size=_remaining_length(packet))


def _remaining_length(packet: mqtt.Packet) -> int:
    """Return the length behind a packet's fixed header: what the firmware calls received."""
    raw = mqtt.encode(packet)
    length_bytes = next(i for i, byte in enumerate(raw[1:], start=1) if byte < 0x80)  # noqa: PLR2004 MQTT 2.2.3
    return len(raw) - 1 - length_bytes
