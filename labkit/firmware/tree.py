"""Find the three files of a firmware tree that provisioning uses."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import DeviceError
from labkit.firmware import decode
from labkit.firmware.preprocessor import parse
from labkit.policy import GENERATIONS, NEWEST, generation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.policy import HelloWorld

_CREDENTIALS = "aws_clientcredential.h"
_KEYS = "aws_clientcredential_keys.h"
_PROVISIONING = ("aws_dev_mode_key_provisioning.c", "dev_mode_key_provisioning.c")
_HEADER_FOLDERS = ("demos/include", "demos/common/include", "Demos/include")
_PROVISIONING_FOLDERS = (
    "demos/dev_mode_key_provisioning/src",
    "demos/common/devmode_key_provisioning",
    "Demos/dev_mode_key_provisioning/src",
    "applications/helpers/provisioning",
)
# Folders with copies of the three files for test programs, templates and third-party code.
_NOT_SEARCHED = {"tests", "test", "tools", "libraries", "vendors", "build", "node_modules"}

_VERSION = re.compile(r"FreeRTOS(?P<own> Provisioning)? V(\d+(?:\.\d+)+)")
_FIRST_WITH_OWN_VERSION = "201906.00"  # its file says "FreeRTOS Provisioning V1.0.0"
FORCE_MACRO = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
_READS_FORCE = re.compile(
    rf"^(?!\s*#\s*(?:define|undef|ifndef)\b).*\b{FORCE_MACRO}\b", re.MULTILINE
)
_DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"
_HEAD = 2000


@dataclass(frozen=True, slots=True)
class Sources:
    """The three files of a firmware tree that provisioning uses.

    Attributes:
        credentials: `aws_clientcredential.h`: endpoint, thing name, Wi-Fi.
        keys: `aws_clientcredential_keys.h`: certificate and key literals.
        provisioning: `aws_dev_mode_key_provisioning.c`: whether the board makes a new key pair.
        release: the version in the files' heads, such as "202203.00" or "1.4.7"; None if there is
            none. The files of 202107.00 have 202012.00.
        hello_world: the generation of the MQTT hello world.
        tree: the tree's top folder.
        import_only: why the tree cannot do Option 2, a sentence; empty if it can.
    """

    credentials: Path
    keys: Path
    provisioning: Path
    release: str | None
    hello_world: HelloWorld
    tree: Path
    import_only: str = ""

    def __repr__(self) -> str:
        """Return what was found and what goes where, a line each."""
        option_2 = f"not possible. {self.import_only}" if self.import_only else "possible"
        rows = (
            ("release", self.release or "not known"),
            ("endpoint, thing", self.credentials.relative_to(self.tree)),
            ("certificate, key", self.keys.relative_to(self.tree)),
            ("key generation", self.provisioning.relative_to(self.tree)),
            ("hello world", f"that of {self.hello_world.name} and later"),
            ("Option 1", "possible, unless the build is for a secure element"),
            ("Option 2", option_2),
        )
        return "\n".join(f"{name:17} {text}" for name, text in rows)


def find_sources(tree: Path) -> Sources:
    """Find the three files, in the layout of any release.

    The search covers ``demos/include`` or, before 201906.00, ``demos/common/include``, and
    ``demos/dev_mode_key_provisioning/src`` or ``demos/common/devmode_key_provisioning``; Renesas's
    ``Demos/…`` and Arm's ``applications/helpers/provisioning``; then the whole tree except tests,
    tools, libraries, vendors and build.

    Args:
        tree: the firmware tree's top folder.

    Returns:
        The files, their release and the generation of the hello world.

    Raises:
        DeviceError: the tree or a file is missing, or there are several candidates for a file.
    """
    if not tree.is_dir():
        raise DeviceError(
            f"{tree}: expected a firmware tree, found no folder. Correct the firmware setting in "
            "lab.toml."
        )
    credentials = _find(tree, _HEADER_FOLDERS, (_CREDENTIALS,))
    keys = _find(tree, _HEADER_FOLDERS, (_KEYS,))
    provisioning = _find(tree, _PROVISIONING_FOLDERS, _PROVISIONING)
    texts = [read_source(file) for file in (provisioning, credentials, keys)]
    release = next(filter(None, map(_version, texts)), None)
    demo = _demo_of_tree(tree, release, delays=_DELAY in texts[0])
    import_only = _why_import_only(provisioning.name, texts[0])
    return Sources(credentials, keys, provisioning, release, demo, tree, import_only)


def _why_import_only(name: str, text: str) -> str:
    """Return why a provisioning source never generates a key pair on request, or nothing."""
    code = parse(text).code
    if FORCE_MACRO not in code:
        return (
            f"{name} does not define {FORCE_MACRO}, as in every release before 201910.00: this "
            "firmware only imports a key. Use Option 1."
        )
    if not _READS_FORCE.search(code):
        return (
            f"{name} defines {FORCE_MACRO}, but no #if reads it: setting it has no effect. Use "
            "Option 1."
        )
    return ""


def _demo_of_tree(tree: Path, release: str | None, *, delays: bool) -> HelloWorld:
    """Return the generation by one of three features of a tree, in this order of precedence.

    Forks have other version numbers, so the tree's content counts more than its release.

    Args:
        tree: the top folder of the firmware tree, which may contain the file of a demo.
        release: the version in the files' heads, or None.
        delays: whether the tree has the delay before a new key pair, as 202107.00 and later do.
    """
    if delays:
        return NEWEST
    found = (each for each in reversed(GENERATIONS) if (tree / each.program).is_file())
    return next(found, generation(release))


def hello_world_of(tree: Path) -> HelloWorld:
    """Return the generation of a tree's MQTT hello world; the newest if there is no tree."""
    try:
        return known_sources(tree).hello_world
    except DeviceError:
        return NEWEST


