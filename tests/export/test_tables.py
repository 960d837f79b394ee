"""Tables: the rows are the lines of the log, in any form, and files appear whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from exports import ODD, odd_objects, program, streamed, winners_in
from small import Members, commits_in, ran, rich, written

from automaton.cli.output_file import FolderDraft
from automaton.export import ExportJob, Selection, winner_columns
from automaton.export import parquet as files
from automaton.export.columns import Table
from automaton.export.decision_columns import decision_tables
from automaton.export.tables import partitions
from automaton.log import Log
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.run import Run


def rows(tables: list[Table]) -> list[Members]:
    """The rows of tables one by one."""
    found = []
    for table in tables:
        values = [column.tolist() for column in table.values()]
        found += [dict(zip(table, row, strict=True)) for row in zip(*values, strict=True)]
    return found


def winners(path: Path, **meant: object) -> list[Members]:
    """The rows that are exported of the winners."""
    with Log.open(path, write=False) as log, with_omitted_batches(log):
        part = Selection(**meant).of(log)  # type: ignore[arg-type]
        return rows(list(winner_columns.winner_tables(log, part)))


def expected(path: Path) -> list[Members]:
    """The same, read by the standard library."""
    return [
        {
            "tick": w["tick"], "slot": w["slot"], "id": w["id"],
            "dimension": w["dimensionalLevel"],
            **dict(zip(("operator", "a", "b"), w["parents"], strict=True)),
            "stream": w.get("stream"), "salience": w.get("salience"), "beta": w["beta"],
            "size": w["size"], "term": w["term"],
        }
        for w in winners_in(path)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which streams compete, and which keeps their decisions."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    written(path, [*rich(), *odd_objects()[1:]])
    words = "--ticks 12 --interval 0 --parallel 16 --max-objects 40 --streams all --decisions all"
    program(path, *words.split())
    return path


def test_the_rows_are_the_winner_lines(log: Path) -> None:
    assert winners(log) == expected(log)
    assert {row["a"] for row in expected(log)} & set(ODD)


def test_a_log_without_streams_has_rows_without_salience(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", odd_objects())
    ran(path, 3, parallel=4, copies=True)
    assert winners(path) == expected(path)
    assert {row["stream"] for row in winners(path)} == {None}


def test_winners_that_the_file_leaves_out_are_exported_as_if_they_stood_there(
    log: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.jsonl"
    written(short, [*rich(), *odd_objects()[1:]])
    words = "--ticks 12 --interval 0 --parallel 16 --max-objects 40 --streams all"
    program(short, *words.split(), "--record", "commits")
    assert winners(short) == winners(log)


def test_ticks_streams_and_dimensions_narrow_the_rows(log: Path) -> None:
    found = winners(
        log, first=3, last=9, streams=frozenset({"anchor"}), dimensions=frozenset({0, 1})
    )
    assert found == [
        row for row in expected(log)
        if 3 <= row["tick"] <= 9 and row["stream"] == "anchor" and row["dimension"] in {0, 1}
    ]  # fmt: skip
    assert found


def test_a_log_of_format_1_has_the_same_columns() -> None:
    path = Path(__file__).parents[1] / "corpus" / "format-1.jsonl"
    found = winners(path)
    assert [row["id"] for row in found] == [row["id"] for row in winners_in(path)]
    assert [row["beta"] for row in found] == [row["steps"] for row in winners_in(path)]


def test_csv_on_standard_output_holds_the_table(log: Path) -> None:
    text = program("export", log, "--to", "csv", "-o", "-").stdout.decode()
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["b"] for row in table] == [row["b"] for row in expected(log)]
    assert [int(row["salience"]) for row in table] == [row["salience"] for row in expected(log)]


def test_commits_have_their_digests_as_text(log: Path) -> None:
    text = program("export", log, "--to", "csv", "--table", "commits", "-o", "-").stdout.decode()
    table = list(csv.DictReader(io.StringIO(text)))
    for row, commit in zip(table, commits_in(log), strict=True):
        assert [row[name] for name in ("population", "batch", "chain")] == [
            commit[name] for name in ("population", "batch", "chain")
        ]
        assert int(row["normal"]) == commit["outcomes"]["normal"]


def test_decisions_are_those_of_this_log_alone(log: Path, tmp_path: Path) -> None:
    with Log.open(log, write=False) as opened:
        part = Selection().of(opened)
        found = rows(list(decision_tables(opened, part)))
        assert [row["id"] for row in found] == [row["id"] for row in expected(log)]
    other = written(tmp_path / "other.jsonl", odd_objects())
    ran(other, 12, parallel=4, copies=True)
    Path(f"{other}.decisions.jsonl").write_bytes(Path(f"{log}.decisions.jsonl").read_bytes())
    with Log.open(other, write=False) as opened:
        assert not list(decision_tables(opened, Selection().of(opened)))


def test_partitions_follow_one_another_and_hold_whole_ticks(log: Path) -> None:
    with Log.open(log, write=False) as opened:
        job = ExportJob(opened, Selection(first=2).of(opened))
        parts = list(partitions(job, most=40))
        assert len(parts) > 2
        assert [tick for a, b in parts for tick in range(a, b + 1)] == list(range(2, 13))
        for first, last in parts:
            lines = opened.commits.lines[first - 1 : last].sum()
            assert lines <= 40 or first == last


def test_files_that_are_written_together_hold_what_one_after_the_other_holds(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    monkeypatch.setattr(files, "partitions", partial(partitions, most=20))
    with Log.open(log, write=False) as opened:
        job = ExportJob(opened, Selection().of(opened))
        files.write(job, FolderDraft(tmp_path))
        names = sorted((tmp_path / "winners").iterdir())
        assert len(names) > 4
        found = [row for name in names for row in parquet.read_table(name).to_pylist()]
        assert found == expected(log)
        monkeypatch.setattr(winner_columns, "SHORTEST", -1)
        with pytest.raises(ValueError, match="negative"):
            files.write(job, FolderDraft(tmp_path / "again"))


def test_a_log_that_never_ran_has_tables_without_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    text = program("export", path, "--to", "csv", "-o", "-").stdout.decode()
    assert text == ",".join(f'"{name}"' for name in winner_columns.WINNERS) + "\n"


def test_a_log_is_exported_up_to_its_last_commit_while_it_is_written(tmp_path: Path) -> None:
    path = streamed(tmp_path / "log.jsonl", 3)
    with Run(path) as run:
        run.go(ticks=2, interval_ms=0)
        text = program("export", path, "--to", "csv", "-o", "-").stdout.decode()
    ticks = {row["tick"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert ticks == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--from 99", "there are no ticks 99 to 12"),
        ("--until 13", "it has 1 to 12"),
        ("--stream ancor", "did you mean `anchor`"),
        ("--table commits --dimension 1", "commits are of whole ticks"),
    ],
)
def test_what_a_log_has_not_is_said(log: Path, tmp_path: Path, words: str, said: str) -> None:
    line = ("export", log, "--to", "csv", "-o", tmp_path / "x.csv", *words.split())
    assert said in program(*line, code=2).stderr.decode()
    assert not list(tmp_path.iterdir())


def test_what_stands_there_is_replaced_only_with_force_and_a_log_never(
    log: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.csv"
    out.write_text("mine", encoding="utf-8")
    assert b"--force" in program("export", log, "--to", "csv", "-o", out, code=4).stderr
    assert out.read_text("utf-8") == "mine"
    program("export", log, "--to", "csv", "-o", out, "--force")
    assert out.read_text("utf-8").startswith('"tick"')
    before = log.read_bytes()
    program("export", log, "--to", "csv", "-o", log, "--force", code=2)
    program("export", log, "--to", "parquet", "-o", tmp_path, "--force", code=4)
    assert log.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_ctrl_c_leaves_nothing(log: Path, tmp_path: Path) -> None:
    """The export waits for decisions, which a pipe gives it: the signal comes in its midst."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(log.read_bytes())
    Path(f"{path}.genesis").write_bytes(Path(f"{log}.genesis").read_bytes())
    pipe = Path(f"{path}.decisions.jsonl")
    os.mkfifo(pipe)
    before = set(tmp_path.iterdir())
    command = [sys.executable, "-m", "automaton", "export", str(path), "--to", "parquet"]
    child = subprocess.Popen([*command, "-o", str(tmp_path / "out")], stderr=subprocess.PIPE)
    with child, pipe.open("wb"):  # opened when the export reads
        assert set(tmp_path.iterdir()) > before
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    assert set(tmp_path.iterdir()) == before
