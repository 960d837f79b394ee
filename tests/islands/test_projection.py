"""The simulation of many nodes, held against the recursion that it must follow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from island_cases import small_archipelago, written_folder

from automaton.cli import command_line
from automaton.errors import UsageError
from automaton.islands.projection import Conditions, Seconds, barrier, epoch_times, simulate
from automaton.islands.topology import Sources, named_topology

pytest.importorskip("simpy", reason="simpy is not installed (extra scale)")


def max_plus(sources: Sources, delay: int, times: Seconds, travel: float) -> Seconds:
    """The end of each epoch: the latest of what it needs, and its own time."""
    ends = np.zeros_like(times)
    for epoch, row in enumerate(times):
        begun = ends[epoch - 1].copy() if epoch else np.zeros(len(row))
        left = epoch - 1 - delay
        for island, needed in enumerate(sources if left >= 0 else ()):
            for source in needed:
                begun[island] = max(begun[island], ends[left, source] + travel)
        ends[epoch] = begun + row
    return ends


@pytest.mark.parametrize("topology", ["ring", "star", "complete", "torus"])
@pytest.mark.parametrize("delay", [0, 2])
def test_the_simulation_follows_the_max_plus_recursion(topology: str, delay: int) -> None:
    conditions = Conditions(2.0, spread=0.7, failures=300.0, slow=3.0, seed=5)
    times, sources = epoch_times(conditions, 9, 12), named_topology(topology, 9)
    found = simulate(sources, delay, times, 0.25)
    assert found == pytest.approx(max_plus(sources, delay, times, 0.25))


def test_simulated_times_have_the_mean_and_the_spread_that_were_asked_for() -> None:
    times = epoch_times(Conditions(2.0, spread=0.5, seed=1), 200, 200)
    assert times.mean() == pytest.approx(2.0, rel=0.02)
    assert times.std() == pytest.approx(1.0, rel=0.05)
    assert epoch_times(Conditions(2.0), 3, 4) == pytest.approx(np.full((4, 3), 2.0))
    again = epoch_times(Conditions(2.0, spread=0.5, seed=1), 200, 200)
    assert np.array_equal(times, again)
    other = epoch_times(Conditions(2.0, spread=0.5, seed=2), 200, 200)
    assert not np.array_equal(times, other)


def test_losses_of_nodes_add_their_detection_at_the_rate_that_was_asked_for() -> None:
    times = epoch_times(Conditions(3.6, failures=100.0, detection=1000.0), 200, 200)
    lost = times > 1000
    assert lost.mean() == pytest.approx(1 - np.exp(-0.1), rel=0.05)
    assert times[~lost] == pytest.approx(3.6)


def test_neighbours_wait_for_less_than_a_barrier_does_and_a_delay_for_less_still() -> None:
    times = epoch_times(Conditions(1.0, spread=0.5), 50, 40)
    ring = named_topology("ring", 50)
    ends = [simulate(ring, delay, times, 0.0)[-1].max() for delay in (0, 2)]
    assert times.sum(axis=0).max() <= ends[1] < ends[0] < barrier(times, 0.0)[-1].max()


@pytest.mark.parametrize("wrong", [{"epoch_seconds": 0.0}, {"spread": -1.0}, {"slow": 0.0}])
def test_conditions_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Conditions(**{"epoch_seconds": 1.0, **wrong})  # type: ignore[arg-type]


def test_the_command_marks_what_it_shows_as_simulated_and_names_its_inputs(tmp_path: Path) -> None:
    folder = written_folder(tmp_path / "a", small_archipelago(4, "torus", delay=1))
    asked = ["islands", "project", str(folder.path), "--epoch-seconds", "2", "--nodes", "1,16"]
    result = CliRunner().invoke(command_line, asked)
    assert result.exit_code == 0, result.output
    assert "SIMULATED, not measured" in result.stdout
    found = json.loads(CliRunner().invoke(command_line, [*asked, "--json", "--spread", "0"]).stdout)
    assert found["simulated"]
    assert found["inputs"]["epoch_seconds"] == 2.0
    alone = 5 * 8 / 2  # ticks, rounds, seconds
    assert found["rows"][0]["candidates_per_s"] == pytest.approx(alone)
    assert found["rows"][1]["linear_candidates_per_s"] == pytest.approx(16 * alone)
    result = CliRunner().invoke(command_line, [*asked[:-1], "0"])
    assert result.exit_code == 2
