"""A canvas in a viewer of others: every object stands where the file says, and nothing runs.

Needs Chromium with playwright, and the package json-canvas-viewer of npm, in a folder that
`AUTOMATON_CANVAS_VIEWER` names (`npm install --prefix FOLDER json-canvas-viewer`).
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from exports import odd_objects, program
from small import rich, written

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
MODULES = Path(os.environ.get("AUTOMATON_CANVAS_VIEWER", "-")) / "node_modules"
VIEWER = "json-canvas-viewer"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(
        not (MODULES / VIEWER).is_dir(),
        reason="AUTOMATON_CANVAS_VIEWER names no folder with npm's json-canvas-viewer",
    ),
]
PAGE = """<!doctype html><title>-</title><script type="importmap">{"imports": %s}</script>
<div id="place" style="width: 1200px; height: 800px"></div>
<script type="module">
import { parser, JSONCanvasViewer } from "json-canvas-viewer";
const canvas = await (await fetch("x.canvas")).json();
new JSONCanvasViewer({ container: document.getElementById("place"), parser, canvas });
document.title = "shown";
</script>"""
#: The boxes that the viewer made, wherever it keeps them.
BOXES = """() => {
  const place = document.getElementById("place"), root = place.shadowRoot || place;
  return [...root.querySelectorAll(".JCV-overlay-container")].map((box) =>
    [box.id, ...["left", "top", "width", "height"].map((side) => parseFloat(box.style[side])),
     box.textContent]);
}"""


def entry(name: str) -> str:
    """The address of a package's module."""
    package = json.loads((MODULES / name / "package.json").read_text(encoding="utf-8"))
    found = package.get("exports")
    while isinstance(found, dict):
        found = found.get(".") or found.get("import") or found.get("default")
    place = found or package.get("module") or package["main"]
    return f"/node_modules/{name}/{place.removeprefix('./')}"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over the loopback interface."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def shown(folder: Path, log: Path) -> dict[str, list[Any]]:
    """What the viewer makes of a log's canvas: place, size and text of each box, by id."""
    program("export", log, "--to", "canvas", "-o", folder / "x.canvas")
    needed = json.loads((MODULES / VIEWER / "package.json").read_text(encoding="utf-8"))
    names = {name: entry(name) for name in (VIEWER, *needed["dependencies"])}
    (folder / "index.html").write_text(PAGE % json.dumps(names), encoding="utf-8")
    (folder / "node_modules").symlink_to(MODULES.resolve())
    with served(folder) as address, sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1200, "height": 800})
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(address)
        tab.wait_for_function("document.title !== '-'", timeout=60_000)
        boxes = tab.evaluate(BOXES)
        assert tab.title() == "shown"
        browser.close()
    assert not errors
    return {identity: rest for identity, *rest in boxes}


@pytest.mark.parametrize("objects", ["shipped", "odd"])
def test_every_object_stands_in_the_viewer_where_the_canvas_says(
    tmp_path: Path, objects: str
) -> None:
    log = Path(__file__).parents[2] / "automaton.jsonl"
    if objects == "odd":
        log = written(tmp_path / "log.jsonl", [*rich(), *odd_objects()])
    found = shown(tmp_path, log)
    nodes = json.loads((tmp_path / "x.canvas").read_text(encoding="utf-8"))["nodes"]
    assert found.keys() == {node["id"] for node in nodes}
    for node in nodes:
        assert found[node["id"]][:4] == [node["x"], node["y"], node["width"], node["height"]]
        if node["type"] == "text" and objects == "shipped":
            words = node["text"].split()
            assert words[-1].strip("`*_.") in found[node["id"]][4]
