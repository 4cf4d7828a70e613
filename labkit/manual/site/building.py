"""Build the site with Sphinx: its settings, and the errors of a page that is not valid."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

from labkit.errors import SiteError
from labkit.manual.copies import tracked_pages
from labkit.manual.site import reference
from labkit.manual.site.folder import replacing
from labkit.manual.site.pages import front_page, prepared
from labkit.support.extras import require

_HERE = Path(__file__).parent
_STYLES = (_HERE.parent / "widgets/front.css", _HERE / "site.css")
_PICTURES = {".png", ".svg"}
_MAP = 'class="labkit" aria-label="Route"'
_TITLE = "Developer-mode key provisioning"

_SETTINGS: dict[str, Any] = {
    "project": _TITLE,
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "language": "en",
    "smartquotes": False,
    "html_theme": "furo",
    "html_title": _TITLE,
    "html_static_path": [str(path) for path in _STYLES],
    "html_css_files": [path.name for path in _STYLES],
    "html_copy_source": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_show_search_summary": False,  # a page opened from a folder may not read other pages
    "html_use_index": False,
    "html_domain_indices": False,
    "myst_enable_extensions": ["deflist"],
    "myst_heading_anchors": 4,
    "nb_execution_mode": "off",
    "nb_code_prompt_show": "Show the check",
    "nb_code_prompt_hide": "Hide the check",
    "nb_render_text_lexer": "text",
    "nb_render_error_lexer": "text",
    **reference.SETTINGS,
}


def build(folder: Path, notebooks: Path | None = None) -> Path:
    """Write the manual's pages as HTML into a folder; an older site there is replaced.

    Args:
        folder: a new or empty folder, or one that this function has written before.
        notebooks: the folder of the pages and their pictures; None for the manual's own.

    Returns:
        The page to open first.

    Raises:
        SiteError: the folder cannot be used, or a page is not valid.
        MissingPackageError: Sphinx is not installed.
    """
    require("sphinx")
    notebooks = notebooks or tracked_pages()
    texts = {page.name: page.read_bytes() for page in sorted(notebooks.glob("*.ipynb"))}
    if not texts:
        raise SiteError(
            f"{notebooks}: the manual's pages are missing. Clone or install the project again."
        )
    with replacing(folder) as working:
        source = working / "source"
        source.mkdir()
        for name, text in texts.items():
            (source / name).write_text(prepared(text, name), encoding="utf-8")
        for name, part in {"index.md": front_page(texts), **reference.reference()}.items():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(part, encoding="utf-8")
        _copy_pictures(notebooks, source)
        _render(source, working)
    return folder.absolute() / "index.html"


def _copy_pictures(place: Path, source: Path) -> None:
    for picture in place.rglob("*"):
        if picture.suffix in _PICTURES:
            target = source / picture.relative_to(place)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)


def _leave_maps_out_of_the_search(_app: object, page: Any) -> None:  # noqa: ANN401 docutils'
    """Leave the map out of the search: its words are on every page."""
    for part in page.findall():
        if part.tagname == "raw" and _MAP in part.astext():
            part["classes"].append("no-search")


def _render(source: Path, working: Path) -> None:
    """Let Sphinx write `html`; its warnings are errors."""
    from sphinx.application import Sphinx  # noqa: PLC0415 costs a second

    warnings = io.StringIO()
    try:
        app = Sphinx(
            source,
            None,
            working / "html",
            working / "doctrees",
            "html",
            confoverrides=_SETTINGS,
            status=None,
            warning=warnings,
            freshenv=True,
        )
        app.connect("doctree-read", _leave_maps_out_of_the_search)
        app.connect("autodoc-process-docstring", reference.show_variables)
        app.build()
    except OSError:
        raise
    except Exception as error:
        raise SiteError(
            f"the pages could not be rendered: {type(error).__name__}: {error}. A page may be "
            "damaged: `git diff notebooks` shows what was changed."
        ) from error
    if text := warnings.getvalue().strip():
        lines = text.replace(f"{source}{os.sep}", "").splitlines()
        raise SiteError(
            "\n  ".join(
                ["Sphinx reports problems, so nothing was written. Fix the pages:", *lines[:10]]
            )
        )
    for name in (".buildinfo", "objects.inv"):
        (working / "html" / name).unlink(missing_ok=True)
    shutil.rmtree(working / "html/_sources", ignore_errors=True)
