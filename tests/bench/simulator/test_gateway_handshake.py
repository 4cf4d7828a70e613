from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from datetime import timedelta

import pytest
from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from simulator_fixtures import (
    MORNING,
    Authority,
    Cloud,
    Device,
    last_reason,
    offer_old_tls,
)

from labkit import certificates
from labkit.bench.simulator import mqtt
from labkit.bench.simulator.gateway import admission, tls_connection
from labkit.bench.simulator.gateway.verify_alert import set_verify

with warnings.catch_warnings():
    # It imports asyncore, for a mix-in that nobody uses here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tlslite import api as tlslite

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


pytest_plugins = ("cloud_fixtures",)


def alert(cloud: Cloud, device: Device | None, **tls: ssl.TLSVersion) -> str:
    """Return the alert with which a handshake ends."""
    with pytest.raises(ssl.SSLError) as caught, cloud.connect(device, **tls) as connection:
        # In TLS 1.3 the client has finished before the server looks at its certificate.
        connection.recv(1)
    return str(caught.value.reason)


@pytest.mark.parametrize("version", VERSIONS)
def test_unregistered_certificate_gets_an_alert(
    cloud: Cloud, ca: Authority, version: ssl.TLSVersion
) -> None:
    """The CA is known, the certificate is not: certificate_unknown."""
    device = ca.issue("LED")
    assert alert(cloud, device, version=version) == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
    assert "not registered; its CA is" in last_reason(cloud)
    assert cloud.events[-1].certificate_id == device.id


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_ca_gets_an_alert(cloud: Cloud, ca: Authority, version: ssl.TLSVersion) -> None:
    """Neither the certificate nor its CA is known: unknown_ca."""
    stranger = Authority("Nobody's CA").issue("LED")
    assert ca.name != "Nobody's CA"
    assert alert(cloud, stranger, version=version) == "TLSV1_ALERT_UNKNOWN_CA"
    assert "neither is its CA (CN=Nobody's CA)" in last_reason(cloud)


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
@pytest.mark.parametrize("version", VERSIONS)
def test_certificate_that_is_not_active_gets_an_alert(
    cloud: Cloud, led: Device, status: str, version: ssl.TLSVersion
) -> None:
    """Registered is not enough: the status must be ACTIVE."""
    cloud.connect(led, version=version).close()
    cloud.iot.update_certificate(certificateId=led.id, newStatus=status)
    assert alert(cloud, led, version=version) == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
    assert last_reason(cloud) == f"the certificate is {status}"


@pytest.mark.parametrize("version", VERSIONS)
def test_expired_certificate_gets_an_alert(
    cloud: Cloud, ca: Authority, version: ssl.TLSVersion
) -> None:
    """Validity is judged by the lab's clock, to the second, not by the wall clock."""
    device = ca.issue("LED", valid_days=30)
    cloud.register(device)
    cloud.clock.now = device.certificate.not_valid_after_utc
    cloud.connect(device, version=version).close()
    cloud.clock.now += timedelta(seconds=1)
    assert alert(cloud, device, version=version) == "SSLV3_ALERT_CERTIFICATE_EXPIRED"
    assert last_reason(cloud).startswith("the certificate expired on 2026-01-31")


def test_certificate_of_tomorrow_gets_an_alert(cloud: Cloud, ca: Authority) -> None:
    """A certificate that is not valid yet is a bad one."""
    device = ca.issue("LED", now=MORNING + timedelta(days=1))
    cloud.register(device)
    assert alert(cloud, device) == "SSLV3_ALERT_BAD_CERTIFICATE"
    assert last_reason(cloud).startswith("the certificate is not valid before 2026-01-02")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (VERSIONS[0], "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        (VERSIONS[1], "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
    ],
)
def test_client_without_a_certificate_gets_an_alert(
    cloud: Cloud, version: ssl.TLSVersion, expected: str
) -> None:
    """TLS is mutual: a client proves itself too."""
    assert alert(cloud, None, version=version) == expected


def test_old_tls_gets_an_alert(cloud: Cloud, led: Device) -> None:
    """TLS 1.1 is too old."""
    offer_old_tls(cloud, led)


