"""Hearing which certificates register themselves: a listener on AWS IoT's registration events.

The listener is an MQTT client with a certificate and a policy of its own, which allow it to hear
these events and nothing else. It makes both, and removes both when it is closed.

Source: AWS IoT Core developer guide, Register a client certificate when the client connects
(JITR): the topic `$aws/events/certificates/registered/<caCertificateId>` and its message.
"""

from __future__ import annotations

import json
import os
import queue
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from labkit import certificates
from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import listed
from labkit.cloud.resources import CERTIFICATE, POLICY, POLICY_ATTACHMENT, UNKNOWN_CERTIFICATE
from labkit.cloud.undo import remove_temporary
from labkit.errors import CloudError
from labkit.policy import resource_arn

if TYPE_CHECKING:
    import socket

    from paho.mqtt.client import Client, MQTTMessage

    from labkit.certificates import SigningKey
    from labkit.cloud.account import Account

EVENTS: Final = "$aws/events/certificates/registered/+"
"""The topic filter of the events: every CA's."""

READY_TIMEOUT_S = 30.0
"""A new certificate and policy take a moment to be felt everywhere in AWS IoT; the client tries
again until then."""

_RETRY_S = 1


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where AWS IoT's MQTT endpoint is.

    Attributes:
        name: its name, which its certificate carries and the client asks for (SNI).
        host: the host to connect to; the name itself, but for a simulated account.
        port: the TCP port.
        root_ca_file: the root certificates to trust; None for the computer's own.
    """

    name: str
    host: str
    port: int
    root_ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """A certificate that has registered itself, as an event tells it.

    Attributes:
        certificate_id: the certificate's id.
        ca_id: the id of the CA certificate that has signed it.
        status: PENDING_ACTIVATION.
        account_id: the account's 12 digits.
        timestamp: when, in milliseconds since 1970; not in the repr.
    """

    certificate_id: str
    ca_id: str
    status: str
    account_id: str
    timestamp: int = field(repr=False)

    @classmethod
    def from_message(cls, payload: bytes) -> Registration:
        """Read an event's message.

        Raises:
            CloudError: it is not one.
        """
        try:
            told = json.loads(payload)
            return cls(
                certificate_id=str(told["certificateId"]),
                ca_id=str(told["caCertificateId"]),
                status=str(told["certificateStatus"]),
                account_id=str(told["awsAccountId"]),
                timestamp=int(told["timestamp"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CloudError(
                f"expected the event of a registration, got another message ({error!r})."
            ) from None

    def __repr__(self) -> str:
        """Return two lines: the certificate with its status, and its CA."""
        return (
            f"certificate     {self.certificate_id[:16]}…: {self.status}\n"
            f"CA certificate  {self.ca_id[:16]}…"
        )


class Listener:
    """Hears registrations until it is closed; made by `listen`."""

    def __init__(self, account: Account, client_id: str, certificate_arn: str) -> None:
        self.client_id = client_id
        self._account = account
        self._certificate_arn = certificate_arn
        self._client: Client | None = None
        self._heard = queue.SimpleQueue[bytes]()
        self._subscribed = threading.Event()

    def __repr__(self) -> str:
        """Return what it listens to, and as whom."""
        state = "listening on" if self._client else "closed; it listened on"
        return f"{state} {EVENTS} as {self.client_id}"

    def start(self, gateway: Gateway, context: ssl.SSLContext) -> None:
        """Connect and subscribe.

        Raises:
            CloudError: AWS IoT did not let it in and subscribe in time.
        """
        from paho.mqtt.client import Client  # noqa: PLC0415 only a listener needs it
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415 as above

        client = self._client = Client(CallbackAPIVersion.VERSION2, client_id=self.client_id)
        client.tls_set_context(context)
        client.reconnect_delay_set(_RETRY_S, _RETRY_S)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_async(gateway.host, gateway.port)
        client.loop_start()
        if not self._subscribed.wait(READY_TIMEOUT_S):
            raise CloudError(
                f"the listener {self.client_id} was not let in within {READY_TIMEOUT_S:g} s. Is "
                f"{gateway.host}, port {gateway.port}, reachable from here?"
            )

    def wait(self, timeout_s: float = 10.0) -> Registration:
        """Return the next registration.

        Raises:
            CloudError: none came in time.
        """
        try:
            return Registration.from_message(self._heard.get(timeout=timeout_s))
        except queue.Empty:
            raise CloudError(
                f"no certificate has registered itself within {timeout_s:g} s. Expected an event "
                f"on {EVENTS}: has the device connected, does it send its CA's certificate, and "
                "has the CA automatic registration?"
            ) from None

    def close(self) -> None:
        """Disconnect, and remove certificate and policy from the account. Repeatable."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
        remove_temporary(self._account, _made_for(self.client_id, self._certificate_arn))

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe(EVENTS, qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._heard.put(bytes(message.payload))


def listen(account: Account, gateway: Gateway, client_id: str, key: SigningKey) -> Listener:
    """Start to listen; what an earlier listener of the same name left behind is removed first.

    Args:
        account: where the listener's certificate and policy are made.
        gateway: where to connect.
        client_id: the listener's name, which is its policy's as well.
        key: the listener's private key; it goes into no file that stays.

    Raises:
        CloudError: AWS IoT refuses, or does not let the listener in.
    """
    _remove_leftovers(account, client_id)
    request = certificates.certificate_request(key, certificates.parse_subject(f"CN={client_id}"))
    asked_for = f"{UNKNOWN_CERTIFICATE} {client_id}"
    account.notes.begin(CERTIFICATE, asked_for)
    with translated("having a certificate made for the listener"):
        told = account.client.create_certificate_from_csr(
            certificateSigningRequest=certificates.to_pem(request), setAsActive=True
        )
    account.notes.made(CERTIFICATE, told["certificateId"], begun_as=asked_for)
    listener = Listener(account, client_id, told["certificateArn"])
    try:
        account.create_policy(client_id, listener_policy(account, client_id))
        _attach(account, client_id, told["certificateArn"])
        listener.start(gateway, _tls_context(gateway, told["certificatePem"], key))
    except BaseException:
        listener.close()
        raise
    return listener


def _attach(account: Account, policy: str, certificate_arn: str) -> None:
    account.notes.begin(POLICY_ATTACHMENT, f"{policy} {certificate_arn}")
    with translated("attaching the listener's policy to its certificate"):
        account.client.attach_policy(policyName=policy, target=certificate_arn)
    account.notes.made(POLICY_ATTACHMENT, f"{policy} {certificate_arn}")


def listener_policy(account: Account, client_id: str) -> dict[str, object]:
    """Return the policy that allows a listener to hear registrations, and nothing else.

    Source: AWS IoT Core developer guide, Subscribe policy examples: a wildcard of the filter is
    a letter like any other in a `topicfilter`.
    """

    def arn(resource: str) -> str:
        return resource_arn(account.region, account.account_id, resource)

    topic = EVENTS.removesuffix("+")
    allowed = {
        "iot:Connect": arn(f"client/{client_id}"),
        "iot:Subscribe": arn(f"topicfilter/{EVENTS}"),
        "iot:Receive": arn(f"topic/{topic}*"),
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in allowed.items()
        ],
    }


