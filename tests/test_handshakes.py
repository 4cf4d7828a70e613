"""The steps of a handshake are those that OpenSSL has passed, and the alert that it sent."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from OpenSSL import SSL

from labkit.simulator.gateway.handshake_steps import HandshakeSteps

if TYPE_CHECKING:
    from simulator_fixtures import Authority, Cloud, Device

pytest_plugins = ("cloud_fixtures",)

CERTIFICATE_UNKNOWN = 46
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def watched(cloud: Cloud) -> HandshakeSteps:
    """Return the steps of the next connection to a cloud."""
    steps = HandshakeSteps()
    cloud.gateway._context.set_info_callback(steps.take)  # noqa: SLF001 the only way in
    return steps


@pytest.mark.parametrize("version", VERSIONS)
def test_accepted(cloud: Cloud, led: Device, version: ssl.TLSVersion) -> None:
    """The steps begin with the two hellos, of the version that was agreed, and no alert came."""
    steps = watched(cloud)
    with cloud.connect(led, version=version) as connection:
        assert steps.steps[:2] == ["read client hello", "write server hello"]
        assert steps.version == connection.version()
        assert steps.alert is None
    assert steps.server_name == cloud.gateway.endpoint_name


@pytest.mark.parametrize("version", VERSIONS)
def test_refused(cloud: Cloud, ca: Authority, version: ssl.TLSVersion) -> None:
    """An unregistered certificate: our alert 46, and nothing was read behind the certificate."""
    steps = watched(cloud)
    stranger = ca.issue("stranger")
    with (
        pytest.raises(ssl.SSLError),
        cloud.connect(stranger, version=version) as connection,
    ):
        connection.recv(1)
    assert (steps.alert, steps.alert_is_ours) == (CERTIFICATE_UNKNOWN, True)
    assert "read certificate verify" not in steps.steps


def test_only_states_are_steps() -> None:
    """Only states are steps: what OpenSSL tells at the end of a call is none."""
    steps = HandshakeSteps()
    steps.take(SSL.Connection(SSL.Context(SSL.TLS_SERVER_METHOD), None), SSL.SSL_CB_EXIT, 1)
    assert steps.steps == []
