"""The manual as HTML, looked at as files: what its pages load, where their links lead."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PAGES = sorted(NOTEBOOKS.glob("*.ipynb"))

_LOADED = {"src", "srcset", "data", "poster", "xlink:href", "background", "action"}
_STYLED = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
_ELSEWHERE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?//|(?!data:|mailto:)[a-z][a-z0-9+.-]*:", re.IGNORECASE
)


@dataclass
class Read(HTMLParser):
    """A page of HTML: its ids, links, what it loads and its text."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to parse."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's id, links and loads."""
        for name, value in attrs:
            text = value or ""
            if name == "id":
                self.ids.add(text)
            elif name == "class":
                self.classes.append(text)
            elif name == "style":
                self.loads += _styled(text)
            elif name in _LOADED or (name == "href" and tag not in ("a", "area")):
                self.loads.append(text)
            elif name == "href":
                self.links.append(text)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All text, without any white space."""
        return squeezed("".join(self.words))


def build(folder: Path, notebooks: Path = NOTEBOOKS, *, seed: int = 0) -> str:
    """Build the manual in a Python of its own, and return its standard error."""
    code = (
        "import sys; from pathlib import Path; from labkit.errors import LabError\n"
        "from labkit.manual.site import build\n"
        "try: print(build(Path(sys.argv[1]), Path(sys.argv[2])))\n"
        "except LabError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", code, str(folder), str(notebooks)]
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not done.stderr), done.stderr
    return done.stderr


def read(page: Path) -> Read:
    """Read a page of HTML."""
    found = Read()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file's content by its name."""
    files = filter(Path.is_file, folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def squeezed(text: str) -> str:
    """Return a text without white space, so that line breaks do not matter."""
    return "".join(text.split())


def outside_loads(folder: Path) -> list[str]:
    """Return what pages and styles load from outside the folder, or do not find in it."""
    found = []
    for page in sorted(folder.rglob("*.html")):
        found += [f"{page.name}: {each}" for each in read(page).loads if _is_not_in(each, page)]
    for style in sorted(folder.rglob("*.css")):
        loads = _styled(style.read_text(encoding="utf-8"))
        found += [f"{style.name}: {each}" for each in loads if _is_not_in(each, style)]
    return found


def broken_links(folder: Path) -> list[str]:
    """Return the links to pages and places in pages that are not there."""
    pages = {page.resolve(): read(page) for page in folder.rglob("*.html")}
    found = []
    for page, parsed in pages.items():
        for link in parsed.links:
            path, _, place = link.partition("#")
            if _ELSEWHERE.match(link):
                continue
            target = (page.parent / unquote(path)).resolve() if path else page
            if target not in pages or (place and unquote(place) not in pages[target].ids):
                found.append(f"{page.name}: {link}")
    return found


def stored_lines(page: Path) -> list[str]:
    """Return the headings, code lines and lines of text that a stored page holds, in order."""
    lines = []
    for cell in nbformat.read(page, 4).cells:
        if cell.cell_type == "markdown":
            heads = re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE)
            lines += [re.sub(r"[`*]|\]\([^)]*\)|\[", "", head) for head in heads]
            continue
        lines += cell.source.splitlines()
        for output in cell.outputs:
            data = output.get("data", {})
            plain = (
                "" if {"text/html", "text/markdown"} & data.keys() else data.get("text/plain", "")
            )
            lines += (output.get("text", "") + plain).splitlines()
            lines += output.get("traceback", [])
    return [line for line in lines if line.strip()]


def _styled(text: str) -> list[str]:
    return [first or second for first, second in _STYLED.findall(text)]


def _is_not_in(load: str, page: Path) -> bool:
    path = re.split(r"[?#]", load)[0]
    if load.startswith(("data:", "#")) or not path:
        return False
    return bool(_ELSEWHERE.match(load)) or not (page.parent / unquote(path)).exists()
