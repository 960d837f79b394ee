"""A log goes on where it ended: in one run or in many, the bytes are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from small import (
    HALF_OMEGA,
    IDENTITY,
    TERMS,
    THREE,
    TWO,
    K,
    Members,
    S,
    automaton,
    commits_in,
    encoded,
    objects_in,
    ran,
    rich,
    rule,
    term,
    transition,
    versions_in,
    vertical,
    written,
)

from automaton.errors import DamagedError, NothingToRunError, UsageError
from automaton.format.machine_state import ACTIONS
from automaton.log import Log
from automaton.program.conditions import QUESTIONS
from automaton.replay.spot_check import TermLookup
from automaton.replay.spot_check import _is_winner as is_winner
from automaton.replay.spot_check import _options_of as options_of
from automaton.run import Run
from automaton.workers import sharding
from automaton.workers.autoscale_policy import ScalingOptions

#: Ticks of a run, and the flags that are given to it.
Piece = tuple[int, dict[str, Any]]

INPUT: list[Members] = [
    term("in:1", "λx.λy.y x"),
    {"id": "note", "type": "text", "text": "one term now: `λx.λy.λz.y`"},
    {"id": "K", "type": "text", "text": "no term any more"},
    {"id": "in:2", "type": "transition", "from": "1D", "to": "2D", "action": "compose"},
    {"id": "rule", "type": "rule", "match": "numeral", "operator": "λa.λb.λc.b (a c)"},
    {"id": "in:3", "type": "rule", "match": "size > 12", "operator": "λa.λb.b a"},
    {"id": "2D", "type": "automaton", "dimensionalLevel": 2, "currentState": "pair"},
    {"id": "m1.0", "type": "modification", "term": "λ0"},
]


def lived(folder: Path, name: str, pieces: Sequence[Piece], *, fed: bool = True) -> bytes:
    """The bytes of the rich machine's log after these runs."""
    path = written(folder / name, rich())
    if fed:
        (folder / f"{name}.inbox").write_bytes(encoded(INPUT))
    for ticks, flags in pieces:
        ran(path, ticks, **flags)
    return path.read_bytes()


FLAGS = {"parallel": 12, "seed": 7, "max_objects": 120}


def test_the_rich_machine_is_a_hard_case(tmp_path: Path) -> None:
    lived(tmp_path, "log", [(100, FLAGS)])
    last = commits_in(tmp_path / "log")[-1]
    counters = last["state"]["counters"]
    assert all(counters["actions"][action] for action in ACTIONS)
    assert counters["accepted"] == len(INPUT) - 1
    assert counters["refused"] == 1
    assert counters["unknown"] > 0
    assert last["state"]["baseline"] is not None
    assert len(versions_in(tmp_path / "log", "1D")) > 2
    assert objects_in(tmp_path / "log", "composition")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(50, FLAGS), (50, FLAGS)], id="50 + 50"),
        pytest.param([(50, FLAGS), (50, {})], id="50 + 50 without flags"),
        pytest.param([(1, FLAGS), (98, {"seed": 7}), (1, {})], id="1 + 98 + 1"),
        pytest.param([(7, FLAGS), *[(7, {})] * 13, (2, {})], id="fifteen pieces"),
    ],
)
def test_a_hundred_ticks_are_the_same_in_any_pieces(tmp_path: Path, pieces: list[Piece]) -> None:
    assert lived(tmp_path, "log", pieces) == lived(tmp_path, "whole", [(100, FLAGS)])


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**64 - 1), st.lists(st.integers(1, 9), min_size=2, max_size=5), st.data())
def test_any_seed_and_any_pieces_give_the_file_of_one_run(
    seed: int, ticks: list[int], data: st.DataObject
) -> None:
    flags: dict[str, Any] = {
        "seed": seed,
        "parallel": data.draw(st.integers(1, 20)),
        "max_objects": data.draw(st.integers(14, 60)),
        "copies": data.draw(st.booleans()),
        "max_size": data.draw(st.sampled_from([12, 40, 256])),
        "focus_probability": data.draw(st.sampled_from([0, 1 << 30])),
        **data.draw(st.sampled_from([{}, {"lock_dimension": 1}, {"operator": "λλ0 1"}])),
    }
    pieces: list[Piece] = [(count, {}) for count in ticks]
    pieces[0] = (ticks[0], flags)
    with TemporaryDirectory() as folder:
        parts = lived(Path(folder), "log", pieces)
        assert parts == lived(Path(folder), "whole", [(sum(ticks), flags)])


