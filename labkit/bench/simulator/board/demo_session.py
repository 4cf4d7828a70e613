"""The MQTT connection of the hello world, for the demos of all releases."""

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
"""Its duration on the consoles of real firmware code."""

_P = TypeVar("_P", bound=mqtt.Packet)


class DemoEndedError(Exception):
    """The demo ends; the reason has been printed."""


class Session:
    """An MQTT connection of the demo; it prints the reason when it ends.

    Args:
        machine: the environment of the demo.
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
        """Return the next packet of a kind; others are skipped."""
        while not isinstance(packet := self.wait(step=step), kind):
            pass
        return packet

    def connect(self, client_id: str, will: mqtt.Will | None = None) -> None:
        """Send CONNECT and wait until it is accepted."""
        self.machine.console.log("connecting")
        packet = mqtt.Connect(client_id, keep_alive_s=_KEEP_ALIVE_S, will=will)
        self.send(packet, step="connect")
        answer = self.expect(mqtt.ConnAck, step="connect")
        self.passed(_CONNECT_MS, answer)
        if answer.return_code:
            raise self.ended("connect", "lost", code=answer.return_code)
        self.machine.console.log("mqtt connected")

    def ended(self, step: str, how: str, **fields: object) -> DemoEndedError:
        """Print how a step failed and return the error to raise."""
        if how != "refused":
            self.machine.clock.spend(self.machine.release.notices_loss_after_ms)
        self.machine.console.log(f"{step} {how}", **fields)
        return DemoEndedError()

    def passed(self, ms: int, packet: mqtt.Packet) -> None:
        """Let the time of a round trip pass and print the answer's size."""
        self.machine.clock.spend(ms)
        self.machine.console.log("packet", size=_remaining_length(packet))


def _remaining_length(packet: mqtt.Packet) -> int:
    """Return the length after a packet's fixed header, which the firmware prints."""
    raw = mqtt.encode(packet)
    length_bytes = next(i for i, byte in enumerate(raw[1:], start=1) if byte < 0x80)  # noqa: PLR2004 MQTT 2.2.3
    return len(raw) - 1 - length_bytes
