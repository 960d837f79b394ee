"""Streams: who proposes, who wins, and where every candidate ends."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.analysis.tick_report import Round, report_tick
from automaton.backends import CpuBackend, attach
from automaton.backends.batch import CandidateBatch
from automaton.chemistry import World
from automaton.chemistry.streams import Streams, trained
from automaton.chemistry.tick import compute_tick
from automaton.chemistry.tick_plan import plan_tick
from automaton.errors import UsageError
from automaton.format import stream_options
from automaton.format.options import Options
from automaton.log import AuditedLog, Log
from automaton.replay import MalformedLines, world_checkpoint
from automaton.replay.restore import genesis_world
from automaton.run import Run
from automaton.verify import VerifyRequest, verify
from automaton.workers.autoscale_policy import ScalingOptions
from kernels import cpu
from kernels.chemistry import streams as kernel
from kernels.terms import reduce

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
ONE = kernel.ONE


def shipped(tmp_path: Path, *more: dict[str, Any]) -> Path:
    """A copy of the shipped log, with more objects behind it."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(SHIPPED.read_bytes() + b"".join(json.dumps(o).encode() + b"\n" for o in more))
    return path


def ran(path: Path, ticks: int, streams: str = "all", **more: Any) -> dict[str, Any]:
    """Run a log; the state that its last commit holds."""
    options = {"streams": streams, "max_objects": 400, **more.pop("options", {})}
    with Run(path, options, **more) as run:
        run.go(ticks=ticks, interval_ms=0)
        return run.world.state.record()


def commits(path: Path) -> list[dict[str, Any]]:
    """The commits of a log."""
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [row for row in rows if row.get("type") == "commit"]


def winners(path: Path) -> list[dict[str, Any]]:
    """The modifications of a log."""
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [row for row in rows if row.get("type") == "modification"]


def one_tick(streams: str, parallel: int, seed: int = 0) -> tuple[World, CandidateBatch]:
    """A tick of the shipped genesis, computed and not folded."""
    options = Options(streams=streams, parallel=parallel, seed=seed)
    with Log.open(SHIPPED, write=False) as log:
        world = genesis_world(log, options, MalformedLines())
    space = attach(CpuBackend(options, threads=1), world)
    compute_tick(world, space, 1)
    space.device.close()
    return world, space.batch


def told(path: Path, tick: int) -> list[Round]:
    """The candidates of a tick, computed again from the log."""
    with AuditedLog.open(path) as log:
        return report_tick(log, tick)


# Where candidates end.


def test_every_slot_ends_in_exactly_one_place(tmp_path: Path) -> None:
    path = shipped(tmp_path, {"id": "v", "type": "veto", "match": "size > 20"})
    ran(path, 20)
    for commit in commits(path):
        ends, outcomes = commit["state"]["ends"], commit["outcomes"]
        won, vetoed = sum(ends["won"].values()), ends["vetoed"]
        places = (won, ends["archived"], sum(vetoed.values()), ends["budget"], ends["empty"])
        assert sum(places) == sum(outcomes.values()) == 64 * 5
        assert ends["archived"] == outcomes["normal"] - won - vetoed.get("v", 0)
        assert vetoed.get("copy", 0) == outcomes["copy"]
        assert ends["budget"] == sum(outcomes[k] for k in ("steps", "size", "depth", "input"))


def test_a_round_has_one_winner_at_most_and_it_is_the_most_salient(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 12)
    table = told(path, 12)
    assert [row.slot for row in table] == list(range(64 * 5))
    for number in range(64):
        own = [row for row in table if row.round == number]
        able = [row.salience for row in own if row.outcome == "normal"]
        won = [row for row in own if row.winner]
        assert len(won) == bool(able)
        assert all(row.salience == max(able) for row in won)


