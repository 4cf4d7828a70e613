"""A listener for AWS IoT's events about certificates that register automatically.

The listener is an MQTT client with its own certificate and policy, which allow it to receive these
events and nothing else. It creates both, and deletes both when it is closed.

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
"""How long the client retries: a new certificate and policy take a moment to be effective."""

_RETRY_S = 1


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where AWS IoT's MQTT endpoint is.

    Attributes:
        name: its DNS name, which is in its certificate and in the client's SNI.
        host: the host to connect to; another one than the name for a simulated account.
        port: the TCP port.
        root_ca_file: the root certificates to trust; None for the computer's own.
    """

    name: str
    host: str
    port: int
    root_ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """A certificate that was registered automatically, as an event describes it.

    Attributes:
        certificate_id: the certificate's id.
        ca_id: the id of the CA certificate that signed it.
        status: PENDING_ACTIVATION.
        account_id: the account's 12 digits.
        timestamp: the time of registration, in milliseconds since 1970; not in the repr.
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
            event = json.loads(payload)
            return cls(
                certificate_id=str(event["certificateId"]),
                ca_id=str(event["caCertificateId"]),
                status=str(event["certificateStatus"]),
                account_id=str(event["awsAccountId"]),
                timestamp=int(event["timestamp"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CloudError(
                f"expected a registration event, got another message ({error!r}). Close the "
                "listener, and listen again."
            ) from None

    def __repr__(self) -> str:
        """Return two lines: the certificate with its status, and its CA."""
        return (
            f"certificate     {self.certificate_id[:16]}…: {self.status}\n"
            f"CA certificate  {self.ca_id[:16]}…"
        )


class Listener:
    """Receives registration events until it is closed; created by `listen`."""

    def __init__(self, account: Account, client_id: str, certificate_arn: str) -> None:
        self.client_id = client_id
        self._account = account
        self._certificate_arn = certificate_arn
        self._client: Client | None = None
        self._heard = queue.SimpleQueue[bytes]()
        self._subscribed = threading.Event()

    def __repr__(self) -> str:
        """Return the topic filter and the client id."""
        state = "listening on" if self._client else "closed; it listened on"
        return f"{state} {EVENTS} as {self.client_id}"

    def start(self, gateway: Gateway, context: ssl.SSLContext) -> None:
        """Connect and subscribe.

        Raises:
            CloudError: it could not connect and subscribe in time.
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
                f"the listener {self.client_id} could not connect and subscribe within "
                f"{READY_TIMEOUT_S:g} s. Check that this computer can reach {gateway.host}, port "
                f"{gateway.port}."
            )

    def wait(self, timeout_s: float = 10.0) -> Registration:
        """Return the next registration.

        Raises:
            CloudError: there was none in time.
        """
        try:
            return Registration.from_message(self._heard.get(timeout=timeout_s))
        except queue.Empty:
            raise CloudError(
                f"no certificate was registered within {timeout_s:g} s; expected an event on "
                f"{EVENTS}. Check that the device has connected, that it sends its CA's "
                "certificate, and that the CA has automatic registration."
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
    """Start to listen, after deleting what an earlier listener of the same name left behind.

    Args:
        account: the account in which certificate and policy are created.
        gateway: AWS IoT's MQTT endpoint.
        client_id: the listener's client id, which is also the policy's name.
        key: the listener's private key; it is written only to a temporary file.

    Raises:
        CloudError: AWS IoT refuses, or the listener cannot connect.
    """
    _remove_leftovers(account, client_id)
    request = certificates.certificate_request(key, certificates.parse_subject(f"CN={client_id}"))
    asked_for = f"{UNKNOWN_CERTIFICATE} {client_id}"
    account.notes.begin(CERTIFICATE, asked_for)
    with translated("creating the listener's certificate"):
        answer = account.client.create_certificate_from_csr(
            certificateSigningRequest=certificates.to_pem(request), setAsActive=True
        )
    account.notes.made(CERTIFICATE, answer["certificateId"], begun_as=asked_for)
    listener = Listener(account, client_id, answer["certificateArn"])
    try:
        account.create_policy(client_id, listener_policy(account, client_id))
        _attach(account, client_id, answer["certificateArn"])
        listener.start(gateway, _tls_context(gateway, answer["certificatePem"], key))
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
    """Return the policy that allows a listener to receive registration events, and nothing else.

    Source: AWS IoT Core developer guide, Subscribe policy examples: a wildcard of the filter is an
    ordinary character in a `topicfilter`.
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
    """A TLS context that requests the endpoint's name (SNI) from any host."""

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
    # `ssl` reads a key only from a file: readable by its owner (0600), and deleted at once.
    handle, name = tempfile.mkstemp(prefix="labkit-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate_pem.encode() + certificates.private_key_to_pem(key))
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
    return context


def _remove_leftovers(account: Account, client_id: str) -> None:
    """Delete the resources of a killed listener; its policy leads to its certificates."""
    if account.find(POLICY, client_id):
        with translated("looking for an earlier listener"):
            targets = listed(account.client, "list_targets_for_policy", policyName=client_id)
        for arn in targets:
            remove_temporary(account, _made_for(client_id, arn))


def _made_for(client_id: str, certificate_arn: str) -> tuple[tuple[str, str], ...]:
    """Return a listener's resources, as the notes name them."""
    return (
        (POLICY_ATTACHMENT, f"{client_id} {certificate_arn}"),
        (CERTIFICATE, certificate_arn.rpartition("/")[2]),
        (POLICY, client_id),
    )
