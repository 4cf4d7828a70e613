"""AWS IoT's data plane on loopback: mutual TLS and MQTT 3.1.1 with the endpoint's name.

::

    gateway = Gateway(account, Path("state"))
    host, port = gateway.start()
    ...
    gateway.close()

One asyncio loop in its own thread serves all devices.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING

from labkit.bench.simulator.gateway.attempts import Attempts
from labkit.bench.simulator.gateway.broker import Broker
from labkit.bench.simulator.gateway.mqtt_session import MqttSession
from labkit.bench.simulator.gateway.server_identity import server_identity
from labkit.bench.simulator.gateway.tls_connection import TlsConnection, server_context
from labkit.support.loopback import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labkit.bench.simulator.account import Account, Change

_BACKLOG = 1024


class Gateway:
    """The MQTT gateway of an account.

    Args:
        account: decides about every connection, publish and subscription.
        state_dir: keeps the gateway's keys and certificates in the folder `gateway`.
        on_activity: called at every new connection; the service measures its idle time with it.

    Attributes:
        endpoint_name: the name that clients must send (SNI) and verify in the certificate.
        root_ca_file: the root CA's certificate that clients must trust, PEM.
        attempts: the last attempt to connect of each client with a port of its own.
    """

    def __init__(
        self, account: Account, state_dir: Path, *, on_activity: Callable[[], None] | None = None
    ) -> None:
        self.endpoint_name = account.endpoint_name()
        identity = server_identity(state_dir / "gateway", self.endpoint_name, account.randomness)
        self.root_ca_file = identity.root_file
        self._account = account
        self._on_activity = on_activity
        self._context = server_context(account, identity, self.endpoint_name)
        self._broker = Broker(account)
        self.attempts = Attempts()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)
        self._ports: list[asyncio.Server] = []

    @property
    def connections(self) -> tuple[str, ...]:
        """The client ids that are connected."""
        return self._broker.client_ids

    def start(self, port: int = 0, address: str = LOOPBACK) -> tuple[str, int]:
        """Listen on an address and a port (0: a free one) and return both.

        Raises:
            OSError: the port is in use, or the address is not one of this computer.
        """
        self._thread.start()
        self._account.subscribe(self._account_changed)
        return self._open("", port, address)

    def open_port(self, client: str) -> tuple[str, int]:
        """Listen on a port of its own for a client, so that its attempts are distinguishable.

        Connections to it are treated like those to the common port.
        """
        return self._open(client, 0)

    def close(self) -> None:
        """Stop listening and close every connection."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self._account.unsubscribe(self._account_changed)
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _open(self, client: str, port: int, address: str = LOOPBACK) -> tuple[str, int]:
        listening = self._listen(client, port, address)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self._ports.append(server)
        return address, server.sockets[0].getsockname()[1]

    async def _listen(self, client: str, port: int, address: str) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        accept = partial(self._accept, client)
        return await loop.create_server(accept, address, port, backlog=_BACKLOG)

    def _accept(self, client: str) -> TlsConnection:
        if self._on_activity is not None:
            self._on_activity()
        return TlsConnection(self._context, self._session, self.attempts.begin(client))

    def _session(self, connection: TlsConnection) -> MqttSession:
        return MqttSession(self._broker, connection)

    async def _stop(self) -> None:
        for server in self._ports:
            server.close()
        self._broker.close()
        # Aborted transports are closed in the loop's next iteration.
        await asyncio.sleep(0)

    def _account_changed(self, change: Change) -> None:
        self._loop.call_soon_threadsafe(self._broker.changed, change)
