"""What the eight actions of transitions do: each a function from a scene to lines.

A new action is a new row of `ACTIONS`. What an action needs of the disk or of a
device is a function in its scene; the lines it makes are in docs/format.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from automaton.chemistry.condition_answers import ConditionAnswers
from automaton.chemistry.effects import TRIALS_NEEDED, Effects
from automaton.chemistry.streams import trained
from automaton.chemistry.world import ActionLine, World
from automaton.format import objects, versions
from automaton.format.json_edit import quote, replace_member
from automaton.format.objects import NamedObject
from automaton.format.records import dump
from automaton.program.definitions import Automaton
from automaton.terms import notation
from automaton.terms.packed import apply, lam, var


@dataclass
class ActionContext:
    """One tick's actions, and what they have made so far."""

    world: World
    answers: ConditionAnswers
    tick: int
    next_slot: int
    effects: Effects
    automaton: Automaton  # the current one
    target: Automaton  # the one that the transition under way names
    made: list[ActionLine] = field(default_factory=list)
    renewed: dict[str, bytes] = field(default_factory=dict)  # versions made this tick

    def own_id(self) -> bytes:
        """The id of the next line that is not a new version of anything."""
        self.next_slot += 1
        return b"%sm%d.%d" % (self.world.prefix.encode(), self.tick, self.next_slot - 1)

    def current_line(self, object_id: str) -> bytes | None:
        """An object's current line, counting what this tick made."""
        return self.renewed.get(object_id) or self.effects.current(object_id)

    def renew(self, object_id: str, line: bytes) -> None:
        """Append a new version of a named object."""
        body = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")
        parsed = objects.parse_line(body)
        if not isinstance(parsed, objects.Object):  # it would be over the limit of a line
            return self.reject()
        if objects.object_id(parsed.members) is None:  # a number; from now on its text
            return self.renew(object_id, replace_member(body, ("id",), quote(object_id)))
        self.renewed[object_id] = body
        self.made.append(ActionLine(body + b"\n", NamedObject(object_id, parsed.members)))
        return None

    def reject(self) -> None:
        """Count something that an action did not do."""
        self.world.state.counters["rejected"] += 1


def evolve(_scene: ActionContext) -> None:
    """Move on; the machine does."""


def self_reference(scene: ActionContext) -> None:
    """Correct the current object's `selfReference.line` if no version of it stands there."""
    lines = scene.effects.versions(scene.automaton.id)
    raw = scene.current_line(scene.automaton.id)
    if raw is None or not lines or scene.automaton.self_line in lines:
        return
    scene.renew(
        scene.automaton.id, replace_member(raw, ("selfReference", "line"), b"%d" % lines[-1])
    )


def self_modify(scene: ActionContext) -> None:
    """The best winner's term becomes the target's operator, if a trial shows it alive."""
    best = scene.answers.best
    raw = scene.current_line(scene.target.id)
    if best is None or raw is None:
        return scene.reject()
    words = scene.answers.batch.word_span(best).copy()
    if (
        np.array_equal(words, scene.target.operator)
        or scene.effects.trial(scene.target, words) < TRIALS_NEEDED
    ):
        return scene.reject()
    raw = replace_member(raw, ("term",), quote(notation.format_term(words)))
    winner = f"{scene.world.prefix}m{scene.tick}.{best}"
    scene.renew(scene.target.id, replace_member(raw, ("modifiedBy",), quote(winner)))
    return None


def self_io(scene: ActionContext) -> None:
    """Make durable what was committed, then take in lines from the inbox."""
    scene.effects.take_inbox()


def validate_self(scene: ActionContext) -> None:
    """Verify the chain of the last commits and recompute a sample of them."""
    world = scene.world
    checked = scene.effects.validate()
    scene.made.append(_own_line(scene, *versions.validation(world.format, world.prefix, checked)))


def self_train(scene: ActionContext) -> None:
    """Set the baseline that `gradient_descent` compares with; streams that won gain weight."""
    state = scene.world.state
    state.baseline = scene.answers.mean_salience
    state.weights = trained(state.weights, scene.answers.wins)


def self_observe(scene: ActionContext) -> None:
    """Append what is alive and where the machine stands."""
    population, automaton = scene.world.population, scene.automaton
    living = len(population), population.distinct()
    seen = versions.observation(
        scene.world.format, automaton.id, automaton.level, living, scene.answers.mean_salience
    )
    scene.made += [_own_line(scene, kind, fields) for kind, fields in seen]


def compose(scene: ActionContext) -> None:
    """λx. current (target x) enters as a new term."""
    words = lam(apply(scene.automaton.operator, apply(scene.target.operator, var(0))))
    normal_form, steps = scene.effects.normal_form(words)
    if normal_form is None:
        return scene.reject()
    slot = scene.next_slot
    fields = {
        "dimensionalLevel": scene.automaton.level,
        "parents": [scene.automaton.id, scene.target.id],
        scene.world.format.beta: steps,
        "size": len(normal_form),
        "term": notation.format_term(normal_form),
    }
    line = _own_line(scene, "composition", fields).line
    scene.made.append(
        ActionLine(line, slot=slot, words=normal_form, steps=steps, level=scene.automaton.level)
    )
    return None


def fact_line(scene: ActionContext, question: str, *, answer: bool) -> ActionLine:
    """The line that keeps an answer which only the disk can give."""
    return _own_line(scene, *versions.fact(scene.world.format, question, holds=answer))


def _own_line(scene: ActionContext, kind: str, fields: Mapping[str, object]) -> ActionLine:
    """A line under an id of ours."""
    line = b'{"id":"%s","type":"%s",' % (scene.own_id(), kind.encode())
    return ActionLine(line + dump(fields)[1:] + b"\n")


ACTIONS: dict[str, Callable[[ActionContext], None]] = {
    "evolve": evolve,
    "self-reference": self_reference,
    "self-modify": self_modify,
    "self-io": self_io,
    "validate-self": validate_self,
    "self-train": self_train,
    "self-observe": self_observe,
    "compose": compose,
}