def test_another_key_than_the_certificates_is_refused(cloud: Cloud, led: Device) -> None:
    """A certificate is public: without its key it opens nothing.

    Python's ssl refuses to load such a pair, so the signature is made by another key here.
    """
    other = Authority().randomness.ec_key("thief", "key")
    outcomes = {}
    for name, key in (("own", led.key), ("another", other)):
        pem = certificates.private_key_to_pem(key).decode()
        with socket.create_connection(cloud.address, timeout=5) as raw:
            connection = tlslite.TLSConnection(raw)
            settings = tlslite.HandshakeSettings()
            settings.maxVersion = (3, 3)
            try:
                connection.handshakeClientCert(
                    tlslite.X509CertChain([tlslite.X509().parse(led.pem)]),
                    tlslite.parsePEMKey(pem, private=True),
                    settings=settings,
                    serverName=cloud.gateway.endpoint_name,
                )
                outcomes[name] = "in"
            except tlslite.TLSRemoteAlert as refusal:
                outcomes[name] = refusal.description
    assert outcomes == {"own": "in", "another": tlslite.AlertDescription.decrypt_error}


@pytest.mark.parametrize("server_name", [None, "other.iot.us-east-1.amazonaws.com"])
def test_server_name_must_be_the_endpoints(
    cloud: Cloud, led: Device, server_name: str | None
) -> None:
    """Without the endpoint's name (SNI) AWS cannot tell whose device it is."""
    context = cloud.tls(led)
    context.check_hostname = False
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_UNKNOWN"),
    ):
        context.wrap_socket(raw, server_hostname=server_name)
    assert "SNI" in last_reason(cloud)


def test_case_of_the_server_name_does_not_count(cloud: Cloud, led: Device) -> None:
    """A host name is the same in capitals (RFC 6066, section 3); another one stays another."""
    context = cloud.tls(led)
    context.check_hostname = False
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name.upper()) as tls,
    ):
        tls.sendall(mqtt.encode(mqtt.Connect("LED")))
        assert tls.recv(4) == mqtt.encode(mqtt.ConnAck())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("status", "reasons"), [("ACTIVE", []), ("INACTIVE", ["the certificate is INACTIVE now"])]
)
def test_status_may_change_in_the_middle_of_a_handshake(
    cloud: Cloud,
    led: Device,
    monkeypatch: pytest.MonkeyPatch,
    *,
    version: ssl.TLSVersion,
    status: str,
    reasons: list[str],
) -> None:
    """A certificate that leaves ACTIVE after it was judged is out as soon as it is in."""
    judged = threading.Event()
    monkeypatch.setattr(
        tls_connection, "judge", lambda *asked: (judged.set(), admission.judge(*asked))[1]
    )
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = cloud.tls(led, version=version).wrap_bio(
        coming, going, server_hostname=cloud.gateway.endpoint_name
    )
    with socket.create_connection(cloud.address, timeout=5) as raw:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        raw.sendall(going.read())
        coming.write(raw.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):  # TLS 1.3 has finished its half by now
            tls.do_handshake()
        flight = going.read()
        raw.sendall(flight[:-1])
        assert judged.wait(5)
        assert cloud.events == []
        cloud.iot.update_certificate(certificateId=led.id, newStatus=status)
        raw.sendall(flight[-1:])
        raw.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while raw.recv(65536):
                pass
        assert [event.reason for event in cloud.events] == reasons


def test_client_that_checks_the_name_finds_another_one(cloud: Cloud, led: Device) -> None:
    """The server shows the endpoint's certificate, whatever name it is asked for."""
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        cloud.connect(led, server_name="other.iot.us-east-1.amazonaws.com")


def test_session_is_never_resumed(cloud: Cloud, led: Device) -> None:
    """A resumed session would skip the look at the certificate's status."""
    context = cloud.tls(led)
    name = cloud.gateway.endpoint_name
    with socket.create_connection(cloud.address) as raw:
        first = context.wrap_socket(raw, server_hostname=name)
        session = first.session
        first.close()
    with socket.create_connection(cloud.address) as raw:
        again = context.wrap_socket(raw, server_hostname=name, session=session)
        assert not again.session_reused
        again.close()


def test_borrowed_parts_of_pyopenssl_are_where_they_were() -> None:
    """verify_alert reaches into pyOpenSSL; a version that moves these parts must be looked at."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    set_verify(context, lambda _tls, _certificate: None)
    assert ffi.typeof(context._context) is ffi.typeof("SSL_CTX *")  # noqa: SLF001 borrowed
    assert ffi.typeof(context._verify_callback).kind == "function"  # noqa: SLF001 borrowed
    assert lib.SSL_CTX_get_verify_mode(context._context) == context.get_verify_mode()  # noqa: SLF001 borrowed
    assert callable(lib.X509_STORE_CTX_set_error)
