"""What an archipelago is, its file and its seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from island_cases import small_archipelago

from automaton.errors import DamagedError, UsageError
from automaton.islands.archipelago import choose_island_prefix, parse_archipelago
from kernels.philox import philox


def test_its_file_reads_back_as_the_same_archipelago() -> None:
    one = small_archipelago(4, "torus", delay=1, seed=(1 << 64) - 1, options={"streams": "all"})
    assert parse_archipelago(one.lines) == one
    assert parse_archipelago(one.lines).digest == one.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"epoch":5', b'"epoch":6'),
        (b'"sources":[0]', b'"sources":[1]'),
        (b'"delay":0', b'"delay": 0'),
        (b'"count":3', b'"count":4'),
        (b'"seed":"7"', b'"seed":7'),
        (b'"genesis"', b'"Genesis"'),
    ],
)
def test_a_file_that_differs_in_anything_is_not_taken_or_is_another_archipelago(
    old: bytes, new: bytes
) -> None:
    one = small_archipelago()
    assert old in one.lines
    try:
        other = parse_archipelago(one.lines.replace(old, new))
    except DamagedError:
        return
    assert other.digest != one.digest


@pytest.mark.parametrize("raw", [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"version":1}\n', b"5\n5\n"])
def test_any_other_file_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(DamagedError, match="not as `islands init` wrote it"):
        parse_archipelago(raw)


def test_a_file_of_a_later_version_is_refused_by_its_number() -> None:
    raw = small_archipelago().lines.replace(b'"version":1', b'"version":2')
    with pytest.raises(UsageError, match="version 2"):
        parse_archipelago(raw)


def test_seeds_are_philox_of_the_archipelagos_seed_and_the_islands_number() -> None:
    one = small_archipelago(seed=0x1234_5678_9ABC_DEF0)
    counter = [np.uint64(n) for n in (2, 0, 0, 15, 0x9ABC_DEF0, 0x1234_5678)]
    low, high, *_ = philox(*counter)  # type: ignore[no-untyped-call]  # a kernel
    assert one.seed_of(2) == int(low) | int(high) << 32
    assert len({one.seed_of(k) for k in range(3)}) == 3


def test_every_deciding_part_changes_the_digest() -> None:
    one = small_archipelago()
    others = [
        replace(one, seed=8), replace(one, epoch=6), replace(one, migrants=3),
        replace(one, delay=1), replace(one, options={"parallel": 9}),
        small_archipelago(3, "complete"), small_archipelago(4),
    ]  # fmt: skip
    assert len({each.digest for each in [one, *others]}) == len(others) + 1


def test_epochs_follow_each_other_and_migrants_arrive_after_one_epoch_and_the_delay() -> None:
    one = small_archipelago(delay=2)
    assert [one.epoch_of(tick) for tick in (1, 5, 6, 10, 11)] == [0, 0, 1, 1, 2]
    assert [one.epochs_done(tick) for tick in (0, 4, 5, 9, 10)] == [0, 0, 1, 1, 2]
    assert (one.first_tick(3), one.last_tick(3), one.departure(3)) == (16, 20, 0)


@pytest.mark.parametrize(
    "wrong", [{"epoch": 0}, {"migrants": -1}, {"delay": True}, {"options": {"parallel": 0}}]
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        small_archipelago(**wrong)


def test_the_prefix_keeps_migrants_apart_from_the_ids_of_a_genesis() -> None:
    line = json.dumps({"id": "island:3:m1.2", "note": "aisland:4:m1"}).encode()
    assert choose_island_prefix(b"{}\n") == ""
    assert choose_island_prefix(line) == "b"
