"""What labkit borrows from the inside of other packages is where it was, and nowhere else used."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.model
import botocore.session
import pytest
from board_bench import NOW, Authority, private_pem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from imports import loaded_by
from OpenSSL import SSL
from private_names import private_uses

from labkit.bench.simulator.aws.rest_json import load_model
from labkit.bench.simulator.board import board_tls
from labkit.support import seams

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(seams.__file__).parents[1]
NEXT = "see labkit/support/seams.py. Install the version that requirements.lock names."

CERT_UNKNOWN = 75
"""X509_V_ERR_OCSP_CERT_UNKNOWN, which OpenSSL tells the client as certificate_unknown."""


# pyOpenSSL


def server_with_reason(reason: int | None) -> SSL.Context:
    """Return a server's settings that refuse every client, for a reason."""
    key = ec.generate_private_key(ec.SECP256R1())
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    pem = Authority("Test root").issue(key.public_key(), host="server").encode()
    context.use_certificate(x509.load_pem_x509_certificate(pem))
    context.use_privatekey(key)
    mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    seams.set_verify_with_reason(context, mode, lambda *_: False, lambda: reason)
    return context


def alert_of(server: SSL.Context, folder: Path) -> str:
    """Shake hands with a server in memory, as Python's own ssl, and return the alert that comes."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = folder / "client.pem"
    pem.write_text(Authority("Clients").issue(key.public_key(), host="LED") + private_pem(key))
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
    settings.load_cert_chain(pem)
    settings.maximum_version = ssl.TLSVersion.TLSv1_2
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = settings.wrap_bio(to_client, to_server)
    connection = SSL.Connection(server, None)
    connection.set_accept_state()
    for _ in range(9):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            return str(error.reason)
        connection.bio_write(to_server.read() or b"")
        with contextlib.suppress(SSL.Error):
            connection.do_handshake()
        to_client.write(connection.bio_read(65536))
    raise AssertionError("the handshake did not end")


def test_a_refusal_says_why(tmp_path: Path) -> None:
    """`Context._context`, `_verify_callback` and `OpenSSL._util`: the reason makes the alert."""
    refused = alert_of(server_with_reason(CERT_UNKNOWN), tmp_path)
    assert refused == "SSLV3_ALERT_CERTIFICATE_UNKNOWN"


def test_a_refusal_without_a_reason_has_another_alert(tmp_path: Path) -> None:
    """What the seam is for: OpenSSL's own error of the chain, or none, makes another alert."""
    assert alert_of(server_with_reason(None), tmp_path) != "SSLV3_ALERT_CERTIFICATE_UNKNOWN"


# botocore


def test_sealed_session_is_deaf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`Session.SESSION_VARIABLES`: what botocore reads from outside, a sealed session does not."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text("[profile elsewhere]\nregion = eu-north-1\nca_bundle = bundle.pem\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    usual, sealed = botocore.session.Session(), seams.sealed_session()
    names = ("profile", "region", "ca_bundle", "max_attempts")
    heard = [usual.get_config_variable(name) for name in names]
    assert heard == ["elsewhere", "eu-north-1", "bundle.pem", 9]
    assert [sealed.get_config_variable(name) for name in names] == [None] * 4
    assert sealed.full_config == {"profiles": {}}


def test_service_model_describes_the_service() -> None:
    """`Loader` and `botocore.model`: operations, and the traits that a server reads of them."""
    model = seams.service_model("iot")
    assert {"CreateThing", "RegisterCACertificate"} <= set(model.operation_names)
    operation = model.operation_model("RegisterCACertificate")
    assert operation.http["requestUri"] == "/cacertificate"
    assert operation.output_shape.members["certificateArn"].type_name == "string"
    sent = operation.input_shape
    assert sent.required_members == ["caCertificate"]
    assert sent.members["setAsActive"].serialization == {
        "location": "querystring",
        "name": "setAsActive",
    }
    assert sent.members["caCertificate"].metadata["min"] == 1
    assert "CertificateValidationException" in {it.name for it in operation.error_shapes}
    missing = model.shape_for("ResourceNotFoundException")
    assert missing.metadata["error"]["httpStatusCode"] == 404
    assert load_model("iot").error_status("ResourceNotFoundException") == 404


# tlslite-ng


