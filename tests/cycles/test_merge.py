"""Results of cycles in the log: as input to a tick of their own, whatever its program reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from automaton.cli import command_line
from automaton.cycles import ParallelEngine, load_population, merge
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.log_merge import lines
from automaton.cycles.results import Result
from automaton.errors import UsageError
from automaton.log import Log
from automaton.log.side_files import archive
from automaton.run import Run, SidecarOptions

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
LOOP: dict[str, Any] = {"type": "transition", "from": "op", "to": "op", "condition": "true"}
DEAF: list[dict[str, Any]] = [
    {"id": "op", "type": "automaton", "dimensionalLevel": 0, "term": "λλ1 0"},
    {"id": "K", "type": "term", "term": "λλ1"},
    {"id": "S", "type": "term", "term": "λλλ2 0 (1 0)"},
    {"id": "W", "type": "term", "term": "λλ1 0 0"},
]
READER = [*DEAF, {**LOOP, "id": "io", "action": "self-io"}]
TWICE = [*READER, {**LOOP, "id": "again", "action": "self-io"}]
MAKER = [*DEAF, {**LOOP, "id": "make", "action": "self-modify"}]


def written(path: Path, rows: list[dict[str, Any]], ticks: int = 0, **options: Any) -> Path:
    """A log of these objects after some ticks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if ticks:
        with Run(path, {"parallel": 8}, durability="off", **options) as run:
            run.go(ticks=ticks, interval_ms=0)
    return path


def found(path: Path, count: int = 20, **settings: Any) -> tuple[FrozenPopulation, list[Result]]:
    """Cycles on a log, and its branch."""
    under_way = ParallelEngine(path, sequential=0.0, **settings)
    return under_way.branch, under_way.run(count).results


def verified(path: Path, *more: str) -> Any:
    """What `verify` says of a log."""
    said = CliRunner().invoke(command_line, ["verify", str(path), "--json", *more])
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a log."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    "rows", [DEAF, READER, TWICE, MAKER], ids=["deaf", "reads", "twice", "makes"]
)
@pytest.mark.parametrize("ticks", [0, 3])
def test_results_reach_a_log_whether_its_program_reads_its_inbox_or_not(
    tmp_path: Path, rows: list[dict[str, Any]], ticks: int
) -> None:
    path = written(tmp_path / "log.jsonl", rows, ticks)
    branch, results = found(path)
    merged = merge(path, branch, results)
    assert (merged.lines, merged.tick) == (len(lines(branch, results)), ticks + 1)
    assert merged.lines > 2
    text = path.read_bytes()
    assert b"".join(lines(branch, results)) in text
    assert not Path(f"{path}.inbox").exists()
    commit = rows_of(path)[-1]
    assert commit["state"]["counters"]["accepted"] == merged.lines
    assert verified(path, "--reference")["commits"] == ticks + 1
    with Run(path, durability="off") as run:
        run.go(ticks=2, interval_ms=0)
    assert verified(path)["commits"] == ticks + 3


@pytest.mark.parametrize("rows", [DEAF, READER], ids=["deaf", "reads"])
def test_what_waits_in_the_inbox_stays_the_programs_business(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = written(tmp_path / "log.jsonl", rows, 2)
    Path(f"{path}.inbox").write_text('{"id":"waits","type":"term","term":"λ0"}\nno json\n')
    merge(path, *found(path))
    commit = rows_of(path)[-1]
    read = rows is READER
    assert commit["state"]["inbox"] == (Path(f"{path}.inbox").stat().st_size if read else 0)
    assert commit["state"]["counters"]["refused"] == read
    assert (b'"id":"waits"' in path.read_bytes()) is read
    assert verified(path)["ok"]


@pytest.mark.parametrize("record", ["full", "commits"])
def test_results_reach_a_log_of_streams_however_it_is_recorded(tmp_path: Path, record: str) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copy(SHIPPED, path)
    with Run(path, {"streams": "all", "parallel": 8}, record=record, durability="off") as run:
        run.go(ticks=4, interval_ms=0)
    merged = merge(path, *found(path))
    assert merged.lines > 2
    assert verified(path)["omitted_commits"] == (5 if record == "commits" else 0)
    assert load_population(path).tick == 5


def test_results_live_in_the_log_that_took_them(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF)
    branch, results = found(path)
    given = [json.loads(line) for line in lines(branch, results)]
    merge(path, branch, results)
    after = load_population(path)
    assert {row["id"] for row in given} <= set(after.names)


def test_the_bytes_do_not_depend_on_who_ran_the_cycles_nor_on_how_many_at_a_time(
    tmp_path: Path,
) -> None:
    one = written(tmp_path / "0" / "log.jsonl", DEAF, 3)
    texts = set()
    for number, (kind, most) in enumerate(
        [("serial", 1), ("thread", 1), ("thread", 100), ("process", 1), ("process", 100)], 1
    ):
        path = tmp_path / str(number) / "log.jsonl"
        path.parent.mkdir()
        for suffix in ("", ".genesis"):
            shutil.copy(f"{one}{suffix}", f"{path}{suffix}")
        said = CliRunner().invoke(
            command_line,
            ["cycles", str(path), "--engine", kind, "--parallel", str(most), "--count", "30",
             "--commit", "--json", "--sequential", "0"],
        )  # fmt: skip
        assert said.exit_code == 0, said.output
        assert json.loads(said.stdout)["merged"]["tick"] == 4
        texts.add(path.read_bytes())
        assert verified(path)["ok"]
    assert len(texts) == 1


def test_lines_are_of_new_terms_in_the_order_of_seeds(tmp_path: Path) -> None:
    branch, results = found(written(tmp_path / "log.jsonl", DEAF), 40)
    rows = [json.loads(line) for line in lines(branch, reversed(results))]
    seeds = [int(row["id"].rpartition(".")[2]) for row in rows]
    assert seeds == sorted(seeds)
    assert len({row["term"] for row in rows}) == len(rows)


def test_nothing_new_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF, 1)
    before = path.read_bytes()
    merged = merge(path, load_population(path), [Result(0, "any", error="it failed")])
    assert (merged.lines, merged.tick) == (0, None)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b'{"id":"m1.0"}\n', b"[]\n", b'{"type":"run","id":"run:9"}\n'])
