"""Every measure against a value that can be worked out by hand, or by a seeded sample."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from small import TERMS, automaton, objects_in, ran, written

from automaton.analysis.evidence import (
    CLOCKWORK_ORDER,
    LEVEL,
    against_null,
    against_shuffled,
    judged,
)
from automaton.analysis.figures import observe
from automaton.analysis.measures import (
    COMPRESSOR,
    compressibility,
    effective_number,
    histogram,
    mean,
    miller_madow,
    novelty,
    patterns,
    permutation_entropy,
    shannon,
    spectral_slope,
    welch,
    wilson,
    win_shares,
)
from automaton.analysis.series import read_series
from automaton.cli import command_line
from automaton.log import Log

TEN_TICKS = 10


def draws(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def coloured(exponent: float, n: int, seed: int) -> np.ndarray:
    """Noise whose power goes by this exponent of frequency."""
    random = draws(seed)
    frequencies = np.fft.rfftfreq(n)
    frequencies[0] = frequencies[1]
    parts = random.standard_normal((2, len(frequencies)))
    return np.fft.irfft(frequencies ** (exponent / 2) * (parts[0] + 1j * parts[1]), n)


# Shares.


def test_wilson_gives_the_interval_of_the_textbook() -> None:
    found = wilson(8, 10)
    assert found.value == 0.8
    assert (found.low, found.high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def test_wilson_is_exact_where_all_or_none_won() -> None:
    z2 = 1.959963984540054**2
    assert wilson(0, 10).low == 0
    assert wilson(0, 10).high == pytest.approx(z2 / (10 + z2))
    assert wilson(10, 10).low == pytest.approx(10 / (10 + z2))
    assert wilson(10, 10).high == 1
    assert wilson(0, 0)[1:] == (0.0, 1.0)


def test_more_wins_than_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_of_wilson_holds_its_share(wins: int, more: int) -> None:
    found = wilson(wins, wins + more)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_of_wilson_covers_the_truth_as_often_as_it_says() -> None:
    wins = draws(1).binomial(100, 0.2, 2000)
    covered = np.mean([wilson(int(w), 100).low <= 0.2 <= wilson(int(w), 100).high for w in wins])
    assert 0.93 <= covered <= 0.97


def test_win_shares_add_up_to_one() -> None:
    shares = win_shares({"reason": 3, "memory": 1, "anchor": 0})
    assert [s.value for s in shares.values()] == [0.75, 0.25, 0.0]


# Entropy.


@pytest.mark.parametrize(
    ("counts", "bits"),
    [
        ([100, 0, 0, 0, 0], 0.0),
        ([90, 10, 0, 0, 0], 0.468996),
        ([20, 20, 20, 20, 20], 2.321928),
        ([1, 1], 1.0),
        ([], 0.0),
    ],
)
def test_shannon_gives_the_bits_of_known_distributions(counts: list[int], bits: float) -> None:
    assert shannon(counts) == pytest.approx(bits, abs=1e-6)


def test_five_bins_cut_zero_to_one_into_fifths_and_hold_both_ends() -> None:
    assert histogram([0.0, 0.19, 0.2, 0.5, 0.8, 1.0], 0, 1).tolist() == [2, 1, 1, 0, 2]


def test_a_constant_has_no_entropy_in_any_range() -> None:
    assert shannon(histogram([7.0] * 50, 7.0, 7.0)) == 0
    assert shannon(histogram([0.3] * 50, 0, 1)) == 0


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_value_outside_the_stated_range_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        histogram([0.5, value], 0, 1)


def test_independent_uniform_salience_has_2_2931_bits_at_n_100_and_the_correction_explains_it() -> (
    None
):
    samples = draws(2).random((4000, 100))
    counts = [histogram(sample, 0, 1) for sample in samples]
    plain = np.mean([shannon(c) for c in counts])
    corrected = np.mean([shannon(c) + miller_madow(c) for c in counts])
    assert plain == pytest.approx(2.2931, abs=0.001)
    assert math.log2(5) - 4 / (200 * math.log(2)) == pytest.approx(2.2931, abs=1e-4)
    assert corrected == pytest.approx(math.log2(5), abs=0.001)


# Order.


def test_the_six_patterns_of_three_values_have_six_numbers() -> None:
    rows = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    assert sorted(int(patterns(row)[0]) for row in rows) == list(range(6))


def test_ties_are_broken_by_position() -> None:
    assert patterns([4, 4, 4]) == patterns([1, 2, 3])
    assert patterns([2, 2, 1]) == patterns([2, 3, 1])
    assert patterns([2, 1, 1]) == patterns([3, 1, 2])


@pytest.mark.parametrize("series", [range(50), [3.0] * 50, range(50, 0, -1), [1, 2], []])
def test_a_monotone_constant_or_tiny_series_has_no_permutation_entropy(
    series: list[float],
) -> None:
    assert permutation_entropy(list(series)) == 0


def test_independent_values_have_all_patterns_equally() -> None:
    assert permutation_entropy(draws(3).random(20_000)) == pytest.approx(2.585, abs=0.002)


def test_the_example_of_bandt_and_pompe_comes_out() -> None:
    # 4 7 9 10 6 11 3 at order 3: 012 twice, 120 twice, 201 once... 1.522 bits in their paper.
    assert permutation_entropy([4, 7, 9, 10, 6, 11, 3]) == pytest.approx(1.522, abs=0.001)


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=60))
def test_permutation_entropy_sees_only_the_order_of_values(series: list[int]) -> None:
    stretched = [x**3 + 2 * x for x in series]
    assert permutation_entropy(series) == permutation_entropy(stretched)


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_spectral_slope_of_white_pink_and_brown_noise_is_right(
    exponent: float, seed: int
) -> None:
    found = spectral_slope(coloured(exponent, 10_000, seed))
    assert found is not None
    assert found.value == pytest.approx(exponent, abs=0.15)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("seed", range(3))
def test_summed_white_noise_is_brown(seed: int) -> None:
    found = spectral_slope(np.cumsum(draws(seed).standard_normal(10_000)))
    assert found is not None
    assert found.value == pytest.approx(-2, abs=0.15)


@pytest.mark.parametrize("series", [[1.0] * 1000, [0.1] * 1000, list(range(255))])
def test_a_constant_or_a_short_series_has_no_slope(series: list[float]) -> None:
    assert spectral_slope(series) is None


def test_the_periodogram_of_white_noise_is_its_variance_at_every_frequency() -> None:
    found = welch(3 * draws(4).standard_normal(100_000), 64)
    assert found.power[3:-3].mean() == pytest.approx(9, rel=0.02)
    assert found.frequencies[-1] == 0.5


def test_the_periodogram_of_a_sine_peaks_at_its_frequency() -> None:
    found = welch(np.sin(2 * np.pi * 0.125 * np.arange(4096)), 256)
    assert found.frequencies[np.argmax(found.power)] == 0.125


# Diversity.


def test_equally_common_kinds_count_fully_and_one_kind_counts_as_one() -> None:
    assert effective_number([5] * 8) == pytest.approx(8)
    assert effective_number([7]) == 1
    assert effective_number([]) == 0
    assert effective_number([90, 10]) == pytest.approx(math.exp(0.3250830))


def test_novelty_is_the_share_of_the_later_half_not_seen_before() -> None:
    assert novelty(["a", "b", "a", "c"]).value == 0.5
    assert novelty(["a", "b", "c", "c"]).value == 0.5
    assert novelty(list(range(10))).value == 1
    assert novelty(["a"] * 10).value == 0


def test_a_mean_of_nothing_is_unknown_and_of_one_value_has_no_interval() -> None:
    assert all(map(math.isnan, mean([])))
    assert mean([3.0]).value == 3
    assert math.isnan(mean([3.0]).low)
    assert mean([1.0, 3.0]).value == 2
    assert mean([1.0, 3.0]).low == pytest.approx(2 - 1.959964 * math.sqrt(2) / math.sqrt(2))


def test_independent_bytes_have_no_structure_and_repeated_ones_have() -> None:
    noise = draws(5).integers(0, 256, 50_000, dtype=np.uint8).tobytes()
    assert compressibility(noise).higher_order == pytest.approx(0, abs=0.02)
    assert compressibility(noise).h0 == pytest.approx(8, abs=0.01)
    tape = draws(5).integers(0, 256, 1000, dtype=np.uint8).tobytes() * 20
    assert compressibility(tape).higher_order > 7
    assert compressibility(b"a" * 1000).h0 == 0


def test_the_ratio_is_that_of_the_compressor_that_is_named() -> None:
    data = b"abcabcabc" * 100
    assert COMPRESSOR == "zlib level 9"
    assert compressibility(data).ratio == len(data) / len(zlib.compress(data, 9))


# Evidence.


def autoregressive(seed: int, n: int = 1000, memory: float = 0.9) -> np.ndarray:
    noise, x = draws(seed).standard_normal(n), np.zeros(n)
    for k in range(1, n):
        x[k] = memory * x[k - 1] + noise[k]
    return x


def test_p_counts_the_copies_that_are_as_ordered_and_one() -> None:
    found = against_shuffled(range(200), copies=99)
    assert (found.statistic, found.p, found.draws) == (0.0, 1 / 100, 99)
    assert against_shuffled([5.0] * 200, copies=99).p == 1


def test_tests_are_the_same_every_time() -> None:
    x, y = autoregressive(1, 300), draws(2).random(300)
    assert against_shuffled(x, seed=7) == against_shuffled(x, seed=7)
    assert against_null(x, y, seed=7) == against_null(x, y, seed=7)


def test_a_bare_generator_beats_shuffling_at_most_as_often_as_p_says() -> None:
    p = np.array([against_shuffled(draws(s).random(150), s, 199).p for s in range(600)])
    assert (p < LEVEL).mean() <= 0.02  # 0.01, and 2.5 standard errors
    assert 0.07 <= (p <= 0.1).mean() <= 0.13


def test_a_bare_generator_beats_another_at_most_as_often_as_p_says() -> None:
    p = np.array(
        [
            against_null(draws(s).random(150), draws(s + 10**6).random(150), s, 199).p
            for s in range(200)
        ]
    )
    assert (p < LEVEL).mean() <= 0.03
    assert 0.04 <= (p <= 0.1).mean() <= 0.17


@pytest.mark.parametrize("seed", range(20))
def test_a_bare_generator_is_not_emergent(seed: int) -> None:
    series, null = draws(seed).random(500), draws(seed + 1000).random(500)
    bits = shannon(histogram(series, 0, 1))
    found = judged(series, bits, null, "")
    assert found.label == "BALANCED"
    assert found.shuffled is not None
    assert found.null is not None


def test_order_that_the_null_model_lacks_is_emergent() -> None:
    found = judged(autoregressive(1), 1.5, draws(2).random(1000), "")
    assert found.label == "EMERGENT"
    assert found.shuffled is not None
    assert found.null is not None
    assert max(found.shuffled.p, found.null.p) < LEVEL


def test_order_that_the_null_model_has_too_is_not_emergent() -> None:
    found = judged(autoregressive(1), 1.5, autoregressive(2), "")
    assert found.label is None
    assert found.null is not None
    assert found.null.p >= LEVEL
    same = against_null(autoregressive(1), autoregressive(1))
    assert same.statistic == 0


def test_without_the_null_model_nothing_is_emergent_and_the_reason_is_said() -> None:
    found = judged(autoregressive(1), 2.3, None, "make one")
    assert found.label is None
    assert any("make one" in fact for fact in found.evidence)


@pytest.mark.parametrize("period", [1, 2, 3])
def test_what_repeats_itself_is_clockwork(period: int) -> None:
    series = np.tile(np.arange(period), 400)[:600]
    found = judged(series, 1.5, draws(1).random(600), "")
    assert found.label == "CLOCKWORK"
    assert permutation_entropy(series) <= CLOCKWORK_ORDER


def test_few_ticks_or_no_winners_bear_no_label() -> None:
    assert judged(draws(1).random(99), 2.3, None, "").label is None
    assert judged(draws(1).random(500), None, None, "").label is None


# Of a log.


def soup(path: Path, ticks: int, **options: object) -> Path:
    ran(written(path, [automaton("0D", 0, term="λa.λb.a b"), *TERMS]), ticks, **options)
    return path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, list(arguments))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log without streams."""
    return soup(tmp_path_factory.mktemp("logs") / "plain.jsonl", 120, parallel=8)