VARIANTS: list[dict[str, Any]] = [
    {"operator": "λλ0 1"},
    {"lock_dimension": 1},
    {"lock_dimension": 2, "focus_dimension": 1, "focus_probability": 1 << 31},
    {"focus_dimension": 2, "focus_probability": 3 << 30},
    {"copies": True, "max_steps": 30, "max_depth": 9, "max_size": 60, "max_input": 90},
]


@pytest.mark.parametrize("flags", VARIANTS)
def test_flags_are_kept_and_need_not_be_repeated(tmp_path: Path, flags: dict[str, Any]) -> None:
    whole = lived(tmp_path, "whole", [(40, {**FLAGS, **flags})])
    assert lived(tmp_path, "log", [(13, {**FLAGS, **flags}), (27, {})]) == whole
    assert len(objects_in(tmp_path / "log", "run")) == 1


CHANGES: list[dict[str, Any]] = [
    {"seed": 8},
    {"parallel": 30},
    {"max_size": 20, "max_steps": 40},
    {"max_size": 400},
    {"operator": "λλ0 1"},
    {"lock_dimension": 1},
    {"focus_dimension": 2, "focus_probability": 1 << 31},
    {"copies": True},
]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_flags_stand_in_a_new_run_record_and_hold_from_there(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    whole = lived(tmp_path, "whole", [(12, FLAGS), (18, change)])
    pieces = [(5, FLAGS), (7, {}), (6, change), (6, change), (6, {})]
    assert lived(tmp_path, "log", pieces) == whole
    first, second = objects_in(tmp_path / "log", "run")
    assert (first["id"], second["id"]) == ("run:1", "run:2")
    told = {name: str(value) if name == "seed" else value for name, value in change.items()}
    assert second["options"] == {**first["options"], **told}
    assert lived(tmp_path, "other", [(30, FLAGS)]) != whole


def test_flags_may_change_again_and_again(tmp_path: Path) -> None:
    changes: list[Piece] = [(3, change) for change in CHANGES]
    split = [piece for ticks, change in changes for piece in [(1, change), (ticks - 1, {})]]
    whole = lived(tmp_path, "whole", [(3, FLAGS), *changes])
    assert lived(tmp_path, "log", [(3, FLAGS), *split]) == whole
    assert len(objects_in(tmp_path / "log", "run")) == 1 + len(CHANGES)


def test_places_cannot_be_changed_once_there_are_commits(tmp_path: Path) -> None:
    path = written(tmp_path / "log", rich())
    ran(path, 3, **FLAGS)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"--max-objects 121: this log was begun with 120"):
        Run(path, {"max_objects": 121})
    assert path.read_bytes() == before
    ran(path, 1, max_objects=120)


# Input.


def test_a_resumed_run_needs_no_inbox(tmp_path: Path) -> None:
    whole = lived(tmp_path, "whole", [(60, FLAGS)])
    lived(tmp_path, "log", [(30, FLAGS)])
    (tmp_path / "log.inbox").unlink()
    ran(tmp_path / "log", 30)
    assert (tmp_path / "log").read_bytes() == whole


def test_input_that_was_taken_is_not_taken_twice(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log", [automaton("0D"), transition("t", "0D", "0D", "self-io"), *TERMS]
    )
    inbox = tmp_path / "log.inbox"
    inbox.write_bytes(encoded([term("a", "λx.x"), term("b", "λx.x")]))
    for _ in range(3):
        ran(path, 2, parallel=4)
    inbox.write_bytes(inbox.read_bytes() + encoded([term("c", "λx.x")]))
    ran(path, 1)
    assert [len(versions_in(path, name)) for name in "abc"] == [1, 1, 1]


