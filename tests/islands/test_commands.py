"""The commands of `islands`, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small import ran, rich, written

from automaton.cli import command_line
from automaton.islands.folder import open_folder
from automaton.log import Log


def invoke(*arguments: object) -> Result:
    """What `islands` does when it is given these arguments."""
    return CliRunner().invoke(command_line, ["islands", *map(str, arguments)])


SMALL = ("--count", 2, "--epoch", 4, "--migrants", 2, "--parallel", 4, "--max-objects", 300)
QUICKLY = ("--on", "here", "--durability", "off", "--min-free-disk", 0)


def begun(tmp_path: Path, *more: object) -> Path:
    """A new folder."""
    log = written(tmp_path / "log.jsonl", rich())
    result = invoke("init", tmp_path / "a", "--from", log, *SMALL, *more)
    assert result.exit_code == 0, result.output
    return tmp_path / "a"


def test_islands_are_made_run_shown_and_verified(tmp_path: Path) -> None:
    folder = begun(tmp_path, "--seed", 7, "--topology", "complete", "--delay", 1)
    done = json.loads(invoke("run", folder, "--epochs", 2, "--json", *QUICKLY).stdout)
    assert (done["epochs"], done["finished"], done["candidates"]) == (2, True, 2 * 2 * 4 * 4)
    done = json.loads(invoke("run", folder, "--epochs", 1, "--json", *QUICKLY).stdout)
    assert done["ticks"] == [12, 12]
    shown = json.loads(invoke("stats", folder, "--json").stdout)
    assert [row["epoch"] for row in shown["islands"]] == [3, 3]
    assert shown["head_of_heads"] == done["head_of_heads"]
    judged = json.loads(invoke("verify", folder, "--processes", 1, "--json").stdout)
    assert (judged["ok"], judged["migrants"]) == (True, 4)
    assert judged["head_of_heads"] == done["head_of_heads"]
    for command in (("stats", folder), ("verify", folder, "--replay", "none")):
        result = invoke(*command)
        assert result.exit_code == 0
        assert done["head_of_heads"] in result.stdout


def test_what_does_not_fit_is_said_in_a_line_with_exit_code_1(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    invoke("run", folder, "--to", 2, *QUICKLY)
    opened = open_folder(folder)
    for path in sorted(folder.glob("island-0.jsonl*")):
        path.rename(str(path).replace("island-0", "kept"))
    for path in sorted(folder.glob("island-1.jsonl*")):
        path.rename(str(path).replace("island-1", "island-0"))
    for path in sorted(folder.glob("kept*")):
        path.rename(str(path).replace("kept", "island-1"))
    result = invoke("verify", folder, "--processes", 1)
    assert result.exit_code == 1
    assert f"{folder}: NOT TRUE" in result.stdout
    assert "island 0, line" in result.stdout
    assert "found the log of island 1" in result.stdout
    assert opened.archipelago.digest in result.stdout


def test_islands_that_never_ran_are_not_called_true(tmp_path: Path) -> None:
    result = invoke("verify", begun(tmp_path), "--processes", 1)
    assert result.exit_code == 14
    assert "nothing was checked" in result.stdout


def test_islands_begin_where_a_log_stands_with_its_options(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 5, parallel=8, max_objects=300, streams="all")
    assert invoke("init", tmp_path / "a", "--from", log, "--count", 2).exit_code == 0
    opened = open_folder(tmp_path / "a")
    assert dict(opened.archipelago.options) == {
        "parallel": 8, "max_objects": 300, "streams": "all",
    }  # fmt: skip
    with Log.open(opened.log(0), write=False) as first:
        assert not len(first.commits)
        assert first.current("m5.0") is not None or first.lines > len(rich())
    assert opened.log(0).read_bytes() == opened.log(1).read_bytes()


def test_edges_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "edges").write_text("0 1\n")
    folder = begun(tmp_path, "--topology", tmp_path / "edges")
    assert open_folder(folder).archipelago.sources == ((), (0,))
    assert json.loads(invoke("run", folder, "--to", 2, "--json", *QUICKLY).stdout)["finished"]


def test_islands_that_would_run_out_of_disk_begin_no_epoch(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    before = [path.read_bytes() for path in open_folder(folder).logs]
    asked = ("--on", "here", "--to", 1, "--min-free-disk", 1 << 30)
    result = invoke("run", folder, *asked)
    assert result.exit_code == 8
    assert "--min-free-disk" in result.stderr
    assert [path.read_bytes() for path in open_folder(folder).logs] == before


def test_a_damaged_island_is_named_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    invoke("run", folder, "--to", 1, *QUICKLY)
    first, second = open_folder(folder).logs
    raw = second.read_bytes()
    second.write_bytes(raw[:200] + b"?" + raw[201:])
    kept = first.read_bytes()
    result = invoke("run", folder, "--to", 2, *QUICKLY)
    assert result.exit_code == 6
    assert "island-1.jsonl" in result.stderr
    assert first.read_bytes() == kept
    changed = (folder / "islands.jsonl").read_bytes().replace(b'"epoch":4', b'"epoch":5')
    (folder / "islands.jsonl").write_bytes(changed)
    result = invoke("run", folder, "--to", 2, *QUICKLY)
    assert result.exit_code == 2
    assert "never mixed" in result.stderr


def test_islands_are_observed_side_by_side(tmp_path: Path) -> None:
    folder = begun(tmp_path, "--streams", "all")
    invoke("run", folder, "--to", 2, *QUICKLY)
    found = json.loads(invoke("observe", folder, "--json").stdout)["islands"]
    sizes = [f["value"] for one in found for f in one["figures"] if f["name"] == "mean size"]
    (row,) = [line.split("  ") for line in invoke("observe", folder).stdout.splitlines()
              if line.startswith("mean size")]  # fmt: skip
    low, _, high, count = [cell.strip() for cell in row if cell.strip()][1:5]
    assert float(low) == pytest.approx(min(sizes), 1e-3)
    assert float(high) == pytest.approx(max(sizes), 1e-3)
    assert count == "2"


def test_all_islands_are_asked_for_a_term_and_those_without_memory_are_named(
    tmp_path: Path,
) -> None:
    folder = begun(tmp_path)
    invoke("run", folder, "--to", 2, *QUICKLY)
    result = invoke("recall", folder, "λ0")
    assert result.exit_code == 4
    assert "no island has a memory" in result.stderr
    reindex = ["memory", "reindex", str(folder / "island-1.jsonl"), "--min-free-disk", "0"]
    assert CliRunner().invoke(command_line, reindex).exit_code == 0
    result = invoke("recall", folder, "λ0", "-k", 3, "--json")
    rows = list(map(json.loads, result.stdout.splitlines()))
    assert result.exit_code == 0
    assert [row["island"] for row in rows] == [1, 1, 1]
    assert {row["of"] for row in rows} == {0.5}
    assert [row["likeness"] for row in rows] == sorted((r["likeness"] for r in rows), reverse=True)
    assert "1 of 2 islands (50%)" in result.stderr
    shutil.rmtree(folder / "island-1.jsonl.memory")
    assert CliRunner().invoke(command_line, [*reindex, "--shards", "2"]).exit_code == 0
    shutil.rmtree(folder / "island-1.jsonl.memory" / "0")
    result = invoke("recall", folder, "λ0", "-k", 3, "--json")
    assert {json.loads(line)["of"] for line in result.stdout.splitlines()} == {0.25}
    assert "island 1: shard 0 is missing" in result.stderr
    assert "1 of 2 islands (25%)" in result.stderr


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--topology", "rnig"), 2, "did you mean `ring`"),
        (("--max-objects", 3), 2, "raise it to at least"),
        (("--streams", "nobody"), 2, "no stream `nobody`"),
    ],
)
def test_what_cannot_be_made_leaves_no_folder(
    tmp_path: Path, more: tuple[object, ...], code: int, said: str
) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    result = invoke("init", tmp_path / "a", "--from", log, *SMALL, *more)
    assert result.exit_code == code
    assert said in result.stderr
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("init", "there"), 4, "exists; choose another place"),
        (("init", "no/where"), 4, "make it first"),
        (("run", "nowhere"), 4, "islands init nowhere"),
        (("stats", "nowhere"), 4, "islands init nowhere"),
        (("run", "there", "--epochs", 1, "--to", 1), 2, "give one"),
    ],
)
def test_mistakes_are_one_line_with_an_exit_code_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], code: int,
    said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    result = invoke(*arguments)
    assert result.exit_code == code
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