def test_the_window_holds_the_last_winners_as_they_stand_in_the_log(plain: Path) -> None:
    lines = objects_in(plain, "modification")
    with Log.open(plain, write=False) as log:
        for window in (1, 7, 50, 10**6):
            winners = read_series(log, window).winners
            assert [w.id for w in winners] == [line["id"] for line in lines[-window:]]
            assert [w.term for w in winners] == [line["term"] for line in lines[-window:]]
            assert [w.steps for w in winners] == [line["beta"] for line in lines[-window:]]


def test_the_series_of_ticks_is_what_the_commits_say(plain: Path) -> None:
    said = [commit["state"]["salience"] / 65536 for commit in objects_in(plain, "commit")]
    with Log.open(plain, write=False) as log:
        assert read_series(log, 30).salience.tolist() == said[-30:]
        assert read_series(log, 500).salience.tolist() == said


def test_lineage_is_followed_along_a_to_the_genesis(plain: Path) -> None:
    parents = {line["id"]: line["parents"][1] for line in objects_in(plain, "modification")}

    def depth(name: str) -> int:
        steps = 0
        while name in parents:
            name, steps = parents[name], steps + 1
        return steps

    with Log.open(plain, write=False) as log:
        series = read_series(log, 20)
    assert series.traced.depths == [depth(w.id) for w in reversed(series.winners)]
    assert not series.traced.cut


