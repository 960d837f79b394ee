"""What the eight actions do to the log, to the next tick, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import (
    HALF_OMEGA,
    TERMS,
    Members,
    automaton,
    commits_in,
    encoded,
    objects_in,
    ran,
    term,
    transition,
    versions_in,
    written,
)

from automaton.backends.workspace import TRIALS
from automaton.chemistry.actions import ACTIONS
from automaton.chemistry.effects import TRIALS_NEEDED
from automaton.errors import MismatchError
from automaton.format.machine_state import ACTIONS as COUNTED
from automaton.format.options import Options
from automaton.format.stream_options import FIXED_ONE
from automaton.log import Log
from automaton.replay.spot_check import TermLookup
from automaton.run import Run
from automaton.run.effects import RunEffects
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import apply
from automaton.terms.reference import reduce
from kernels import philox

APPLY = "λa.λb.a b"


def looping(*actions: str, **more: Any) -> list[Members]:
    """A machine of one state that performs these actions every tick."""
    loops = [transition(f"t{n}", "0D", "0D", action) for n, action in enumerate(actions)]
    return [automaton("0D", 0, term=APPLY, **more), *loops, *TERMS]


def leading(action: str, target: Members) -> list[Members]:
    """A machine whose first state acts on its way to another."""
    return [automaton("0D", 0, term=APPLY), target, transition("t", "0D", target["id"], action),
            *TERMS]  # fmt: skip


def counters(path: Path) -> Members:
    """The counters after the last tick."""
    found: Members = commits_in(path)[-1]["state"]["counters"]
    return found


def recomputed(path: Path) -> int:
    """How many modifications there are; each is recomputed from its parents' terms."""
    with Log.open(path, write=False) as log:
        lookup, count = TermLookup(log, Options()), 0
        for tick in range(1, len(log.commits) + 1):
            for line, raw in log.batch_lines(tick):
                members = json.loads(raw)
                if "parents" in members and members["type"] == "modification":
                    lookup.check(members, line)
                    count += 1
    return count


def test_there_are_eight_and_all_are_counted() -> None:
    assert tuple(ACTIONS) == COUNTED
    assert len(ACTIONS) == 8


@pytest.mark.parametrize("action", COUNTED)
def test_an_action_is_counted_each_time_it_is_performed(tmp_path: Path, action: str) -> None:
    path = written(tmp_path / "log", looping(action))
    ran(path, 3, parallel=4)
    performed = counters(path)["actions"]
    assert performed == {name: 3 if name == action else 0 for name in COUNTED}


def test_an_unknown_action_does_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("self-destruct"))
    ran(path, 2, parallel=4)
    assert set(counters(path)["actions"].values()) == {0}
    assert {m["type"] for m in map(json.loads, path.read_bytes().splitlines())} == {
        "automaton", "transition", "text", "run", "modification", "commit",
    }  # fmt: skip


# evolve


def test_evolve_moves_and_makes_no_line(tmp_path: Path) -> None:
    path = written(tmp_path / "log", leading("evolve", automaton("1D", 1, term="λa.λb.b a")))
    ran(path, 2, parallel=4)
    assert [c["dimensionalLevel"] for c in commits_in(path)] == [1, 1]
    assert [c["state"]["automaton"] for c in commits_in(path)] == ["1D", "1D"]
    assert commits_in(path)[0]["lines"] == 1 + commits_in(path)[0]["outcomes"]["normal"]
    operators = {(m["id"][:2], m["parents"][0]) for m in objects_in(path, "modification")}
    assert operators == {("m1", "0D"), ("m2", "1D")}


# self-reference


def test_a_wrong_line_is_corrected_once_and_the_file_named_is_never_opened(tmp_path: Path) -> None:
    reference = {"file": str(tmp_path / "absent"), "line": 12, "pattern": "p"}
    path = written(tmp_path / "log", looping("self-reference", selfReference=reference))
    ran(path, 4, parallel=4)
    first, second = versions_in(path, "0D")
    assert second == {**first, "selfReference": {**reference, "line": 1}}
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("line", [1, 11])
def test_a_line_that_holds_some_version_is_right(tmp_path: Path, line: int) -> None:
    objects = looping("self-reference", selfReference={"line": line})
    path = written(tmp_path / "log", [*objects, objects[0]])
    assert encoded(objects).count(b"\n") == 10
    ran(path, 2, parallel=4)
    assert len(versions_in(path, "0D")) == 2


