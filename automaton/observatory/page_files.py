"""The files of the page: ours from the package, the plotting script from plotly's.

Lives here: reading them, what a browser may do with them, and the page as one file with
its values. Touches the package's own files. Must not know: logs, the network.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import NamedTuple

from automaton.errors import DeviceError

#: The style sheet that plotly makes for itself is empty, and filled by rules.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
#: Attributes of style, which plotly sets on what it draws; they run nothing.
_ATTRIBUTES = "style-src-attr 'unsafe-inline'"
#: What a browser may load: our files alone, and no script or style that stands in the page.
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_EMPTY_STYLE}; {_ATTRIBUTES}; "
    "img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_PLOTLY = "plotly.min.js"
_OURS = ("page.html", "page.css", "draw.js", "page.js")


class PageFile(NamedTuple):
    """A file as it is sent."""

    body: bytes
    type: str


def require_plotly() -> None:
    """Raises `DeviceError`, which says how to install it, where plotly is not."""
    if find_spec("plotly") is None:
        raise DeviceError("the page draws with plotly, which is not installed: "
                          "pip install '.[observatory]'")  # fmt: skip


@cache
def page_file(name: str) -> PageFile | None:
    """A file of the page by the name under which it is asked for; None: there is none."""
    package = "automaton.observatory" if name in _OURS else "plotly"
    folder = "web" if name in _OURS else "package_data"
    if name not in {*_OURS, _PLOTLY}:
        return None
    body = resources.files(package).joinpath(folder, name).read_bytes()
    return PageFile(body, f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    found = page_file(name)
    assert found is not None
    return found.body.decode()


def single_file(saved: str, values: dict[str, str]) -> str:
    """The page as one file that asks nobody for anything; values are panels as JSON.

    Its policy names the scripts by their hashes, so that nothing else in it can run.
    """
    scripts = [_text(name).replace("</script", "<\\/script") for name in (_PLOTLY, *_OURS[2:])]
    style = _text("page.css")
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; "
        f"style-src {_hash(style)} {_EMPTY_STYLE}; {_ATTRIBUTES}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    rows = ",".join(f'"{name}":{text}' for name, text in values.items())
    data = f'{{"saved":"{saved}","values":{{{rows}}}}}'.replace("<", "\\u003c")
    page = re.sub(
        r"<script [^>]*></script>\n|<link rel=\"stylesheet\"[^>]*>\n", "", _text("page.html")
    )
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
    )
    tail = f'<script type="application/json" id="kept-values">{data}</script>\n'
    tail += "".join(f"<script>{script}</script>\n" for script in scripts)
    before, mark, after = page.partition('<meta charset="utf-8">\n')
    body, end, rest = after.rpartition("</body>")
    return f"{before}{mark}{head}{body}{tail}{end}{rest}"
