"""Logs that other people's automata wrote, each read as its description says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from automaton.format.json_edit import quote, replace_member
from automaton.format.objects import (
    Blank,
    Directive,
    Line,
    MalformedInput,
    Members,
    Object,
    edge_ends,
    object_id,
    object_type,
    parse_line,
)

pytestmark = pytest.mark.shared_data

FILES = [
    "add-r5rs-integration-edges.jsonl",
    "automaton-eight-actions.jsonl",
    "automaton-kernel.jsonl",
    "automaton-kernel.seed.jsonl",
    "automaton.canvas.space.jsonl",
    "automaton.fast.canvasl",
    "automaton.jsonl",
    "generate.metaverse.jsonl",
    "r5rs-functions-trie.jsonl",
]

Read = Callable[[str], list[Line]]


@pytest.fixture
def read(shared_data: Path) -> Read:
    """Reads every line of a real log."""
    return lambda name: [
        parse_line(raw) for raw in (shared_data / name).read_bytes().splitlines(keepends=True)
    ]


def members(lines: list[Line]) -> list[Members]:
    """The objects among the lines."""
    return [line.members for line in lines if isinstance(line, Object)]


def ids(lines: list[Line]) -> list[str | None]:
    """The ids of the objects, in order."""
    return [object_id(obj) for obj in members(lines)]


def by_type(lines: list[Line]) -> Counter[str | None]:
    """How many objects of each type there are."""
    return Counter(object_type(obj) for obj in members(lines))


@pytest.mark.parametrize("name", FILES)
def test_every_object_of_a_real_log_has_an_id(name: str, read: Read) -> None:
    assert None not in ids(read(name))


@pytest.mark.parametrize("name", [name for name in FILES if "canvas" not in name])
def test_a_real_log_is_nothing_but_objects(name: str, read: Read) -> None:
    lines = read(name)
    assert len(members(lines)) == len(lines) > 0


def test_the_kernel_has_420_ids_eight_automata_eight_transitions_and_254_edges(read: Read) -> None:
    lines = read("automaton-kernel.jsonl")
    assert len(lines) == len(set(ids(lines))) == 420
    types = by_type(lines)
    assert types["automaton"] == types["transition"] == 8
    assert sum("fromNode" in obj and bool(edge_ends(obj)) for obj in members(lines)) == 254


def test_the_automata_of_the_kernel_say_2_to_16_and_stand_on_14_to_21(read: Read) -> None:
    places = [
        (number, line.members["selfReference"]["line"])
        for number, line in enumerate(read("automaton-kernel.jsonl"), 1)
        if isinstance(line, Object) and "selfReference" in line.members
    ]
    assert places == list(zip(range(14, 22), range(2, 18, 2), strict=True))


@pytest.mark.parametrize(
    ("name", "touching"), [("automaton-kernel.jsonl", 0), ("automaton-eight-actions.jsonl", 8)]
)
def test_vertical_edges_join_automata_in_the_earlier_machine_alone(
    name: str, touching: int, read: Read
) -> None:
    lines = read(name)
    automata = {object_id(obj) for obj in members(lines) if object_type(obj) == "automaton"}
    vertical = [edge_ends(obj) for obj in members(lines) if object_type(obj) == "vertical"]
    assert sum(ends is not None and bool(automata & {*ends}) for ends in vertical) == touching


def test_the_kernel_is_its_seed_its_trie_and_its_edges(read: Read) -> None:
    kernel, seed, trie, edges = (
        ids(read(name))
        for name in (
            "automaton-kernel.jsonl",
            "automaton-kernel.seed.jsonl",
            "r5rs-functions-trie.jsonl",
            "add-r5rs-integration-edges.jsonl",
        )
    )
    kept = [
        name
        for name in seed
        if name not in {"code-generation-pattern", "regeneration-instructions"}
    ]
    assert [name for name in kernel if name in set(seed)] == kept
    assert (len(kept), len(trie), len(edges)) == (57, 350, 12)
    assert {*trie, *edges} < {*kernel}
    assert len({*kernel} - {*kept} - {*trie} - {*edges}) == 1


def test_the_earlier_machine_has_233_objects_and_all_eight_actions(read: Read) -> None:
    lines = read("automaton-eight-actions.jsonl")
    assert len(members(lines)) == 233
    assert {obj["action"] for obj in members(lines) if object_type(obj) == "transition"} == {
        "evolve", "self-reference", "self-modify", "self-io",
        "validate-self", "self-train", "self-observe", "compose",
    }  # fmt: skip


def test_what_the_original_runner_left_is_878_texts_with_1122_later_versions(read: Read) -> None:
    lines = read("automaton.jsonl")
    assert by_type(lines) == {"text": 2000}
    assert len(set(ids(lines))) == 878


def test_the_canvas_has_33_objects_and_one_broken_line(read: Read) -> None:
    lines = read("automaton.canvas.space.jsonl")
    assert len(members(lines)) == 33
    broken = {
        number: line.reason
        for number, line in enumerate(lines, 1)
        if isinstance(line, MalformedInput)
    }
    assert list(broken) == [32]
    assert broken[32].startswith("not JSON at character 1843: ")


def test_canvasl_begins_with_six_directives_and_a_blank_line(read: Read) -> None:
    lines = read("automaton.fast.canvasl")
    assert lines[:7] == [
        Directive("version", "1.0"),
        Directive("schema", "automaton-evolution"),
        Directive("r5rs-engine", "meta-log-db"),
        Directive("dimension", "fast"),
        Directive("variant", "fast"),
        Directive("generated", "2025-11-08T20:13:53.892Z"),
        Blank(),
    ]
    assert len(members(lines[7:])) == len(lines) - 7 == 400


def test_canvasl_has_220_later_versions_of_12_ids(read: Read) -> None:
    versions = Counter(ids(read("automaton.fast.canvasl")))
    assert sum(versions.values()) - len(versions) == 220
    assert sum(count > 1 for count in versions.values()) == 12


def test_the_metaverse_has_28_objects_14_untyped_edges_and_references(read: Read) -> None:
    lines = read("generate.metaverse.jsonl")
    untyped = [obj for obj in members(lines) if "type" not in obj]
    assert len(members(lines)) == 28
    assert len(untyped) == 14
    assert all(object_type(obj) == "edge" for obj in untyped)
    assert by_type(lines)["reference"] > 0


@pytest.mark.parametrize("name", FILES)
def test_a_member_of_a_real_line_is_replaced_by_what_it_was_without_a_trace(
    name: str, shared_data: Path
) -> None:
    for raw in (shared_data / name).read_bytes().splitlines(keepends=True):
        line = parse_line(raw)
        if isinstance(line, Object):
            identifier = quote(line.members["id"])
            marked = replace_member(raw, ("id",), b'"elsewhere"')
            assert parse_line(marked) == Object(line.members | {"id": "elsewhere"})
            assert replace_member(marked, ("id",), identifier) == raw
