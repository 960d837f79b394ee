"""Lineages that cross islands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from island_cases import run_in_turn, small_archipelago, written_folder

from automaton.analysis.lineage import ancestry
from automaton.cli import command_line
from automaton.errors import UsageError
from automaton.islands.folder import Folder
from automaton.islands.shared_lineage import SharedLineage
from automaton.log import Log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Three islands in a ring after five epochs."""
    found = written_folder(tmp_path_factory.mktemp("lineage") / "a", small_archipelago())
    run_in_turn(found, 5)
    return found


@pytest.fixture
def lineage(folder: Folder) -> Iterator[SharedLineage]:
    """Their lineage."""
    with ExitStack() as stack:
        yield SharedLineage(
            folder.archipelago,
            lambda k: stack.enter_context(Log.open(folder.log(k), write=False)),
        )


def child_of_a_migrant(folder: Folder) -> tuple[str, dict[str, object]]:
    """A winner of island 1 that a migrant is a reactant of, and that migrant."""
    lines = list(map(json.loads, folder.log(1).read_bytes().splitlines()))
    migrants = {m["id"]: m for m in lines if m.get("type") == "migrant"}
    for members in lines:
        for parent in members.get("parents", [])[1:]:
            if members["type"] == "modification" and parent in migrants:
                return members["id"], migrants[parent]
    raise AssertionError("no migrant has a child: take other seeds")


def test_the_parent_of_a_migrant_is_the_winner_on_the_island_that_it_left(
    folder: Folder, lineage: SharedLineage
) -> None:
    child, migrant = child_of_a_migrant(folder)
    own = {parent.version.id for parent in lineage.parents(lineage.now(f"1/{child}"))}
    assert f"1/{migrant['id']}" in own
    (parent,) = lineage.parents(lineage.now(f"1/{migrant['id']}"))
    assert (parent.role, parent.version.id) == ("migrated", f"0/{migrant['winner']}")
    with Log.open(folder.log(0), write=False) as log:
        assert [parent.version.line] == log.find(str(migrant["winner"]))


def test_an_ancestry_ends_in_the_genesis_of_every_island_that_it_crosses(
    folder: Folder, lineage: SharedLineage
) -> None:
    child, _ = child_of_a_migrant(folder)
    found = list(ancestry(lineage, lineage.now(f"1/{child}")))
    assert {"0", "1"} <= {row.version.id.partition("/")[0] for row in found}
    ends = [row.version for row in found if not row.parents]
    assert ends
    assert all(version.line is not None and version.line <= 40 for version in ends)


def test_the_command_draws_it_and_says_what_is_not_there(folder: Folder) -> None:
    child, migrant = child_of_a_migrant(folder)

    def shown(*words: str) -> tuple[int, str]:
        told = CliRunner().invoke(command_line, ["islands", "show", str(folder.path), *words])
        return told.exit_code, told.output

    code, text = shown(f"1/{child}", "--lineage")
    assert code == 0
    assert f"migrated: 0/{migrant['winner']}" in text
    assert json.loads(shown(f"1/{child}", "--json")[1])["id"] == f"1/{child}"
    assert shown("1/nobody")[0] == 2


@pytest.mark.parametrize("name", ["m1.0", "3/m1.0", "x/m1.0", "-1/m1.0", "²/m1.0"])
def test_a_name_that_names_no_island_is_an_error(lineage: SharedLineage, name: str) -> None:
    with pytest.raises(UsageError, match="give ISLAND/ID"):
        lineage.parse(name)
