"""Batches on a recording device: order of streams, lifetimes, sizes, errors; see dry_card.

In numba's simulator alone (test_cuda_simulator). A card's own answers are cuda_cases'.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import dry_card
import numpy as np
import pytest
from cuda_cases import (
    HASHING,
    LIMITS,
    answers,
    beginning,
    card,
    competed,
    equal,
    job,
    lively,
    on_card,
    on_cpu,
)  # fmt: skip
from cuda_search_cases import SETS, text_of
from dry_card import DryCard

from automaton.backends import CpuBackend
from automaton.chemistry.world import World
from automaton.compute import matching
from automaton.errors import DeviceError
from automaton.format.options import Options
from kernels.cuda import competition, memory, pipeline, search_calls
from kernels.search.literal_tables import prepared

OPTIONS = Options(max_steps=700, max_size=60)
COMPETING = Options(streams="all", parallel=2, max_steps=150, max_size=60)
SEEDS = range(3)


@pytest.fixture(autouse=True)
def no_other_bus() -> Iterator[None]:
    """The bus of this process is the recording device's only as long as a test."""
    yield
    memory.bus.cache_clear()


@pytest.mark.parametrize("cupy", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_terms_have_the_answers_of_the_cpu_in_every_order_of_streams(
    seed: int, cupy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dry_card.put_in(DryCard(seed), monkeypatch, cupy=cupy)
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 8)
    monkeypatch.setattr(memory, "PIECE", 64)
    some = lively(70)
    equal(on_card(some, LIMITS[0], limit=20), on_cpu(some, LIMITS[0]))


@pytest.mark.parametrize("cupy", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_reactions_have_the_answers_of_the_cpu_in_every_order_of_streams(
    seed: int, grouped: bool, cupy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dry_card.put_in(DryCard(seed), monkeypatch, cupy=cupy)
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 8)
    device = card(OPTIONS)
    device.grouping.forced = grouped
    for tick in (job(9), job(30)):
        assert answers(device, tick, 70) == answers(CpuBackend(OPTIONS, 1), tick, 70)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # hashes are modulo 2**64
@pytest.mark.parametrize("seed", SEEDS)
def test_literals_are_found_in_every_order_of_streams(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dry_card.put_in(DryCard(seed), monkeypatch)
    monkeypatch.setattr(search_calls, "TEXT", 200)
    buffer, offsets = text_of(60)
    tables = prepared(SETS[4], buffer)
    expected = matching.find(tables, buffer, offsets)
    bits, counts = np.full_like(expected.bits, 7), np.full(len(SETS[4]), 7)
    search_calls.find_literals(tables, buffer, offsets, bits, counts)
    np.testing.assert_array_equal(bits, expected.bits)
    np.testing.assert_array_equal(counts, expected.counts)


def test_a_stream_that_is_not_waited_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    dry_card.put_in(DryCard(), monkeypatch)
    monkeypatch.setattr(dry_card.Stream, "synchronize", lambda _self: None)
    some = lively(40)
    with pytest.raises((AssertionError, IndexError)):
        equal(on_card(some, LIMITS[0]), on_cpu(some, LIMITS[0]))


def test_memory_that_is_freed_is_poison_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    device = dry_card.put_in(DryCard(), monkeypatch)
    image = device.to_device(np.arange(4, dtype=np.int32))
    assert device.used == 16
    words = image.words
    del image
    assert device.used == 0
    assert words.view(np.uint8).tolist() == [dry_card.POISON] * 16


def allocations_of_a_batch() -> int:
    with pytest.MonkeyPatch.context() as patch:
        device = dry_card.put_in(DryCard(), patch)
        answers(card(OPTIONS), job(9), 40)
        return device.allocations


def test_whichever_allocation_fails_the_answers_are_the_cpus_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = answers(CpuBackend(OPTIONS, 1), job(9), 40)
    for nth in range(1, allocations_of_a_batch() + 1):
        said: list[str] = []
        dry_card.put_in(DryCard(fail_allocation=nth), monkeypatch)
        device = card(OPTIONS, said)
        for _ in range(2):
            assert answers(device, job(9), 40) == expected, nth
        assert len(said) <= 1, (nth, said)
        assert all("out of memory" in line for line in said)


def test_memory_that_another_process_takes_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    dry_card.put_in(DryCard(capacity=3 << 20, taken=2 << 20), monkeypatch)
    device = card(OPTIONS, said)
    assert answers(device, job(9), 400) == answers(CpuBackend(OPTIONS, 1), job(9), 400)
    assert len(said) <= 1


def test_a_device_that_is_lost_in_a_batch_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = dry_card.put_in(DryCard(), monkeypatch)
    answers(card(OPTIONS), job(9), 40)
    for nth in range(1, whole.operations + 1):
        dry_card.put_in(DryCard(lost_at=nth), monkeypatch)
        device = card(OPTIONS)
        with pytest.raises(DeviceError, match="the device is lost; without --gpu the same bytes"):
            answers(device, job(9), 40)


@cache
def streamed(*, grouped: bool = True) -> tuple[World, list[Any]]:
    """A snapshot with streams, and what a tick of it comes to on the CPU."""
    world = beginning(COMPETING)
    device = CpuBackend(COMPETING, 1)
    device.grouping.forced = grouped
    return world, competed(device, world, 1)


@HASHING
@pytest.mark.parametrize("cupy", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_streams_have_the_answers_of_the_cpu_in_every_order_of_streams(
    seed: int, grouped: bool, cupy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, expected = streamed(grouped=grouped)
    dry_card.put_in(DryCard(seed), monkeypatch, cupy=cupy)
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 3)
    device = card(COMPETING)
    device.grouping.forced = grouped
    assert competed(device, world, 1) == expected


@HASHING
def test_a_wait_that_a_tick_of_streams_leaves_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, expected = streamed()
    dry_card.put_in(DryCard(), monkeypatch)
    monkeypatch.setattr(dry_card.Stream, "synchronize", lambda _self: None)
    try:
        found = competed(card(COMPETING), world, 1)
    except (AssertionError, IndexError, ValueError, OverflowError):
        found = []
    assert found != expected


@HASHING
def test_whichever_allocation_fails_streams_have_the_answers_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, expected = streamed()
    whole = dry_card.put_in(DryCard(), monkeypatch)
    competed(card(COMPETING), world, 1)
    for nth in range(1, whole.allocations + 1):
        said: list[str] = []
        dry_card.put_in(DryCard(fail_allocation=nth), monkeypatch)
        device = card(COMPETING, said)
        device.grouping.forced = True
        assert competed(device, world, 1) == expected, nth
        assert len(said) <= 1, (nth, said)
        assert all("out of memory" in line for line in said)


@HASHING
def test_a_device_that_is_lost_in_a_tick_of_streams_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, _ = streamed()
    whole = dry_card.put_in(DryCard(), monkeypatch)
    competed(card(COMPETING), world, 1)
    for nth in range(1, whole.operations + 1):
        dry_card.put_in(DryCard(lost_at=nth), monkeypatch)
        with pytest.raises(DeviceError, match="the device is lost; without --gpu the same bytes"):
            competed(card(COMPETING), world, 1)


@HASHING
def test_a_card_without_room_for_a_ticks_candidates_reacts_and_the_cpu_chooses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, expected = streamed(grouped=False)
    said: list[str] = []
    dry_card.put_in(DryCard(), monkeypatch)
    monkeypatch.setattr(competition, "STORE_SHARE", 1e-6)
    device = card(COMPETING, said)
    device.grouping.forced = False
    for _ in range(2):
        assert competed(device, world, 1) == expected
    assert device.name == "cuda"
    assert len(said) == 1
    assert said[0].endswith("the CPU weighs and chooses, the GPU computes reactions")


@HASHING
def test_candidates_come_to_the_host_before_their_memory_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, expected = streamed()
    dry_card.put_in(DryCard(), monkeypatch)
    device = card(COMPETING)
    device.grouping.forced = True
    bring = device.bring

    def narrowed(*given: Any) -> None:
        bring(*given)
        device.narrow()

    monkeypatch.setattr(device, "bring", narrowed)
    assert competed(device, world, 1) == expected


def test_what_batches_took_of_the_card_is_free_when_the_backend_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dry = dry_card.put_in(DryCard(), monkeypatch)
    device = card(OPTIONS)
    answers(device, job(9), 40)
    assert dry.used > 0
    device.close()
    assert dry.used == 0
