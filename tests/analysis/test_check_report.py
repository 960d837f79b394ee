"""What `check` counts, on lines written here and on the real logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.analysis.check_report import (
    CheckReport,
    DanglingEnd,
    DirectiveLine,
    MalformedLine,
    survey,
)
from automaton.format.objects import term_sources

KEYS = [
    "objects", "ids", "versions", "records", "types", "malformed", "directives", "dangling",
    "broken_ends", "retyped",
    "self_references_wrong", "self_references", "unknown_actions", "unknown_conditions",
    "unreadable", "ignored", "idle_rules", "idle_vetoes",
    "unknown_states", "unreachable", "terms",
]  # fmt: skip


def numbered(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The lines of a file, each with its number and its offset."""
    offset = 0
    for number, line in enumerate(raw.splitlines(keepends=True), 1):
        yield number, offset, line
        offset += len(line)


def report_on(*objects: dict[str, Any] | bytes) -> CheckReport:
    """The report on these lines."""
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in objects]
    return survey(numbered(b"".join(line + b"\n" for line in lines)))


def test_a_file_without_lines_is_an_empty_report() -> None:
    assert survey([]) == CheckReport()
    assert list(survey([]).as_json()) == KEYS


def test_the_report_of_a_small_log_counts_every_kind_of_line() -> None:
    report = report_on(
        b"\xef\xbb\xbf@version: '1.0'\r",
        b"",
        {"id": "a", "type": "text", "text": "`λx.x` and `λf.λx.fx`, not `λx.y`"},
        b'{"id":"b"',
        {"id": "a", "type": "note", "text": "`λx.x`"},
        {"type": "text", "text": "no id"},
        {"fromNode": "a", "toNode": "nobody"},
        {"id": "c"},
    )
    assert report.as_json() == {
        "objects": 4,
        "ids": 2,
        "versions": 1,
        "records": 0,
        "types": {"text": 2, "note": 1, "edge": 1, "(none)": 1},
        "malformed": [
            {
                "line": 4,
                "offset": report.malformed[0].offset,
                "reason": report.malformed[0].reason,
            }
        ],
        "directives": [{"line": 1, "name": "version", "value": "1.0"}],
        "dangling": [{"line": 7, "end": "to", "id": "nobody"}],
        "broken_ends": [],
        "retyped": [{"line": 5, "was": "text", "type": "note"}],
        "self_references_wrong": 0,
        "self_references": [],
        "unknown_actions": [],
        "unknown_conditions": [],
        "unreadable": [],
        "ignored": [],
        "idle_rules": [],
        "idle_vetoes": [],
        "unknown_states": [],
        "unreachable": [],
        "terms": 1,
    }


def test_the_offset_of_a_malformed_line_is_where_its_bytes_begin() -> None:
    raw = '{"id":"λ"}\r\n\r\noops\n'.encode()
    (malformed,) = survey(numbered(raw)).malformed
    assert (malformed.line, malformed.offset) == (3, raw.index(b"oops"))


@pytest.mark.parametrize(
    ("edge", "dangling"),
    [
        ({"id": "e", "fromNode": "a", "toNode": "b"}, [("to", "b")]),
        ({"id": "e", "from": "b", "to": "a"}, [("from", "b")]),
        ({"id": "e", "type": "transition", "from": "b", "to": "c"}, [("from", "b"), ("to", "c")]),
        ({"id": "e", "type": "anything", "fromNode": "b", "toNode": "a"}, [("from", "b")]),
        ({"id": "e", "type": "letter", "from": "b", "to": "c"}, []),
        ({"id": "e", "fromNode": "a", "toNode": "z"}, []),
        ({"id": "e", "fromNode": "e", "toNode": "e"}, []),
        ({"id": "e", "fromNode": "b", "toNode": 3}, []),
    ],
)
def test_an_end_that_no_object_has_is_dangling(
    edge: dict[str, Any], dangling: list[tuple[str, str]]
) -> None:
    report = report_on({"id": "a"}, edge, {"id": "z"})
    assert [(end.end, end.id) for end in report.dangling] == dangling


def test_only_the_current_version_of_an_edge_dangles() -> None:
    broken = {"id": "e", "fromNode": "a", "toNode": "b"}
    mended = {"id": "e", "fromNode": "a", "toNode": "a"}
    assert report_on({"id": "a"}, broken, mended).dangling == []
    assert report_on({"id": "a"}, mended, broken).dangling == [DanglingEnd(3, "to", "b")]


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        ({"line": 2, "file": "elsewhere.jsonl"}, 0),
        ({"line": 4}, 0),
        ({"line": 1}, 1),
        ({"line": 3}, 1),
        ({"line": 5}, 1),
        ({"line": 99}, 1),
        ({"line": 0}, 1),
        ({"line": -2}, 1),
        ({"line": 1 << 70}, 1),
        ({"line": "2"}, 1),
        ({"line": True}, 1),
        ({"line": None}, 1),
        ({}, 0),
        ("2", 0),
        (None, 0),
    ],
)
def test_a_self_reference_is_right_on_any_line_that_holds_a_version(
    reference: object, wrong: int
) -> None:
    current = {"id": "s", "selfReference": reference}
    report = report_on({"id": "a"}, {"id": "s"}, {"id": "b"}, current, b"")
    assert report.self_references_wrong == wrong


def test_an_object_without_id_stands_on_its_own_line_alone() -> None:
    exact, wrong = {"selfReference": {"line": 1}}, {"selfReference": {"line": 1}}
    assert report_on(exact, wrong).self_references_wrong == 1