@pytest.mark.parametrize("reference", [{}, {"selfReference": None}, {"selfReference": {"x": 1}}])
def test_a_missing_line_is_added(tmp_path: Path, reference: Members) -> None:
    path = written(tmp_path / "log", looping("self-reference", **reference))
    ran(path, 2, parallel=4)
    assert [v["selfReference"]["line"] for v in versions_in(path, "0D")[1:]] == [1]


def test_a_corrected_version_differs_in_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log"
    odd = b'\xef\xbb\xbf  {"id" : "0D","x":1.50, "type":"automaton","x":[1e3,"\\u00e9"]} \r\n'
    rest = encoded([transition("t", "0D", "0D", "self-reference"), *TERMS])
    path.write_bytes(odd + rest)
    ran(path, 1, parallel=4)
    corrected = odd[3:].rstrip(b"\r\n").replace(b"}", b',"selfReference":{"line":1}}')
    assert corrected in path.read_bytes().split(b"\n")
    assert path.read_bytes().startswith(odd + rest)


# self-modify


def winners_of(path: Path, tick: int) -> dict[str, Members]:
    """A tick's modifications by id."""
    found = objects_in(path, "modification")
    return {m["id"]: m for m in found if m["id"].startswith(f"m{tick}.")}


def test_the_best_winner_becomes_the_operator_of_the_target_from_the_next_tick_on(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log", leading("self-modify", automaton("1D", 1, x=1)))
    with Run(path, {"parallel": 64, "seed": 1}) as run:
        sizes = {m["id"]: len(parse(m["term"])) for m in [automaton("0D", term=APPLY), *TERMS]}
        sizes["1D"] = len(run.world.program.automata["1D"].operator)
        run.go(ticks=2, interval_ms=0)
        learned = run.world.program.automata["1D"].operator.copy()
    winners = winners_of(path, 1)
    salience = {
        name: sum(sizes[parent] for parent in m["parents"][1:]) - m["size"]
        for name, m in winners.items()
    }
    best = max(salience, key=lambda name: (salience[name], -int(name.split(".")[1])))
    first, second = versions_in(path, "1D")
    assert second == {**first, "term": winners[best]["term"], "modifiedBy": best}
    assert format_term(learned) == winners[best]["term"]
    assert {m["parents"][0] for m in winners_of(path, 2).values()} == {"1D"}
    assert recomputed(path) == len(winners) + len(winners_of(path, 2))


def with_trials(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    """Let every trial find so many candidates."""
    monkeypatch.setattr(RunEffects, "_trial", lambda *_: answer)


@pytest.mark.parametrize(("found", "versions"), [(TRIALS_NEEDED - 1, 1), (TRIALS_NEEDED, 2)])
def test_a_trial_must_find_candidates_in_a_quarter_of_its_reactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: int, versions: int
) -> None:
    assert 4 * TRIALS_NEEDED == TRIALS
    with_trials(monkeypatch, found)
    path = written(tmp_path / "log", leading("self-modify", automaton("1D", 1)))
    ran(path, 1, parallel=16)
    assert len(versions_in(path, "1D")) == versions
    assert counters(path)["rejected"] == 2 - versions


def test_a_trial_is_64_seeded_reactions_in_the_snapshot(tmp_path: Path) -> None:
    target = automaton("1D", 1, a="type = text", b="size > 4")
    path = written(tmp_path / "log", leading("self-modify", target))
    operator = parse("λa.λb.λf.a (b f)")
    with Run(path, {"seed": 3}) as run:
        found = run.shell.effects().trial(run.world.program.automata["1D"], operator)
        expected = sum(
            candidate(operator, a, b) for a, b in drawn(run, *selected(run, (a_text, b_large)))
        )
    assert found == expected
    assert TRIALS_NEEDED < found < TRIALS


def a_text(run: Run, row: int) -> bool:
    """What the target's selector `a` means."""
    return bool(run.world.population.kinds[run.world.population.column["kind"][row]] == "text")


def b_large(run: Run, row: int) -> bool:
    """What the target's selector `b` means."""
    return len(run.world.population.words(row)) > 4


def selected(run: Run, selectors: tuple[Callable[[Run, int], bool], ...]) -> list[list[int]]:
    """The places that each selector matches."""
    places = run.world.population.choices()
    return [[int(row) for row in places if matches(run, int(row))] for matches in selectors]


def drawn(run: Run, a: list[int], b: list[int]) -> list[tuple[Words, Words]]:
    """The reactants of the trial's reactions in the first tick."""
    pairs = []
    for slot in range(TRIALS):
        words = philox.words(run.options.seed, 1, slot, philox.TRIAL)
        rows = a[philox.index_of(words[0], len(a))], b[philox.index_of(words[1], len(b))]
        pairs.append(tuple(run.world.population.words(row).copy() for row in rows))
    return pairs  # type: ignore[return-value]  # two each


def candidate(operator: Words, a: Words, b: Words) -> bool:
    """Whether a reaction has the outcome `normal`, by the textbook."""
    result = reduce(apply(apply(operator, a), b), 500, 256, 256)
    if result.outcome != "normal" or result.words is None:
        return False
    return not any(np.array_equal(result.words, reactant) for reactant in (a, b))


def test_what_kills_the_machine_is_rejected_by_its_trial(tmp_path: Path) -> None:
    only = [automaton("0D", 0, term="λa.λb.λx.λy.x x", a="type = text"), term("W", "λx.x x")]
    loop = transition("t", "0D", "0D", "self-modify")
    path = written(tmp_path / "log", [*only, loop])  # the winner λx.λy.x x gives copies alone
    ran(path, 1, parallel=4)
    assert winners_of(path, 1)
    assert (len(versions_in(path, "0D")), counters(path)["rejected"]) == (1, 1)


def test_the_operator_that_is_there_already_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_trials(monkeypatch, TRIALS)
    always, making = "λz.λx.λy.λz.x", "λa.λb.λz.λx.λy.λz.x"
    machine = [automaton("0D", term=making), automaton("1D", 1, term=always)]
    path = written(tmp_path / "log", [*machine, transition("t", "0D", "1D", "self-modify")])
    ran(path, 1, parallel=2)
    assert {m["term"] for m in winners_of(path, 1).values()} == {format_term(parse(always))}
    assert (len(versions_in(path, "1D")), counters(path)["rejected"]) == (1, 1)


def test_without_a_winner_there_is_nothing_to_modify_with(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("self-modify", a="false"))
    ran(path, 2, parallel=4)
    assert commits_in(path)[-1]["outcomes"]["empty"] == 4
    assert (len(versions_in(path, "0D")), counters(path)["rejected"]) == (1, 2)


def test_two_actions_of_a_tick_build_upon_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_trials(monkeypatch, TRIALS)
    path = written(tmp_path / "log", looping("self-modify", "self-reference"))
    ran(path, 1, parallel=16)
    first, second, third = versions_in(path, "0D")
    assert "selfReference" not in first | second
    assert third == {**second, "selfReference": {"line": 1}}
    assert second["term"] != first["term"]


# self-io


def with_input(path: Path, *lines: str | bytes | Members) -> Path:
    """Append lines to the inbox of a log."""
    with path.with_name(f"{path.name}.inbox").open("ab") as inbox:
        for line in lines:
            raw = json.dumps(line, ensure_ascii=False) if isinstance(line, dict) else line
            inbox.write(raw if isinstance(raw, bytes) else raw.encode() + b"\n")
    return path


def test_input_is_copied_into_the_batch_and_holds_from_the_next_tick_on(tmp_path: Path) -> None:
    path = with_input(
        written(tmp_path / "log", looping("self-io", a="type = late")),
        {"id": "new", "type": "late", "term": "λx.λy.y x"},
        {"id": "0D", "type": "automaton", "term": "λa.λb.b a", "a": "type = late"},
    )
    ran(path, 2, parallel=4)
    first, second = commits_in(path)
    assert (first["outcomes"]["empty"], first["lines"]) == (4, 3)
    assert second["outcomes"]["empty"] == 0
    assert {m["parents"][1] for m in objects_in(path, "modification")} == {"new"}
    assert [v["term"] for v in versions_in(path, "0D")] == [APPLY, "λa.λb.b a"]
    assert recomputed(path) > 0


REFUSED = [
    "{",
    "[]",
    "3",
    "@name: value",
    '{"type":"text","text":"no id"}',
    '{"id":3}',
    '{"id":"x","type":"commit"}',
    '{"id":"x","type":"run"}',
    '{"id":"m7.1","type":"text"}',
    '{"id":"run:9"}',
    '{"id":"commit:1"}',
    '{"id":"m1.2","id":"x"}',
    b'{"id":"\xff"}\n',
]


@pytest.mark.parametrize("line", REFUSED)
def test_what_only_a_runner_writes_and_what_does_not_parse_is_refused(
    tmp_path: Path, line: str | bytes
) -> None:
    path = with_input(written(tmp_path / "log", looping("self-io")), line, {"id": "good"})
    ran(path, 2, parallel=2)
    counted = counters(path)
    assert (counted["accepted"], counted["refused"]) == (1, 1)
    assert len(versions_in(path, "good")) == 1


ODD = [
    '{"id":"x","type":[]}',
    '{"id":"x","type":{"a":1}}',
    '{"id":"m1.x","type":"text","text":"`λx.λy.λz.y`"}',
    '{"id":"m1.1.1","type":"modification","term":"λx.λy.λz.y"}',
    '{"id":"","term":"λx.λy.λz.y"}',
    '\ufeff {"id":"x\\ud83d\\ude42","term":"λx.λy.λz.y"} \r',
    '{"id":"line:1","term":"λx.λy.λz.y"}',
    '{"id":"x#1","type":"text","text":"`λx.λy.λz.y`"}',
]


@pytest.mark.parametrize("line", ODD)
def test_odd_input_is_taken_and_read_back_the_same(tmp_path: Path, line: str) -> None:
    path = with_input(written(tmp_path / "log", looping("self-io")), line)
    whole = with_input(written(tmp_path / "whole", looping("self-io")), line)
    ran(path, 3, parallel=8)
    ran(path, 3)
    ran(whole, 6, parallel=8)
    assert counters(path)["accepted"] == 1
    assert path.read_bytes() == whole.read_bytes()
    assert recomputed(path) > 0


def test_input_is_kept_byte_for_byte_without_what_stands_around_the_object(tmp_path: Path) -> None:
    odd = '{ "id":"x" ,\t"n":1.50,"n":1e2,"s":"\\u00e9\\ud83d" }'
    line = f"\ufeff \t{odd} \r\n".encode()
    path = with_input(written(tmp_path / "log", looping("self-io")), line)
    ran(path, 2, parallel=2)
    assert odd.encode() in path.read_bytes().split(b"\n")
    assert recomputed(path) > 0


def test_blank_lines_of_the_inbox_count_for_nothing(tmp_path: Path) -> None:
    path = with_input(written(tmp_path / "log", looping("self-io")), "", " \r", "\ufeff")
    ran(path, 2, parallel=2)
    counted = counters(path)
    assert (counted["accepted"], counted["refused"]) == (0, 0)


def test_a_line_that_is_still_being_written_waits(tmp_path: Path) -> None:
    path = with_input(written(tmp_path / "log", looping("self-io")), {"id": "a"}, b'{"id":')
    ran(path, 2, parallel=2)
    assert counters(path)["accepted"] == 1
    assert commits_in(path)[-1]["state"]["inbox"] == len('{"id": "a"}\n')
    ran(with_input(path, b'"b"}\n'), 1)
    assert counters(path)["accepted"] == 2
    assert len(versions_in(path, "b")) == 1


def test_at_most_1000_lines_are_taken_at_a_time(tmp_path: Path) -> None:
    path = with_input(
        written(tmp_path / "log", looping("self-io")), *({"id": f"i{n}"} for n in range(1001))
    )
    ran(path, 2, parallel=2)
    accepted = [c["state"]["counters"]["accepted"] for c in commits_in(path)]
    assert accepted == [1000, 1001]


def test_an_object_counts_once_however_often_it_comes_in(tmp_path: Path) -> None:
    new, known = {"id": "new"}, {"id": "K", "term": "λx.x"}
    path = with_input(written(tmp_path / "log", looping("self-io")), new, new, known)
    ran(path, 1, parallel=4)
    winners = commits_in(path)[0]["outcomes"]["normal"]
    assert counters(path)["objects"] == len(looping("self-io")) + 1 + winners


def test_a_new_version_of_input_ends_the_terms_of_the_old_one(tmp_path: Path) -> None:
    large = "λx." + "x (" * 300 + "x" + ")" * 300
    two = {"id": "two", "text": f"`{large}` and `λx.λy.λz.y`"}
    path = written(tmp_path / "log", [*looping("self-io"), two])
    with Run(path, {"parallel": 1}) as run:
        assert run.world.population.place_of(b"two#1") is None
        assert run.world.population.place_of(b"two#2") is not None
        with_input(path, {"id": "two", "text": "nothing"})
        run.go(ticks=1, interval_ms=0)
        assert run.world.population.place_of(b"two#2") is None


def test_what_came_in_survives_an_action_on_the_same_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_trials(monkeypatch, TRIALS)
    path = with_input(
        written(tmp_path / "log", looping("self-io", "self-modify")),
        {"id": "0D", "type": "automaton", "note": "new"},
    )
    ran(path, 1, parallel=16)
    versions = versions_in(path, "0D")
    assert [version.get("note") for version in versions] == [None, "new", "new"]
    assert "modifiedBy" in versions[-1]


def test_what_was_committed_is_durable_before_input_is_taken(tmp_path: Path) -> None:
    path = with_input(written(tmp_path / "log", looping("self-io")), {"id": "a"})
    with Run(path, {"parallel": 2}, durability="off") as run:
        run.step()
        run.step()
        run.background.wait()
        assert run.log.durable == run.log.commits.row(1).end


# validate-self


def test_a_validation_names_the_ticks_and_what_was_recomputed(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("validate-self"))
    ran(path, 18, parallel=8)
    validations = objects_in(path, "validation")
    ticks = [(max(1, tick - 16), tick - 1) for tick in range(2, 19)]
    assert [v["parents"] for v in validations] == [
        [], *([f"commit:{first}", f"commit:{last}"] for first, last in ticks),
    ]  # fmt: skip
    assert validations[0]["size"] == 0
    assert all(0 < v["size"] <= 16 for v in validations[1:])


@pytest.mark.parametrize("where", [b'"beta":', b'"population":"', b'"term":"'])
def test_a_log_that_was_altered_under_a_run_ends_it(tmp_path: Path, where: bytes) -> None:
    path = written(tmp_path / "log", looping("validate-self"))
    with Run(path, {"parallel": 8}) as run:
        run.go(ticks=3, interval_ms=0)
        whole = path.read_bytes()
        at = whole.rindex(where) + len(where)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(MismatchError, match="validate-self"):
            run.go(ticks=1, interval_ms=0)
    assert path.stat().st_size == len(whole)


def test_a_false_claim_is_told_with_what_is_true(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping())
    ran(path, 1, parallel=4)
    with Log.open(path, write=False) as log:
        line, raw = list(log.batch_lines(1))[1]
        members = json.loads(raw)
        TermLookup(log, Options()).check(members, line)
        members["term"] = "λλλλ0"
        with pytest.raises(MismatchError, match=f"line {line}: {members['id']} says .* λλλλ0"):
            TermLookup(log, Options()).check(members, line)


def test_input_that_calls_itself_a_modification_is_not_validated(tmp_path: Path) -> None:
    fake = [{"id": f"f{n}", "type": "modification"} for n in range(50)]
    bare = [{"id": f"b{n}", "text": "no type"} for n in range(50)]
    path = with_input(written(tmp_path / "log", looping("self-io", "validate-self")), *fake, *bare)
    ran(path, 4, parallel=1)
    assert counters(path)["accepted"] == 100


def test_validation_knows_the_operator_that_an_option_named(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("validate-self"))
    ran(path, 2, parallel=8)
    ran(path, 3, operator="λλ0 1")
    assert {m["parents"][0] for m in objects_in(path, "modification")} == {"0D", "run:2"}
    assert objects_in(path, "validation")[-1]["size"] > 0
    assert recomputed(path) > 0


def test_validation_knows_terms_that_are_larger_than_is_allowed_now(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("validate-self"))
    ran(path, 4, parallel=32)
    ran(path, 8, max_size=5)
    assert objects_in(path, "validation")[-1]["size"] > 0


# self-train and self-observe


def test_training_sets_the_baseline_to_the_mean_of_the_tick(tmp_path: Path) -> None:
    on = transition("on", "0D", "0D", "evolve", "gradient_descent")
    path = written(tmp_path / "log", [*looping("self-train"), on])
    ran(path, 1, parallel=32)
    state = commits_in(path)[0]["state"]
    assert state["baseline"] == state["salience"] > 0
    assert state["counters"]["actions"]["evolve"] == 1
    assert state["weights"] == [FIXED_ONE]
    ran(path, 9)
    means = [commit["state"]["salience"] for commit in commits_in(path)]
    rises = sum(now > before for before, now in zip([0, *means], means, strict=False))
    assert commits_in(path)[-1]["state"]["counters"]["actions"]["evolve"] == rises


def test_an_observation_says_what_is_alive_and_leads_to_dimension_0(tmp_path: Path) -> None:
    ways = [transition("t", "0D", "1D"), transition("o", "1D", "1D", "self-observe")]
    path = written(tmp_path / "log", [automaton("0D"), automaton("1D", 1), *ways, *TERMS])
    with Run(path, {"parallel": 4}) as run:
        run.go(ticks=1, interval_ms=0)
        live, distinct = len(run.world.population), run.world.population.distinct()
        run.go(ticks=1, interval_ms=0)
    seen = [*objects_in(path, "observation"), *objects_in(path, "richness")]
    assert [(s["parents"], s["dimensionalLevel"]) for s in seen] == [(["1D"], 1)] * 2
    assert [s["size"] for s in seen] == [live, distinct]
    assert [c["dimensionalLevel"] for c in commits_in(path)] == [1, 0]


# compose


def test_a_composition_enters_as_a_term_of_its_own(tmp_path: Path) -> None:
    second = automaton("1D", 1, term="λx.λf.f x", b="type = composition")
    path = written(tmp_path / "log", leading("compose", second))
    ran(path, 2, parallel=4)
    (made,) = objects_in(path, "composition")
    body = reduce(parse(f"λx.({APPLY}) ((λx.λf.f x) x)"), 500, 256, 256)
    assert body.words is not None
    assert made == {
        "id": "m1.4", "type": "composition", "dimensionalLevel": 0, "parents": ["0D", "1D"],
        "beta": body.steps, "size": len(body.words), "term": format_term(body.words),
    }  # fmt: skip
    assert {m["parents"][2] for m in winners_of(path, 2).values()} == {"m1.4"}
    assert recomputed(path) > 0


@pytest.mark.parametrize(
    ("given", "operator"),
    [
        ({}, f"λx.({HALF_OMEGA}) ({HALF_OMEGA})"),
        ({"max_steps": 1}, "λx.λf.f x"),
        ({"max_size": 8}, "λx.x x x"),
        ({"max_input": 5}, "λx.λf.f x"),
    ],
)
def test_a_composition_beyond_the_budget_is_rejected(
    tmp_path: Path, given: dict[str, int], operator: str
) -> None:
    path = written(tmp_path / "log", leading("compose", automaton("1D", 1, term=operator)))
    ran(path, 1, parallel=2, **given)
    assert not objects_in(path, "composition")
    assert counters(path)["rejected"] == 1


def test_locked_actions_name_the_current_automaton_as_their_target(tmp_path: Path) -> None:
    path = written(tmp_path / "log", leading("compose", automaton("1D", 1)))
    ran(path, 2, parallel=2, lock_dimension=0)
    made = objects_in(path, "composition")
    assert [m["parents"] for m in made] == [["0D", "0D"]] * 2
    assert [c["dimensionalLevel"] for c in commits_in(path)] == [0, 0]


def test_a_target_that_is_gone_is_the_automaton_itself(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log",
        [automaton("0D", 0, term=APPLY), transition("t", "0D", "gone", "compose"), *TERMS],
    )
    ran(path, 1, parallel=2)
    assert objects_in(path, "composition")[0]["parents"] == ["0D", "0D"]


def test_own_lines_are_numbered_behind_the_last_slot(tmp_path: Path) -> None:
    path = written(tmp_path / "log", looping("compose", "self-observe", "validate-self", "compose"))
    ran(path, 2, parallel=6)
    own = [m["id"] for m in map(json.loads, path.read_bytes().splitlines())
           if m["type"] in {"composition", "observation", "richness", "validation"}]  # fmt: skip
    assert own == [f"m{tick}.{slot}" for tick in (1, 2) for slot in range(6, 11)]
