"""Every error that labkit raises on purpose.

::

    LabError                    never raised itself: catch it to catch them all
    ├── ConsoleError            the console text gives no public key
    │   ├── NoDumpError         the text has no dump
    │   └── DumpError           the newest dump is damaged or out of date
    ├── PublicKeyError          bytes or text are not a device's P-256 public key
    ├── CertificateError        a certificate, key or request is refused
    ├── ApprovalError           a CSR signer's key, a request or the audit log is refused
    ├── FirmwareError           a header or source cannot be read or edited safely
    │   └── MacroNotFoundError  the text does not define the macro
    ├── PolicyError             a policy document is malformed
    ├── DeviceError             the board or its serial port
    │   ├── PortError           the port cannot be opened or was disconnected
    │   ├── BaudRateError       the console is read at a wrong baud rate
    │   └── CaptureTimeoutError the console did not print the expected text in time
    ├── CloudError              AWS IoT refused, or could not be reached
    ├── BenchError              the simulated bench cannot be started or reached
    ├── MissingPackageError     an extra of labkit is not installed
    ├── SeamMovedError          a package has changed internals that labkit uses
    ├── RecordError             a record cannot be made, read or verified
    │   └── SecretError         a record would contain a secret
    ├── ManualError             the glossary or a drill does not have the requested entry
    ├── SiteError               the manual cannot be written as HTML
    ├── WorkspaceError          the workspace or its lab.toml cannot be used
    └── NotReadyError           a step needs the result of an earlier step

A message states what happened, where, and what to do next. It never contains key material.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class LabError(Exception):
    """Base of the errors that labkit raises on purpose; never raised itself."""

    def _render_traceback_(self) -> list[str]:
        """Return what a page shows: the message without a traceback.

        Source: IPython's hook for exceptions that render themselves.
        """
        return [f"{type(self).__name__}: {self}"]


class ConsoleError(LabError):
    """The console text has no usable public key."""


class NoDumpError(ConsoleError):
    """There is no public-key dump in the console text."""


class DumpError(ConsoleError):
    """The newest public-key dump is damaged.

    Attributes:
        row: the row at fault, counted from 1, or None where no single row is.
        received: bytes of the dump that were received.
        declared: bytes that its header line declares.
        line: the header's line in the console text, counted from 1.
    """

    def __init__(
        self, message: str, *, row: int | None, received: int, declared: int, line: int
    ) -> None:
        super().__init__(message)
        self.row = row
        self.received = received
        self.declared = declared
        self.line = line


class PublicKeyError(LabError):
    """Bytes or text are not a device's P-256 public key."""


class CertificateError(LabError):
    """A certificate, key or request is refused."""


class ApprovalError(LabError):
    """A CSR signer's key, a request for approval or the audit log is refused."""


class FirmwareError(LabError):
    """A header or source file cannot be read or edited safely."""


class MacroNotFoundError(FirmwareError):
    """The text does not define the macro.

    Attributes:
        name: the missing macro.
        suggestions: similar names in the text, best first.
    """

    def __init__(self, message: str, *, name: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.suggestions = suggestions


class PolicyError(LabError):
    """A policy document is malformed."""


class DeviceError(LabError):
    """The board or its serial port failed."""


class PortError(DeviceError):
    """The serial port cannot be opened, or was disconnected.

    Attributes:
        cause: "missing", "busy", "denied", "gone" (disconnected while it was open) or "other".
    """

    def __init__(self, message: str, *, cause: str = "other") -> None:
        super().__init__(message)
        self.cause = cause


class BaudRateError(DeviceError):
    """The console looks as if it was read at a wrong baud rate."""


class CaptureTimeoutError(DeviceError):
    """The console did not print the expected text in time."""


class CloudError(LabError):
    """AWS IoT refused a call or could not be reached.

    Attributes:
        code: the error code of AWS, such as "ResourceNotFoundException", or None.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class BenchError(LabError):
    """The simulated bench cannot be started or reached."""


class MissingPackageError(LabError):
    """A package of one of labkit's extras is not installed; the message names the extra."""


class SeamMovedError(LabError):
    """A package has changed internals that labkit uses (`labkit.support.seams`)."""


class RecordError(LabError):
    """A record cannot be made, read or verified."""


class SecretError(RecordError):
    """A record would contain a secret."""


class ManualError(LabError):
    """The glossary or a drill does not have the requested entry."""


class SiteError(LabError):
    """The manual cannot be written as HTML."""


class WorkspaceError(LabError):
    """The workspace, or its lab.toml, cannot be used."""


class NotReadyError(LabError):
    """A step needs the result of an earlier step.

    Attributes:
        step: the name of the earlier step.
        page: the page with that step.
    """

    def __init__(self, message: str, *, step: str, page: str) -> None:
        super().__init__(message)
        self.step = step
        self.page = page


@contextmanager
def in_file(path: object) -> Iterator[None]:
    """Put a file's path before the message of a `LabError` that is raised inside.

    `line 3: …` becomes `/x/keys.h, line 3: …`, and `Expected …` becomes `/x/ca.pem: expected …`. A
    message with the path stays as it is.
    """
    try:
        yield
    except LabError as error:
        message = str(error)
        if str(path) not in message:
            joint = ", " if message.startswith("line ") else ": "
            is_word = message[1:2].islower()
            message = message[:1].lower() + message[1:] if is_word else message
            error.args = (f"{path}{joint}{message}", *error.args[1:])
        raise