def test_every_figure_names_source_window_n_and_age(plain: Path) -> None:
    with Log.open(plain, write=False) as log:
        found = observe(read_series(log, 100), None, "", 3.5)
    for figure in found.figures:
        assert figure.source
        assert figure.window
        assert figure.age == 3.5
        assert figure.value is not None or figure.note


def test_observe_prints_the_table_and_the_label_with_its_evidence(plain: Path) -> None:
    result = invoke("observe", str(plain))
    assert result.exit_code == 0, result.output
    assert "permutation entropy" in result.stdout
    assert "label: " in result.stdout
    assert "it is the null model itself" in result.stdout
    shown = json.loads(invoke("observe", str(plain), "--json").stdout)
    assert {"figures", "label"} == set(shown)
    assert {"name", "value", "source", "window", "n", "age"} <= set(shown["figures"][0])


def test_a_log_that_never_ran_has_no_figures_and_no_label(tmp_path: Path) -> None:
    result = invoke("observe", str(written(tmp_path / "new.jsonl", TERMS)), "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    values = {f["name"]: f["value"] for f in shown["figures"]}
    assert values["permutation entropy"] is None
    assert values["mean size"] is None
    assert shown["label"]["label"] is None


def test_observing_changes_nothing(plain: Path) -> None:
    before, beside = plain.read_bytes(), sorted(plain.parent.iterdir())
    invoke("observe", str(plain), "--null", str(plain))
    assert plain.read_bytes() == before
    assert sorted(plain.parent.iterdir()) == beside


@pytest.fixture(scope="module")
def competing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of the same genesis and seed, with streams."""
    return soup(tmp_path_factory.mktemp("logs") / "all.jsonl", 120, parallel=8, streams="all")


def test_shares_are_those_of_the_streams_that_stand_in_the_winners_lines(competing: Path) -> None:
    lines = objects_in(competing, "modification")
    with Log.open(competing, write=False) as log:
        series = read_series(log, 10**6)
        found = observe(series, None, "why", 0.0)
    assert len(series.names) == 5
    shares = {f.name: f.value for f in found.figures if f.name.startswith("win share of ")}
    assert sum(filter(None, shares.values())) == pytest.approx(1)
    won = sum(line["stream"] == "emotion" for line in lines) / len(lines)
    assert shares["win share of emotion"] == pytest.approx(won)
    salience = [line["salience"] / 65536 for line in lines]
    assert [w.salience for w in series.winners] == salience


def test_without_a_null_model_observe_says_how_to_make_one(competing: Path) -> None:
    result = invoke("observe", str(competing))
    assert result.exit_code == 0, result.output
    assert "EMERGENT is not possible: the null model is missing" in result.stdout
    assert "--streams none" in result.stdout


def test_the_null_model_of_the_same_genesis_and_seed_is_compared(
    competing: Path, plain: Path
) -> None:
    result = invoke("observe", str(competing), "--null", str(plain), "--json")
    assert result.exit_code == 0, result.output
    label = json.loads(result.stdout)["label"]
    assert label["label"] == "CLOCKWORK" or label["null"]["draws"] == 999


@pytest.mark.parametrize(
    ("options", "reason"), [({"seed": 5}, "its seed is 5"), ({"streams": "all"}, "streams compete")]
)
def test_a_log_that_is_no_null_model_of_this_one_is_refused(
    competing: Path, tmp_path: Path, options: dict[str, object], reason: str
) -> None:
    other = soup(tmp_path / "other.jsonl", TEN_TICKS, parallel=8, **options)
    result = invoke("observe", str(competing), "--null", str(other))
    assert result.exit_code == 2
    assert reason in result.stderr


def test_another_genesis_is_no_null_model(competing: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.jsonl", [automaton("0D", 0, term="λa.a"), *TERMS])
    ran(other, TEN_TICKS, parallel=8)
    result = invoke("observe", str(competing), "--null", str(other))
    assert result.exit_code == 2
    assert "genesis" in result.stderr
