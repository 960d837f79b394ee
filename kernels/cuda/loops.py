"""Compiles kernel bodies for CUDA: loops and launches, one item a thread at a time.

The bodies are those of the CPU target, bound to device functions. What is here
is a grid-stride loop for each, its argument types, and the shape of a thread's
scratch. Chunks are `pipeline`'s, transfers `memory`'s; which device runs is
`automaton.backends.device_choice`. No floating-point instruction is generated (the compile test
reads the PTX), so there is nothing that fastmath or fused multiply-add could change.

Layout. Arena and stack are int32 arrays [cell][thread][field] of four fields: threads
in step touch neighbouring cells, a thread that went its own way finds all
fields of a cell in one sector of 32 bytes, and the fields' common stride keeps
the machine within 64 registers. A thread's field is a strided view, so the
bodies know nothing of it. Fields of a cell: code, env, next, and one that is not
used; of a stack entry: code, env, level, node.
"""

from __future__ import annotations

import os
import types as python_types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from kernels import cpu
from kernels.chemistry.react import react, react_proposed
from kernels.terms.church import (
    add_counts,
    church_reactions,
    decode_numerals,
    encode_numerals,
    mult_counts,
    operate,
)
from kernels.terms.embed import embed_terms
from kernels.terms.match import bind_terms, matches
from kernels.terms.packed import numeral_of
from kernels.terms.reduce import reduce_terms
from kernels.typed import U

from .compiler import cuda, types

#: Threads in a block, and blocks that a multiprocessor shall hold: with 65,536
#: registers on one (every architecture since Kepler) that is 64 a thread.
BLOCK, BLOCKS = 128, 8
WARP = 32
#: Whether numba's simulator runs the kernels, as plain Python (read at import).
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in {"", "0"}

#: int32 fields of an arena cell and of a stack entry.
FIELDS = 4


@cache
def device(body: Callable[..., Any]) -> Any:
    """The body as a device function, those it calls bound to theirs."""
    return cuda.jit(device=True)(cpu.bound(body, device))


# -- loops: `todo` lists the items (int32), `first` is the item of row 0 of out ------


def react_slots(  # type: ignore[no-untyped-def]
    seed, tick, purpose, todo, first,
    code, start, size, normal, value, form, choices_a, choices_b, operator, operator_of,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, salience, places_a, places_b, operators, results, out,
    cells, stack,
):  # fmt: skip
    """`react.react` for the slots `todo`; out int32 [rows, max_size], results 0 or -1."""
    thread = cuda.grid(1)
    cell, entry = cells[:, thread], stack[:, thread]
    for k in range(thread, todo.shape[0], cuda.gridsize(1)):
        slot = todo[U(k)]
        react(
            seed, tick, purpose, slot, slot + 1,
            code, start, size, normal, value, form, choices_a, choices_b, operator, operator_of,
            copies, max_steps, max_size, max_depth, max_input,
            outcomes, steps, sizes, salience, places_a, places_b, operators, results,
            out[U(slot - first)], 0,
            cell[:, 0], cell[:, 1], cell[:, 2], entry[:, 0], entry[:, 1], entry[:, 2], entry[:, 3],
        )  # fmt: skip


def proposed_slots(  # type: ignore[no-untyped-def]
    todo, first, code, start, size, normal, value, form,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, places_a, places_b, operators, results, out, cells, stack,
):  # fmt: skip
    """`react.react_proposed` for the slots `todo`; out int32 [rows, max_size], results 0 or -1."""
    thread = cuda.grid(1)
    cell, entry = cells[:, thread], stack[:, thread]
    for k in range(thread, todo.shape[0], cuda.gridsize(1)):
        slot = todo[U(k)]
        react_proposed(
            slot, slot + 1, code, start, size, normal, value, form,
            copies, max_steps, max_size, max_depth, max_input,
            outcomes, steps, sizes, places_a, places_b, operators, results,
            out[U(slot - first)], 0,
            cell[:, 0], cell[:, 1], cell[:, 2], entry[:, 0], entry[:, 1], entry[:, 2], entry[:, 3],
        )  # fmt: skip


def reduce_batch(  # type: ignore[no-untyped-def]
    todo, first, code, starts, free, max_steps, max_size, max_depth,
    outcomes, steps, sizes, places, out, cells, stack,
):  # fmt: skip
    """`reduce.reduce_terms` for the terms `todo`; out int32 [rows, max_size], places 0 or -1."""
    thread = cuda.grid(1)
    cell, entry = cells[:, thread], stack[:, thread]
    for k in range(thread, todo.shape[0], cuda.gridsize(1)):
        i = todo[U(k)]
        reduce_terms(
            code, starts, free, i, i + 1, max_steps, max_size, max_depth,
            out[U(i - first)], max_size, outcomes, steps, sizes, places,
            cell[:, 0], cell[:, 1], cell[:, 2], entry[:, 0], entry[:, 1], entry[:, 2], entry[:, 3],
        )  # fmt: skip


