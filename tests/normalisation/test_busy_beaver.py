"""Counts of closed terms beside published ones, and certificates beside a second program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automaton.normalisation.busy_beaver import BusyBeaver, digits
from automaton.normalisation.term_tree import from_words, leftmost
from automaton.normalisation.verdict import Extends, Judge, ReductionCycle, cycle_of
from automaton.terms.notation import parse

ROOT = Path(__file__).resolve().parents[2]
CHECKER = ROOT / "scripts" / "studies" / "check_certificates.py"

#: OEIS A114852, A333958 and A333479 from 4 bits on: closed, with a normal form, the largest.
CLOSED = (1, 0, 1, 1, 2, 1, 6, 5, 13, 14, 37, 44, 101, 134, 298, 431, 883, 1361, 2736, 4405, 8574,
          14334, 27465, 47146, 89270)  # fmt: skip
NORMAL = (1, 0, 1, 1, 2, 1, 6, 5, 13, 14, 37, 44, 101, 134, 297, 431, 882, 1361, 2729, 4405, 8549,
          14311, 27400, 47101, 89022)  # fmt: skip
LARGEST = (4, 0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 26, 30, 42, 52,
           44, 58)  # fmt: skip


@pytest.fixture(scope="module")
def counted() -> tuple[list[Any], list[dict[str, Any]]]:
    """The counts of 4 to 28 bits and the certificates."""
    certificates: list[dict[str, Any]] = []
    beaver = BusyBeaver()
    counts = [
        beaver.count(bits, certificates.append, lambda _done, _judged: None)
        for bits in range(4, 4 + len(CLOSED))
    ]
    return counts, certificates


Counted = tuple[list[Any], list[dict[str, Any]]]


def test_counts_and_largest_normal_forms_are_the_published_ones(counted: Counted) -> None:
    counts, _ = counted
    assert tuple(found.closed for found in counts) == CLOSED
    assert tuple(found.normal for found in counts) == NORMAL
    assert tuple(found.largest for found in counts) == LARGEST
    assert not any(found.open for found in counts)


def test_each_term_without_a_normal_form_has_one_certificate(counted: Counted) -> None:
    counts, certificates = counted
    assert len({certificate["term"] for certificate in certificates}) == len(certificates)
    for found in counts:
        mine = [one for one in certificates if one["bits"] == found.bits]
        assert len(mine) == found.closed - found.normal == found.without.total()


def test_a_champion_reduces_to_the_largest_normal_form(counted: Counted) -> None:
    for found in counted[0]:
        if found.closed:
            term = from_words(parse(found.champion, "blc"))
            while (reduced := leftmost(term)) is not None:
                term = reduced
            assert len(found.champion) == found.bits
            assert Judge().judge(term).verdict == Extends(found.largest)


def checked(lines: list[dict[str, Any]], folder: Path) -> subprocess.CompletedProcess[str]:
    """What the second program says of certificates."""
    path = folder / "certificates.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    command = [sys.executable, "-S", str(CHECKER), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_second_program_confirms_all_certificates(counted: Counted, tmp_path: Path) -> None:
    _, certificates = counted
    done = checked(certificates, tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"{len(certificates)} certificates hold" in done.stdout
    assert "28 bits: 248 terms" in done.stdout


def of_kind(certificates: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The last certificate of a kind that contracts something."""
    return next(c for c in reversed(certificates) if c["kind"] == kind and c["contract"])


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("cycle", {"term": "0010", "bits": 4, "contract": []}),
        ("cycle", {"first": 1, "again": 1}),
        ("cycle", {"first": -1}),
        ("cycle", {"first": None}),
        ("cycle", {"kind": "types", "types": ">V"}),
        ("cycle", {"bits": 17}),
        ("types", {"types": ">N"}),
        ("types", {"types": "V>V H>H"}),
        ("types", {"types": "a>h"}),
        ("types", {"types": ""}),
        ("types", {"contract": [1000]}),
        ("types", {"contract": [0, 0, 0, 0, 0, 0, 0]}),
        ("types", {"kind": "cycle", "first": 0, "again": 1}),
        ("types", {"kind": "belief"}),
        ("types", {"term": "0010", "bits": 4, "contract": []}),
        ("types", {"term": "0010110", "bits": 7, "contract": []}),
    ],
)
def test_the_second_program_refuses_a_certificate_that_was_changed(
    counted: Counted, tmp_path: Path, kind: str, change: dict[str, Any]
) -> None:
    good = of_kind(counted[1], kind)
    done = checked([{**good, **change}], tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("line 1: ")
    assert done.stderr == ""


def test_the_second_program_refuses_a_certificate_for_another_term(
    counted: Counted, tmp_path: Path
) -> None:
    """Each proof, put to the champion of its size: a term that has a normal form."""
    counts, certificates = counted
    champions = {found.bits: found.champion for found in counts}
    for good in certificates[:: len(certificates) // 8]:
        swapped = {**good, "term": champions[good["bits"]], "contract": []}
        assert checked([swapped], tmp_path).returncode == 1


def test_the_second_program_refuses_a_term_that_comes_twice(
    counted: Counted, tmp_path: Path
) -> None:
    one = counted[1][0]
    done = checked([one, one], tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("line 2: ")


def test_omega_is_a_cycle_of_one_step_and_a_normal_form_none() -> None:
    assert cycle_of(from_words(parse(r"(\x.x x) (\x.x x)"))) == ReductionCycle(0, 1)
    assert cycle_of(from_words(parse(r"(\x.x x) (\x.x)"))) is None


def test_lambdas_that_bind_nothing_add_two_bits_each() -> None:
    judge = Judge()
    two = r"(\f.\x.f (f x))"
    inner = judge.judge(from_words(parse(rf"{two} {two} {two} {two}"))).verdict
    outer = judge.judge(from_words(parse(rf"\a.\b.{two} {two} {two} {two}"))).verdict
    assert inner == Extends(5 * 2**16 + 6)
    assert outer == Extends(5 * 2**16 + 10)


def test_a_number_beyond_what_python_writes_in_decimal_is_hexadecimal() -> None:
    assert digits(10**100) == "1" + "0" * 100
    assert digits(16**5000) == "0x1" + "0" * 5000


@pytest.mark.slow
def test_counts_of_29_to_32_bits_are_the_published_ones_with_certificates(tmp_path: Path) -> None:
    certificates: list[dict[str, Any]] = []
    beaver = BusyBeaver()
    found = [
        beaver.count(bits, certificates.append, lambda _done, _judged: None)
        for bits in range(29, 33)
    ]
    assert [one.normal for one in found] == [156_080, 293_014, 521_730, 975_507]
    assert [one.largest for one in found] == [223, 160, 267, 298]
    assert not any(one.open for one in found)
    assert checked(certificates, tmp_path).returncode == 0