def test_a_tick_without_winners_is_read_back_whole(tmp_path: Path) -> None:
    loops = [
        transition("t1", "0D", "0D", "self-io"),
        transition("t2", "0D", "0D", "self-reference"),
        transition("t3", "0D", "0D", "compose", "file_exists"),
        transition("t4", "0D", "0D", "self-observe"),
    ]
    for name, pieces in {"log": (1, 1, 1, 1), "whole": (4,)}.items():
        path = written(tmp_path / name, [automaton("0D", a="false"), *loops, *TERMS])
        (tmp_path / f"{name}.inbox").write_bytes(encoded(INPUT))
        for ticks in pieces:
            ran(path, ticks, parallel=4)
        assert not objects_in(path, "modification")
    assert (tmp_path / "log").read_bytes() == (tmp_path / "whole").read_bytes()


# What must not matter.


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shard", [1, 5, 1024])
def test_neither_threads_nor_shards_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, shard: int
) -> None:
    flags = {**FLAGS, "parallel": 40}
    expected = lived(tmp_path, "whole", [(12, flags)], fed=False)
    monkeypatch.setattr(sharding, "SHARD_SLOTS", shard)
    scaling = ScalingOptions(engine="thread", workers=threads, auto_scale=False)
    with Run(written(tmp_path / "log", rich()), flags, scaling=scaling) as run:
        run.go(ticks=12, interval_ms=0)
    assert (tmp_path / "log").read_bytes() == expected


def test_where_a_log_lies_and_what_it_is_called_change_no_byte(tmp_path: Path) -> None:
    deep = tmp_path / "a folder" / "λ"
    deep.mkdir(parents=True)
    assert lived(deep, "log λ.jsonl", [(10, FLAGS)]) == lived(tmp_path, "whole", [(10, FLAGS)])


def test_a_moved_log_goes_on(tmp_path: Path) -> None:
    whole = lived(tmp_path, "whole", [(20, FLAGS)], fed=False)
    lived(tmp_path, "log", [(10, FLAGS)], fed=False)
    (tmp_path / "log").rename(tmp_path / "moved")
    ran(tmp_path / "moved", 10)
    assert (tmp_path / "moved").read_bytes() == whole


# Whatever stands in a log.

IDS = st.sampled_from(
    ["0D", "1D", "2D", "t", "r", "K", "x", "m1.0", "m2.x", "m1.1.1", "am1.1", "run:1", "commit:1",
     "", "é", 'a"b\\', "\ud800", "λ\n"]
)  # fmt: skip
LARGE = "λx." + "x (" * 30 + "x" + ")" * 30
TEXTS = st.sampled_from(
    [IDENTITY, K, S, TWO, THREE, HALF_OMEGA, LARGE, "λa.λb.b a", "λx.y", "(", "λλ1",
     "λx.λy.λz.x (y (y (y z)))"]
)  # fmt: skip
CONDITIONS = st.sampled_from(["true", "true", "false", "step_count > 1", "what?", *QUESTIONS])
SELECTORS = st.sampled_from(
    ["true", "false", "numeral", "size < 5", "type = text", "type in (automaton, modification)",
     "steps > 2", "level = 1", "term ~ 'λx.?f'", "size <"]
)  # fmt: skip
LEVEL, LINE = st.integers(0, 3), st.integers(0, 9)
STATES = st.sampled_from(["identity", "addition", "odd"])


def automata() -> st.SearchStrategy[Members]:
    """States of the machine, of all kinds."""
    members: dict[str, st.SearchStrategy[Any]] = {
        "term": TEXTS, "currentState": STATES, "a": SELECTORS, "b": SELECTORS,
        "selfReference": st.fixed_dictionaries({"line": LINE}),
    }  # fmt: skip
    extras = st.fixed_dictionaries({}, optional=members)
    return st.builds(lambda i, level, more: automaton(i, level, **more), IDS, LEVEL, extras)


def texts() -> st.SearchStrategy[Members]:
    """Objects with spans."""
    return st.builds(
        lambda i, kind, spans: {"id": i, "type": kind, "text": " ".join(f"`{t}`" for t in spans)},
        IDS, st.sampled_from(["text", "modification", "composition", "trial"]),
        st.lists(TEXTS, max_size=3),
    )  # fmt: skip


