"""What a step would write into a header, seen before it is written, and how to take it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.device.image import find_sources
from labkit.errors import WorkspaceError
from labkit.steps import headers
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labkit.steps.workbench import Workbench

__all__ = ["PREVIEWED", "Preview", "preview", "take_back"]


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """One step's edit of one file.

    Attributes:
        step: the step's name.
        file: the file.
        old: its bytes now.
        new: its bytes after the step.
        diff: the difference; empty where there is none. Private keys are not in it.
    """

    step: str
    file: Path
    old: bytes
    new: bytes
    diff: str


def _certificates(workbench: Workbench) -> dict[str, str]:
    names = {headers.CERTIFICATE_PEM: "deviceCert.pem", headers.CA_PEM: "rootCA.pem"}
    for name in names.values():
        if not workbench.workspace.path(name).exists():
            raise WorkspaceError(f"expected {name}, there is none yet. Page 06 makes it.")
    return {macro: workbench.read(name).decode() for macro, name in names.items()}


PREVIEWED: Mapping[str, tuple[str, Callable[[Workbench], dict[str, str]]]] = {
    "set_endpoint_and_thing": (
        "credentials",
        lambda workbench: {
            headers.ENDPOINT: workbench.account.endpoint(),
            headers.THING_NAME: workbench.thing_name,
        },
    ),
    "force_key_generation": ("provisioning", lambda _: {headers.FORCE: "1"}),
    "import_certificate": ("keys", _certificates),
}
"""Each step that can be seen before: which source it edits, and the values that it sets."""


def preview(workbench: Workbench, step: str) -> Preview:
    """Return what a step would write; nothing is written.

    Raises:
        WorkspaceError: a file that the step reads is not made yet.
        FirmwareError: the header cannot take it, as the step itself would say.
    """
    source, values = PREVIEWED[step]
    sources = find_sources(workbench.workspace.firmware)
    if step != "set_endpoint_and_thing":
        firmware.refuse_private_key(firmware.decode(sources.keys.read_bytes()))
    file: Path = getattr(sources, source)
    raw = file.read_bytes()
    old = text = firmware.decode(raw)
    for macro, value in values(workbench).items():
        text = firmware.edit(text, macro, value).new
    diff = firmware.Edit(old, text, step).diff(file.name) if text != old else ""
    return Preview(step, file, raw, firmware.encode(text), diff)


def take_back(written: Preview) -> None:
    """Put a file back as it was before the step, byte for byte.

    The journal keeps that the step was done: to the procedure this is an edit by hand.

    Raises:
        WorkspaceError: the file has been changed since.
    """
    if written.file.read_bytes() != written.new:
        raise WorkspaceError(
            f"{written.file.name} was changed after {written.step} wrote it; taking the step back "
            "would lose that change, so nothing was done. Edit the file by hand."
        )
    write(written.file, written.old)
