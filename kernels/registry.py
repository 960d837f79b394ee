"""The kernels of the five families by name, and what each runs on: one row a kernel.

`python` is the body itself, the oracle of the others; `cpu` its machine code for
this processor, `cuda` the loop that runs it on a GPU. Nothing is compiled and
CUDA is not imported before a target is asked for. Which one runs is decided in
`automaton.backends.cuda`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import cpu
from .chemistry import equal_reactions, react, streams
from .search import grams, literals, nearest
from .terms import church, collect, embed, match, recur, reduce, share

Body = Callable[..., Any]


@dataclass(frozen=True)
class Kernel:
    """A body, and the name of its loop in `kernels.cuda.loops` ("": the processor alone)."""

    body: Body
    loop: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """Where it runs."""
        return ("python", "cpu", "cuda") if self.loop else ("python", "cpu")


TABLE: dict[str, Kernel] = {
    "react": Kernel(react.react, "react_slots"),
    "react proposed": Kernel(react.react_proposed, "proposed_slots"),
    "propose": Kernel(streams.propose, "propose_slots"),
    "look at terms": Kernel(streams.look_at_terms, "look_kinds"),
    "judge": Kernel(streams.judge, "judge_rounds"),
    "group": Kernel(equal_reactions.group, "group_slots"),
    "reduce": Kernel(reduce.reduce_terms, "reduce_batch"),
    "share": Kernel(share.share),  # its body compiles for a GPU; its arrays grow on the host
    "collect": Kernel(collect.collect),
    "recurs": Kernel(recur.recurs),
    "church operate": Kernel(church.operate, "operate_batch"),
    "church reactions": Kernel(church.church_reactions, "church_batch"),
    "church encode": Kernel(church.encode_numerals, "encode_batch"),
    "church decode": Kernel(church.decode_numerals, "decode_batch"),
    "add counts": Kernel(church.add_counts, "add_batch"),
    "mult counts": Kernel(church.mult_counts, "mult_batch"),
    "match terms": Kernel(match.match_terms, "match_rows"),
    "match terms and bind": Kernel(match.bind_terms, "bind_rows"),
    "match numerals": Kernel(match.match_numerals, "match_numeral_rows"),
    "embed": Kernel(embed.embed_terms, "embed_batch"),
    "unit vectors": Kernel(embed.unit_rows),  # floats
    "nearest": Kernel(nearest.nearest, "dot_tiles"),
    "literals, few or short": Kernel(literals.scan_triples, "find_triples"),
    "literals": Kernel(grams.scan_grams, "find_grams"),
}


def target(name: str, where: str) -> Body:
    """A kernel's form for `python`, `cpu` or `cuda`; KeyError where there is none."""
    kernel = TABLE[name]
    if where not in kernel.targets:
        raise KeyError(f"kernel {name!r} runs on {', '.join(kernel.targets)}, not on {where}")
    if where == "python":
        return kernel.body
    if where == "cpu":
        compiled: Body = cpu.compiled(kernel.body)
        return compiled
    from .cuda import loops, search_loops, stream_loops  # noqa: F401, PLC0415 - need the packages of the extra

    loop: Body = loops.compiled(kernel.loop)
    return loop
