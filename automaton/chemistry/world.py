"""The snapshot a tick starts from, and the fold that makes the next one.

Definitions, population and state together; a run and a replay fold the same
lines in the same order, so both come to the same snapshot. Pure: lines arrive as
values, and nothing here knows a file, a clock or a device.

Longer than 300 lines: the snapshot and the fold that makes the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from automaton.chemistry import rewriting
from automaton.chemistry.streams import Remembered, Streams
from automaton.errors import DamagedError, NothingToRunError, UsageError
from automaton.format import json_edit, stream_options
from automaton.format.machine_state import MachineState
from automaton.format.objects import NamedObject
from automaton.format.options import Options
from automaton.format.stream_options import FIXED_ONE
from automaton.format.versions import NEWEST, Format
from automaton.population import (
    COMPOSITION,
    MODIFICATION,
    Entrants,
    Population,
    Reactants,
    place_draws,
    selection,
)
from automaton.program import NamedTerm, TermExtractor
from automaton.program.definitions import Automaton, Program, Rule
from automaton.program.selectors import Selector
from automaton.program.term_extraction import WATCHED_SPANS, Terms, Watch
from automaton.terms import encodings, notation
from automaton.terms.arrays import Places, Words
from kernels import philox


@dataclass(frozen=True)
class ActionLine:
    """A line that an action made: its bytes, and what it changes in the snapshot."""

    line: bytes
    found: NamedObject | None = None  # a new version of a named object
    slot: int = -1  # >= 0: a term that enters like a winner, under the id m<tick>.<slot>
    words: Words | None = None
    steps: int = 0
    level: int = 0


class World:
    """Everything that the next tick depends on."""

    def __init__(self, options: Options, prefix: str = "", form: Format = NEWEST) -> None:
        self.options = options
        self.prefix = prefix
        self.format = form
        self.program = Program(options.max_size, graph=options.graph)
        self.population = Population(options.max_objects, prefix)
        self.state = MachineState()
        self.matcher = selection.ON_CPU  # of the device, once there is one
        self.rows: dict[str, int] = {}  # rows of operators, by automaton's or rule's id
        self.trial_row = self.population.add_operator(
            NamedTerm(b"trial", encodings.IDENTITY, "trial")
        )
        self.reader = TermExtractor(options.max_size, graph=options.graph)
        self.streams: Streams | None = None
        self.spans: dict[str, int] = {}  # last span of the objects whose terms are spans

    # -- the beginning -----------------------------------------------------

    def found(self, genesis: Iterable[NamedObject], run: int) -> None:
        """Take in the genesis' objects, in order of first appearance; `run` numbers the record."""
        self.population.fill(self._genesis_terms(genesis))
        if len(self.population) == 0:
            machine = "" if self.program.automata else " and no automaton object"
            message = (
                f"nothing to step: the log holds no lambda terms{machine}; "
                "`init PATH` writes a log with both, `init PATH --from FILE` makes one of a list "
                "of terms"
            )
            raise NothingToRunError(self.reader.too_large() or message)
        self._sync_operators()
        if self.options.operator is not None:
            self.use_operator(self.options.operator, run)
        else:
            self._start_machine()
        self._begin_streams()

    def use_options(self, options: Options, run: int) -> None:
        """The options of a run record, from its batch on."""
        before, self.options = self.options, options
        if (before.streams, before.salience) != (options.streams, options.salience):
            self._begin_streams()
        self.program.max_size = options.max_size
        self.reader = TermExtractor(
            options.max_size, self.reader.skipped, self.reader.watch, graph=options.graph
        )
        if options.operator is not None:
            self.use_operator(options.operator, run)
        elif self.state.automaton is None and self.program.automata:
            self._start_machine()  # the log was begun with an operator, which was taken back

    def _begin_streams(self) -> None:
        """The streams of the options begin, with nothing behind them."""
        rows = stream_options.parse_streams(self.options.streams)
        mixture = np.array(stream_options.parse_salience(self.options.salience), dtype=np.int64)
        self.streams = Streams.begun(self.population, rows, mixture) if rows else None
        self.state.weights, self.state.ends = stream_options.initial_weights(rows), None

    def watch_with(self, watch: Watch) -> None:
        """From now on this is called while much is read, and may end it by an exception."""
        self.reader.watch = watch

    def resume(self, state: MachineState) -> None:
        """Take the state that a commit holds; there is one weight a stream."""
        count = max(1, len(self.stream_names))
        able = all(type(weight) is int and 0 <= weight <= 2 * FIXED_ONE for weight in state.weights)
        if len(state.weights) != count or not able:
            raise DamagedError(f"a commit's state has not the weights of {count} streams")
        self.state = state

    @property
    def stream_names(self) -> list[str]:
        """The names of the streams that compete, in the order of their slots."""
        return [stream.name for stream in self.streams.table] if self.streams else []

    @property
    def slots(self) -> int:
        """The candidates of a tick: rounds times streams."""
        return self.options.parallel * max(1, len(self.stream_names))

    def use_operator(self, text: str, run: int) -> None:
        """The operator that the options name, under the run record's id."""
        name = f"{self.prefix}run:{run}"
        words = notation.parse(text)
        row = self.rows.get("")
        named = NamedTerm(name.encode(), words, "run")
        if row is None:
            self.rows[""] = self.population.add_operator(named)
        else:
            self.population.set_operator(row, named)

    def _start_machine(self) -> None:
        if not self.program.automata:
            problem = "".join(f" that can be used ({p})" for p in self.program.lost[:1])
            message = (
                f"nothing to step: the log holds no automaton object{problem}; `--operator TERM` "
                "runs its terms without a machine, `init PATH` writes a log with one"
            )
            raise NothingToRunError(message)
        self.state.automaton = self.program.lowest().id

    def _at_level(self, flag: str, level: int) -> Automaton:
        """The automaton of a dimension that an option names."""
        automaton = self.program.at_level(level)
        if automaton is None:
            levels = ", ".join(str(n) for n in sorted({a.level for a in self._automata()}))
            message = f"{flag} {level}: no automaton has that dimension (there are {levels})"
            raise UsageError(message)
        return automaton

    def _automata(self) -> Iterable[Automaton]:
        return self.program.automata.values()

    def _genesis_terms(self, genesis: Iterable[NamedObject]) -> Iterable[NamedTerm]:
        """The terms of the genesis, learning its definitions on the way."""
        count = 0
        cap = self.options.max_objects
        for found in genesis:
            self.program.learn(found.id, found.members)
            for term in self._terms_of(found):
                count += 1
                if count <= cap:
                    yield term
        if count > cap:
            message = (
                f"the log holds {count} terms, more than --max-objects {cap}; "
                f"raise it to at least {count}"
            )
            raise UsageError(message)

    # -- a tick ------------------------------------------------------------

    def choice(self, tick: int) -> Reactants:
        """The operator and the reactants that a tick may draw."""
        automaton, row, level = self._operating(tick)
        a, b = self._reactants(automaton)
        operator_of = self._operator_of()
        if self.streams is None:
            return Reactants(automaton, level, row, a, b, operator_of)
        allowed = partial(self._allowed, None if automaton is None else automaton.a)
        rewrites = self._rewriting(self.streams, tick)
        proposals = self.streams.proposals(tick, allowed, operator_of, self.state.weights, rewrites)
        return Reactants(automaton, level, row, a, b, operator_of, proposals)

    def _rewriting(self, streams: Streams, tick: int) -> tuple[Places, Places]:
        """What rules with a replacement offer this tick; see `rewritten.written`."""
        rules = self.program.rewritings if streams.reasons else {}
        seed, size = self.options.seed, self.options.max_size
        drawn = rewriting.draw_rewrites(self.population, rules, seed, tick, self.matcher)
        return rewriting.write_operators(self.population, streams.rewriting, drawn, size)

    def _allowed(self, selector: Selector | None, rows: Places) -> Places:
        """Those of some rows that a selector allows."""
        return selection.chosen(self.population, rows, selector, self.matcher)

    def choice_for(self, automaton: Automaton, row: int) -> Reactants:
        """What a trial of another operator for an automaton draws; rules do not apply."""
        a, b = self._reactants(automaton)
        return Reactants(automaton, automaton.level, row, a, b, np.empty(0, dtype=np.int32))

    def _reactants(self, automaton: Automaton | None) -> tuple[Places, Places]:
        every = self.population.choices()
        if automaton is None:
            return every, every
        return (
            self._select_or(automaton.a, every),
            self._select_or(automaton.b, every),
        )

    def _select_or(self, selector: Selector | None, every: Places) -> Places:
        """The places a selector matches; every place where there is none."""
        if selector is None:
            return every
        return selection.select(self.population, selector, self.matcher)

    def heed(self, tick: int) -> None:
        """New options hold from a tick on: the focus must exist, the lock moves the machine."""
        focus, lock = self.options.focus_dimension, self.options.lock_dimension
        if focus is not None or self.options.focus_probability:
            self._at_level("--focus-dimension", focus or 0)
        if lock is not None:
            locked = self._at_level("--lock-dimension", lock).id
            if locked != self.state.automaton:
                self.state.automaton, self.state.entered = locked, tick

    def _operating(self, tick: int) -> tuple[Automaton | None, int, int]:
        """The automaton whose operator works this tick, its row and dimension."""
        if self.options.operator is not None:
            return None, self.rows[""], 0
        if not self.current:
            message = (
                "nothing to step: input has left the log without an automaton object; "
                "`--operator TERM` runs its terms without a machine"
            )
            raise NothingToRunError(message)
        automaton = self.program.automata[self.current]
        if self.options.focus_probability:
            word = philox.words(self.options.seed, tick, 0, philox.FOCUS)[0]
            if int(word) < self.options.focus_probability:
                focus = self.options.focus_dimension or 0
                automaton = self.program.at_level(focus) or automaton
        return automaton, self.rows[automaton.id], automaton.level

    @property
    def current(self) -> str:
        """The current automaton's id ("" without one); a lost one falls to the lowest.

        Under an operator of the options there is no machine: it stays where it was.
        """
        current = self.state.automaton
        if current is None or self.options.operator is not None or not self.program.automata:
            return ""
        return current if current in self.program.automata else self.program.lowest().id

    def dimension(self) -> int:
        """The current automaton's dimension, 0 without a machine."""
        return self.program.automata[self.current].level if self.current else 0

    def _operator_of(self) -> Places:
        """By place: the row of the operator that the first matching rule puts there, or -1."""
        rules = self.program.rules.values()
        if not rules:
            return np.empty(0, dtype=np.int32)
        chosen = np.full(self.options.max_objects, -1, dtype=np.int32)
        for rule in reversed(rules):
            places = selection.select(self.population, rule.match, self.matcher)
            chosen[places] = self.rows[rule.id]
        return chosen

    # -- the fold ----------------------------------------------------------

    def fold(  # noqa: PLR0913, PLR0917 - a batch is made of these
        self, tick: int, accepted: Sequence[NamedObject], winners: Entrants, level: int,
        made: Sequence[ActionLine], lost: Sequence[Remembered] = (),
    ) -> None:  # fmt: skip
        """The lines of a batch enter, in the order in which they stand in it.

        `lost`: what enters the window of the archive, where streams compete.
        """
        number = 0
        if self.streams is not None:
            self.streams.credit(tick, winners.index, winners.places_a, winners.places_b)
        for found in accepted:
            number = self._renew(found, tick, number)
        if len(winners.slots):
            self.population.enter(tick, winners, level, MODIFICATION)
        if len(winners.slots) and self.streams is not None:
            self.streams.entered(tick, winners)
        for line in made:
            if line.words is not None:
                self._enter_made(tick, line, line.words)
            elif line.found is not None:
                number = self._renew(line.found, tick, number)
        if self.streams is not None:
            self.streams.remember(tick, lost)
        if accepted or any(line.found for line in made):
            self._sync_operators()

    def _enter_made(self, tick: int, line: ActionLine, words: Words) -> None:
        """A composed term enters like a winner of its slot."""
        slot = np.array([line.slot], dtype=np.int64)
        size, steps = np.array([[len(words)], [line.steps]], dtype=np.int32)
        at = np.zeros(1, dtype=np.int64)
        draws = place_draws(self.options.seed, tick, philox.PLACE, slot)
        entering = Entrants(slot, at, words, at, size, steps, draws)
        self.population.enter(tick, entering, line.level, COMPOSITION)
        if self.streams is not None:
            for place in self.population.entered[1]:
                self.streams.sense(tick, int(place))

    def _renew(self, found: NamedObject, tick: int, number: int) -> int:
        """A named object's new version replaces the old; returns the next draw's number."""
        self.program.learn(found.id, found.members)
        last = self.spans.pop(found.id, 0)
        fresh = self._terms_of(found)
        self.population.drop(_names_but(found.id, last, fresh.numbers))
        for count, term in enumerate(fresh, 1):
            if count % WATCHED_SPANS == 0:
                self.reader.watch()
            seed = self.options.seed
            place = self.population.add_named(term, seed, tick, number, philox.ACCEPTED)
            if self.streams is not None and place >= 0:
                self.streams.sense(tick, place)
            number += 1
        return number

    def _terms_of(self, found: NamedObject) -> Terms:
        """An object's terms; the highest number of its spans is remembered."""
        fresh = self.reader.terms_of(found)
        if fresh and fresh.numbers[-1]:
            self.spans[found.id] = fresh.numbers[-1]
        return fresh

    def _sync_operators(self) -> None:
        """Every automaton and rule has its operator in a row of its own."""
        definitions: list[Automaton | Rule] = [*self.program.automata.values()]
        definitions += self.program.rules.values()
        for definition in definitions:
            named = NamedTerm(json_edit.quote(definition.id)[1:-1], definition.operator, "operator")
            row = self.rows.get(definition.id)
            if row is None:
                self.rows[definition.id] = self.population.add_operator(named)
            elif not np.array_equal(self.population.words(row), definition.operator):
                self.population.set_operator(row, named)


def _names_but(object_id: str, last: int, numbers: Sequence[int]) -> Iterable[bytes]:
    """The names that an object's terms may have, up to a span's number, but for some.

    `numbers` ascend; 0, the object's own term, is then the only one.
    """
    name = json_edit.quote(object_id)[1:-1]
    if not numbers or numbers[0]:
        yield name
    at = 0
    for number in range(1, last + 1):
        while at < len(numbers) and numbers[at] < number:
            at += 1
        if at == len(numbers) or numbers[at] != number:
            yield name + b"#%d" % number