def test_what_cannot_be_input_is_not_given_to_a_tick(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path / "log.jsonl", DEAF)
    before = path.read_bytes()
    with Run(path) as run, pytest.raises(UsageError, match="no input"):
        run.step([b'{"id":"good"}\n', line])
    assert path.read_bytes() == before


def test_input_that_the_commit_does_not_count_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF, 1)
    merge(path, *found(path))
    text = path.read_bytes()
    at = text.index(b'{"id":"cycle:1.')
    path.write_bytes(text[:at] + b'{"id":"cycle:1.x","term":"\xce\xbb0"}\n' + text[at:])
    assert CliRunner().invoke(command_line, ["verify", str(path)]).exit_code == 1


def test_a_changed_result_is_found_where_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF, 1)
    merge(path, *found(path))
    text = path.read_bytes()
    at = text.index(b'"score":', text.index(b'{"id":"cycle:1.')) + len(b'"score":')
    path.write_bytes(text[:at] + b"7" + text[at + 1 :] if text[at : at + 1] != b"7" else text)
    said = CliRunner().invoke(command_line, ["verify", str(path), "--json"])
    bad = json.loads(said.stdout)["first_bad"]
    assert (said.exit_code, bad["tick"]) == (1, 2)


def test_a_log_that_somebody_writes_takes_nothing_and_the_report_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF, 1)
    with Log.open(path, write=True):
        said = CliRunner().invoke(command_line, ["cycles", str(path), "--count", "5", "--commit"])
    assert said.exit_code == 5
    assert "total_executions       5" in said.stdout


# What stands beside the log.


def competed(path: Path, ticks: int, archive: int = 1 << 20) -> Path:
    """The shipped log after ticks with streams."""
    shutil.copy(SHIPPED, path)
    with Run(
        path, {"streams": "all", "max_objects": 400, "parallel": 16}, durability="off",
        keeping=SidecarOptions(archive),
    ) as run:  # fmt: skip
        run.go(ticks=ticks, interval_ms=0)
    return path


def archived(path: Path) -> list[int]:
    """The ticks that the archive of a log holds."""
    with Log.open(path, write=False) as log:
        return [frame.tick for frame in archive.read(log)]


def test_the_tick_of_a_merge_adds_to_the_archive_and_drops_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults: Any = Run.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "keeping", SidecarOptions(20_000))  # smaller than this user's
    path = competed(tmp_path / "log.jsonl", 20, archive=20_000)
    before, rotated = archived(path), Path(f"{path}.archive.1").read_bytes()
    said: list[str] = []
    for tick in range(21, 27):  # more than the default has room for
        assert merge(path, *found(path), said.append).tick == tick
    assert archived(path) == [*before, *range(21, 27)]
    assert Path(f"{path}.archive.1").read_bytes() == rotated
    assert Path(f"{path}.archive").stat().st_size > 10_000
    assert said == []


def test_a_merge_begins_no_file_beside_a_log_that_keeps_none(tmp_path: Path) -> None:
    path = competed(tmp_path / "log.jsonl", 3, archive=0)
    before = {file.name for file in tmp_path.iterdir()}
    assert merge(path, *found(path)).tick == 4
    assert {file.name for file in tmp_path.iterdir()} == before


def test_what_a_merge_mended_is_said(tmp_path: Path) -> None:
    path = competed(tmp_path / "log.jsonl", 3)
    with path.open("ab") as file:
        file.write(b'{"id":"m4.0","type":"modif')
    with Path(f"{path}.archive").open("r+b") as file:
        file.write(b"rubbish")
    said = CliRunner().invoke(command_line, ["cycles", str(path), "--count", "20", "--commit"])
    assert said.exit_code == 0, said.output
    notes = [line for line in said.stderr.splitlines() if line.startswith("note: ")]
    assert sum(f"{path}.torn-1" in note for note in notes) == 1
    assert sum(f"{path}.archive.other-1" in note for note in notes) == 1


def test_results_that_a_log_took_are_not_given_to_it_again(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", DEAF, 1)
    branch, results = found(path)
    part, whole = results[: len(results) // 2], lines(branch, results)
    first = merge(path, branch, part)
    assert merge(path, branch, results).lines == len(whole) - first.lines > 0
    before = path.read_bytes()
    assert merge(path, branch, results).tick is None
    assert path.read_bytes() == before
    names = [row["id"] for row in rows_of(path) if row["id"].startswith("cycle:")]
    assert len(names) == len(set(names)) == len(whole)
