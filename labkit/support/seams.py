"""The undocumented parts of other packages that labkit uses, and why.

A package may move them in any release. So only the functions of this module use them, each for the
reason below.

========== ============================ =====================================================
package    borrowed                     because
========== ============================ =====================================================
pyOpenSSL  `Context._context`,          its verify callback can refuse a certificate but not
           `Context._verify_callback`,  say why, and OpenSSL makes the alert out of the reason:
           `OpenSSL._util`              all refusals would be `internal_error`
botocore   `Session.SESSION_VARIABLES`  no setting makes a session ignore profile, files and
                                        environment; its table of their names does
botocore   `Loader`, `botocore.model`   it reads AWS's own description of its services, which a
                                        server of our own has to follow
tlslite-ng `_getMsg`, `_sendMsg`,       it offers no say in the middle of a handshake, where
           `_sigHashesToList`           mbedTLS, which boards run, has habits of its own
pySerial   `serial.rfc2217.time`        its RFC 2217 client sleeps 50 ms before it looks for each
                                        answer, and 300 ms at its end
nbclient   `NotebookClient.             where a kernel did not start, it leaves this to be called
           _cleanup_kernel`             when Python ends, which fails then, with a traceback
========== ============================ =====================================================

Where a new release has moved one, `SeamMovedError` names it; so does its test in
`tests/support/test_seams.py`. The packages load inside the functions: a caller of one seam does
not pay for the others.
"""

from __future__ import annotations

import atexit
import functools
import importlib.metadata
import importlib.util
import os
import time
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from labkit.errors import SeamMovedError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from botocore.model import ServiceModel
    from botocore.session import Session
    from nbclient import NotebookClient
    from OpenSSL import SSL, crypto
    from serial import Serial
    from tlslite.api import TLSConnection

_PYOPENSSL, _BOTOCORE, _TLSLITE, _NBCLIENT = "pyOpenSSL", "botocore", "tlslite-ng", "nbclient"
_PYSERIAL = "pyserial"
_FIELDS_OF_A_VARIABLE = 4
"""Its name in the configuration file, in the environment, its default, and how it is read."""
_LOOK_AGAIN_S = 0.001
"""An answer on loopback takes less."""


def _borrowed(package: str, path: str, owner: object) -> Any:  # noqa: ANN401 whatever it is there
    """Return what an owner has under the last name of a path.

    Raises:
        SeamMovedError: nothing.
    """
    try:
        return getattr(owner, path.rpartition(".")[2])
    except AttributeError:
        raise _moved(package, path) from None


def _moved(package: str, path: str) -> SeamMovedError:
    return SeamMovedError(
        f"{package} {importlib.metadata.version(package)} moved {path}; see "
        "labkit/support/seams.py. Install the version that requirements.lock names."
    )


def set_verify_with_reason(
    context: SSL.Context,
    mode: int,
    verify: Callable[[SSL.Connection, crypto.X509, int, int, int], bool],
    reason: Callable[[], int | None],
) -> None:
    """Set a verify callback, as `Context.set_verify` does, whose refusals say why.

    Args:
        context: the settings of the TLS connections.
        mode: OpenSSL's verify mode.
        verify: pyOpenSSL's callback: connection, certificate, error, depth and OpenSSL's opinion.
        reason: asked after each refusal for OpenSSL's verification error (X509_V_ERR_…), out of
            which OpenSSL makes the alert; None leaves the error that there is.

    Raises:
        SeamMovedError: pyOpenSSL has moved what this rests on.
    """
    try:
        from OpenSSL import _util  # noqa: PLC0415 only those who speak TLS load it
    except ImportError:
        raise _moved(_PYOPENSSL, "OpenSSL._util") from None
    ffi = _borrowed(_PYOPENSSL, "OpenSSL._util.ffi", _util)
    lib = _borrowed(_PYOPENSSL, "OpenSSL._util.lib", _util)
    set_error = _borrowed(_PYOPENSSL, "OpenSSL._util.lib.X509_STORE_CTX_set_error", lib)
    set_verify = _borrowed(_PYOPENSSL, "OpenSSL._util.lib.SSL_CTX_set_verify", lib)
    handle = _borrowed(_PYOPENSSL, "Context._context", context)
    context.set_verify(mode, verify)
    inner = _borrowed(_PYOPENSSL, "Context._verify_callback", context)
    if inner is None:
        raise _moved(_PYOPENSSL, "Context._verify_callback")

    def outer(ok: int, store_context: object) -> int:
        if inner(ok, store_context):
            return 1
        error = reason()
        if error is not None:
            set_error(store_context, error)
        return 0

    callback = ffi.callback("int (*)(int, X509_STORE_CTX *)", outer)
    set_verify(handle, mode, callback)
    # OpenSSL keeps no reference to the callback; it must live as long as the settings.
    context._verify_callback = callback  # noqa: SLF001 see the module's docstring


