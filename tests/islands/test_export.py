"""Exports of all islands at once: what each log says, and who descends from whom across them."""

from __future__ import annotations

import csv
import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from island_cases import run_in_turn, small_archipelago, written_folder

from automaton.cli import command_line
from automaton.islands.folder import Folder
from automaton.log import Log

COUNT, EPOCHS = 3, 3
dataset: Any = import_module("pyarrow.dataset")  # which ships no types


@pytest.fixture(scope="module")
def islands(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Three islands of which each receives from both others."""
    place = tmp_path_factory.mktemp("islands") / "soups"
    folder = written_folder(place, small_archipelago(COUNT, "complete"))
    run_in_turn(folder, EPOCHS)
    return folder


def exported(islands: Folder, out: Path, *arguments: object) -> Result:
    command = ["islands", "export", str(islands.path), "-o", str(out), *map(str, arguments)]
    result = CliRunner().invoke(command_line, command)
    assert result.exit_code == 0, result.output
    return result


def winners(islands: Folder) -> list[tuple[int, str, str]]:
    """Island, id and term of every winner's line."""
    found = []
    for island, path in enumerate(islands.logs):
        for line in path.read_bytes().splitlines():
            members = json.loads(line)
            if members.get("type") == "modification" and "size" in members:
                found.append((island, members["id"], members["term"]))
    return found


def test_tables_hold_the_winners_of_every_log_under_its_island(
    islands: Folder, tmp_path: Path
) -> None:
    exported(islands, tmp_path / "winners.csv", "--to", "csv")
    rows = csv.DictReader(io.StringIO((tmp_path / "winners.csv").read_text("utf-8")))
    due = winners(islands)
    assert len(due) > 100
    assert [(int(row["island"]), row["id"], row["term"]) for row in rows] == due
    exported(islands, tmp_path / "tables", "--to", "parquet")
    table = dataset.dataset(tmp_path / "tables" / "winners", partitioning="hive")
    found = table.to_table(columns=["island", "id", "term"]).to_pylist()
    assert sorted((row["island"], row["id"], row["term"]) for row in found) == sorted(due)
    exported(islands, tmp_path / "one.parquet", "--to", "parquet", "--table", "commits")
    commits = dataset.dataset(tmp_path / "one.parquet").to_table().to_pylist()
    assert [(row["island"], row["tick"]) for row in commits] == [
        (island, tick) for island in range(COUNT) for tick in range(1, EPOCHS * 5 + 1)
    ]


def test_a_migrant_descends_from_the_winner_that_it_was_where_it_left(
    islands: Folder, tmp_path: Path
) -> None:
    exported(islands, tmp_path / "phylogeny.csv", "--to", "phylogeny")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "phylogeny.csv").read_text("utf-8"))))
    above = [json.loads(row["ancestor_list"].replace("none", "")) for row in rows]
    assert all(
        parent < int(row["id"]) for row, own in zip(rows, above, strict=True) for parent in own
    )
    by_label = {row["taxon_label"]: int(row["id"]) for row in rows}
    assert len(by_label) == len(rows)
    crossed = 0
    for island, path in enumerate(islands.logs):
        for line in path.read_bytes().splitlines():
            members = json.loads(line)
            if members.get("type") == "migrant":
                row = by_label[f"{island}/{members['id']}"]
                assert above[row] == [by_label[f"{members['island']}/{members['winner']}"]]
                crossed += 1
    assert crossed == (EPOCHS - 1) * COUNT * (COUNT - 1) * 2
    assert {f"{island}/{name}" for island, name, _ in winners(islands)} <= set(by_label)


def test_other_formats_make_a_file_for_each_island(islands: Folder, tmp_path: Path) -> None:
    exported(islands, tmp_path / "graphs", "--to", "graphml", "--until", "5")
    for island, path in enumerate(islands.logs):
        root = ET.parse(tmp_path / "graphs" / "islands" / f"{island}.graphml").getroot()
        labels = {element.text for element in root.iter() if element.get("key") == "label"}
        with Log.open(path, write=False) as log:
            own = {name for _, name, _ in winners(islands) if log.find(name)}
        assert {name for name in own if int(name[1:].split(".")[0]) <= 5} & labels


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "graphml", "-o", "-"], "makes a folder"),
        (["--to", "dot", "--table", "winners", "-o", "x"], "takes no --table"),
        (["--to", "csv", "-o", "x", "--until", "99"], "there are no ticks 1 to 99"),
    ],
)
def test_what_cannot_be_exported_is_said(
    islands: Folder, tmp_path: Path, arguments: list[str], said: str
) -> None:
    own = [str(tmp_path / a) if a == "x" else a for a in arguments]
    result = CliRunner().invoke(command_line, ["islands", "export", str(islands.path), *own])
    assert result.exit_code == 2
    assert said in result.output
    assert not list(tmp_path.iterdir())