def test_what_the_winners_lines_say_is_what_is_computed_again(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 9)
    by_id = {row.winner: row for row in told(path, 9) if row.winner}
    lines = [line for line in winners(path) if line["id"].startswith("m9.")]
    assert {line["id"] for line in lines} == set(by_id)
    for line in lines:
        row = by_id[line["id"]]
        assert (line["stream"], line["salience"], line["parents"], line["term"]) == (
            row.stream, row.salience, row.parents, row.term,
        )  # fmt: skip


# The same bytes.


def test_the_bytes_are_those_of_one_run_however_it_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(parts: list[int], name: str, **more: Any) -> str:
        folder = tmp_path / name
        folder.mkdir()
        path = shipped(folder, {"id": "v", "type": "veto", "match": "duplicate and size < 4"})
        for ticks in parts:
            ran(path, ticks, **more)
        return sha256(path.read_bytes()).hexdigest()

    whole = digest([40], "whole")
    assert digest([3, 30, 1, 6], "parts") == whole
    assert digest([40], "threads", scaling=ScalingOptions(engine="thread", workers=3)) == whole
    assert (
        digest([25, 15], "processes", scaling=ScalingOptions(engine="process", workers=2)) == whole
    )
    monkeypatch.setattr(world_checkpoint, "GROWN_AT_END", 1)
    assert digest([3, 30, 1, 6], "checkpoints") == whole


def test_a_log_with_streams_is_verified_and_a_sample_of_it(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 25)
    for asked in (VerifyRequest(), VerifyRequest(replay="sample", sample=3, seed=5)):
        with AuditedLog.open(path) as log:
            assert verify(log, asked).ok


