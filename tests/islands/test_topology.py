"""Who receives migrants from whom."""

from __future__ import annotations

import pytest

from automaton.errors import UsageError
from automaton.islands.topology import named_topology, parse_edges, targets_of


@pytest.mark.parametrize(
    ("name", "count", "sources"),
    [
        ("ring", 1, ((),)),
        ("ring", 3, ((2,), (0,), (1,))),
        ("star", 4, ((1, 2, 3), (0,), (0,), (0,))),
        ("complete", 3, ((1, 2), (0, 2), (0, 1))),
        ("torus", 4, ((1, 2), (0, 3), (0, 3), (1, 2))),
        ("torus", 9, ((1, 2, 3, 6), (0, 2, 4, 7), (0, 1, 5, 8), (0, 4, 5, 6), (1, 3, 5, 7),
                      (2, 3, 4, 8), (0, 3, 7, 8), (1, 4, 6, 8), (2, 5, 6, 7))),
    ],
)  # fmt: skip
def test_a_named_topology_has_the_edges_of_its_name(
    name: str, count: int, sources: tuple[tuple[int, ...], ...]
) -> None:
    assert named_topology(name, count) == sources


def test_edges_are_read_from_lines_each_once_and_none_from_an_island_to_itself() -> None:
    text = "# from to\n0 1\n\n2 1   # again below\n2 1\n1 1\n1 0\n"
    assert parse_edges(text, 3) == ((1,), (0, 2), ())


def test_targets_are_sources_the_other_way_round() -> None:
    sources = parse_edges("0 1\n0 2\n2 1\n", 3)
    assert targets_of(sources) == ((1, 2), (), (1,))


@pytest.mark.parametrize("line", ["0", "0 1 2", "0 3", "a b", "-1 0", "0 ²"])
def test_a_line_that_is_no_edge_is_an_error_with_its_number(line: str) -> None:
    with pytest.raises(UsageError, match="line 2: an edge is two numbers"):
        parse_edges(f"0 1\n{line}\n", 3)


def test_a_topology_that_is_not_known_names_the_one_that_was_likely_meant() -> None:
    with pytest.raises(UsageError, match="did you mean `torus`"):
        named_topology("tours", 4)
