"""Why a reduction ended as it did: which budget was met, and how the work grew.

Every figure is measured by the sharing machine, which is stopped after 1, 2, 4, ...
steps; nothing is foretold. Prints nothing.
"""

from __future__ import annotations

from automaton.calculator.answer_lines import Answer
from automaton.compute.budgets import MOST_STEPS, Budgets
from automaton.compute.machines import Arena, Machines, Sample, most_cells, plain_steps
from automaton.terms.bindings import read_question
from automaton.terms.packed import free_variables

_HEAD = ("steps made", "beta steps", "cells in use", "pending", "read out")
_RAISE = {
    "steps": "--max-steps {steps:,} was met: so many beta steps were made and another was due",
    "size": "--max-size {size:,} was met: the normal form has more nodes, if there is one",
    "depth": "--max-depth {depth:,} was met: more arguments wait to be applied or read out",
    "work": "--max-work {work:,} was met: so many steps were made, or {cells:,} cells are in use",
}


def report(text: str, budgets: Budgets, notation: str, answer: Answer) -> list[str]:
    """A table of how the work grew, and sentences that say what was met, and what is known.

    `answer` is the term's.
    """
    words, _ = read_question(text, notation)
    free = free_variables(words)
    samples = list(Arena(budgets.max_size).growth(words, 0, free, budgets))
    lines = [_row(_HEAD), *(_row(_figures(sample)) for sample in samples), ""]
    if answer.outcome == "normal":
        return [*lines, "it ended: its normal form was reached within every budget"]
    met = _RAISE[answer.outcome].format(
        steps=budgets.max_steps, size=budgets.max_size, depth=budgets.max_depth,
        work=budgets.max_work, cells=most_cells(budgets),
    )  # fmt: skip
    lines += [met, *_grown(samples)]
    if answer.outcome == "steps" and plain_steps(budgets) < budgets.max_steps:
        found = Machines(budgets).reduce(words, 0, free)
        if found.cells is None and found.made < budgets.max_steps:
            lines.append(
                f"after {found.made:,} steps it is in a state in which it was before: "
                "it goes round for ever, and no budget gives it a normal form"
            )
    return lines


def _row(fields: tuple[str, ...]) -> str:
    """A line of the table."""
    return "".join(f"{field:>22}" if k == 1 else f"{field:>14}" for k, field in enumerate(fields))


def _figures(sample: Sample) -> tuple[str, ...]:
    """The fields of a sample."""
    steps = f"> {MOST_STEPS}" if sample.steps is None else f"{sample.steps:,}"
    rest = (sample.cells, sample.pending, sample.nodes)
    return (f"{sample.made:,}", steps, *(f"{count:,}" for count in rest))


def _grown(samples: list[Sample]) -> list[str]:
    """How the figures changed over the last half of the work."""
    last = samples[-1]
    half = next((s for s in reversed(samples[:-1]) if 2 * s.made <= last.made), None)
    if half is None or not last.made:
        return []
    grew = [
        f"{name} from {before:,} to {after:,}"
        for name, before, after in (
            ("pending arguments grew", half.pending, last.pending),
            ("nodes read out grew", half.nodes, last.nodes),
        )
        if after > before
    ]
    ways = "; ".join(grew) or "neither pending arguments nor nodes read out grew"
    lines = [f"over the last {last.made - half.made:,} steps made, {ways}"]
    if last.steps is not None and last.steps > last.made:
        lines.append(
            f"sharing saves: a step made stands for {last.steps / last.made:,.1f} beta steps"
        )
    return lines
