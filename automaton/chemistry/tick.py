"""One tick, in its three steps: reactions, the machine's turn, the fold.

A run appends what comes of it, verification compares it; both take these steps and
no others. Gets a snapshot and a workspace; must not know files, clocks, the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from automaton.backends import Workspace
from automaton.chemistry import competition, inflow, machine_step
from automaton.chemistry.condition_answers import ConditionAnswers
from automaton.chemistry.effects import AcceptedInput, Effects
from automaton.chemistry.fold import BatchContent, fold_batch
from automaton.chemistry.machine_step import MachineStep
from automaton.chemistry.tick_plan import plan_tick
from automaton.chemistry.world import ActionLine, World
from automaton.compute.reduction import OUTCOMES
from automaton.format.records import CommitFields
from automaton.population import Reactants, with_copies
from automaton.terms.arrays import Slots


class Section(NamedTuple):
    """A part of a batch's bytes: run, input, winner or action."""

    kind: str
    data: bytes | memoryview


@dataclass(frozen=True)
class ComputedTick:
    """A tick whose reactions are computed, in the workspace's columns, and its winner lines."""

    world: World
    space: Workspace
    tick: int
    choice: Reactants
    winner_lines: Sequence[memoryview]  # and behind them the lines of the inflow
    inflow: Sequence[ActionLine] = ()


@dataclass(frozen=True)
class BatchLines:
    """The lines of a tick's batch, all that stands before its commit but a run record."""

    accepted: AcceptedInput
    winner_lines: Sequence[memoryview]
    winners: Slots
    step: MachineStep
    inflow: Sequence[ActionLine] = ()

    @property
    def computed(self) -> int:
        """How many lines the winners and the inflow are."""
        return len(self.winners) + len(self.inflow)

    @property
    def count(self) -> int:
        """How many lines these are."""
        return len(self.accepted.lines) + self.computed + len(self.step.made)

    def sections(self, head: bytes = b"") -> list[Section]:
        """The batch's bytes in their order; `head` is a run record, or nothing."""
        made = b"".join(line.line for line in self.step.made)
        before = [Section("run", head), *(Section("input", line) for line in self.accepted.lines)]
        own = [Section("winner", part) for part in self.winner_lines]
        return [section for section in (*before, *own, Section("action", made)) if section.data]


@dataclass(frozen=True)
class TickResult:
    """All that must be written of a tick, and where the machine stands after it."""

    lines: BatchLines
    fields: CommitFields


def compute_tick(world: World, space: Workspace, tick: int) -> ComputedTick:
    """The reactions of a tick, who of them wins, and the winners' lines."""
    choice, buffer = plan_tick(world, tick), space.buffer(tick)
    competition.compute(space.device, world, space.batch, tick, choice, buffer)
    entering = inflow.entering_lines(world, space.batch.amplifiers, tick)
    parts = [*buffer.parts, memoryview(b"".join(line.line for line in entering))]
    return ComputedTick(world, space, tick, choice, [part for part in parts if len(part)], entering)


def take_turn(computed: ComputedTick, effects: Effects, *, run: bool) -> BatchLines:
    """The machine's turn: conditions, actions, input, a move; changes the state alone.

    run: whether the batch begins with a run record, which counts as a line.
    """
    world, batch, tick = computed.world, computed.space.batch, computed.tick
    reference = computed.space.reference
    answers = ConditionAnswers(world, batch, tick, reference, effects.file_exists)
    step = machine_step.step_machine(world, answers, tick, effects)
    accepted, winners = effects.accepted(), answers.winners
    world.state.salience = answers.mean_salience
    world.state.ends = competition.slot_fates(world, batch)
    world.state.vetoed = competition.vetoed_in_order(world, batch)
    new = sum(not effects.versions(name) for name in {found.id for found in accepted.found})
    made = [*computed.inflow, *step.made]
    machine_step.count(world, made, len(winners), len(accepted.lines), new, run=run)
    return BatchLines(accepted, computed.winner_lines, winners, step, computed.inflow)


def finish_tick(computed: ComputedTick, lines: BatchLines) -> TickResult:
    """Fold a batch into the snapshot; the result has what its commit must say."""
    world, batch, tick = computed.world, computed.space.batch, computed.tick
    lost = competition.losers_to_remember(computed.space.device, world, tick, batch)
    entering = competition.entering(batch, lines.winners)
    entering = with_copies(entering, world.options.seed, tick)
    outcomes = dict(zip(OUTCOMES, batch.counts(), strict=True))
    content = BatchContent(
        lines.accepted.found, entering, computed.choice.level,
        [*computed.inflow, *lines.step.made], lost,
    )  # fmt: skip
    fold_batch(world, tick, content)
    fields = CommitFields(
        tick, outcomes, world.dimension(), world.state.record(), world.population.total
    )
    return TickResult(lines, fields)