_KNOWN: dict[Path, Sources] = {}


def known_sources(tree: Path) -> Sources:
    """Return the files of an earlier search if they all still exist; otherwise search again.

    Use it for reading only: it does not notice a new second copy of a file. A search takes 0.1 s in
    a tree of 27,000 files.

    Raises:
        DeviceError: as `find_sources`.
    """
    known = _KNOWN.get(tree)
    if known is None or not all(
        file.is_file() for file in (known.credentials, known.keys, known.provisioning)
    ):
        known = _KNOWN[tree] = find_sources(tree)
    return known


def _find(tree: Path, folders: tuple[str, ...], file_names: tuple[str, ...]) -> Path:
    places = (tree / folder / name for folder in folders for name in file_names)
    found = _distinct([place for place in places if place.is_file()])
    found = found or _distinct(list(_search(tree, file_names)))
    if not found:
        raise DeviceError(
            f"{tree}: expected {file_names[0]} in {' or '.join(folders)}, found none. "
            "Set firmware in lab.toml to the top folder of the tree."
        )
    if len(found) > 1:
        shown = ", ".join(str(file.relative_to(tree)) for file in found[:4])
        raise DeviceError(
            f"{tree}: expected one {file_names[0]}, found {len(found)}: {shown}. "
            "Set firmware in lab.toml to the folder with the file that is built."
        )
    return found[0]


def _distinct(files: list[Path]) -> list[Path]:
    """Remove second names of a file: on some systems `demos` and `Demos` are the same folder."""
    distinct: list[Path] = []
    for file in files:
        if not any(file.samefile(other) for other in distinct):
            distinct.append(file)
    return distinct


def _search(tree: Path, file_names: tuple[str, ...]) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(
            name
            for name in folders
            if name.lower() not in _NOT_SEARCHED and not name.startswith(".")
        )
        for name in file_names:
            if name in files:
                yield Path(folder) / name


def _version(text: str) -> str | None:
    match = _VERSION.search(text, 0, _HEAD)
    return match and (_FIRST_WITH_OWN_VERSION if match["own"] else match[2])


def read_source(file: Path) -> str:
    """Return a source file's text, in any encoding.

    Raises:
        DeviceError: the file cannot be read.
    """
    try:
        return decode(file.read_bytes())
    except OSError as error:
        raise DeviceError(
            f"{file} cannot be read: {error.strerror}. Check that it is a file that you may read."
        ) from error
