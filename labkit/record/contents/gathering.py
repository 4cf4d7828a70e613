"""What goes into a record: the run's files, the account's answers, the pages; no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates
from labkit.errors import LabError
from labkit.record.contents.account_answers import answers
from labkit.record.contents.executed_pages import executed_pages
from labkit.record.contents.firmware_sources import sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from labkit.lab.lab import Lab

__all__ = ["gather"]

_OF_THE_CA = ("rootCA.pem", "verificationCert.pem")
_NOT_THE_RUNS = {"journal.jsonl", "failed.json"}


def gather(lab: Lab, pages: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return everything that a run has made, by path; secrets are still in it.

    What a run has not come to is not there.

    Args:
        lab: the lab.
        pages: executed pages by name; the reader's own, as JupyterLab saved them, when not given.
    """
    place = lab.workspace
    files = _folder(place.device, "device/")
    if lab.procedure.maker("rootCA.pem"):
        files |= {f"ca/{name}": (place.ca / name).read_bytes() for name in _there(place.ca)}
    if place.journal.path.exists():
        files["journal.jsonl"] = place.journal.path.read_bytes()
    files |= sources(place)
    executed = executed_pages(place.root) if pages is None else pages
    files |= {f"pages/{name}": raw for name, raw in executed.items()}
    return files | _answers(lab, files)


def _folder(folder: Path, under: str) -> dict[str, bytes]:
    """Return the files right in a folder; no log's lock, no editor's leftover."""
    return {
        under + path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name[0] not in ".~" and path.name not in _NOT_THE_RUNS
    }


def _there(folder: Path) -> list[str]:
    return [name for name in _OF_THE_CA if (folder / name).is_file()]


def _answers(lab: Lab, files: Mapping[str, bytes]) -> dict[str, bytes]:
    try:
        account = lab.account
    except LabError as error:
        said = f"the account could not be asked: {error}\n"
        return {"account/not-told.txt": said.encode()}
    return answers(
        account,
        thing=lab.workspace.settings.thing_name,
        policy=lab.hello_world.policy_name,
        certificate_id=_id(files, "device/deviceCert.pem"),
        ca_id=_id(files, "ca/rootCA.pem"),
    )


def _id(files: Mapping[str, bytes], path: str) -> str:
    try:
        return certificates.certificate_id(certificates.load_certificate(files.get(path, b"")))
    except LabError:
        return ""