@pytest.mark.parametrize(
    ("members", "terms"),
    [
        ({"term": "λλ1 (1 0)", "text": "`λx.x`"}, 1),
        ({"term": "λ5", "text": "`λx.x`"}, 0),
        ({"type": "automaton", "currentState": "network", "text": "`λx.x` `λx.xx`"}, 1),
        ({"type": "automaton", "text": "`λx.x` `λx.xx`"}, 2),
        ({"text": "λx.x"}, 0),
        ({"text": "`true`"}, 0),
        ({"id": "x"}, 0),
    ],
)
def test_terms_come_from_term_else_the_state_else_the_text(
    members: dict[str, Any], terms: int
) -> None:
    assert report_on(members).terms == terms


IDS = st.none() | st.sampled_from("abc")
SMALL_OBJECTS = st.fixed_dictionaries(
    {"id": IDS, "fromNode": IDS, "toNode": IDS},
    optional={"selfReference": st.fixed_dictionaries({"line": st.integers(0, 8)})},
)


@settings(deadline=None)
@given(st.lists(SMALL_OBJECTS, max_size=8))
def test_the_fold_says_what_looking_at_all_lines_at_once_says(lines: list[dict[str, Any]]) -> None:
    named = [line["id"] for line in lines if line["id"] is not None]
    current = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if line["id"] is None or line["id"] not in [later["id"] for later in lines[number:]]
    ]
    wrong = [
        line
        for number, line in current
        if "selfReference" in line
        and line["selfReference"]["line"]
        not in {
            other
            for other, version in enumerate(lines, 1)
            if other == number or (version["id"] == line["id"] and line["id"] is not None)
        }
    ]
    dangling = [
        DanglingEnd(number, "from" if end == "fromNode" else "to", line[end])
        for number, line in current
        if line["fromNode"] is not None and line["toNode"] is not None
        for end in ("fromNode", "toNode")
        if line[end] not in named
    ]
    report = report_on(*lines)
    nameless = len(lines) - len(named)
    assert (report.objects, report.ids) == (len(set(named)) + nameless, len(set(named)))
    assert report.versions == len(named) - len(set(named))
    assert report.self_references_wrong == len(wrong)
    assert report.dangling == dangling


# The real logs.


@pytest.fixture
def real(shared_data: Path, request: pytest.FixtureRequest) -> CheckReport:
    """The report on the real log that the test names."""
    return survey(numbered((shared_data / request.param).read_bytes()))


def on(name: str) -> pytest.MarkDecorator:
    """The test is about this real log."""
    return pytest.mark.parametrize("real", [name], indirect=True)


@pytest.mark.shared_data
@on("automaton-kernel.jsonl")
def test_the_kernel_is_whole_but_every_self_reference_is_wrong(real: CheckReport) -> None:
    assert (real.objects, real.ids, real.versions) == (420, 420, 0)
    assert real.types["automaton"] == real.types["transition"] == 8
    assert real.types["vertical"] + real.types["horizontal"] == 254
    assert not [*real.dangling, *real.malformed, *real.directives]
    assert real.self_references_wrong == 8


@pytest.mark.shared_data
@on("automaton-kernel.jsonl")
def test_the_kernel_has_twelve_terms_in_text_and_eight_operators(
    real: CheckReport, shared_data: Path
) -> None:
    def in_text(_: int, __: int, line: bytes) -> bool:
        return term_sources(json.loads(line)).kind == "text"

    raw = (shared_data / "automaton-kernel.jsonl").read_bytes()
    assert survey(line for line in numbered(raw) if in_text(*line)).terms == 12
    assert real.terms == 12 + 8


@pytest.mark.shared_data
@on("automaton-eight-actions.jsonl")
def test_the_earlier_machine_refers_to_itself_exactly(real: CheckReport) -> None:
    assert (real.objects, real.versions) == (232, 1)
    assert real.types["automaton"] == real.types["transition"] == real.types["vertical"] == 8
    assert real.self_references_wrong == 0
    assert not [*real.malformed, *real.dangling]


@pytest.mark.shared_data
@on("automaton.jsonl")
def test_what_the_original_runner_left_has_versions_and_nothing_to_step(real: CheckReport) -> None:
    assert (real.objects, real.ids, real.versions) == (878, 878, 1122)
    assert real.types == {"text": 2000}
    assert real.terms == 0


@pytest.mark.shared_data
@on("automaton.canvas.space.jsonl")
def test_the_broken_line_is_reported_by_number_offset_and_reason(
    real: CheckReport, shared_data: Path
) -> None:
    raw = (shared_data / "automaton.canvas.space.jsonl").read_bytes()
    offset = sum(map(len, raw.splitlines(keepends=True)[:31]))
    (broken,) = real.malformed
    assert broken == MalformedLine(32, offset, broken.reason)
    assert broken.reason.startswith("not JSON at character 1843: ")
    assert real.objects == 33


@pytest.mark.shared_data
@on("automaton.fast.canvasl")
def test_canvasl_has_six_directives_and_twelve_ids_with_later_versions(real: CheckReport) -> None:
    assert real.directives[0] == DirectiveLine(1, "version", "1.0")
    assert [directive.line for directive in real.directives] == [1, 2, 3, 4, 5, 6]
    assert (real.objects, real.ids, real.versions) == (180, 180, 220)
    assert real.malformed == []


@pytest.mark.shared_data
@on("generate.metaverse.jsonl")
def test_the_metaverse_has_fourteen_untyped_edges(real: CheckReport) -> None:
    assert (real.objects, real.types["edge"]) == (28, 14)


@pytest.mark.shared_data
@on("add-r5rs-integration-edges.jsonl")
def test_edges_without_their_nodes_dangle_at_both_ends(real: CheckReport) -> None:
    assert (real.objects, len(real.dangling)) == (12, 24)