OBJECTS = st.one_of(
    automata(),
    st.builds(transition, IDS, IDS, IDS, st.sampled_from(ACTIONS), CONDITIONS),
    st.builds(vertical, IDS, IDS, IDS),
    st.builds(rule, IDS, SELECTORS, TEXTS),
    st.builds(term, IDS, TEXTS),
    texts(),
    st.builds(lambda text: {"text": f"`{text}`"}, TEXTS),
    st.builds(lambda identity: {"id": identity, "type": [1]}, IDS),
)
LINES = st.one_of(
    OBJECTS.map(lambda members: json.dumps(members).encode()),
    st.sampled_from(
        [b"", b"{", b'{"id":"K" broken }', b"\xff", b"@a: b", b'{"id":"m1.0","id":"K"}',
         b'{"type":"run","id":"run:1"}', b'{"type":"commit","id":"commit:1","tick":1}', b"  {} \r"]
    ),
)  # fmt: skip
LOGS = st.lists(LINES, max_size=14)
FIRST = st.fixed_dictionaries(
    {
        "parallel": st.integers(1, 12),
        "seed": LINE,
        "max_objects": st.sampled_from([30, 50]),
        "max_size": st.sampled_from([8, 20, 256]),
    }
)


@settings(deadline=None, max_examples=40)
@given(LOGS, LOGS, FIRST, st.sampled_from([{}, {"max_size": 6}, *CHANGES]))
def test_whatever_stands_in_a_log_it_goes_on_the_same_and_every_claim_holds(
    genesis: list[bytes], inbox: list[bytes], flags: dict[str, Any], change: dict[str, Any]
) -> None:
    first = encoded([automaton("0D", term="λa.λb.a b"), transition("io", "0D", "0D", "self-io")])
    start = first + b"\n".join(genesis)
    pieces: dict[str, list[Piece]] = {
        "whole": [(4, flags), (5, change)],
        "parts": [(1, flags), (3, {}), (2, change), (1, {}), (2, change)],
    }
    made = []
    with TemporaryDirectory() as folder:
        for name, runs in pieces.items():
            path = Path(folder, name)
            path.write_bytes(start)
            Path(folder, f"{name}.inbox").write_bytes(b"".join(line + b"\n" for line in inbox))
            try:
                for ticks, given_ in runs:
                    ran(path, ticks, **given_)
            except (UsageError, NothingToRunError):  # too many terms, a dimension or machine gone
                reject()
            made.append(path.read_bytes())
            check_claims(path)
    assert made[0] == made[1]
    assert made[0].startswith(start)


def check_claims(path: Path) -> None:
    """Recompute every modification, and the chain."""
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        for tick in range(1, len(log.commits) + 1):
            for line, raw in log.batch_lines(tick):
                members = json.loads(raw)
                if is_winner(members, log.prefix):
                    run = max(number for number in log.run_lines if number <= line)
                    TermLookup(log, options_of(log, run)).check(members, line)


# The snapshot.


def test_what_is_restored_is_what_was_left(tmp_path: Path) -> None:
    path = written(tmp_path / "log", rich())
    (tmp_path / "log.inbox").write_bytes(encoded(INPUT))
    with Run(path, FLAGS) as run:
        run.go(ticks=40, interval_ms=0)
        left = snapshot(run)
    with Run(path, {}) as run:
        assert snapshot(run) == left


def snapshot(run: Run) -> dict[str, object]:
    """All that decides the next tick."""
    world = run.world
    population, program = world.population, world.program
    rows = [int(row) for row in population.choices()]
    return {
        "terms": [(row, population.id_of(row), population.words(row).tolist()) for row in rows],
        "facts": [
            (name, [population.column[name][row].item() for row in rows])
            for name in ("size", "steps", "level", "hashes", "definition", "normal")
        ],
        "kinds": [population.kinds[population.column["kind"][row]] for row in rows],
        "total": population.total,
        "operators": {name: population.words(row).tolist() for name, row in world.rows.items()},
        "transitions": list(program.transitions.items()),
        "automata": list(program.automata),
        "rules": list(program.rules),
        "verticals": program.verticals,
        "state": world.state.record(),
        "options": run.options,
    }


# Damage.


def altered(path: Path, alter: Callable[[Members], Members], kind: str, tick: int) -> None:
    """Change the first line of a type in a tick; the length of the file stays."""
    lines = path.read_bytes().split(b"\n")
    prefix = f'"id":"m{tick}.'.encode()
    number = next(n for n, raw in enumerate(lines) if prefix in raw and kind.encode() in raw)
    changed = json.dumps(
        alter(json.loads(lines[number])), separators=(",", ":"), ensure_ascii=False
    )
    assert len(changed.encode()) == len(lines[number])
    lines[number] = changed.encode()
    path.write_bytes(b"\n".join(lines))