def sealed_session() -> Session:
    """Return a botocore session that asks neither profile, nor files, nor the environment.

    Raises:
        SeamMovedError: botocore has moved what this rests on.
    """
    from botocore.session import Session  # noqa: PLC0415 costs 0.3 s

    path = "Session.SESSION_VARIABLES"
    known = _borrowed(_BOTOCORE, path, Session)
    if any(len(variable) != _FIELDS_OF_A_VARIABLE for variable in known.values()):
        raise _moved(_BOTOCORE, f"the fields of {path}")
    sealed = {name: (None, None, default, cast) for name, (_, _, default, cast) in known.items()}
    for name in ("config_file", "credentials_file"):
        if name not in known:
            raise _moved(_BOTOCORE, f"{path}[{name!r}]")
        sealed[name] = (None, None, os.devnull, None)
    return Session(session_vars=sealed)


def service_model(service: str) -> ServiceModel:
    """Return AWS's description of a service, as botocore has it.

    Args:
        service: botocore's name of the service, such as "iot".

    Raises:
        SeamMovedError: botocore has moved what this rests on.
    """
    from botocore import loaders, model  # noqa: PLC0415 costs 0.1 s

    loader = _borrowed(_BOTOCORE, "botocore.loaders.Loader", loaders)()
    load = _borrowed(_BOTOCORE, "botocore.loaders.Loader.load_service_model", loader)
    describe = _borrowed(_BOTOCORE, "botocore.model.ServiceModel", model)
    return describe(load(service, "service-2"))


def mbedtls_like_client(
    connection: socket.socket, check: Callable[[list[bytes]], None]
) -> TLSConnection:
    """Return a TLS client of tlslite-ng's with two of mbedTLS's habits.

    It judges the server's certificate when it comes, before it shows its own. tlslite-ng would do
    so after the handshake only: a server that refuses the client would then hide that it is the
    wrong server.

    It signs as its key does, whatever key the certificate beside it names. tlslite-ng would fail
    to sign as an RSA certificate asks, with an EC key, and the server would not get to see it.

    Args:
        connection: a connected socket.
        check: is given the server's certificates, DER, its own first, and raises an exception of
            tlslite-ng's `TLSAuthenticationError` to refuse it; the server gets `unknown_ca`.

    Raises:
        SeamMovedError: tlslite-ng has moved what this rests on.
    """
    return _mbedtls_like()(connection, check)


@functools.cache
def _mbedtls_like() -> Any:  # noqa: ANN401 tlslite-ng has no types
    with warnings.catch_warnings():
        # It imports asyncore, for a mix-in that nobody uses here.
        warnings.simplefilter("ignore", DeprecationWarning)
        from tlslite.api import TLSConnection  # noqa: PLC0415 only boards load it
        from tlslite.constants import (  # noqa: PLC0415 as above
            AlertDescription,
            AlertLevel,
            HashAlgorithm,
            SignatureAlgorithm,
        )
        from tlslite.errors import TLSAuthenticationError  # noqa: PLC0415 as above
        from tlslite.messages import Alert, Certificate  # noqa: PLC0415 as above
    for name in ("_getMsg", "_sendMsg", "_sigHashesToList"):
        _borrowed(_TLSLITE, f"TLSConnection.{name}", TLSConnection)

    class Client(TLSConnection):  # type: ignore[misc]  # tlslite-ng has no types
        def __init__(self, connection: socket.socket, check: Callable[..., None]) -> None:
            super().__init__(connection)
            self._check = check

        def _sigHashesToList(self, settings: Any, key: Any = None, *rest: Any, **named: Any) -> Any:  # noqa: ANN401, N802 tlslite-ng's
            if key is None:
                return super()._sigHashesToList(settings, key, *rest, **named)
            return [(HashAlgorithm.sha256, getattr(SignatureAlgorithm, key.key_type))]

        def _getMsg(self, *args: Any, **kwargs: Any) -> Iterator[Any]:  # noqa: ANN401, N802 tlslite-ng's
            for message in super()._getMsg(*args, **kwargs):
                if isinstance(message, Certificate):
                    try:
                        self._check([bytes(it.bytes) for it in message.cert_chain.x509List])
                    except TLSAuthenticationError:
                        refusal = Alert().create(AlertDescription.unknown_ca, AlertLevel.fatal)
                        yield from self._sendMsg(refusal)
                        raise
                yield message

    return Client


@functools.cache
def quick_rfc2217_client() -> type[Serial]:
    """Return pySerial's RFC 2217 client, looking for answers every millisecond.

    It is the class of a second copy of pySerial's module: the first one waits as it always did.

    Raises:
        SeamMovedError: pySerial has moved what this depends on.
    """
    spec = importlib.util.find_spec("serial.rfc2217")
    if spec is None or spec.loader is None:
        raise _moved(_PYSERIAL, "serial.rfc2217")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = "serial.rfc2217.time"
    if _borrowed(_PYSERIAL, path, module) is not time:
        raise _moved(_PYSERIAL, path)
    quick = {**vars(time), "sleep": lambda _: time.sleep(_LOOK_AGAIN_S)}
    module.time = SimpleNamespace(**quick)  # type: ignore[attr-defined]  # checked above
    client: type[Serial] = module.Serial
    return client


def forget_kernel(client: NotebookClient) -> None:
    """Have nbclient not clean up after a client's kernel when Python ends; it is done already.

    Raises:
        SeamMovedError: nbclient has moved what this rests on.
    """
    atexit.unregister(_borrowed(_NBCLIENT, "NotebookClient._cleanup_kernel", client))
