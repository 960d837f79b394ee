"""A memory in shards: the answers of one in one piece, and of which part they are."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small import ran, rich, written

from automaton.cli import command_line
from automaton.terms import notation
from automaton.vector_store import Store, folder, most_like, open_store
from automaton.vector_store.sharded_engine import ShardedEngine

pytest.importorskip("qdrant_edge")
QUESTION = "λλ1 (1 0)"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of some winners."""
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 10)
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def reindexed(log: Path, *more: object) -> dict[str, Any]:
    result = invoke("memory", "reindex", log, "--min-free-disk", 0, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def recalled(log: Path) -> tuple[list[dict[str, Any]], str]:
    """The rows without their strength, which recalling changes, and what is noted."""
    result = invoke("recall", log, QUESTION, "-k", 20, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return [{k: v for k, v in row.items() if k != "strength"} for row in rows], result.stderr


def by_likeness(rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    return sorted((-row["likeness"], row["term"]) for row in rows)


@pytest.mark.slow
def test_shards_answer_as_one_piece_and_one_that_is_missing_is_named(log: Path) -> None:
    items = reindexed(log)["items"]
    whole, _ = recalled(log)
    shutil.rmtree(folder(log))
    assert reindexed(log, "--shards", 3)["items"] == items > 20
    found, said = recalled(log)
    assert said == ""
    assert by_likeness(found)[:10] == by_likeness(whole)[:10]
    facts = json.loads(invoke("memory", "stats", log, "--json").stdout)
    assert (facts["shards"], facts["answering"], facts["items"]) == (3, 3, items)

    shutil.rmtree(folder(log) / "1")
    found, said = recalled(log)
    assert "shard 1 is missing" in said
    assert "of 67%" in said
    assert {row["of"] for row in found} == {0.666667}
    assert found
    result = invoke("memory", "reindex", log, "--shards", 2)
    assert result.exit_code == 2
    assert "is in 3 shards" in result.output

    assert reindexed(log)["items"] == items  # what was lost is put in again
    assert by_likeness(recalled(log)[0])[:10] == by_likeness(whole)[:10]


def test_a_shard_whose_process_dies_is_done_without_by_readers_and_an_error_for_writers(
    log: Path,
) -> None:
    reindexed(log, "--shards", 2)
    words = notation.parse(QUESTION)
    with open_store(log, reading=True) as store:
        every = len(most_like(store, words, 900))
        assert _killed(store, 0)
        left = most_like(store, words, 900)
        assert 0 < len(left) < every
        assert store.answering == 0.5
        assert "SIGKILL" in store.missing[0]
    store = open_store(log)
    _killed(store, 1)
    with pytest.raises(Exception, match="SIGKILL"):
        store.count()
    with pytest.raises(Exception, match="SIGKILL"):
        store.close()


def _killed(store: Store, shard: int) -> bool:
    assert isinstance(store.engine, ShardedEngine)
    engine: Any = store.engine._engines[shard]
    os.kill(engine._child.pid, signal.SIGKILL)
    return True


def test_a_memory_that_does_not_say_how_many_shards_it_has_is_refused(log: Path) -> None:
    folder(log).mkdir()
    (folder(log) / "shards.json").write_text('{"shards": true}', "ascii")
    result = invoke("recall", log, QUESTION)
    assert result.exit_code == 4
    assert "does not say in how many shards" in result.output
