"""The snapshot a tick starts from: definitions, population and state together.

How it begins, and what changes with new options. Pure: lines arrive as values, and
nothing here knows a file, a clock or a device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from automaton.backends.batch import Battery
from automaton.chemistry.streams import Streams
from automaton.errors import DamagedError, NothingToRunError, UsageError
from automaton.format import json_edit, stream_options
from automaton.format.machine_state import MachineState
from automaton.format.objects import NamedObject
from automaton.format.options import Options
from automaton.format.stream_options import FIXED_ONE
from automaton.format.versions import NEWEST, Format
from automaton.population import Population, selection
from automaton.population.selection import Matcher
from automaton.program import NamedTerm, TermExtractor
from automaton.program.definitions import Automaton, Program, Rule
from automaton.program.term_extraction import Terms, Watch
from automaton.terms import encodings, notation
from automaton.terms.arrays import Words


@dataclass(frozen=True)
class ActionLine:
    """A line that an action made: its bytes, and what it changes in the snapshot."""

    line: bytes
    found: NamedObject | None = None  # a new version of a named object
    slot: int = -1  # >= 0: a term that enters like a winner, under the id m<tick>.<slot>
    words: Words | None = None
    steps: int = 0
    level: int = 0
    kind: str = "composition"  # the type of a line that enters


class World:
    """Everything that the next tick depends on."""

    def __init__(self, options: Options, prefix: str = "", form: Format = NEWEST) -> None:
        self.options = options
        self.prefix = prefix
        self.format = form
        self.program = Program(options.max_size, graph=options.graph)
        self.population = Population(options.max_objects, prefix)
        self.selections = selection.Selections(self.population)
        self.state = MachineState()
        self.matcher: Matcher = selection.ON_CPU
        self.rows: dict[str, int] = {}  # rows of operators, by automaton's or rule's id
        self.trial_row = self.population.add_operator(
            NamedTerm(b"trial", encodings.IDENTITY, "trial")
        )
        self.reader = TermExtractor(options.max_size, graph=options.graph)
        self.streams: Streams | None = None
        self.battery: Battery | None = None  # the program's amplifiers, once they are read
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
        self.sync_operators()
        if self.options.operator is not None:
            self._use_operator(self.options.operator, run)
        else:
            self._start_machine()
        self._begin_streams()

    def use_matcher(self, matcher: Matcher) -> None:
        """Who looks at terms from now on: that of the device which computes the ticks."""
        self.matcher = matcher

    def begin_run(self, options: Options, number: int, tick: int) -> None:
        """The options of the run record with this number take effect, from its tick on.

        A focus must exist, a lock moves the machine; both where there is a machine.
        """
        self._use_options(options, number)
        if self.current:
            self._heed(tick)

    def _use_options(self, options: Options, run: int) -> None:
        before, self.options = self.options, options
        if (before.streams, before.salience) != (options.streams, options.salience):
            self._begin_streams()
        self.program.max_size = options.max_size
        self.reader = TermExtractor(
            options.max_size, self.reader.skipped, self.reader.watch, graph=options.graph
        )
        if options.operator is not None:
            self._use_operator(options.operator, run)
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

    def _use_operator(self, text: str, run: int) -> None:
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
            for term in self.terms_of(found):
                count += 1
                if count <= cap:
                    yield term
        if count > cap:
            message = (
                f"the log holds {count} terms, more than --max-objects {cap}; "
                f"raise it to at least {count}"
            )
            raise UsageError(message)

    def _heed(self, tick: int) -> None:
        focus, lock = self.options.focus_dimension, self.options.lock_dimension
        if focus is not None or self.options.focus_probability:
            self._at_level("--focus-dimension", focus or 0)
        if lock is not None:
            locked = self._at_level("--lock-dimension", lock).id
            if locked != self.state.automaton:
                self.state.automaton, self.state.entered = locked, tick

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

    def terms_of(self, found: NamedObject) -> Terms:
        """An object's terms; the highest number of its spans is remembered."""
        fresh = self.reader.terms_of(found)
        if fresh and fresh.numbers[-1]:
            self.spans[found.id] = fresh.numbers[-1]
        return fresh

    def sync_operators(self) -> None:
        """Every automaton and rule has its operator in a row of its own."""
        self.battery = None
        definitions: list[Automaton | Rule] = [*self.program.automata.values()]
        definitions += self.program.rules.values()
        for definition in definitions:
            named = NamedTerm(json_edit.quote(definition.id)[1:-1], definition.operator, "operator")
            row = self.rows.get(definition.id)
            if row is None:
                self.rows[definition.id] = self.population.add_operator(named)
            elif not np.array_equal(self.population.words(row), definition.operator):
                self.population.set_operator(row, named)
