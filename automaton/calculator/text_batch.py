"""Many terms, one a line of text: read, reduced and printed by kernels in threads.

Answers come in the order of their lines and in bounded memory, whatever the
size of the text or of the normal forms. A line that the kernels decline (see
`kernels.text.term_reader`) is read by `automaton.terms.notation`, whose word it is what a term
is; a line that it refuses is answered with the reason. Opens no files and
prints nothing.

Longer than 300 lines: reading, reducing and printing of a segment share one buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from automaton.calculator.answer_lines import FAILED, ROWS, Answer, AnswerLayout
from automaton.calculator.definition_lines import DefinitionLines
from automaton.calculator.line_ends import with_newlines
from automaton.compute.budgets import MOST_STEPS, Budgets, MachineScratch
from automaton.compute.machines import WORK, MachineResult, Machines, is_undecided, plain_steps
from automaton.errors import TermError
from automaton.terms.arrays import Words
from automaton.terms.bindings import Lookup, split_definitions
from automaton.terms.encodings import numeral_value
from automaton.terms.notation import NOTATIONS, format_term, parse_question, printed_in
from automaton.terms.packed import VAR, free_variables
from automaton.terms.parser import MAX_FREE
from automaton.workers import Threads, available_cores
from automaton.workers.sharding import SHARDS_PER_WORKER
from kernels import cpu
from kernels.terms import reduce
from kernels.text import term_reader, term_writer, variable_names, winner_lines

#: Longest line in bytes, as for logs.
LONGEST_LINE = 16 << 20
#: Bytes of text a thread's turn is about: enough that handing it out costs nothing.
SEGMENT = 1 << 17
#: The least that is worth a turn of its own.
_LEAST_SEGMENT = 1 << 12
#: Lines that are read, reduced and printed at once: their words stay in the cache.
_MOST_LINES = 1 << 12
#: A turn ends when so many bytes of answers wait for their place in the order ...
_HELD = 1 << 22
#: ... or after so many beta steps, 0.2 s: an interrupt waits no longer.
_TURN_STEPS = 1 << 22
#: Beta steps that a piece of lines should take at most; the next is half as long.
_PIECE_STEPS = 1 << 20
#: Longest line that the kernel reads, and the nodes that no such line exceeds.
_LONGEST_READ = LONGEST_LINE + 1
MOST_NODES = 2 * LONGEST_LINE

_NONE = np.empty(0, dtype=np.int64)

#: In the order that `kernels.text.term_writer` has them.
FIELDS = ("term", "numeral", "steps", "size", "outcome")


def columns(layout: AnswerLayout) -> tuple[Any, ...]:
    """A layout's text, mark, fields and names as `kernels.text.term_writer` takes them."""
    before = [*layout.parts, layout.missing, layout.around]
    encoded = [part.encode() for part in (*before, *reduce.OUTCOMES, WORK)]
    mark = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    text = np.frombuffer(b"".join(encoded) + bytes(2 * winner_lines.SPARE), dtype=np.uint8)
    numbers = np.array([FIELDS.index(name) for name in layout.fields], dtype=np.int64)
    return text, mark, numbers, len(before)


@dataclass
class Segment:
    """A stretch of whole lines, answered up to `low`, and answers that wait."""

    text: bytes
    low: int
    high: int
    definitions: DefinitionLines
    answers: list[bytes] = field(default_factory=list)
    held: int = 0  # bytes of them
    refused: int = 0  # lines
    first: tuple[int, str] | None = None  # where the first of these begins, and the reason
    exceeded: int = 0  # lines whose term has no normal form within the budgets
    first_exceeded: tuple[int, str] | None = None  # where the first begins, and the outcome

    def __post_init__(self) -> None:
        assert self.text.endswith(b"\n", self.low, self.high), "a segment ends with its line"

    @property
    def done(self) -> bool:
        """Whether every line is answered."""
        return self.low >= self.high

    def add(self, answers: bytes) -> None:
        """Keep answers until those before them are out."""
        self.answers.append(answers)
        self.held += len(answers)

    def refuse(self, begin: int, reason: str) -> None:
        """Count a line that holds no term."""
        self.refused += 1
        self.first = self.first or (begin, reason)

    def exceed(self, begin: int, outcome: str, lines: int = 1) -> None:
        """Count lines, the first of which begins there, whose terms exceed a budget."""
        self.exceeded += lines
        self.first_exceeded = self.first_exceeded or (begin, outcome)

    def release(self) -> bytes:
        """The answers that wait, which are then forgotten."""
        answers, self.answers, self.held = self.answers, [], 0
        return b"".join(answers)


