"""SHA-256 by the instructions that x86 processors have for it, for two messages at a time.

`sha256rnds2` makes two rounds, and the next two need what it gives: one message leaves
the unit idle half of the time, which a second one fills. The forms of
`kernels.hashing.sha256.compress` and `compress_two` for compiled bodies, which give
the same; their arguments stand there. Must not know: what is hashed.
"""

from __future__ import annotations

import platform
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.cpu import config

from .sha256 import BLOCK, CONSTANTS

_WORD = ir.IntType(32)
_FOUR = ir.VectorType(_WORD, 4)
_BYTES = ir.VectorType(ir.IntType(8), 16)
#: Words stand in messages with their first byte first.
_SWAPPED = [4 * (k // 4) + 3 - k % 4 for k in range(16)]


def present() -> bool:
    """Whether machine code for this processor has the instructions."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return False
    if config.CPU_NAME or config.CPU_FEATURES:  # asked for by hand: other code than the host's
        return False
    features = llvm.get_host_cpu_features()
    return all(features.get(name, False) for name in ("sha", "ssse3", "sse4.1"))


PRESENT = present()


# Parameters are types, known when a body is compiled; `given` are the values then.


@intrinsic
def compress(_, states, _lane, data, _at, _count, words):  # type: ignore[no-untyped-def]
    """`count` blocks of one message."""

    def code(context: Any, build: Any, signature: Any, given: Any) -> Any:
        state, source = _pointers(context, build, signature, given, (0, 2))
        row = build.gep(state, [build.mul(given[1], ir.Constant(given[1].type, 8))])
        _blocks(build, [(row, build.gep(source, [given[3]]))], given[4])
        return context.get_dummy_value()

    whole = types.int64
    return types.void(states, whole, data, whole, whole, words), code


@intrinsic
def compress_two(_, states, data, _one, _two, _count, words):  # type: ignore[no-untyped-def]
    """`count` blocks of each of two messages."""

    def code(context: Any, build: Any, signature: Any, given: Any) -> Any:
        state, source = _pointers(context, build, signature, given, (0, 1))
        rows = state, build.gep(state, [ir.Constant(_WORD, 8)])
        places = [build.gep(source, [at]) for at in given[2:4]]
        _blocks(build, list(zip(rows, places, strict=True)), given[4])
        return context.get_dummy_value()

    whole = types.int64
    return types.void(states, data, whole, whole, whole, words), code


def _pointers(context: Any, build: Any, signature: Any, given: Any, which: Any) -> list[Any]:
    """Where these array arguments begin."""
    return [context.make_array(signature.args[k])(context, build, given[k]).data for k in which]


def _blocks(build: Any, messages: list[tuple[Any, Any]], count: Any) -> None:
    """A loop over blocks; of each message the state's and the first block's address."""
    states = [_loaded(build, state) for state, _ in messages]
    before = build.block
    loop, behind = build.append_basic_block("blocks"), build.append_basic_block("behind")
    none = ir.Constant(count.type, 0)
    build.cbranch(build.icmp_signed(">", count, none), loop, behind)
    build.position_at_end(loop)
    number = build.phi(count.type)
    number.add_incoming(none, before)
    held = [[_joined(build, half, before) for half in state] for state in states]
    place = build.mul(number, ir.Constant(count.type, BLOCK))
    made = _rounds(build, held, [build.gep(data, [place]) for _, data in messages])
    following = build.add(number, ir.Constant(count.type, 1))
    number.add_incoming(following, loop)
    sums = [
        [build.add(a, b) for a, b in zip(old, new, strict=True)]
        for old, new in zip(held, made, strict=True)
    ]
    for phis, values in zip(held, sums, strict=True):
        for phi, value in zip(phis, values, strict=True):
            phi.add_incoming(value, loop)
    build.cbranch(build.icmp_signed("<", following, count), loop, behind)
    build.position_at_end(behind)
    ends = [[_joined(build, half, before) for half in state] for state in states]
    for phis, values in zip(ends, sums, strict=True):
        for phi, value in zip(phis, values, strict=True):
            phi.add_incoming(value, loop)
    for (address, _), end in zip(messages, ends, strict=True):
        _store(build, address, *end)


def _joined(build: Any, value: Any, block: Any) -> Any:
    """A phi node with its first value."""
    phi = build.phi(value.type)
    phi.add_incoming(value, block)
    return phi


def _rounds(build: Any, states: list[Any], places: list[Any]) -> list[Any]:
    """The 64 rounds of a block of each message, four at a time, the messages by turns."""
    words = [[_block_words(build, place, k) for k in range(4)] for place in places]
    halves = [tuple(state) for state in states]  # of words (f, e, b, a) and (h, g, d, c)
    for four in range(16):
        constant = ir.Constant(_FOUR, [int(word) for word in CONSTANTS[4 * four : 4 * four + 4]])
        for k, own in enumerate(words):
            if four >= 4:
                own.append(_schedule(build, *own[-4:]))
            first, second = halves[k]
            due = build.add(own[four], constant)
            later = _call(build, "rnds2", second, first, due)
            last = _call(build, "rnds2", first, later, _chosen(build, due, due, [2, 3, 0, 1]))
            halves[k] = last, later
    return halves


def _schedule(build: Any, one: Any, two: Any, three: Any, four: Any) -> Any:
    """The four words that follow from the 16 before them."""
    begun = build.add(_call(build, "msg1", one, two), _chosen(build, three, four, [1, 2, 3, 4]))
    return _call(build, "msg2", begun, four)


def _call(build: Any, name: str, *given: Any) -> Any:
    kind = ir.FunctionType(_FOUR, [value.type for value in given])
    function = cgutils.get_or_insert_function(build.module, kind, f"llvm.x86.sha256{name}")
    return build.call(function, given)


def _chosen(build: Any, one: Any, two: Any, which: list[int]) -> Any:
    """Elements of two vectors, numbered through both."""
    return build.shuffle_vector(one, two, ir.Constant(ir.VectorType(_WORD, len(which)), which))


def _block_words(build: Any, place: Any, k: int) -> Any:
    """Four words of a block, from its byte 16 * k on."""
    address = build.gep(place, [ir.Constant(_WORD, 16 * k)])
    read = build.load(build.bitcast(address, _BYTES.as_pointer()))
    read.align = 1
    return build.bitcast(_chosen(build, read, read, _SWAPPED), _FOUR)


def _state_halves(build: Any, address: Any) -> list[Any]:
    ahead = build.gep(address, [ir.Constant(_WORD, 4)])
    return [build.bitcast(each, _FOUR.as_pointer()) for each in (address, ahead)]


def _loaded(build: Any, address: Any) -> list[Any]:
    """A state (a to h) as the instructions have it."""
    halves = [build.load(each) for each in _state_halves(build, address)]
    for each in halves:
        each.align = 4
    low, high = halves
    return [_chosen(build, low, high, which) for which in ([5, 4, 1, 0], [7, 6, 3, 2])]


def _store(build: Any, address: Any, first: Any, second: Any) -> None:
    for which, place in zip(
        ([3, 2, 7, 6], [1, 0, 5, 4]), _state_halves(build, address), strict=True
    ):
        build.store(_chosen(build, first, second, which), place).align = 4
