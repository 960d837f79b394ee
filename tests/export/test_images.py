"""The pictures of the pages are small, whole, and those that the script draws."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"


def test_every_picture_is_drawn_by_the_script_and_shown_on_the_page() -> None:
    path = ROOT / "scripts" / "docs" / "pictures.py"
    spec = importlib.util.spec_from_file_location("pictures_of_pages", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    names = {f"{what}.svg" for what in script.PICTURES}
    assert {image.name for image in IMAGES.iterdir()} == names
    page = (ROOT / "docs" / "export.md").read_text("utf-8")
    assert set(re.findall(r"\(images/([a-z.]+)\)", page)) == names
    for image in IMAGES.iterdir():
        assert image.stat().st_size <= script.LARGEST
        text = " ".join(ET.fromstring(image.read_bytes()).itertext())
        assert "Source: " in text
        assert "; n = " in text
