"""Pictures, the report and the crate: their figures are those of the log, and nothing is loaded."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from exports import program, streamed, winners_in
from small import commits_in, rich, written

from automaton.analysis import snapshot
from automaton.cli.commands.plot import WHAT
from automaton.errors import UsageError
from automaton.export import ExportJob, Selection, drawing, html_report, pictures
from automaton.export.charts import Chart
from automaton.export.pictures import PICTURES
from automaton.log import Log

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which streams compete."""
    return streamed(tmp_path_factory.mktemp("log") / "log.jsonl", 15)


def chart(log: Path, what: str, **meant: int) -> Chart:
    """The values of a picture."""
    with Log.open(log, write=False) as opened:
        return PICTURES[what](ExportJob(opened, Selection(**meant).of(opened)))  # type: ignore[arg-type]


def drawn(picture: Chart, kind: str = "svg") -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    drawing.draw(picture, out, kind)
    return out.getvalue()


def test_the_command_knows_all_pictures() -> None:
    assert [*PICTURES, "scaling"] == list(WHAT)


def test_rates_and_outcomes_are_those_of_the_commits(log: Path) -> None:
    commits = [commit["outcomes"] for commit in commits_in(log)]
    rates = {series.name: series.y.tolist() for series in chart(log, "rates").series}
    assert rates["slots"] == [sum(commit.values()) for commit in commits]
    assert rates["normal forms"] == [commit["normal"] for commit in commits]
    won = Counter(winner["tick"] for winner in winners_in(log))
    assert rates["winners"] == [won[tick] for tick in range(1, 16)]
    for series in chart(log, "outcomes").series:
        shares = [commit[series.name] / sum(commit.values()) for commit in commits]
        assert series.y == pytest.approx(shares)


def test_shares_are_what_streams_won(log: Path) -> None:
    won = Counter((winner["stream"], winner["tick"]) for winner in winners_in(log))
    ticks = Counter(winner["tick"] for winner in winners_in(log))
    for series in chart(log, "shares").series:
        expected = [won[series.name, tick] / max(1, ticks[tick]) for tick in range(1, 16)]
        assert series.y == pytest.approx(expected)


def test_dimensions_are_those_of_the_commits_and_of_the_ticks_that_are_meant(log: Path) -> None:
    [series] = chart(log, "dimensions", first=3, last=9).series
    commits = commits_in(log)[2:9]
    assert series.x.tolist() == list(range(3, 10))
    assert series.y.tolist() == [commit["dimensionalLevel"] for commit in commits]


