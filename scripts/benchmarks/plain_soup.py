"""What somebody writes in an afternoon: the same soup as a loop over a dictionary.

Terms of the shipped log react by application, within the budgets of a run, reduced by
the textbook reducer; what comes of it takes the place of a term and is appended as a line
of JSON. Once as a loop, and once with its reactions dealt to `multiprocessing.Pool`, in
shards of so many slots. It keeps no chain, knows no machine, and replays nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from automaton.terms import notation, reference
from automaton.terms.arrays import Words
from automaton.terms.packed import apply
from scripts.benchmarks.common import SHIPPED, Benchmark, Command, Figures

#: Rounds of a tick, ticks, slots of a shard: small, since a candidate takes a fifth of a
#: millisecond.
ROUNDS, TICKS, SHARD = 1024, 2, 128
STEPS, SIZE, DEPTH = 500, 256, 256  # budgets, as of a run
NODES = 1024  # of a term on the way, above which it is given up: else most time goes there
LIVE = 20_000
Pair = tuple[Words, Words]
Product = tuple[int, Words] | None  # beta steps and normal form


def terms() -> dict[int, Words]:
    """The terms of the shipped log by place."""
    objects = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    return dict(enumerate(notation.parse(o["term"]) for o in objects if "term" in o))


def react(pair: Pair) -> Product:
    """One reaction."""
    told = reference.reduce(apply(*pair), STEPS, SIZE, DEPTH, NODES)
    return None if told.words is None else (told.steps, told.words)


def react_all(pairs: list[Pair]) -> list[Product]:
    """A shard."""
    return [react(pair) for pair in pairs]


def soup(log: Path, deal: Callable[[list[list[Pair]]], Iterable[list[Product]]]) -> float:
    """Candidates a second of some ticks, whose shards somebody computes."""
    alive, drawn = terms(), random.Random(0)  # noqa: S311 - a soup is no secret
    begun = time.perf_counter()
    with log.open("w") as file:
        for tick in range(1, TICKS + 1):
            places = list(alive)
            pairs = [
                (alive[drawn.choice(places)], alive[drawn.choice(places)]) for _ in range(ROUNDS)
            ]
            shards = [pairs[k : k + SHARD] for k in range(0, ROUNDS, SHARD)]
            products = [product for done in deal(shards) for product in done]
            for slot, product in enumerate(products):
                if product is None:
                    continue
                steps, words = product
                place = len(alive) if len(alive) < LIVE else drawn.randrange(LIVE)
                alive[place] = words
                line = {"id": f"m{tick}.{slot}", "beta": steps, "term": notation.format_term(words)}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
    return ROUNDS * TICKS / (time.perf_counter() - begun)


def rates(turns: int, workers: int = 2) -> dict[str, float]:
    """Candidates a second of both, medians of some turns."""
    found: dict[str, list[float]] = {"dictionary": [], "multiprocessing.Pool": []}
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, spawn.Pool(workers) as pool:
        pool.map(react_all, [[]] * workers)  # the workers have started
        log = Path(folder) / "log.jsonl"
        for _ in range(turns):
            found["dictionary"].append(soup(log, lambda shards: map(react_all, shards)))
            found["multiprocessing.Pool"].append(
                soup(log, lambda shards: pool.map(react_all, shards))
            )
    return {name: round(statistics.median(each)) for name, each in found.items()}


def measure(asked: argparse.Namespace) -> Figures:
    """Both."""
    return {"candidates_per_s": rates(asked.turns)}


def show(figures: Figures) -> None:
    """A line each."""
    for name, rate in figures["candidates_per_s"].items():
        print(f"{name}: {rate:,} candidates/s")


BENCHMARK = Benchmark(
    measure,
    show,
    {"run, 64 rounds": Command("log.jsonl --ticks {n} --interval 0", n=400, quick=40)},
)