def test_streams_may_be_switched_on_and_off_between_runs(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    for streams in ("none", "all", "reason,uniform", "none"):
        state = ran(path, 5, streams)
    assert state["weights"] == [ONE]
    assert "ends" not in state
    with AuditedLog.open(path) as log:
        assert verify(log, VerifyRequest()).ok


# Who wins.


def test_equal_sources_win_equally() -> None:
    for seed in (1, 2, 3):
        _, batch = one_tick(",".join(["uniform"] * 5), 50_000, seed)
        wins = batch.won.reshape(-1, 5).sum(axis=0, dtype=np.int64)
        expected = wins.sum() / 5
        chi_square = float(((wins - expected) ** 2 / expected).sum())
        assert chi_square < 13.28  # p > 0.01 with 4 degrees of freedom


def test_a_source_with_more_weight_wins_what_order_statistics_predict() -> None:
    world, batch = one_tick("uniform,uniform=1.5", 50_000)
    weights = np.array(world.state.weights) * 2
    able = batch.outcomes == reduce.NORMAL
    raw = [np.sort(batch.salience[k::2][able[k::2]]) for k in range(2)]
    none = [1 - able[k::2].mean() for k in range(2)]  # the share that proposes no candidate
    below = np.searchsorted(raw[0], raw[1], side="left") / len(raw[0])
    upto = np.searchsorted(raw[0], raw[1], side="right") / len(raw[0])
    beats = ((below + upto) / 2).mean()  # a draw decides between equals
    share = (1 - none[1]) * (none[0] + (1 - none[0]) * beats) / (1 - none[0] * none[1])
    wins = batch.won.reshape(-1, 2).sum(axis=0, dtype=np.int64)
    assert weights[1] > weights[0]
    assert share > 0.55
    assert abs(wins[1] / wins.sum() - share) < 0.01


def test_reason_wins_something_and_nothing_when_it_is_switched_off(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 20)
    assert sum(line["stream"] == "reason" for line in winners(path)) > 0
    (tmp_path / "other").mkdir()
    other = shipped(tmp_path / "other")
    ran(other, 20, "sensation,memory,emotion,anchor")
    assert {line["stream"] for line in winners(other)} <= {
        "sensation", "memory", "emotion", "anchor",
    }  # fmt: skip


def test_every_stream_proposes_on_the_shipped_log(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 20)
    proposed = {row.stream for tick in (4, 15) for row in told(path, tick) if row.parents}
    assert proposed == set(stream_options.ALL)


def test_reason_reckons_with_numerals(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 10, "reason")
    reckoned = [row for row in told(path, 10) if row.parents[:1] == ["reason:mult"]]
    assert reckoned
    assert all(row.term is None or row.term.startswith("λλ") for row in reckoned)


def test_memory_proposes_candidates_that_lost(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    ran(path, 16)
    won = {line["id"] for line in winners(path)}
    recalled = {row.parents[1] for row in told(path, 16) if row.stream == "memory" and row.parents}
    lost = recalled - won
    assert lost
    for identity in lost:
        tick, slot = (int(part) for part in identity.removeprefix("m").split("."))
        row = told(path, tick)[slot]
        assert (row.outcome, row.winner) == ("normal", None)


# Vetoes.


def test_a_veto_forbids_what_its_selector_matches_and_is_counted_by_name(tmp_path: Path) -> None:
    path = shipped(
        tmp_path,
        {"id": "no-large", "type": "veto", "match": "size > 9"},
        {"id": "no-numbers", "type": "veto", "match": "numeral"},
    )
    state = ran(path, 15)
    assert {line["size"] for line in winners(path)} <= set(range(10))
    assert state["ends"]["vetoed"]["no-large"] > 0
    counted = [commit["state"]["ends"]["vetoed"] for commit in commits(path)]
    assert any("no-numbers" in vetoed for vetoed in counted)


def test_a_veto_on_duplicates_lets_no_known_term_win(tmp_path: Path) -> None:
    path = shipped(tmp_path, {"id": "new", "type": "veto", "match": "duplicate"})
    ran(path, 15)
    terms_by_tick: dict[str, set[str]] = {}
    for line in winners(path):
        terms_by_tick.setdefault(line["id"].partition(".")[0], set()).add(line["term"])
    seen: set[str] = set()
    for found in terms_by_tick.values():
        assert not found & seen
        seen |= found


# What options mean.


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("reson", "there is no stream `reson`; did you mean `reason`?"),
        ("reason=x", "`x` is no weight"),
        ("reason=nan", "`nan` is no weight"),
        ("reason=-1", "`-1` is no weight"),
        ("reason=0,anchor=0", "all weights are 0"),
        ("", "there is no stream ``"),
        (",".join(["uniform"] * 65), "at most 64"),
    ],
)
def test_a_lineup_that_cannot_be_meant_is_an_error_that_says_so(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="--streams") as caught:
        Options(streams=text)
    assert why in str(caught.value)


def test_a_feature_that_is_not_known_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"there is no feature `novely`; did you mean `novelty`\?"):
        Options(salience="novely=1")


def test_all_may_stand_among_other_streams() -> None:
    names = [stream.name for stream in stream_options.parse_streams("all,uniform")]
    assert names == [*stream_options.ALL, "uniform"]


@pytest.mark.parametrize(
    ("text", "says"), [("all=2", "`all` takes no weight"), ("none,anchor", "`none` stands alone")]
)
def test_what_all_and_none_cannot_be_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        stream_options.parse_streams(text)


def test_a_name_that_comes_again_is_a_stream_of_its_own() -> None:
    names = [stream.name for stream in stream_options.parse_streams("uniform,reason=0.5,uniform")]
    assert names == ["uniform", "reason", "uniform~2"]


def test_the_features_weights_add_up_to_one_by_default() -> None:
    assert abs(sum(stream_options.parse_salience(stream_options.MIXTURE)) - ONE) <= 2


# Weights that learn.


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8))
def test_trained_weights_add_up_and_none_dies(wins: list[int]) -> None:
    equal = stream_options.initial_weights(
        stream_options.parse_streams(",".join(["uniform"] * len(wins)))
    )
    weights = equal
    for _ in range(30):
        weights = trained(weights, wins)
    if sum(wins):
        assert abs(sum(weights) - ONE) <= ONE // 8 + len(wins)
        assert min(weights) >= ONE // (8 * len(wins))
        assert weights[int(np.argmax(wins))] == max(weights)
    else:
        assert weights == equal


