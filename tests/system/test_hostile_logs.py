"""Logs and input that somebody made to break a run: it goes on, or says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small import automaton, commits_in, encoded, term, transition, written

from automaton.errors import DamagedError, NothingToRunError, UsageError
from automaton.format.machine_state import MachineState
from automaton.format.objects import MAX_LINE_BYTES, NamedObject
from automaton.format.options import Options, from_record
from automaton.population import Population
from automaton.population.population import MAX_WORDS
from automaton.program import TermExtractor
from automaton.program.term_extraction import reserved
from automaton.run import Run


def loop(action: str, source: str = "op") -> dict[str, Any]:
    return transition("loop", source, source, action, "true")


def go(log: Path, ticks: int = 3) -> Run:
    with Run(log, {"parallel": 16}) as run:
        run.go(ticks=ticks, interval_ms=0)
    return run


def test_terms_under_enormous_ids_are_no_reactants_so_that_no_line_is_too_long(
    tmp_path: Path,
) -> None:
    giants = [term(letter * 6_000_000, "λ0") for letter in "abc"]
    log = written(tmp_path / "log.jsonl", [automaton("op", term="λ0"), *giants])
    assert go(log).world.reader.skipped == 3
    assert go(log).tick == 6


def test_a_version_that_would_be_too_long_for_a_line_is_rejected(tmp_path: Path) -> None:
    padded = automaton("op", term="λ0", pad="")
    padded["pad"] = "x" * (MAX_LINE_BYTES - len(encoded([padded])) - 4)
    log = written(tmp_path / "log.jsonl", [padded, loop("self-reference"), term("k", "λλ1")])
    assert go(log).world.state.counters["rejected"] == 3


def test_a_number_in_an_id_costs_nothing(tmp_path: Path) -> None:
    name = "n#1000000000"
    machine = [automaton(name, term="λ0"), loop("self-reference", name), term("k", "λλ1")]
    assert go(written(tmp_path / "log.jsonl", machine)).tick == 3
    assert reserved("x#" + "1" * 5000)


@pytest.mark.parametrize("identity", ["x#1", "line:3"])
def test_an_id_that_reads_like_the_name_of_a_span_or_a_line_carries_no_term(identity: str) -> None:
    reader = TermExtractor(64)
    assert not reader.terms_of(NamedObject(identity, {"id": identity, "term": "λ0"}))
    assert reader.skipped == 1
    assert len(reader.terms_of(NamedObject("line:3", {"term": "λ0"}))) == 1


def test_records_in_disguise_are_refused_and_one_run_equals_two(tmp_path: Path) -> None:
    machine = [automaton("op", term="λ0"), loop("self-io"), term("k", "λλ1")]
    found = []
    for name, pieces in (("one", [6]), ("two", [2, 4])):
        log = written(tmp_path / f"{name}.jsonl", machine)
        Path(f"{log}.inbox").write_text('{"type":"run","id":"foo","type":"note","term":"λ0"}\n' * 2)
        for ticks in pieces:
            run = go(log, ticks)
        assert run.world.state.counters["refused"] == 2
        found.append(log.read_bytes())
    assert found[0] == found[1]


def test_input_that_takes_the_last_automaton_away_is_committed_and_then_said(
    tmp_path: Path,
) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("op", term="λ0"), loop("self-io")])
    Path(f"{log}.inbox").write_text('{"id":"op","type":"note"}\n{"id":"k","term":"λλ1"}\n')
    for _ in range(2):
        with pytest.raises(NothingToRunError, match="--operator"):
            go(log, 5)
    assert len(commits_in(log)) == 1
    with Run(log, {"operator": "λλ1 0"}) as run:
        assert run.go(ticks=2, interval_ms=0).tick == 3


def test_more_types_than_sixteen_bits_can_number_are_counted() -> None:
    population = Population(4)
    assert [population.kind(f"t{k}") for k in range(40_000)][-1] == 40_001


def test_more_words_than_positions_are_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(UsageError, match="--max-objects"):
        Population(2).reserve(MAX_WORDS + 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", "x"), ("seed", True), ("copies", 1), ("operator", 3), ("max_size", None),
     ("max_size", -1)],
)  # fmt: skip
def test_options_of_a_record_that_cannot_be_are_damage(name: str, value: object) -> None:
    with pytest.raises(DamagedError):
        from_record({**Options().record(), name: value})


@pytest.mark.parametrize("missing", ["counters", "automaton", "inbox"])
def test_a_state_that_lacks_a_member_is_damage(missing: str) -> None:
    record = MachineState().record()
    del record[missing]
    with pytest.raises(DamagedError):
        MachineState.of(record)


def test_a_log_that_was_cut_at_a_commit_is_said_to_have_been_longer(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("op", term="λ0"), term("k", "λλ1")])
    run = go(log, 4)
    end = int(run.log.commits.end[1])
    log.write_bytes(log.read_bytes()[:end])
    with Run(log, {}) as shorter:
        assert any("durable up to tick 4" in notice for notice in shorter.log.notices)
