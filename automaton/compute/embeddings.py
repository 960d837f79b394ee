"""Vectors of terms, and the nearest of them, exact: the checked way to the kernels.

`embed` and `units` for `kernels.terms.embed`, `Vectors` for `kernels.search.nearest`. Arguments
are looked at before anything runs. It knows no store, no files and no log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from automaton.compute import dispatch
from automaton.terms.arrays import Numbers, Words
from kernels import cpu
from kernels.checks import Array, KernelArgumentError, Run, array, at_once, closed_terms, whole
from kernels.search import nearest
from kernels.terms import embed as embedding

Matrix: TypeAlias = npt.NDArray[np.int16] | npt.NDArray[np.int8]

DOT, COSINE = "dot", "cosine"
_TYPES = (np.int16, np.int8)


def embed(
    code: Words, starts: Numbers, sizes: npt.NDArray[Any],
    dimensions: int = embedding.DIMENSIONS, run: Run = at_once,
) -> npt.NDArray[np.int16]:  # fmt: skip
    """The vectors of closed terms in CSR form, int16 [terms, dimensions]; none is zero."""
    whole("dimensions", dimensions, 1, nearest.MOST_DIMENSIONS)
    closed_terms(code, starts, sizes)
    vectors = np.empty((len(starts), dimensions), dtype=np.int16)
    if dispatch.run_on_card(
        "embed", len(starts),
        lambda card: card.embed_terms(code, starts, sizes.astype(np.int32, copy=False), vectors),
    ):  # fmt: skip
        return vectors

    def task(low: int, high: int) -> None:
        shapes = np.empty(embedding.SHAPES * int(sizes[low:high].max()), dtype=np.uint64)
        sums = np.empty(dimensions, dtype=np.int32)
        cpu.compiled(embedding.embed_terms)(code, starts, sizes, low, high, shapes, sums, vectors)

    run(task, len(starts))
    return vectors


def units(vectors: Matrix, run: Run = at_once) -> npt.NDArray[np.float32]:
    """The vectors scaled to length 1, for stores: float32 of the same shape; zero stays zero."""
    _matrix("vectors", vectors)
    scaled = np.empty(vectors.shape, dtype=np.float32)

    def task(low: int, high: int) -> None:
        cpu.compiled(embedding.unit_rows)(vectors, low, high, scaled)

    run(task, len(vectors))
    return scaled


@dataclass(frozen=True)
class Nearest:
    """The best rows for each query, the best first; of equals the lower row first."""

    rows: Numbers  # [queries, k]
    dots: Numbers  # [queries, k], exact
    cosines: npt.NDArray[np.float64]  # [queries, k], to be looked at: nothing decides by them


class NearestIndex:
    """Integer vectors to be searched; their norms are taken once. The array must not change."""

    def __init__(self, vectors: Matrix, run: Run = at_once) -> None:
        self.vectors = _matrix("vectors", vectors)
        self.norms, self._inverses = _norms(self.vectors, run)
        self._on_card: Any = None  # its image, made when first searched there

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, queries: Matrix, k: int, metric: str = COSINE, run: Run = at_once) -> Nearest:
        """The k best rows for each query by dot product or cosine, all of them if k are not there.

        Shards are of rows; any cut gives the same answer.
        """
        norms = self._check(queries, k, metric)
        by_cosine = metric == COSINE
        shape = (len(queries), min(k, len(self)))
        parts: dict[int, tuple[Numbers, Numbers]] = {}

        def on_card(card: Any) -> None:
            self._on_card = self._on_card or card.Searcher(self.vectors, self.norms)
            found = self._on_card.nearest(queries, norms, shape[1], by_cosine)
            parts.update(enumerate(found))

        def task(low: int, high: int) -> None:
            width = (shape[0], min(shape[1], high - low))
            dots, rows = (np.empty(width, dtype=np.int64) for _ in range(2))
            cpu.compiled(nearest.nearest)(
                self.vectors, self.norms, self._inverses, low, high, queries, norms, by_cosine,
                dots, rows, np.empty(nearest.BLOCK, dtype=np.int64),
            )  # fmt: skip
            parts[low] = dots, rows

        if shape[0] and not dispatch.run_on_card("nearest", len(self) * queries.size, on_card):
            run(task, len(self))
        return self._answer(
            [parts[low] for low in sorted(parts)], shape, norms, by_cosine=by_cosine
        )

    def _check(self, queries: Matrix, k: int, metric: str) -> Numbers:
        """The queries' norms, once everything is as it must be."""
        _matrix("queries", queries)
        if queries.dtype != self.vectors.dtype or queries.shape[1] != self.vectors.shape[1]:
            wanted = f"{self.vectors.shape[1]} dimensions of {self.vectors.dtype}"
            found = f"{queries.shape[1]} of {queries.dtype}"
            raise KernelArgumentError("queries", f"{wanted} are needed, as stored, not {found}")
        whole("k", k, 1, nearest.MOST_K)
        if metric not in {DOT, COSINE}:
            raise KernelArgumentError("metric", f"dot or cosine is needed, not {metric!r}")
        norms, _ = _norms(queries, at_once)
        if metric == COSINE:
            _no_zero("vectors", self.norms)
            _no_zero("queries", norms)
        return norms

    def _answer(
        self, parts: list[tuple[Numbers, Numbers]], shape: tuple[int, int], norms: Numbers,
        *, by_cosine: bool,
    ) -> Nearest:  # fmt: skip
        """The shards' best, merged."""
        dots, rows = (np.empty(shape, dtype=np.int64) for _ in range(2))
        if len(parts) == 1:
            dots, rows = parts[0]
        elif parts:
            every_dot, every_row = (
                np.concatenate(column, axis=1) for column in zip(*parts, strict=True)
            )
            cpu.compiled(nearest.merge)(self.norms, by_cosine, every_dot, every_row, dots, rows)
        lengths = np.sqrt(norms[:, None].astype(np.float64) * self.norms[rows])
        cosines = np.divide(dots, lengths, out=np.zeros(shape), where=lengths > 0)
        return Nearest(rows, dots, cosines)


def _matrix(argument: str, value: object) -> Array:
    """Rows of int8 or int16 in C order, of 1 to 4,096 dimensions."""
    matrix = array(argument, value, _TYPES, 2)
    if not 1 <= matrix.shape[1] <= nearest.MOST_DIMENSIONS:
        raise KernelArgumentError(
            argument, f"{matrix.shape[1]} dimensions, not from 1 to {nearest.MOST_DIMENSIONS:,}"
        )
    return matrix


def _no_zero(argument: str, norms: Numbers) -> None:
    """No row is zero: it would have no cosine."""
    if not norms.all():
        row = int((norms == 0).argmax())
        raise KernelArgumentError(argument, f"row {row} is zero and has no cosine")


def _norms(vectors: Array, run: Run) -> tuple[Numbers, npt.NDArray[np.float32]]:
    """Squared norms, and inverse norms for sifting."""
    norms = np.empty(len(vectors), dtype=np.int64)
    inverses = np.empty(len(vectors), dtype=np.float32)

    def task(low: int, high: int) -> None:
        cpu.compiled(nearest.norms_of)(vectors, low, high, norms, inverses)

    run(task, len(vectors))
    return norms, inverses
