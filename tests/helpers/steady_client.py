"""A well-behaved device, Eclipse paho, that must not notice what other clients do."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_fixtures import Cloud, Device

__all__ = ["undisturbed"]

_PAUSE_S = 0.01
_ANSWER_S = 10


class _Steady:
    """Publishes a number with QoS 1, waits until it hears it, and goes on with the next."""

    def __init__(self, cloud: Cloud, device: Device) -> None:
        self.heard = 0
        self.ends: list[object] = []
        self._topic = f"{device.name}/steady"
        self._came, self._subscribed = threading.Event(), threading.Event()
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=device.name)
        self._client.tls_set_context(cloud.tls(device))
        self._client.on_connect = lambda *_: self._client.subscribe(self._topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *about: self.ends.append(about[3])
        # The name must be the endpoint's, the address is loopback's.
        self._client._create_socket_connection = lambda: socket.create_connection(cloud.address)  # type: ignore[method-assign]  # noqa: SLF001 paho has no other seam
        self._thread = threading.Thread(target=self._publish)
        self._client.connect(cloud.gateway.endpoint_name, 8883)
        self._client.loop_start()
        assert self._subscribed.wait(_ANSWER_S)
        self._thread.start()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.payload == str(self.heard).encode():
            self.heard += 1
            self._came.set()

    def _publish(self) -> None:
        while not self._stop.wait(_PAUSE_S):
            self._came.clear()
            self._client.publish(self._topic, str(self.heard), 1)
            if not self._came.wait(_ANSWER_S):
                return

    def still_hears_itself(self) -> bool:
        """Return whether three more messages arrive, on the connection that it began with."""
        goal = self.heard + 3
        waiting = threading.Event()
        for _ in range(_ANSWER_S * 100):
            if self.heard >= goal or self.ends:
                break
            waiting.wait(_PAUSE_S)
        return self.heard >= goal and not self.ends

    def leave(self) -> None:
        """Disconnect."""
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes its last sockets when it is deleted, and is deleted when nobody refers to it.
        self._client.on_connect = self._client.on_message = None
        self._client.on_subscribe = self._client.on_disconnect = None
        del self._client


@contextlib.contextmanager
def undisturbed(cloud: Cloud, device: Device) -> Iterator[None]:
    """Have a device publish and hear its own messages, without one lost, all the while."""
    steady = _Steady(cloud, device)
    try:
        assert steady.still_hears_itself()
        yield
        assert steady.still_hears_itself()
    finally:
        steady.leave()