def operate_batch(  # type: ignore[no-untyped-def]
    todo, first, code, op, arity, left, right, max_steps, max_size, max_depth,
    outcomes, steps, sizes, places, out, cells, stack,
):  # fmt: skip
    """`church.operate` for the items `todo`; out int32 [rows, max_size], places 0 or -1."""
    thread = cuda.grid(1)
    cell, entry = cells[:, thread], stack[:, thread]
    for k in range(thread, todo.shape[0], cuda.gridsize(1)):
        i = todo[U(k)]
        operate(
            code, op, arity, left, right, i, i + 1, max_steps, max_size, max_depth,
            out[U(i - first)], max_size, outcomes, steps, sizes, places,
            cell[:, 0], cell[:, 1], cell[:, 2], entry[:, 0], entry[:, 1], entry[:, 2], entry[:, 3],
        )  # fmt: skip


def church_batch(  # type: ignore[no-untyped-def]
    todo, first, kind, op_size, ms, ns, copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, places, out,
):  # fmt: skip
    """`church.church_reactions` for the pairs `todo`; out int32 [rows, max_size]."""
    for k in range(cuda.grid(1), todo.shape[0], cuda.gridsize(1)):
        i = todo[U(k)]
        church_reactions(
            kind, op_size, ms, ns, i, i + 1, copies, max_steps, max_size, max_depth, max_input,
            out[U(i - first)], 0, outcomes, steps, sizes, places,
        )  # fmt: skip