class TextReducer:
    """One thread's scratch; pages that nothing touched cost nothing."""

    def __init__(self, budgets: Budgets, notation: str, layout: AnswerLayout = ROWS) -> None:
        self.budgets, self.notation, self.layout = budgets, notation, layout
        plain = budgets._replace(max_steps=plain_steps(budgets))
        self._limits = (plain.max_steps, plain.max_size, plain.max_depth)
        self._machines: Machines | None = None
        self._machine = MachineScratch.of(plain, MAX_FREE)
        self._words, self._normal = _ints(MOST_NODES, max(2 * budgets.max_size, 1 << 18))
        self._free, self._sizes = _ints(*[_MOST_LINES] * 2)
        self._steps = np.empty(_MOST_LINES, dtype=np.int64)
        self._names = _ints(_MOST_LINES, *[_MOST_LINES * variable_names.FREE] * 2)
        self._begins, self._ends, self._starts, self._places = (
            np.empty(_MOST_LINES, dtype=np.int64) for _ in range(4)
        )
        self._outcomes = np.empty(_MOST_LINES, dtype=np.uint8)
        keys = np.empty(term_reader.SCOPES, dtype=np.uint64)
        self._reading = (
            *_ints(*[_LONGEST_READ] * 3),
            keys,
            *_ints(term_reader.SCOPES, term_reader.SCOPES),
        )
        self._columns = columns(layout)
        self._buffer = np.empty(
            max(1 << 20, term_writer.NODE * budgets.max_size + 1024), dtype=np.uint8
        )
        self._stack, self._taken = _ints(2 * budgets.max_size, variable_names.FREE)
        self._number = NOTATIONS.index(notation)
        self._most = min(64, _MOST_LINES)  # lines of the next piece

    def question(self, text: str) -> Answer:
        """The answer to one term, behind the definitions of its names in lines of their own."""
        if self.notation != "lambda":
            return self.answer(text)
        bindings, term = split_definitions(text)
        return self.answer(term, bindings.before(len(text)) if bindings else None)

    def answer(self, text: str, known: Lookup | None = None) -> Answer:
        """The answer to one term, read and printed without kernels."""
        words, free_names = parse_question(text, self.notation, known, MOST_NODES)
        free = np.array([free_variables(words)], dtype=np.int32)
        normal: Words = np.empty(self.budgets.max_size, dtype=np.int32)
        outcomes, (sizes,) = np.empty(1, dtype=np.uint8), _ints(1)
        steps, places = (np.zeros(1, dtype=np.int64) for _ in range(2))
        cpu.compiled(reduce.reduce_terms)(
            words, places.copy(), free, 0, 1, *self._limits, normal, len(normal),
            outcomes, steps, sizes, places, *self._machine,
        )  # fmt: skip
        answer, size = Answer(reduce.OUTCOMES[outcomes[0]], int(steps[0])), int(sizes[0])
        if is_undecided(outcomes[0], self.budgets):
            found = self.machines.reduce(words, 0, int(free[0]))
            answer, size, normal = told(found), len(found.words), found.words
        if answer.outcome != reduce.OUTCOMES[reduce.NORMAL]:
            return answer
        form = normal[:size]
        term = format_term(form, printed_in(self.notation, words, free_names), free_names)
        return replace(answer, size=size, term=term, numeral=numeral_value(form))

    @property
    def machines(self) -> Machines:
        """Those for terms that take many steps, made when they are first asked for."""
        if self._machines is None:
            self._machines = Machines(self.budgets)
        return self._machines

    def turn(self, segment: Segment) -> None:
        """Answer lines until the segment is done or has had its turn."""
        text = np.frombuffer(segment.text, dtype=np.uint8)
        steps = 0
        while not segment.done and segment.held < _HELD and steps < _TURN_STEPS:
            steps += self._piece(segment, text)

    def _piece(self, segment: Segment, text: Any) -> int:
        """Answer the next few lines; the beta steps that they took."""
        count, behind, _ = cpu.compiled(term_reader.read_lines)(
            text, segment.low, segment.high, self._most, self._number, self._words,
            self._begins, self._ends, self._starts, self._free, *self._names, *self._reading,
        )  # fmt: skip
        left = self._leave_names(count) if segment.definitions.bindings else _NONE
        done = steps = 0
        while done < count and segment.held < _HELD and steps < _TURN_STEPS:
            upto = self._reduce(done, count)
            self._free[left[(left >= done) & (left < upto)]] = variable_names.DECLINED
            done, made = self._write_decided(segment, text, done, upto)
            steps += made
        segment.low = int(behind if done == count else self._begins[done])
        self._most = max(1, self._most // 2) if steps > _PIECE_STEPS else self._most * 2
        self._most = min(self._most, _MOST_LINES)
        return steps

    def _leave_names(self, count: int) -> Any:
        """The lines with free names, which are read by hand where names stand for terms.

        For the kernels they are one free variable until then, which costs no step.
        """
        rows = np.flatnonzero(self._names[0][:count])
        self._words[self._starts[rows]] = VAR
        self._free[rows] = 1
        return rows

    def _reduce(self, low: int, high: int) -> int:
        """Normalise terms low..high-1 as far as there is room; the first one left."""
        upto = cpu.compiled(reduce.reduce_terms)(
            self._words, self._starts, self._free, low, high, *self._limits,
            self._normal, len(self._normal),
            self._outcomes, self._steps, self._sizes, self._places, *self._machine,
        )  # fmt: skip
        return int(upto)

    def _write_decided(self, segment: Segment, text: Any, low: int, high: int) -> tuple[int, int]:
        """Keep the lines of the answers low..high-1, and let the other machines decide the rest.

        Returns the first one left, where the turn has made its steps, and the steps.
        """
        steps = int(self._steps[low:high].sum())
        undecided: list[int] = []
        if plain_steps(self.budgets) != self.budgets.max_steps:
            undecided = (np.flatnonzero(self._outcomes[low:high] == reduce.STEPS) + low).tolist()
        for i in undecided:
            self._write(segment, text, low, i)
            low = i + 1
            if self._free[i] == variable_names.DECLINED:
                segment.add(self._by_hand(segment, i))
                continue
            start, free = int(self._starts[i]), int(self._free[i])
            found = self.machines.reduce(self._words, start, free)
            self._write_decision(segment, text, i, found)
            steps += found.made
            if steps >= _TURN_STEPS or segment.held >= _HELD:
                return low, steps
        self._write(segment, text, low, high)
        return high, steps

    def _write_decision(self, segment: Segment, text: Any, i: int, found: MachineResult) -> None:
        """Keep the line of an answer that took many steps."""
        answer, normal = told(found), found.outcome == reduce.OUTCOMES[reduce.NORMAL]
        self._outcomes[i] = (*reduce.OUTCOMES, WORK).index(found.outcome)
        self._steps[i], self._sizes[i] = answer.steps, len(found.words)
        self._places[i] = 0 if normal else -1
        layout = columns(self.layout.of(answer))
        _, size = self._print(text, i, i + 1, found.words, layout)
        if size and not normal:
            segment.exceed(int(self._begins[i]), found.outcome)
        segment.add(self._buffer[:size].tobytes() if size else self._by_hand(segment, i))

    def _write(self, segment: Segment, text: Any, low: int, high: int) -> None:
        """Keep the lines of the answers low..high-1."""
        while low < high:
            upto, size = low, 0
            if self._free[low] != variable_names.DECLINED:
                upto, size = self._print(text, low, high, self._normal, self._columns)
                segment.add(self._buffer[:size].tobytes())
                over = low + np.flatnonzero(self._outcomes[low:upto] != reduce.NORMAL)
                if len(over):
                    outcome = reduce.OUTCOMES[self._outcomes[over[0]]]
                    segment.exceed(int(self._begins[over[0]]), outcome, len(over))
            if not size:
                segment.add(self._by_hand(segment, low))
                upto += 1
            low = upto

    def _print(
        self, text: Any, low: int, high: int, normal: Words, layout: tuple[Any, ...]
    ) -> tuple[int, int]:
        """Fill the buffer with the lines of answers; the first one left, and the bytes."""
        upto, size = cpu.compiled(term_writer.write_lines)(
            low, high, self._number, self._free, self._outcomes, self._steps, self._sizes,
            self._places, normal, text, *self._names, *layout,
            self._buffer, self._stack, self._taken,
        )  # fmt: skip
        return int(upto), int(size)

    def _by_hand(self, segment: Segment, i: int) -> bytes:
        """The line of an answer that the kernels did not make; none for an empty line."""
        begin, end = int(self._begins[i]), int(self._ends[i])
        try:
            text = term_text(segment.text[begin:end])
            if not text or segment.definitions.is_one(begin):
                return b""
            answer = self.answer(text, segment.definitions.known_at(begin))
            if answer.size is None:
                segment.exceed(begin, answer.outcome)
            return self.layout.line(answer)
        except TermError as error:
            segment.refuse(begin, str(error))
            return self.layout.line(Answer(FAILED, reason=str(error)))


def told(found: MachineResult) -> Answer:
    """What a machine found, without the term."""
    more = found.steps is None
    steps = MOST_STEPS if found.steps is None else found.steps
    return Answer(found.outcome, steps, more_steps=more, made=found.made, cells=found.cells)


def _ints(*lengths: int) -> tuple[Words, ...]:
    return tuple(np.empty(length, dtype=np.int32) for length in lengths)


def term_text(raw: bytes) -> str:
    """The text of a line without what only looks like nothing; empty where there is no term."""
    if len(raw) > LONGEST_LINE:
        raise TermError(f"longer than {LONGEST_LINE} bytes; put fewer terms on a line")
    try:
        return raw.decode().removeprefix("\ufeff").rstrip()
    except UnicodeDecodeError as error:
        raise TermError(f"not UTF-8 at byte {error.start + 1}") from None


def whole_lines(take: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """Chunks that end with a newline, of what `take(size)` gives until it gives nothing.

    Line ends are newlines then: a carriage return with one or alone ends a line too.
    Of a line that is too long as much is kept as shows that it is.
    """
    begun = bytearray()
    for piece in with_newlines(take, size):
        end = piece.rfind(b"\n") + 1
        if end:
            yield bytes(begun + piece[:end])
            begun = bytearray(piece[end:])
        elif len(begun) <= LONGEST_LINE:
            begun += piece
    if begun:
        yield bytes(begun + b"\n")


class TextBatch:
    """The answers to a text; afterwards, what of it could not be read or answered."""

    def __init__(
        self, budgets: Budgets, notation: str, layout: AnswerLayout, threads: int | None = None
    ) -> None:
        self.refused = 0  # lines
        self.first: tuple[int, str] | None = None  # number of the first of these, and the reason
        self.exceeded = 0  # lines whose term has no normal form within the budgets
        self.first_exceeded: tuple[int, str] | None = None  # number of the first, its outcome
        self._lines = 0
        self._definitions = DefinitionLines(defines=notation == "lambda")
        count = threads or available_cores()
        self._parts = count * SHARDS_PER_WORKER
        self._pool = Threads(count, lambda: TextReducer(budgets, notation, layout))

    @property
    def chunk_size(self) -> int:
        """Bytes of text that keep the threads busy for a while."""
        return SEGMENT * self._parts

    def answers(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The lines of the answers to the lines of `chunks`, each of which ends with a newline."""
        try:
            for chunk in chunks:
                self._definitions.enter(chunk, term_text)
                segments = self._segments(chunk)
                yield from self._in_order(segments)
                self._account(chunk, segments)
                self._definitions.leave(chunk)
        finally:
            self._pool.close()

    def _segments(self, chunk: bytes) -> list[Segment]:
        """The chunk in stretches of about equal length."""
        parts = max(1, min(self._parts, len(chunk) // _LEAST_SEGMENT))
        inner = (chunk.find(b"\n", len(chunk) * k // parts) + 1 for k in range(1, parts))
        edges = pairwise([0, *inner, len(chunk)])
        return [Segment(chunk, low, high, self._definitions) for low, high in edges if low < high]

    def _in_order(self, segments: Iterable[Segment]) -> Iterator[bytes]:
        """The answers of the segments; a turn of each that may have one is a round."""
        waiting = list(segments)
        while waiting:
            turns = [s for s in waiting if not s.done and s.held < _HELD]
            self._round(turns)
            while waiting:
                yield waiting[0].release()
                if not waiting[0].done:
                    break
                del waiting[0]

    def _round(self, turns: list[Segment]) -> None:
        def turn(number: int, _next: int, worker: TextReducer) -> int:
            worker.turn(turns[number])
            return 0

        if turns:
            self._pool.run(turn, len(turns), size=1)

    def _account(self, chunk: bytes, segments: list[Segment]) -> None:
        """Count the lines, and those that could not be read."""
        for segment in segments:
            self.refused += segment.refused
            if segment.first and not self.first:
                begin, reason = segment.first
                self.first = (self._lines + chunk.count(b"\n", 0, begin) + 1, reason)
            self.exceeded += segment.exceeded
            if segment.first_exceeded and not self.first_exceeded:
                begin, outcome = segment.first_exceeded
                number = self._lines + chunk.count(b"\n", 0, begin) + 1
                self.first_exceeded = (number, outcome)
        self._lines += chunk.count(b"\n")
