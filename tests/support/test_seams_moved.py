"""What labkit borrows from the inside of other packages is named where a new version moved it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.model
import botocore.session
import nbformat
import OpenSSL
import pytest
from nbclient import NotebookClient
from OpenSSL import SSL, _util
from tlslite.tlsconnection import TLSConnection
from tlslite.tlsrecordlayer import TLSRecordLayer

from labkit.errors import LabError, SeamMovedError
from labkit.support import seams

if TYPE_CHECKING:
    from collections.abc import Callable

NEXT = "see labkit/support/seams.py. Install the version that requirements.lock names."


def verify_callback() -> None:
    """Use the seam of pyOpenSSL."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    seams.set_verify_with_reason(context, SSL.VERIFY_PEER, lambda *_: True, lambda: None)


def iot_model() -> None:
    """Use the seam of botocore's description of services."""
    seams.service_model("iot")


def client() -> None:
    """Use the seam of tlslite-ng, again."""
    seams._mbedtls_like.cache_clear()  # noqa: SLF001 the class is made once
    with socket.socket() as unconnected:
        seams.mbedtls_like_client(unconnected, lambda _: None)


class NoHandle:
    """Settings of TLS that keep their callback under the old name, and not their handle."""

    _verify_callback = None

    def __init__(self, *_: object) -> None:
        pass


class NoCallback(NoHandle):
    """Settings of TLS that keep their handle under the old name, and set no callback."""

    _context = None

    def set_verify(self, *_: object) -> None:
        """Do it in another way."""


def forget() -> None:
    """Forget the kernel of a client that has none."""
    seams.forget_kernel(NotebookClient(nbformat.v4.new_notebook()))


LEFT = """
import atexit, nbformat; from nbclient import NotebookClient; from labkit.support import seams
client = NotebookClient(nbformat.v4.new_notebook())
atexit.register(client._cleanup_kernel)
"""


@pytest.mark.parametrize(
    ("more", "message"), [("", "Traceback"), ("seams.forget_kernel(client)", "")]
)
def test_a_kernel_that_is_forgotten_ends_python_quietly(more: str, message: str) -> None:
    """Left to itself, nbclient cleans up after a kernel that is not there, and fails."""
    command = [sys.executable, "-c", LEFT + more]
    error = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert (message in error) if message else error == ""


VARIABLES = botocore.session.Session.SESSION_VARIABLES
FIVE_FIELDS = {name: (*fields, None) for name, fields in VARIABLES.items()}
NO_FILE = {name: fields for name, fields in VARIABLES.items() if name != "credentials_file"}

quick_client = seams.quick_rfc2217_client.__wrapped__
NO_TIME = importlib.util.find_spec("serial.tools.hexlify_codec")

GONE = object()
MOVED = [
    (verify_callback, "pyOpenSSL", "OpenSSL._util", OpenSSL, "_util", GONE),
    (verify_callback, "pyOpenSSL", "OpenSSL._util.ffi", _util, "ffi", GONE),
    (verify_callback, "pyOpenSSL", "OpenSSL._util.lib", _util, "lib", GONE),
    (
        *(verify_callback, "pyOpenSSL", "OpenSSL._util.lib.X509_STORE_CTX_set_error"),
        *(_util, "lib", object()),
    ),
    (verify_callback, "pyOpenSSL", "Context._context", SSL, "Context", NoHandle),
    (verify_callback, "pyOpenSSL", "Context._verify_callback", SSL, "Context", NoCallback),
    (
        *(seams.sealed_session, "botocore", "Session.SESSION_VARIABLES"),
        *(botocore.session.Session, "SESSION_VARIABLES", GONE),
    ),
    (
        *(seams.sealed_session, "botocore", "the fields of Session.SESSION_VARIABLES"),
        *(botocore.session.Session, "SESSION_VARIABLES", FIVE_FIELDS),
    ),
    (
        *(seams.sealed_session, "botocore", "Session.SESSION_VARIABLES['credentials_file']"),
        *(botocore.session.Session, "SESSION_VARIABLES", NO_FILE),
    ),
    (iot_model, "botocore", "botocore.loaders.Loader", botocore.loaders, "Loader", GONE),
    (
        *(iot_model, "botocore", "botocore.loaders.Loader.load_service_model"),
        *(botocore.loaders.Loader, "load_service_model", GONE),
    ),
    (iot_model, "botocore", "botocore.model.ServiceModel", botocore.model, "ServiceModel", GONE),
    (client, "tlslite-ng", "TLSConnection._getMsg", TLSRecordLayer, "_getMsg", GONE),
    (client, "tlslite-ng", "TLSConnection._sendMsg", TLSRecordLayer, "_sendMsg", GONE),
    (
        *(client, "tlslite-ng", "TLSConnection._sigHashesToList"),
        *(TLSConnection, "_sigHashesToList", GONE),
    ),
    (
        *(forget, "nbclient", "NotebookClient._cleanup_kernel"),
        *(NotebookClient, "_cleanup_kernel", GONE),
    ),
    (quick_client, "pyserial", "serial.rfc2217", importlib.util, "find_spec", lambda _: None),
    (
        *(quick_client, "pyserial", "serial.rfc2217.time"),
        *(importlib.util, "find_spec", lambda _: NO_TIME),
    ),
]


@pytest.mark.parametrize(
    ("use", "package", "path", "owner", "name", "value"),
    MOVED,
    ids=[path for _, _, path, *_ in MOVED],
)
def test_a_seam_that_moved_is_named(
    monkeypatch: pytest.MonkeyPatch,
    *,
    use: Callable[[], object],
    package: str,
    path: str,
    owner: object,
    name: str,
    value: object,
) -> None:
    """Package, version, what moved and what to do; unmoved, it works."""
    use()
    if value is GONE:
        monkeypatch.delattr(owner, name)
        monkeypatch.setitem(sys.modules, f"{getattr(owner, '__name__', '')}.{name}", None)
    else:
        monkeypatch.setattr(owner, name, value)
    version = importlib.metadata.version(package)
    with pytest.raises(SeamMovedError) as caught:
        use()
    assert str(caught.value) == f"{package} {version} moved {path}; {NEXT}"
    assert isinstance(caught.value, LabError)