def renamed(members: Members) -> Members:
    """The term's last variable is another."""
    text = members["term"].rstrip(")")
    other = {"0": "1", "1": "0"}.get(text[-1], "0")
    return {**members, "term": text[:-1] + other + members["term"][len(text) :]}


def test_an_altered_term_in_the_middle_stops_the_next_run(tmp_path: Path) -> None:
    lived(tmp_path, "log", [(10, FLAGS)])
    altered(tmp_path / "log", renamed, "modification", 3)
    before = (tmp_path / "log").read_bytes()
    with pytest.raises(DamagedError, match="the batch of tick 3 "):
        Run(tmp_path / "log", {})
    assert (tmp_path / "log").read_bytes() == before


def test_an_alteration_that_changes_no_term_is_found_by_the_chain(tmp_path: Path) -> None:
    lived(tmp_path, "log", [(10, FLAGS)])
    altered(tmp_path / "log", lambda m: {**m, "beta": m["beta"] ^ 1}, "modification", 3)
    with Log.open(tmp_path / "log", write=False) as log:
        report = log.verify_chain()
        assert not report.ok
        assert log.verify_chain(4).ok


def test_an_altered_last_tick_is_moved_aside_and_made_again(tmp_path: Path) -> None:
    whole = lived(tmp_path, "whole", [(10, FLAGS)], fed=False)
    lived(tmp_path, "log", [(9, FLAGS)], fed=False)
    with Run(tmp_path / "log", {}, durability="off") as run:
        run.step()
        run.background.wait()
        hint = (tmp_path / "log.durable").read_bytes()
    (tmp_path / "log.durable").write_bytes(hint)
    altered(tmp_path / "log", renamed, "modification", 10)
    with Run(tmp_path / "log", {}) as run:
        assert run.tick == 9
        assert "moved" in " ".join(run.log.notices)
        run.go(ticks=1, interval_ms=0)
    assert (tmp_path / "log").read_bytes() == whole


def test_without_a_word_on_what_is_durable_the_whole_chain_is_checked(tmp_path: Path) -> None:
    lived(tmp_path, "log", [(5, FLAGS)])
    altered = (tmp_path / "log").read_bytes().replace(b'"seed":"7"', b'"seed":"8"')
    (tmp_path / "log").write_bytes(altered)
    (tmp_path / "log.durable").unlink()
    with pytest.raises(DamagedError, match="damaged after byte"):
        ran(tmp_path / "log", 1)
    assert (tmp_path / "log").read_bytes() == altered


@pytest.mark.parametrize("count", range(1, 200, 23))
def test_a_log_that_was_cut_goes_on_to_the_same_bytes(tmp_path: Path, count: int) -> None:
    whole = lived(tmp_path, "whole", [(8, FLAGS)], fed=False)
    shorter = lived(tmp_path, "log", [(5, FLAGS)], fed=False)
    (tmp_path / "log").write_bytes(shorter[:-count])
    with Run(tmp_path / "log", {}) as run:
        run.go(ticks=8 - run.tick, interval_ms=0)
    assert (tmp_path / "log").read_bytes() == whole


def test_a_winner_of_a_rule_without_an_id_that_can_be_written_is_recomputed(
    tmp_path: Path,
) -> None:
    """Such a rule is `line:<n>`, an operator as any other."""
    path = tmp_path / "log"
    rule_line = b'{"id":"\\ud800","type":"rule","match":"size < 99","operator":"%s"}' % (
        "λa.λb.λc.a".encode()
    )
    lines = [automaton("0D", term="λa.λb.a b"), {"id": "K", "type": "text", "term": "λλ1"}]
    path.write_bytes(encoded([*lines, {"id": "I", "type": "text", "term": "λ0"}]) + rule_line)
    ran(path, 3, parallel=4, max_objects=30)
    with Log.open(path, write=False) as log:
        assert any(
            json.loads(log.line(number))["parents"][0] == "line:4"
            for number in range(1, log.lines + 1)
            if b'"parents"' in log.line(number)
        )
    check_claims(path)
