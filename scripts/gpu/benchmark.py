"""The speed of the CUDA target: batches checked against the CPU's answers, then timed.

A part of scripts/gpu/check.py, which shows and writes what is measured here.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from automaton.compute import selftest
from automaton.terms import encodings
from automaton.terms.notation import parse
from automaton.terms.packed import apply
from kernels.terms import church

REPEATS = 5
GOAL_STEPS, GOAL_TIMES = 1e9, 100
BUDGET = (500, 256, 256)

Figures = dict[str, Any]


class Part:
    """One row of the table: a figure, what it was held against, and how it ended."""

    def __init__(self, name: str, figure: str, *, ok: bool = True) -> None:
        self.name, self.figure, self.ok = name, figure, ok


def digest(answers: selftest.TargetResults) -> bytes:
    """One hash of outcomes, steps, sizes and normal forms."""
    hashed = hashlib.sha256()
    for name in ("outcomes", "steps", "sizes"):
        hashed.update(answers.columns[name].tobytes())
    hashed.update(answers.out.tobytes())
    return hashed.digest()


def combinations() -> list[Any]:
    """Applications of three combinators each: what makes many steps, or never ends."""
    texts = ["λx.x", "λx.λy.x", "λx.λy.λz.x z (y z)", "λx.x x", "λx.λy.λz.x (y z)",
             "λx.λy.y (x x)", "λf.(λx.f (x x)) (λx.f (x x))", "λx.λy.λz.x z y"]  # fmt: skip
    some = [parse(text) for text in texts]
    some += [
        encodings.SUCCESSOR,
        encodings.ADDITION,
        encodings.numeral(2),
        encodings.numeral(3),
        encodings.PAIR,
    ]
    return [apply(apply(a, b), c) for a in some for b in some for c in some]


def median_seconds(task: Callable[[], object]) -> float:
    """The median time of a task that was run once before."""
    task()
    spent = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        task()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def copies(size: int = 1 << 26) -> tuple[list[Part], Figures]:
    """Bytes a second of `size` words across the bus (pinned), and within the card's memory."""
    from kernels.cuda.compiler import cuda

    stream = cuda.stream()
    host, card, other = (cuda.pinned_array(size, np.int32), *(
        cuda.device_array(size, np.int32) for _ in range(2)
    ))  # fmt: skip
    host[:] = 1

    def timed(copy: Callable[[], object]) -> float:
        def task() -> None:
            copy()
            stream.synchronize()

        return 4 * size / median_seconds(task)

    to_card = timed(lambda: card.copy_to_device(host, stream))
    from_card = timed(lambda: card.copy_to_host(host, stream))
    within = 2 * timed(lambda: other.copy_to_device(card, stream))
    figures = {"bytes_per_s_to_card": to_card, "bytes_per_s_from_card": from_card,
               "bytes_per_s_within_card": within}  # fmt: skip
    text = f"{to_card / 1e9:.1f} to, {from_card / 1e9:.1f} from, {within / 1e9:.0f} GB/s within"
    return [Part("copies (pinned)", text)], figures


def batch_of(some: list[Any], count: int) -> selftest.SelfTestTerms:
    """`count` terms in CSR form, the given ones again and again in a fixed mixed order."""
    order = (np.arange(count, dtype=np.int64) * 7919) % len(some)
    sizes = np.array([len(words) for words in some], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)[:-1]])
    return selftest.SelfTestTerms(np.concatenate(some), starts[order], sizes[order])


def card_seconds(some: selftest.SelfTestTerms) -> dict[str, float]:
    """Seconds of a batch on the card: with all transfers, and its kernels alone."""
    from kernels.cuda import calls, plan
    from kernels.cuda.compiler import cuda
    from kernels.cuda.loops import launch

    count = len(some.starts)
    reducer = calls.Reducer(count, plan.Limits(*BUDGET))
    columns = {name: np.empty(count, kind) for name, kind in calls.REDUCTION.items()}
    out = np.empty(count * BUDGET[1], dtype=np.int32)
    free = np.zeros(count, dtype=np.int32)

    def whole() -> None:
        reducer.reduce(some.code, some.starts, free, columns, out)

    seconds = {"whole": median_seconds(whole)}
    pipeline: Any = reducer.pipeline
    lane, rows = pipeline._lanes[0], min(count, pipeline.plan.rows)  # noqa: SLF001
    code, starts, none = (cuda.to_device(a) for a in (some.code, some.starts, free))
    card = [pipeline.columns.card[name] for name in calls.REDUCTION]

    def enqueue(threads: int, stream: Any, todo: Any, first: int, steps: int, *rest: Any) -> None:
        launch(
            "reduce_batch", threads, stream, todo, first, code, starts, none, steps, *BUDGET[1:],
            *card, *rest,
        )  # fmt: skip

    def kernel() -> None:
        pipeline._launch(lane, (0, rows), None, BUDGET[0], enqueue)  # noqa: SLF001
        lane.stream.synchronize()

    seconds["kernel"] = median_seconds(kernel) * count / rows
    return seconds


def cpu_seconds(some: selftest.SelfTestTerms) -> tuple[float, int]:
    """Seconds of a batch on one core, and its beta steps."""
    answers: list[selftest.TargetResults] = []
    seconds = median_seconds(lambda: answers.append(selftest.reduced("cpu", some, BUDGET)))
    return seconds, int(answers[-1].columns["steps"].sum(dtype=np.int64))


def speed(wanted: argparse.Namespace, _left: float) -> tuple[list[Part], Figures]:
    """Beta steps a second on mixed terms and on Church arithmetic of one shape, and copies."""
    parts, figures = copies()
    product = church.OPERATORS[church.MULTIPLICATION]
    for numeral in (24, 4):
        product = apply(product, encodings.numeral(numeral))
    for name, some in {"mixed": combinations(), "church": [product]}.items():
        part, figures[name] = timed(name, batch_of(some, wanted.rows))
        parts.append(part)
    return parts, figures


def timed(name: str, some: selftest.SelfTestTerms) -> tuple[Part, Figures]:
    """One batch on the card and a sixteenth of it on one core."""
    sample = batch_head(some, max(1, len(some.starts) // 16))
    answers = [selftest.reduced(where, sample, BUDGET) for where in ("cuda", "cpu")]
    one_core, steps = cpu_seconds(sample)
    mean = steps / len(sample.starts)
    rates = {key: mean * len(some.starts) / s for key, s in card_seconds(some).items()}
    times = rates["kernel"] / (steps / one_core)
    goal = rates["kernel"] >= GOAL_STEPS if name == "mixed" else times >= GOAL_TIMES
    text = (
        f"{rates['kernel'] / 1e6:,.0f} M kernels, {rates['whole'] / 1e6:,.0f} M with transfers, "
        f"{times:.0f} times one core ({'' if goal else 'not '}the goal)"
    )
    return Part(f"beta steps/s, {name}", text, ok=digest(answers[0]) == digest(answers[1])), {
        "terms": len(some.starts), "steps_per_term": mean, "goal_met": goal,
        "steps_per_s_kernel": rates["kernel"], "steps_per_s_whole": rates["whole"],
        "steps_per_s_one_core": steps / one_core,
    }  # fmt: skip


def batch_head(some: selftest.SelfTestTerms, count: int) -> selftest.SelfTestTerms:
    """The first terms of a batch."""
    return selftest.SelfTestTerms(some.code, some.starts[:count], some.sizes[:count])