def test_one_stream_keeps_its_weight() -> None:
    assert trained([ONE], [64]) == [ONE]


# Features.


@given(
    st.lists(st.integers(-127, 127), min_size=64, max_size=64),
    st.lists(st.integers(-127, 127), min_size=64, max_size=64),
)
def test_likeness_is_the_squared_cosine_in_fixed_point(a: list[int], b: list[int]) -> None:
    u, v = np.array(a, np.int64), np.array(b, np.int64)
    product, norm, other = int(u @ v), int(u @ u), int(v @ v)
    got = int(cpu.compiled(kernel.likeness)(product, norm, other))
    plain: Any = kernel.likeness
    assert got == int(plain(product, norm, other))
    exact = product * product / (norm * other) if product > 0 and other else 0.0
    assert abs(got / ONE - exact) < 2 / ONE + exact * 2**-16
    assert 0 <= got <= ONE


def test_a_term_is_wholly_like_itself() -> None:
    world, _ = one_tick("uniform", 1)
    streams = world.streams
    assert isinstance(streams, Streams)
    sketches, norms = streams._sketches(world.population.choices()[:20])
    for k, norm in enumerate(norms):
        own = np.ascontiguousarray(sketches[k * kernel.SKETCH : (k + 1) * kernel.SKETCH])
        found = cpu.compiled(kernel.nearest)(own, norm, own, norms[k : k + 1])
        plain: Any = kernel.likeness
        assert found == ONE == plain(int(norm), int(norm), int(norm))


@pytest.mark.parametrize(
    ("used", "tick", "expected"),
    [
        (0, 9, 0),
        (8, 9, ONE),
        (0, 1, 0),
        (1, 9, ONE - 7 * ONE // 16),
        (1, 17, ONE // 16),
        (1, 18, 0),
        (1, 99, 0),
    ],
)
def test_connection_fades_within_sixteen_ticks(used: int, tick: int, expected: int) -> None:
    column = np.array([used], dtype=np.int64)
    for body in (kernel.connected, cpu.compiled(kernel.connected)):
        assert body(0, np.uint64(tick), column) == max(expected, 0)
        assert body(1, np.uint64(tick), column) == 0  # a row behind the places has no past


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_the_plain_body_judges_as_the_compiled_one(seed: int) -> None:
    world, batch = one_tick("all", 8, seed)
    of = plan_tick(world, 1).proposals
    assert of is not None

    def judged(form: Any) -> list[Any]:
        results: list[Any] = [
            np.zeros(batch.slots, np.int32), np.zeros(batch.slots, np.uint8),
            np.zeros(batch.slots, np.uint32), np.zeros(8 * kernel.FEATURES, np.int32),
            np.zeros(8, np.int32),
        ]  # fmt: skip
        looked: list[Any] = [np.zeros(batch.slots, np.int32) for _ in range(2)]
        form(kernel.look_at_terms)(
            0, batch.slots, batch.distinct[:0], batch.out, batch.outcomes, batch.sizes,
            batch.results, world.population.seen, of.recent, of.recent_norm, of.archive,
            of.archive_norms, *looked, np.zeros(4 * 256, np.uint64), np.zeros(64, np.int32),
            np.zeros(64, np.int16),
        )  # fmt: skip
        form(kernel.judge)(
            np.uint64(seed), np.uint64(1), 0, 8, 5, 500, batch.outcomes, batch.vetoed,
            batch.steps, batch.sizes, batch.places_a, batch.places_b,
            world.population.column["size"], of.facts["uses"], of.facts["used"],
            batch.distinct[:0], *looked, of.weights, of.mixture, *results,
        )  # fmt: skip
        return [column.tolist() for column in (*results, *looked)]

    with np.errstate(over="ignore"):  # hashes are modulo 2**64
        assert judged(lambda body: body) == judged(cpu.compiled)