class _Named(ssl.SSLContext):
    """A TLS context that asks for the endpoint's name, whichever host it connects to."""

    endpoint_name = ""

    def wrap_socket(self, sock: socket.socket, *args: Any, **named: Any) -> ssl.SSLSocket:  # noqa: ANN401 what `ssl` takes
        """Wrap a socket, as `ssl` does."""
        return super().wrap_socket(sock, *args, **(named | {"server_hostname": self.endpoint_name}))


def _tls_context(gateway: Gateway, certificate_pem: str, key: SigningKey) -> ssl.SSLContext:
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.endpoint_name = gateway.name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if gateway.root_ca_file:
        context.load_verify_locations(gateway.root_ca_file)
    else:
        context.load_default_certs()
    # `ssl` takes a key from a file only: readable by its owner (0600), and gone at once.
    handle, name = tempfile.mkstemp(prefix="labkit-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate_pem.encode() + certificates.private_key_to_pem(key))
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
    return context


def _remove_leftovers(account: Account, client_id: str) -> None:
    """Remove what a listener that was killed has left: its policy leads to its certificates."""
    if account.find(POLICY, client_id):
        with translated("looking for an earlier listener"):
            targets = listed(account.client, "list_targets_for_policy", policyName=client_id)
        for arn in targets:
            remove_temporary(account, _made_for(client_id, arn))


def _made_for(client_id: str, certificate_arn: str) -> tuple[tuple[str, str], ...]:
    """Return what the account has for a listener, as notes name it."""
    return (
        (POLICY_ATTACHMENT, f"{client_id} {certificate_arn}"),
        (CERTIFICATE, certificate_arn.rpartition("/")[2]),
        (POLICY, client_id),
    )
