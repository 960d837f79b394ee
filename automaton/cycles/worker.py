"""A process that runs cycles for its parent, until the parent is gone.

Started by `automaton.cycles.process_executor` as a program of its own. Is given the frozen
population and the graph once, then chunks of jobs; answers with results as text. Nothing is
pickled: stages are functions of modules, by name. The system ends it when the parent dies.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Graph, Stage
from automaton.cycles.plan import FinishedCycle, Job, Plan, in_sequence, warm
from automaton.cycles.results import Result, compact, from_values, to_values
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.errors import UsageError
from automaton.workers.spawn import Channel
from automaton.workers.worker import function_by_name

_quick: Callable[[Any], bytes] | None = None
_reader: Callable[[bytes], Any] = json.loads
try:
    import orjson
except ImportError:  # no wheel of it for every interpreter
    pass
else:
    _only = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    _quick = partial(orjson.dumps, option=_only | orjson.OPT_PASSTHROUGH_SUBCLASS)
    _reader = orjson.loads

#: Seconds for which answers are kept to go together; what is not sent is lost when all is stopped.
TOGETHER = 0.02


# Graphs, as another process can be told them.


def graph_to_json(graph: Graph) -> list[Any]:
    """The stages by the names of their functions; raises a `UsageError` for one without."""
    return [[[s.name, _named(s), s.needs, s.waits] for s in graph.stages], graph.result]


def _named(stage: Stage) -> str:
    """A stage's function as module:name, by which another process finds it."""
    work: Any = stage.work
    module, name = getattr(work, "__module__", ""), getattr(work, "__qualname__", "")
    if not name.isidentifier() or module == "__main__":
        raise UsageError(
            f"stage {stage.name!r} cannot be told to other processes; make it a function of a "
            "module that can be imported, or use engine thread"
        )
    return f"{module}:{name}"


def graph_from_json(value: list[Any]) -> Graph:
    """What `graph_to_json` gave."""
    rows, result = value
    stages = (
        Stage(name, function_by_name(work), tuple(needs), waits)
        for name, work, needs, waits in rows
    )
    return Graph(tuple(stages), result)


# Answers.


def written(values: list[Any]) -> bytes:
    """JSON: by orjson where that reads back as from the standard library, else that's as a text.

    It writes NaN as null, and would read very wide integers as floats.
    """
    if _quick is not None:
        with suppress(TypeError):  # what it knows nothing of may yet be JSON
            raw = _quick(values)
            if b"null" not in raw:
                return raw
    return compact(compact(values)).encode()


def read(message: bytes) -> list[Any]:
    """The answers of a message, each as it was before it was `written`."""
    answers: list[Any] = _reader(message)
    return [json.loads(one) if isinstance(one, str) else one for one in answers]


def answer_of(one: FinishedCycle) -> bytes:
    """A finished cycle as JSON; one that cannot be told to another process has failed."""
    times = [one.seconds, one.computed, one.waited]
    try:
        return written([one.number, to_values(one.result), *times])
    except (TypeError, ValueError, RecursionError) as error:
        why = f"its metrics or decisions are no JSON: {error}"
        failed = Result(one.result.seed, one.result.catalyst, error=why[:500])
        return written([one.number, to_values(failed), *times])


def finished_of(answer: list[Any]) -> FinishedCycle:
    """What `answer_of` gave, read as JSON."""
    number, values, seconds, computed, waited = answer
    return FinishedCycle(number, from_values(values), seconds, computed, waited)


def handle(channel: Channel) -> None:
    """Serve the executor that started this process."""
    head, raw = channel.receive(), channel.receive()
    if not head:
        return
    graph, texts, deadline, most = json.loads(head)
    branch = FrozenPopulation.unpacked(raw).ready()
    plan = Plan.of(branch, graph_from_json(graph), texts, deadline)
    warm(branch)
    channel.send(b"[]")  # ready
    while message := channel.receive():
        jobs = [Job(*job) for job in json.loads(message)]
        run_jobs(plan, most, jobs, lambda some: channel.send(b"[%s]" % b",".join(some)))


Answer = Callable[[list[bytes]], None]


def run_jobs(plan: Plan, most: int, jobs: list[Job], answer: Answer) -> None:
    """Run jobs, at most so many at a time where they wait; answers are told as they come."""
    if plan.graph.waits:
        _waiting(plan, most, jobs, answer)
    else:
        _computing(plan, jobs, answer)


def _computing(plan: Plan, jobs: list[Job], answer: Answer) -> None:
    """One after another; answered together for a while, with a deadline each at once."""
    done, last = [], time.perf_counter()
    for job in jobs:
        done.append(answer_of(in_sequence(plan, job)))
        if plan.deadline is not None or time.perf_counter() - last > TOGETHER:
            answer(done)
            done, last = [], time.perf_counter()
    if done:
        answer(done)


def _waiting(plan: Plan, most: int, jobs: list[Job], answer: Answer) -> None:
    """Many at a time, since they wait."""
    over: queue.SimpleQueue[FinishedCycle] = queue.SimpleQueue()
    flight = ThreadExecutor(plan, iter(jobs), over.put, workers=1, most=most)
    flight.prepare()
    flight.start()
    while not flight.join(0.05):
        _drain(over, answer)
    flight.close()
    _drain(over, answer)


def _drain(over: queue.SimpleQueue[FinishedCycle], answer: Answer) -> None:
    done = [answer_of(over.get()) for _ in range(over.qsize())]
    if done:
        answer(done)
