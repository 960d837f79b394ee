"""What a series of figures is evidence of: CLOCKWORK, BALANCED, EMERGENT, or nothing.

Pure. EMERGENT needs order in time that shuffling destroys and that the null model
has less of; both by permutation tests with seeded draws, p = (1 + k) / (1 + n).
A bare random generator has no such order, however even its values are.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.analysis.measures import BINS, permutation_entropy
from automaton.terms.arrays import Floats

#: Shuffled copies, and shuffled divisions into two groups: the least p is 1/1000.
SURROGATES = 999
#: Shuffled copies of each block.
_BLOCK_SURROGATES = 99
#: Blocks that each of two series is cut into to be compared.
BLOCKS = 10
#: Values without which there is no label: ten blocks of ten.
FEWEST = 100
LEVEL = 0.01
#: Bits of order up to which a series repeats itself: three of the six patterns, evenly. A constant
#: and a monotone series have 0, a cycle of two values 1, one of three 1.585.
CLOCKWORK_ORDER = math.log2(3) + 0.01
#: Bits from which values are spread evenly: nine tenths of the greatest entropy.
BALANCED_SALIENCE = 0.9 * math.log2(BINS)
#: Copies shuffled at a time, in values; bounds the memory.
_AT_A_TIME = 1 << 20


@dataclass(frozen=True, slots=True)
class Test:
    """A permutation test: the statistic, its mean where the hypothesis holds, and p."""

    statistic: float
    expected: float
    p: float
    draws: int


def _shuffled_entropies(series: Floats, copies: int, draws: np.random.Generator) -> Floats:
    """Permutation entropies of shuffled copies."""
    at_a_time = max(1, _AT_A_TIME // max(1, len(series)))
    parts = []
    for first in range(0, copies, at_a_time):
        count = min(at_a_time, copies - first)
        order = draws.permuted(np.tile(np.arange(len(series)), (count, 1)), axis=1)
        parts.append(permutation_entropy(series[order]))
    return np.concatenate(parts)


def against_shuffled(series: npt.ArrayLike, seed: int = 0, copies: int = SURROGATES) -> Test:
    """Whether a series is more ordered than its own values in any order.

    The statistic is the permutation entropy; p counts the shuffled copies whose
    entropy is as low. Exact under exchangeability: at most 1 in 100 of such series
    have p < 0.01.
    """
    x = np.asarray(series, dtype=np.float64)
    found = float(permutation_entropy(x))
    shuffled = _shuffled_entropies(x, copies, np.random.default_rng([seed, 1]))
    as_low = int((shuffled <= found + 1e-12).sum())  # equal but for the order of summing
    return Test(found, float(shuffled.mean()), (1 + as_low) / (1 + copies), copies)


def block_order(series: npt.ArrayLike, length: int, seed: int) -> Floats:
    """Bits of order in each of the last `BLOCKS` blocks: what shuffling the block adds."""
    x = np.asarray(series, dtype=np.float64)[-BLOCKS * length :].reshape(BLOCKS, length)
    draws = np.random.default_rng([seed, 2])
    return np.array(
        [
            _shuffled_entropies(block, _BLOCK_SURROGATES, draws).mean() - permutation_entropy(block)
            for block in x
        ]
    )


def against_null(
    series: npt.ArrayLike, null: npt.ArrayLike, seed: int = 0, copies: int = SURROGATES
) -> Test:
    """Whether a series is more ordered than that of the null model.

    Both are cut into ten blocks; the statistic is the difference of their mean order
    in bits, p counts the divisions of the twenty blocks into two tens, drawn at
    random, whose difference is as large. Blocks are taken as independent.
    """
    x, y = np.asarray(series, dtype=np.float64), np.asarray(null, dtype=np.float64)
    length = min(len(x), len(y)) // BLOCKS
    # One seed for both: equal series get equal blocks, hence a difference of 0.
    both = np.concatenate([block_order(s, length, seed) for s in (x, y)])
    found = both[:BLOCKS].mean() - both[BLOCKS:].mean()
    mixed = np.random.default_rng([seed, 3]).permuted(np.tile(both, (copies, 1)), axis=1)
    differences = mixed[:, :BLOCKS].mean(axis=1) - mixed[:, BLOCKS:].mean(axis=1)
    as_large = int((differences >= found - 1e-12).sum())
    return Test(float(found), 0.0, (1 + as_large) / (1 + copies), copies)


@dataclass(frozen=True, slots=True)
class Label:
    """A label, or None, and what speaks for and against it."""

    label: str | None
    evidence: tuple[str, ...]
    shuffled: Test | None = None
    null: Test | None = None

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self)


def judged(
    series: npt.ArrayLike, salience_bits: float | None, null: npt.ArrayLike | None, why_no_null: str
) -> Label:
    """The label that the evidence bears.

    series: one value a tick. salience_bits: entropy of the winners' salience in five
    bins. null: the same series of the null model, or None and why there is none.
    """
    x = np.asarray(series, dtype=np.float64)
    if len(x) < FEWEST or salience_bits is None:
        return Label(None, (f"{len(x)} ticks; a label needs at least {FEWEST}, and winners",))
    shuffled = against_shuffled(x)
    facts = _facts(salience_bits, shuffled)
    if shuffled.statistic <= CLOCKWORK_ORDER:
        facts.append(f"clockwork: at most {CLOCKWORK_ORDER:.3f} bits of order")
        return Label("CLOCKWORK", tuple(facts), shuffled)
    tested, said = _tested(x, null, why_no_null)
    facts.append(said)
    if shuffled.p < LEVEL and tested is not None and tested.p < LEVEL:
        return Label("EMERGENT", tuple(facts), shuffled, tested)
    if shuffled.p < LEVEL and tested is None:
        facts.append("no label: there is order in time; whose, only the null model could show")
        return Label(None, tuple(facts), shuffled)
    if salience_bits >= BALANCED_SALIENCE:
        facts.append(f"balanced: at least {BALANCED_SALIENCE:.3f} bits of salience, and no order "
                     "that beats both shuffling and the null model")  # fmt: skip
        return Label("BALANCED", tuple(facts), shuffled, tested)
    facts.append("no label: neither clockwork, nor balanced, nor shown to be emergent")
    return Label(None, tuple(facts), shuffled, tested)


def _facts(salience_bits: float, shuffled: Test) -> list[str]:
    """What speaks for every label."""
    order = (
        f"order of ticks: permutation entropy {shuffled.statistic:.3f} bits, shuffled "
        f"{shuffled.expected:.3f}, p = {shuffled.p:.3f}"
    )
    return [f"salience has {salience_bits:.3f} of {math.log2(BINS):.3f} bits", order]


def _tested(x: Floats, null: npt.ArrayLike | None, why_no_null: str) -> tuple[Test | None, str]:
    """The comparison with the null model, and how to say it."""
    if null is None:
        return None, f"EMERGENT is not possible: {why_no_null}"
    if len(np.asarray(null)) < FEWEST:
        return None, f"EMERGENT is not possible: the null model has fewer than {FEWEST} ticks"
    found = against_null(x, null)
    return found, (f"order beyond the null model's: {found.statistic:+.3f} bits a block, "
                   f"p = {found.p:.3f}")  # fmt: skip
