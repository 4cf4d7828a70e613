"""The README's picture is what the browser shows of a page; `MAKE_PICTURE=1` renews it.

MAKE_PICTURE=1 ./lab test --slow tests/manual/test_browser_picture.py
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest
from browser import HEIGHT, ROOT, SCREENSHOTS, WIDTH, Shown, manual
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

PICTURE = ROOT / "tests/pictures/page-05-light.png"
"""In the folder of the tests, because a test makes and compares it."""

LARGEST = 150_000
ALIKE = 0.06
PAGE = "05-public-key-extraction.ipynb"

DIFFERENCE = """async (pictures) => {
    const [width, height] = [88, 61];
    const pixels = await Promise.all(pictures.map(async (picture) => {
        const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(image, 0, 0, width, height);
        return context.getImageData(0, 0, width, height).data;
    }));
    const apart = pixels[0].map((value, at) => Math.abs(value - pixels[1][at]));
    return apart.reduce((sum, each) => sum + each, 0) / apart.length / 255;
}"""
"""How far two pictures are apart seen from afar, 0 to 1: fonts differ, the rest does not."""


def test_the_readmes_picture_is_what_the_browser_shows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The stored picture is small, named in the README, and looks as the page looks now."""
    with (
        manual(tmp_path_factory.mktemp("picture")) as served,
        served.shown(PAGE) as shown,
    ):
        shown.run()
        seen = _seen(shown)
        if os.environ.get("MAKE_PICTURE"):
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_bytes(seen.read_bytes())
        stored = PICTURE.read_bytes()
        assert _apart(shown, seen.read_bytes(), stored) < ALIKE
        shown.theme("dark")
        assert _apart(shown, _seen(shown, "dark").read_bytes(), stored) > ALIKE
    assert len(stored) < LARGEST
    assert f"]({PICTURE.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text("utf-8")


def _seen(shown: Shown, scheme: str = "light") -> Path:
    """Return what the window shows with the hex lens in it and a field lit."""
    shown.widen(WIDTH, HEIGHT)
    lens = shown.panel("Hex lens")
    lens.evaluate("(lens) => lens.scrollIntoView({ block: 'center' })")
    lens.locator(".lk-fields [data-walk] [tabindex]").nth(3).focus()
    lens.locator("h3").hover()  # the mouse rests on nothing: what has the focus stays lit
    expect(lens.locator(".lk-bytes .lit")).to_have_count(10)
    file = SCREENSHOTS / f"README-{scheme}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    shown.page.screenshot(path=file)
    return file


def _apart(shown: Shown, *pictures: bytes) -> float:
    texts = [base64.b64encode(each).decode() for each in pictures]
    return float(shown.page.evaluate(DIFFERENCE, texts))
