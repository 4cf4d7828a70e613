from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import warnings

import pytest
from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from simulator_fixtures import (
    Authority,
    Cloud,
    Device,
    last_reason,
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


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("offered", ["http/1.1", "x-amzn-mqtt-ca2"])
def test_alpn_without_mqtt_gets_an_alert(
    cloud: Cloud, led: Device, version: ssl.TLSVersion, offered: str
) -> None:
    """Other protocols are not spoken here: no_application_protocol (RFC 7301)."""
    context = cloud.tls(led, version=version)
    context.set_alpn_protocols([offered])
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        pytest.raises(ssl.SSLError, match="no application protocol"),
    ):
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name)
    assert last_reason(cloud) == f"the client offers {offered} by ALPN, not x-amzn-mqtt-ca"


@pytest.mark.needs("openssl")
def test_openssl_negotiates_alpn(cloud: Cloud, led: Device) -> None:
    """`openssl s_client -alpn` reports the protocol, as on port 443 of AWS IoT."""
    certificate, key = led.write(cloud.folder)
    outcomes = {}
    for offered in ("x-amzn-mqtt-ca", "http/1.1"):
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{cloud.address[1]}"),
                *("-servername", cloud.gateway.endpoint_name, "-alpn", offered),
                *("-CAfile", cloud.gateway.root_ca_file, "-cert", certificate, "-key", key),
            ],
            input=b"",
            capture_output=True,
            check=False,
        )
        outcomes[offered] = done.returncode, b"ALPN protocol: " + offered.encode() in done.stdout
    assert outcomes == {"x-amzn-mqtt-ca": (0, True), "http/1.1": (1, False)}
