"""Automatic registration at CONNECT of a certificate that is not registered.

The handshake succeeds; at CONNECT the account registers the certificate and executes the CA's
template, and the gateway publishes the event. The connection is then closed in good order and
without a CONNACK, which a device's mbedTLS reports as -0x7880 (-30848): the device has to try
again. A handshake alone registers nothing.

AWS's pages disagree on whether the device has to send the CA's certificate behind its own. The
FreeRTOS guide demands it for the first connection (hence the macro
keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM), and so devices' logs have it. The present pages on
just-in-time registration and provisioning call it optional for a client that sends the endpoint's
name (SNI), whatever the CA's mode. The stricter side is taken: without the CA nothing is registered
and the connection closes all the same; what works here works there.

Source: AWS IoT Core developer guide, Register a client certificate when the client connects (JITR);
Just-in-time provisioning. Open: the QoS of the event; it is 0 here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from labkit.bench.simulator.mqtt import Publish

if TYPE_CHECKING:
    from collections.abc import Collection

    from labkit.bench.simulator.account import Account
    from labkit.bench.simulator.gateway.admission import RegistrationCandidate

_EVENT_TOPIC = "$aws/events/certificates/registered/"

_CA_NOT_SENT = (
    "the CA registers automatically, but the client did not send its certificate behind its own:"
    " nothing is registered"
)

_CHANGED_MEANWHILE = (
    "the certificate or its CA has changed while the client connected: nothing is registered"
)


def register(
    account: Account, candidate: RegistrationCandidate, chain: Collection[bytes]
) -> tuple[str, Publish | None]:
    """Register the certificate of a device that sent CONNECT.

    Args:
        account: registers it.
        candidate: it, and its authorities with automatic registration.
        chain: the certificates that the client sent after it, DER.

    Returns:
        Why the connection is closed, and the event to publish, or None where nothing happened.
    """
    for authority in candidate.authorities:
        if authority.public_bytes(Encoding.DER) in chain:
            registration = account.register_automatically(candidate.certificate, authority)
            if registration is None:
                return _CHANGED_MEANWHILE, None
            topic = _EVENT_TOPIC + registration.ca_id
            return registration.note, Publish(topic, json.dumps(registration.event).encode())
    return _CA_NOT_SENT, None