def gather(first, slots, begins, sizes, out, packed):  # type: ignore[no-untyped-def]
    """Copy the rows of `slots` to packed[begins[k]:], a warp a row. 8 bytes a word."""
    warps = cuda.gridsize(1) // WARP
    lane = cuda.grid(1) % WARP
    for k in range(cuda.grid(1) // WARP, slots.shape[0], warps):
        slot = slots[U(k)]
        begin = begins[U(k)]
        for j in range(lane, sizes[U(slot)], WARP):
            packed[U(begin + j)] = out[U(slot - first), U(j)]


def match_rows(pattern, code, start, rows, bounds, found):  # type: ignore[no-untyped-def]
    """`match.matches` at the root of the terms of `rows`; bounds int64 [2, metas, threads]."""
    thread = cuda.grid(1)
    begin, end = bounds[0, :, thread], bounds[1, :, thread]
    for k in range(thread, rows.shape[0], cuda.gridsize(1)):
        found[U(k)] = matches(pattern, code, start[U(rows[U(k)])], begin, end)


def bind_rows(pattern, code, start, rows, found, bound_start, bound_end):  # type: ignore[no-untyped-def]
    """`match.bind_terms`; bound_start, bound_end int64 [rows, metas]."""
    for k in range(cuda.grid(1), rows.shape[0], cuda.gridsize(1)):
        bind_terms(
            pattern, code, start, rows[k : k + 1], found[k : k + 1],
            bound_start[k : k + 1], bound_end[k : k + 1],
        )  # fmt: skip


def match_numeral_rows(code, start, size, rows, found):  # type: ignore[no-untyped-def]
    """Which terms of `rows` are Church numerals."""
    for k in range(cuda.grid(1), rows.shape[0], cuda.gridsize(1)):
        row = U(rows[U(k)])
        found[U(k)] = numeral_of(code, start[row], size[row]) >= 0


def encode_batch(ns, starts, code):  # type: ignore[no-untyped-def]
    """`church.encode_numerals`."""
    for i in range(cuda.grid(1), ns.shape[0], cuda.gridsize(1)):
        encode_numerals(ns, starts, i, i + 1, code)


def decode_batch(code, starts, sizes, ns):  # type: ignore[no-untyped-def]
    """`church.decode_numerals`."""
    for i in range(cuda.grid(1), ns.shape[0], cuda.gridsize(1)):
        decode_numerals(code, starts, sizes, i, i + 1, ns)


def add_batch(ms, ns, sums, status):  # type: ignore[no-untyped-def]
    """`church.add_counts`."""
    for i in range(cuda.grid(1), ms.shape[0], cuda.gridsize(1)):
        add_counts(ms, ns, i, i + 1, sums, status)


def mult_batch(ms, ns, products, status):  # type: ignore[no-untyped-def]
    """`church.mult_counts`."""
    for i in range(cuda.grid(1), ms.shape[0], cuda.gridsize(1)):
        mult_counts(ms, ns, i, i + 1, products, status)


def embed_batch(code, starts, sizes, shapes, sums, vectors):  # type: ignore[no-untyped-def]
    """`embed.embed_terms`; shapes uint64 [4 * nodes, threads], sums int32 [D, threads]."""
    thread = cuda.grid(1)
    for i in range(thread, sizes.shape[0], cuda.gridsize(1)):
        embed_terms(code, starts, sizes, i, i + 1, shapes[:, thread], sums[:, thread], vectors)


# -- argument types, launches -------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """A loop and the types of its arguments; everything else is refused at the launch."""

    loop: Callable[..., Any]
    signature: Any
    blocks: int = BLOCKS  # that a multiprocessor shall hold, which bounds the registers

    @property
    def bound(self) -> python_types.FunctionType:
        """The loop, its body bound to the device function."""
        return cpu.bound(self.loop, device)


def _kernel(loop: Callable[..., Any], words: str, blocks: int = BLOCKS) -> tuple[str, Kernel]:
    """A row of KERNELS; `words` has a letter of TYPES for every argument of the loop."""
    signature = types.void(*(TYPES[word] for word in words.split()))
    return loop.__name__, Kernel(loop, signature, blocks)


#: Scalars, then arrays in C order: i4 is int32[:], i4x2 is int32[:, :].
TYPES = {
    "int": types.int64, "word": types.uint64, "bool": types.boolean,
    "u1": types.uint8[::1], "b1": types.boolean[::1], "i4": types.int32[::1],
    "i8": types.int64[::1], "i4x2": types.int32[:, ::1], "i2x2": types.int16[:, ::1],
    "u8": types.uint64[::1], "u4": types.uint32[::1], "i2": types.int16[::1],
    "i8x2": types.int64[:, ::1],
    "u8x2": types.uint64[:, ::1], "i8x3": types.int64[:, :, ::1],
    "i4x3": types.int32[:, :, ::1],
}  # fmt: skip

#: Every kernel of this target by name; `search_loops` and `stream_loops` add theirs.
KERNELS: dict[str, Kernel] = dict(
    [
        _kernel(
            react_slots,
            "word word word i4 int i4 i8 i4 b1 i4 u1 i4 i4 int i4 bool int int int int "
            "u1 i4 i4 i4 i4 i4 i4 i8 i4x2 i4x3 i4x3",
            7,  # 72 registers: the machine, closed forms and draws in one
        ),
        _kernel(
            proposed_slots,
            "i4 int i4 i8 i4 b1 i4 u1 bool int int int int u1 i4 i4 i4 i4 i4 i8 i4x2 i4x3 i4x3",
            7,
        ),
        _kernel(reduce_batch, "i4 int i4 i8 i4 int int int u1 i4 i4 i8 i4x2 i4x3 i4x3"),
        _kernel(operate_batch, "i4 int i4 int int i8 i8 int int int u1 i4 i4 i8 i4x2 i4x3 i4x3"),
        _kernel(church_batch, "i4 int int int i8 i8 bool int int int int u1 i4 i4 i8 i4x2"),
        _kernel(gather, "int i4 i8 i4 i4x2 i4"),
        _kernel(match_rows, "i4 i4 i8 i4 i8x3 b1"),
        _kernel(bind_rows, "i4 i4 i8 i4 b1 i8x2 i8x2"),
        _kernel(match_numeral_rows, "i4 i8 i4 i4 b1"),
        _kernel(encode_batch, "i8 i8 i4"),
        _kernel(decode_batch, "i4 i8 i4 i8"),
        _kernel(add_batch, "i8 i8 i8 u1"),
        _kernel(mult_batch, "i8 i8 i8 u1"),
        _kernel(embed_batch, "i4 i8 i4 u8x2 i4x2 i2x2"),
    ]
)


def register(loop: Callable[..., Any], words: str, blocks: int = BLOCKS) -> None:
    """Add a loop of another file to KERNELS; see `_kernel`."""
    KERNELS.update([_kernel(loop, words, blocks)])


@cache
def compiled(name: str) -> Any:
    """The kernel as machine code of this machine's GPU."""
    kernel = KERNELS[name]
    if SIMULATED:
        return cuda.jit(kernel.bound)
    bounds = (BLOCK, kernel.blocks)
    # in a list: then a launch holds its arguments against the types
    return cuda.jit([kernel.signature], launch_bounds=bounds, lto=False)(kernel.bound)


def launch(name: str, threads: int, stream: Any, *arguments: Any) -> None:
    """Run a kernel on a stream, on `threads` threads (a multiple of a warp, or fewer than one)."""
    block = min(threads, BLOCK)
    compiled(name)[threads // block, block, stream](*arguments)
