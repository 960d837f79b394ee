"""Several syntheses at once: terms that solve a problem, from building blocks of a log.

Each synthesis is a way of searching with a dimension and a stream of its own. They
advance in rounds of about equally many beta steps; what they find is checked on the
pairs held back, and the answer is a function of problem, snapshot, seed and budget,
not of how many threads there are. Knows no command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from automaton.synthesis.components import STREAMS, Component, ComponentLibrary, operators
from automaton.synthesis.enumeration import FormEnumerator, FormHit, SearchSlice, Sketch
from automaton.synthesis.evaluation import Evaluator, Examples, tried
from automaton.synthesis.evolution import EvolutionarySearch, SearchSettings
from automaton.synthesis.problem import Problem
from automaton.synthesis.solution import Checker, Solution
from automaton.terms.arrays import Words
from automaton.workers import Threads
from kernels.terms import enumerate_forms

#: Beta steps of a synthesis in the first round and at most in one (each is twice the one
#: before), and in all of them unless said otherwise.
LEAST, ROUND, BUDGET = 1 << 17, 1 << 22, 1 << 27
#: Beta steps that a closed term takes in a plain enumeration, about.
STEPS_PER_TERM = 8
#: Rounds after that of the first solution: twice as many as it took, but at most this.
MORE = 12
#: Ways of searching, in turn; the first two synthesise without building blocks.
PLAIN = ("led", "forms")
WAYS = ("blocks", "reactions", "variations", "led blocks")
#: Blocks that a synthesis begins with, in turn.
POOLS = (24, 8, 14)
#: In four candidates of a way, so many are reactions.
_QUARTERS = {"reactions": 4, "variations": 1}


@dataclass(frozen=True)
class Settings:
    """How much is searched; `wanted` solutions end it, `parallel` changes no answer."""

    domains: int = 15
    parallel: int = 10
    seed: int = 0
    budget: int = BUDGET  # beta steps a synthesis
    wanted: int = 5


@dataclass
class Synthesis:
    """One search: where it looks, how far it is, what it found."""

    number: int
    way: str
    dimension: int | None
    stream: str
    blocks: int
    search: FormEnumerator | EvolutionarySearch
    candidates: int = 0
    steps: int = 0
    fitted: int = 0  # candidates right on the pairs to learn from
    refuted: int = 0  # of these, wrong on a pair held back
    found: dict[bytes, Solution] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "number": self.number, "way": self.way, "dimension": self.dimension,
            "stream": self.stream, "blocks": self.blocks, "candidates": self.candidates,
            "beta_steps": self.steps, "fitted": self.fitted, "refuted": self.refuted,
            "found": len(self.found),
        }  # fmt: skip

    def keep(self, solution: Solution, hit: FormHit, most: int) -> None:
        """Keep a solution with its lineage, if it is new and among the `most` best."""
        key = solution.words.tobytes()
        worst = max(self.found.values(), key=lambda s: s.order, default=None)
        full = worst is not None and len(self.found) >= most
        if key in self.found or (full and worst is not None and worst.order < solution.order):
            return
        if full and worst is not None:
            del self.found[worst.words.tobytes()]
        self.found[key] = replace(solution, made=hit.told())

    def ended(self, settings: Settings) -> bool:
        """Whether nothing more is to be tried; what comes in order of size ends with enough."""
        enough = isinstance(self.search, FormEnumerator) and len(self.found) >= settings.wanted
        return enough or self.steps >= settings.budget or self.search.ended


class SearchPortfolio:
    """All syntheses of a problem on a snapshot, and what the snapshot knows already."""

    def __init__(
        self, problem: Problem, stock: ComponentLibrary, settings: Settings, *, known: bool = False
    ) -> None:
        self.problem, self.settings, self.uses_known = problem, settings, known
        self.rounds = 0
        self.stopped = False
        self._checker = Checker(problem)
        self._examples = Examples.of(problem.pairs, problem.pattern)
        self.first = 0  # round in which the first solution was found, 0: none yet
        self.first_candidates = 0  # that all syntheses had tried by then
        self.known = self._solving(stock)
        rows = np.array([place for place, _ in self.known], dtype=np.int32)
        self._stock = stock if known else stock.without(rows)
        self._own = Evaluator(problem)
        self.syntheses = [self._synthesis(number) for number in range(settings.domains)]

    @property
    def candidates(self) -> int:
        """Candidates that all syntheses tried."""
        return sum(synthesis.candidates for synthesis in self.syntheses)

    @property
    def steps(self) -> int:
        """Beta steps that all syntheses made."""
        return sum(synthesis.steps for synthesis in self.syntheses)

    @property
    def allowance(self) -> int:
        """Candidates of a plain enumeration that may make about as many beta steps in all."""
        return self.settings.domains * self.settings.budget // STEPS_PER_TERM

    # -- before ------------------------------------------------------------

    def _solving(self, stock: ComponentLibrary) -> list[tuple[int, str]]:
        """Places and names of the snapshot's terms that solve the problem as they are."""
        own = Evaluator(self.problem)
        blocks = [stock.block(place) for place in stock.places.tolist()]
        if not blocks:
            return []
        right = tried(self._examples, [block.words for block in blocks], own.quick).right
        solving = np.flatnonzero(right == len(self._examples)).tolist()
        return [
            (int(stock.places[k]), blocks[k].name)
            for k in solving
            if self._checker.solution(FormHit(blocks[k].words), own, -1)
        ]

    def _synthesis(self, number: int) -> Synthesis:
        """The synthesis of a number: a combination of way, dimension and stream."""
        streams, dimensions = list(STREAMS), self._stock.dimensions
        if number < len(PLAIN):
            search = FormEnumerator(self._examples, self._sketch(PLAIN[number]))
            return Synthesis(number, PLAIN[number], None, "-", 0, search)
        k = number - len(PLAIN)
        turn, at = divmod(k, len(WAYS))
        way, (lap, step) = WAYS[at], divmod(turn, len(dimensions))
        dimension = dimensions[(step + 2 * at) % len(dimensions)]
        stream = streams[(lap + step + at) % len(streams)]
        pool = self._stock.pool(dimension, stream, number, POOLS[k % len(POOLS)])
        return Synthesis(
            number, way, dimension.level, stream, len(pool),
            self._search(way, number, stream, operators(dimension, self._solves), pool),
        )  # fmt: skip

    def _search(
        self,
        way: str,
        number: int,
        stream: str,
        using: Sequence[Component],
        pool: Sequence[Component],
    ) -> FormEnumerator | EvolutionarySearch:
        if way in _QUARTERS:
            quarters, seed = _QUARTERS[way], self.settings.seed
            manner = SearchSettings(number, seed, stream, quarters)
            return EvolutionarySearch(self._examples, manner, using, pool)
        return FormEnumerator(self._examples, self._sketch(way.partition(" ")[0]), pool)

    def _sketch(self, way: str) -> Sketch:
        """What is common to the candidates of a way, by what inputs and outputs are."""
        inputs, lambdas = self.problem.arity, self.problem.lambdas
        if way != "led" or not inputs:
            return Sketch(inputs, enumerate_forms.FORM)
        return Sketch(inputs + lambdas, enumerate_forms.LED, lambdas, lambdas + inputs)

    def _solves(self, words: Words) -> bool:
        """Whether an operator is a solution itself: then nothing is made with it."""
        return self._checker.solution(FormHit(words), self._own, -1) is not None

    # -- the search --------------------------------------------------------

    def run(self, show: Callable[[SearchPortfolio], None] = lambda _lab: None) -> list[Solution]:
        """Search until enough is found, the budget is used up, or `stop` was called."""
        pool = Threads(self.settings.parallel, lambda: Evaluator(self.problem))
        try:
            while not self._over():
                self._round(pool)
                show(self)
        finally:
            pool.close()
        return self.solutions()

    def stop(self) -> None:
        """End `run` after the round under way; safe in a signal handler."""
        self.stopped = True

    def solutions(self) -> list[Solution]:
        """The distinct solutions of all syntheses, the best first."""
        distinct: dict[bytes, Solution] = {}
        for synthesis in self.syntheses:
            for key, found in synthesis.found.items():
                if key not in distinct or found.order < distinct[key].order:
                    distinct[key] = found
        return sorted(distinct.values(), key=lambda s: s.order)[: self.settings.wanted]

    def _over(self) -> bool:
        """After the first solution some more rounds are made: better ones may come."""
        enough = self.first and self.rounds >= self.first + min(2 * self.first, MORE)
        return bool(self.stopped or enough or not self._living())

    def _living(self) -> list[Synthesis]:
        return [s for s in self.syntheses if not s.ended(self.settings)]

    def _round(self, pool: Threads) -> None:
        """A slice of every synthesis under way; then they take over what others have."""
        living = self._living()

        def advance(low: int, _high: int, own: Evaluator) -> int:
            synthesis = living[low]
            left = self.settings.budget - synthesis.steps
            due = min(LEAST << min(self.rounds, 8), ROUND, left)
            self._account(synthesis, synthesis.search.slice(own.quick, due), own)
            return 0

        pool.run(advance, len(living), size=1)
        self.rounds += 1
        if not self.first and any(s.found for s in self.syntheses):
            self.first, self.first_candidates = self.rounds, self.candidates
        self._exchange()

    def _account(self, synthesis: Synthesis, tried_: SearchSlice, own: Evaluator) -> None:
        """Check what fits the pairs, and count."""
        synthesis.candidates += tried_.candidates
        synthesis.steps += tried_.steps
        for hit in tried_.hits:
            if isinstance(synthesis.search, FormEnumerator) and synthesis.ended(self.settings):
                break
            synthesis.fitted += 1
            solution = self._checker.solution(hit, own, synthesis.number)
            if solution is None:
                synthesis.refuted += 1
            else:
                synthesis.keep(solution, hit, self.settings.wanted)

    def _exchange(self) -> None:
        breeding = [s.search for s in self.syntheses if isinstance(s.search, EvolutionarySearch)]
        best = [search.best() for search in breeding]
        for number, search in enumerate(breeding):
            others = best[:number] + best[number + 1 :]
            search.take([row for rows in others for row in rows], self._own.quick)
