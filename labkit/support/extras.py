"""Which extra of labkit brings a package, for the message where the package is not installed."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from labkit.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRAS = {
    **dict.fromkeys(
        ("OpenSSL", "boto3", "botocore", "certifi", "paho", "serial", "tlslite"), "lab"
    ),
    **dict.fromkeys(("markupsafe", "minisign"), "records"),
    **dict.fromkeys(
        ("anywidget", "jupyter_client", "jupyterlab", "nbclient", "nbformat", "traitlets"), "manual"
    ),
    **dict.fromkeys(("sphinx",), "site"),
    **dict.fromkeys(("pkcs11",), "pkcs11"),
}
"""The extra of each package, by the name that it is imported by."""


@contextmanager
def naming_extras() -> Iterator[None]:
    """Turn the failed import of an extra's package into an error that names the extra.

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        raise _missing(module) from error


def require(*modules: str) -> None:
    """Refuse to go on without packages that another process, or a later step, imports.

    Raises:
        MissingPackageError: one of the packages is not installed.
    """
    for module in modules:
        if find_spec(module) is None:
            raise _missing(module)


def _missing(module: str) -> MissingPackageError:
    return MissingPackageError(
        f"this needs the package {module}, which is not installed. "
        f"Install it with: pip install 'labkit[{EXTRAS[module]}]'"
    )
