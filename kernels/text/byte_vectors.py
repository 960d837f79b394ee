"""Bytes compared 64 at a time: what a loop over them does not become by itself.

The form of `kernels.text.line_scan.newlines_in` for compiled bodies, in vectors that
every processor has in some width: numba makes of the loop a sum of bytes, which takes
five times as long as counting the bits of a comparison. Must not know: what a line means.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WIDTH = 64
_BYTES = ir.VectorType(ir.IntType(8), _WIDTH)
_BITS = ir.IntType(_WIDTH)
_NEWLINE = ir.Constant(_BYTES, [ord("\n")] * _WIDTH)


# Parameters are types, known when a body is compiled; `given` are the values then.


@intrinsic
def newlines_in(_, data, _at):  # type: ignore[no-untyped-def]
    """How many newlines data[at:at + 64] holds."""

    def code(context: Any, build: Any, signature: Any, given: Any) -> Any:
        begin = context.make_array(signature.args[0])(context, build, given[0]).data
        address = build.bitcast(build.gep(begin, [given[1]]), _BYTES.as_pointer())
        read = build.load(address)
        read.align = 1
        bits = build.bitcast(build.icmp_unsigned("==", read, _NEWLINE), _BITS)
        return build.ctpop(bits)

    return types.int64(data, types.int64), code