class Peer:
    """A TLS server for one client; `ended` is how it saw the handshake end."""

    def __init__(self, folder: Path, ours: socket.socket) -> None:
        root, key = Authority("Test root"), ec.generate_private_key(ec.SECP256R1())
        self.root_file = folder / "root.pem"
        self.root_file.write_text(root.pem)
        server = folder / "server.pem"
        server.write_text(root.issue(key.public_key(), host="server") + private_pem(key))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(server)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME: tests live at NOW
        self._context.load_verify_locations(cadata=root.pem)
        self.clients, self.ended, self._socket = root, "", ours
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def join(self) -> str:
        """Return how the handshake ended."""
        self._thread.join(5)
        return self.ended

    def _serve(self) -> None:
        try:
            with self._context.wrap_socket(self._socket, server_side=True):
                self.ended = "well"
        except ssl.SSLError as error:
            self.ended = str(error.reason)


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return the two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_server_is_judged_in_the_handshake(
    wire: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """`_getMsg` and `_sendMsg`: the wrong server gets unknown_ca, and no client's certificate."""
    peer = Peer(tmp_path, wire[1])
    with pytest.raises(board_tls.TlsError, match="0x2700"):
        board_tls.connect(
            wire[0],
            "another",
            8883,
            board_tls.Credentials(),
            root_ca_file=peer.root_file,
            now=NOW,
        )
    assert peer.join() == "TLSV1_ALERT_UNKNOWN_CA"


@pytest.mark.parametrize(("own", "ended"), [(True, "well"), (False, "BAD_SIGNATURE")])
def test_client_signs_as_its_key_does(
    wire: tuple[socket.socket, socket.socket], tmp_path: Path, *, own: bool, ended: str
) -> None:
    """`_sigHashesToList`: with its certificate's key it is let in, with another's found out."""
    peer, key = Peer(tmp_path, wire[1]), ec.generate_private_key(ec.SECP256R1())
    pem = peer.clients.issue(key.public_key(), host="LED")
    chain = (ssl.PEM_cert_to_DER_cert(pem),)
    used = key if own else ec.generate_private_key(ec.SECP256R1())
    shake = lambda: board_tls.connect(  # noqa: E731 the same call, expected to pass or to fail
        wire[0],
        "server",
        8883,
        board_tls.Credentials(chain, used),
        root_ca_file=peer.root_file,
        now=NOW,
    )
    if own:
        shake()
    else:
        with pytest.raises(board_tls.TlsError, match="0x7780"):
            shake()
    assert peer.join() == ended


# Nobody else


def test_nobody_else_borrows() -> None:
    """Every private seam is in the one module."""
    assert private_uses(PACKAGE) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from OpenSSL._util import lib", "OpenSSL._util"),
        ("from OpenSSL import _util", "OpenSSL._util"),
        ("import serial._private", "serial._private"),
        ("def f(x):\n    return x._context", "_context"),
        ("def f(x):\n    return x._made_up", "_made_up"),
        ("from botocore.model import Shape", "botocore.model"),
        ("def f():\n    from botocore import loaders", "botocore.loaders"),
        ("class X(Y):\n    def _getMsg(self): ...", "_getMsg"),
    ],
)
def test_another_borrower_is_found(tmp_path: Path, line: str, found: str) -> None:
    """Each kind, planted in a module, is found; the same in the seams is not."""
    (tmp_path / "support").mkdir()
    (tmp_path / "support/seams.py").write_text(line)
    (tmp_path / "own.py").write_text("class Own:\n    _own = 1\n\nprint(Own._own)")
    assert private_uses(tmp_path) == []
    (tmp_path / "other.py").write_text(line)
    assert f"other.py:{line.count(chr(10)) + 1} {found}" in private_uses(tmp_path)


@pytest.mark.parametrize(
    "module", ["support.seams", "cloud.session", "cloud.account", "bench.client", "device.board"]
)
def test_seams_load_nothing_before_they_are_used(module: str) -> None:
    """Using one seam does not load the packages of the others, nor its own before."""
    assert loaded_by(f"import labkit.{module}") & {"botocore", "OpenSSL", "tlslite"} == set()


def test_a_sealed_session_loads_its_own_package_only() -> None:
    """The twin: botocore, with what it loads itself, is loaded when its seam is used."""
    loaded = loaded_by("from labkit.support import seams; seams.sealed_session()")
    assert loaded & {"botocore", "tlslite"} == {"botocore"}
