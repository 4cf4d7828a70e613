"""Every error that labkit raises on purpose.

::

    LabError                    never raised itself: catch it to catch them all
    ├── ConsoleError            the console text gives no public key
    │   ├── NoDumpError         there is no dump in it
    │   └── DumpError           the newest dump is damaged: which row, how many of 91 bytes
    ├── PublicKeyError          bytes or text are not a P-256 public key as the device has one
    ├── CertificateError        a certificate, CA key or request must not be used or issued
    ├── ApprovalError           a CSR signer's key, a request or the audit log is refused
    ├── FirmwareError           a header or source cannot be read or edited safely
    │   └── MacroNotFoundError  the macro does not stand there, with names that look like it
    ├── PolicyError             a policy document is not one
    ├── DeviceError             the board or its serial port
    │   ├── PortError           the port cannot be opened or went away
    │   ├── BaudRateError       what comes looks as if it was read at a wrong baud rate
    │   └── CaptureTimeoutError the console did not say what was waited for in time
    ├── CloudError              AWS IoT refused, or could not be reached
    ├── BenchError              the simulated bench cannot be started or reached
    ├── MissingPackageError     an extra of labkit is not installed
    ├── SeamMovedError          a package has moved, inside, what labkit borrows from it
    ├── RecordError             a record cannot be made or read, or is not what it says
    │   └── SecretError         a secret would have been written into a record
    ├── ManualError             the glossary or a drill is asked for what it does not have
    ├── SiteError               the manual cannot be written as HTML
    ├── WorkspaceError          the workspace or its lab.toml cannot be used
    └── NotReadyError           a step needs what an earlier step makes

A message says what was expected, what came, where, and what to do next. It never holds key
material.
"""

from __future__ import annotations


class LabError(Exception):
    """Base of the errors that labkit raises on purpose; never raised itself."""

    def _render_traceback_(self) -> list[str]:
        """Return what a page shows of it: the message says all, so no traceback.

        Source: IPython's hook for exceptions that render themselves.
        """
        return [f"{type(self).__name__}: {self}"]


class ConsoleError(LabError):
    """The console text gives no public key."""


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
    """Bytes or text are not a P-256 public key as the device has one."""


class CertificateError(LabError):
    """A certificate, a CA key or a request must not be used or issued."""


class ApprovalError(LabError):
    """A CSR signer's key, a request for approval or the audit log is refused."""


class FirmwareError(LabError):
    """A header or source file cannot be read or edited safely."""


class MacroNotFoundError(FirmwareError):
    """The macro does not stand in the text.

    Attributes:
        name: the macro that was looked for.
        suggestions: names in the text that look like it, best first.
    """

    def __init__(self, message: str, *, name: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.suggestions = suggestions


class PolicyError(LabError):
    """A policy document is not one."""


class DeviceError(LabError):
    """The board or its serial port does not do what it should."""


class PortError(DeviceError):
    """The serial port cannot be opened, or went away.

    Attributes:
        cause: "missing", "busy", "denied", "gone" (it went away while it was open) or "other".
    """

    def __init__(self, message: str, *, cause: str = "other") -> None:
        super().__init__(message)
        self.cause = cause


class BaudRateError(DeviceError):
    """What comes looks as if it was read at a wrong baud rate."""


class CaptureTimeoutError(DeviceError):
    """The console did not say what was waited for in time."""


class CloudError(LabError):
    """AWS IoT refused a call or could not be reached.

    Attributes:
        code: the error code that AWS gave, such as "ResourceNotFoundException", or None.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class BenchError(LabError):
    """The simulated bench cannot be started or reached."""


class MissingPackageError(LabError):
    """A package of one of labkit's extras is not installed; the message names the extra."""


class SeamMovedError(LabError):
    """A package has moved, inside, what labkit borrows from it (`labkit.support.seams`)."""


class RecordError(LabError):
    """A record cannot be made or read, or is not what it says."""


class SecretError(RecordError):
    """A secret would have been written into a record."""


class ManualError(LabError):
    """The glossary or a drill is asked for what it does not have."""


class SiteError(LabError):
    """The manual cannot be written as HTML."""


class WorkspaceError(LabError):
    """The workspace, or its lab.toml, cannot be used."""


class NotReadyError(LabError):
    """A step needs what an earlier step makes.

    Attributes:
        step: the name of the step that makes what is missing.
        page: the page that does it.
    """

    def __init__(self, message: str, *, step: str, page: str) -> None:
        super().__init__(message)
        self.step = step
        self.page = page