def test_of_many_ticks_each_part_says_how_often_the_machine_stood_where(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    program(path, "--ticks", 450, "--interval", 0, "--parallel", 1, "--durability", "off")
    found = chart(path, "dimensions")
    levels = [commit["dimensionalLevel"] for commit in commits_in(path)]
    for series in found.series:
        share = [levels[k : k + 3].count(int(series.name)) / 3 for k in range(0, 450, 3)]
        assert series.y == pytest.approx(share)
    assert drawn(found)


def test_the_map_has_the_most_frequent_terms_in_their_places(log: Path) -> None:
    found = chart(log, "population")
    with Log.open(log, write=False) as opened:
        population = snapshot.world_at(opened, 15).population
        rows = population.choices().tolist()
        terms = {row: population.words(row).tobytes() for row in rows}
    assert found.grid is not None
    cells = found.grid.reshape(-1)
    assert np.flatnonzero(cells >= 0).tolist() == rows
    first = Counter(terms.values()).most_common(1)[0]
    assert found.series[0].name.startswith(f"{first[1]} of ")
    assert sum(cells == 0) == first[1]


def test_a_tree_ends_at_the_living_and_never_goes_back_in_time(log: Path) -> None:
    [series] = chart(log, "phylogeny").series
    pairs = series.x.reshape(-1, 2)
    assert (pairs[:, 0] <= pairs[:, 1]).all()
    assert pairs.max() == 15


@pytest.mark.parametrize("what", PICTURES)
def test_a_caption_says_source_window_and_n(log: Path, what: str) -> None:
    found = chart(log, what)
    assert found.caption.startswith(f"Source: {found.source}; window: tick")
    assert "log.jsonl; n = " in found.caption
    assert found.n > 0


@pytest.mark.parametrize("kind", MAGIC)
def test_the_same_chart_is_the_same_picture(log: Path, kind: str) -> None:
    found = chart(log, "shares")
    assert drawn(found, kind).startswith(MAGIC[kind])
    assert drawn(found, kind) == drawn(found, kind)


@pytest.mark.parametrize("what", PICTURES)
def test_a_log_that_never_ran_has_a_picture_that_says_so(tmp_path: Path, what: str) -> None:
    found = chart(written(tmp_path / "log.jsonl", rich()), what)
    assert drawn(found)
    assert not found.series or what in {"population", "memory"}


def test_plot_writes_a_picture_and_refuses_what_is_none(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    done = program("plot", log, "--what", "sizes", "-o", out)
    assert out.read_bytes().startswith(MAGIC["png"])
    assert b"n = " in done.stdout
    program("plot", log, "--what", "sizes", "-o", tmp_path / "x.jpg", code=2)
    assert b"--force" in program("plot", log, "--what", "sizes", "-o", out, code=4).stderr


def test_a_picture_is_drawn_where_a_notebook_asks_for_its_own_way(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://not.installed.here")
    program("plot", log, "--what", "rates", "-o", tmp_path / "x.svg")
    program("export", log, "--to", "crate", "-o", tmp_path / "crate")


def test_terms_of_a_like_shape_lie_together_and_each_once(log: Path) -> None:
    found = chart(log, "memory")
    with Log.open(log, write=False) as opened:
        living = snapshot.survivors(opened, snapshot.world_at(opened, 15), 15)
    assert found.counts is not None
    assert found.counts.tolist() == [species.count for species in living.species]
    assert len(found.series[0].x) == found.n == living.distinct
    assert "of the variance" in found.x


MEASURED = {
    "parallel": 4096, "source": "the log's program", "turns": 6,
    "measured": [{"workers": 1, "rates": [100.0, 102.0]}, {"workers": 2, "rates": [180.0, 184.0]}],
    "fits": {"Amdahl": {"rate_1": {"value": 101.0}, "sigma": {"value": 0.1},
                        "kappa": {"value": 0.0}}},
}  # fmt: skip


def test_scaling_draws_what_was_measured_and_the_laws_that_were_fitted() -> None:
    found = pictures.scaling(json.dumps(MEASURED).encode(), "rates.json")
    measured, law = found.series
    assert measured.x.tolist() == [1, 1, 2, 2]
    assert measured.y.tolist() == [100, 102, 180, 184]
    assert law.y[0] == 101
    assert law.y[-1] == pytest.approx(101 * 2 / 1.1)
    assert found.caption.startswith("Source: scale --json, rates.json; window: 6 turns of 4,096")
    assert "sigma 0.1" in found.caption
    assert drawn(found)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps(MEASURED | {"measured": []}),
             json.dumps(MEASURED | {"measured": [{"workers": 1, "rates": [-1]}]}),
             json.dumps(MEASURED | {"fits": {"USL": 3}}), '{"measured":[{"workers":1e999}]}'],
)  # fmt: skip
def test_what_scale_did_not_print_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not what `scale LOG --json` prints"):
        pictures.scaling(text.encode(), "x.json")


def test_plot_draws_a_file_of_measurements_for_scaling_alone(log: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "x.svg", tmp_path / "rates.json"
    file.write_text(json.dumps(MEASURED))
    program("plot", log, "--what", "scaling", "--measured", file, "-o", out)
    assert b"candidates a second" in out.read_bytes()
    assert b"--measured" in program("plot", log, "--what", "scaling", "-o", out, code=2).stderr
    program("plot", log, "--what", "rates", "--measured", file, "-o", out, code=2)


# The report.


class Page(HTMLParser):
    """The tags of a page, their attributes that could load something, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        names = {"href", "xlink:href", "src", "srcset", "data", "action", "poster"}
        self.links += [value or "" for name, value in attrs if name in names]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_loads_nothing_and_shows_names_as_text(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "<script>alert(1)&$x_{$.jsonl"
    path.write_bytes(log.read_bytes())
    with Log.open(path, write=False) as opened:
        out = io.BytesIO()
        html_report.write(ExportJob(opened, Selection().of(opened)), out)
        head = opened.head.hex()
    page = Page(out.getvalue().decode())
    assert not {"script", "img", "link", "iframe", "object"} & page.tags.keys()
    assert page.tags["svg"] == len(PICTURES)
    assert all(link.startswith(("#", "data:image/png")) for link in page.links)
    assert "url(http" not in out.getvalue().decode()
    assert path.name in page.text
    assert f"--head {head}" in page.text
    normal = sum(commit["outcomes"]["normal"] for commit in commits_in(log))
    assert f"normal{normal:,}" in page.text


def test_report_is_written_by_its_command(log: Path, tmp_path: Path) -> None:
    program("report", log, "-o", tmp_path / "x.html")
    assert "default-src 'none'" in (tmp_path / "x.html").read_text("utf-8")


# The crate.


def test_a_crate_holds_the_log_and_lists_every_file_with_its_digest(
    log: Path, tmp_path: Path
) -> None:
    crate = tmp_path / "crate"
    program("export", log, "--to", "crate", "-o", crate)
    graph = json.loads((crate / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    listed = {entity["@id"]: entity for entity in graph if entity["@type"] == "File"}
    names = {path.name for path in crate.iterdir()} - {"ro-crate-metadata.json"}
    assert names == set(listed) == {"log.jsonl", "commits.csv", "report.html"}
    for name, entity in listed.items():
        raw = (crate / name).read_bytes()
        assert (len(raw), hashlib.sha256(raw).hexdigest()) == (
            int(entity["contentSize"]), entity["sha256"],
        )  # fmt: skip
    with Log.open(log, write=False) as opened:
        head = opened.head.hex()
    program("check", crate / "log.jsonl", "--chain", "--head", head)
    program("export", log, "--to", "crate", "-o", crate, code=4)
    program("export", log, "--to", "crate", "-o", crate, "--force")
