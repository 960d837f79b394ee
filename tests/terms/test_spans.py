"""The terms between the backticks of somebody's text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automaton.terms.notation import format_term, parse, spans, spans_counted


def test_only_closed_spans_with_a_lambda_are_terms() -> None:
    text = r"`true` is `λx.λy.x`, `λx.y` is open, `λx.(x` is cut, `\x.xx` is the last, `x"
    usable, skipped = spans_counted(text)
    assert [(number, format_term(words)) for number, words in usable] == [
        (1, "λλ1"),
        (2, "λ0 0"),
    ]
    assert skipped == 2
    assert spans("no backticks, λx.x") == []
    assert spans("") == []


def test_spans_are_paired_as_markdown_pairs_them() -> None:
    assert len(spans("```\nλx.x\n``` and ``λx.x``")) == 2
    assert len(spans("`` a lone pair, then `λx.x` and `λy.y`")) == 2
    assert len(spans("`a`λx.x`b`")) == 0
    assert spans("`" * 1000) == []


def test_a_span_of_longer_names_is_read_where_single_letters_fail() -> None:
    usable, skipped = spans_counted("`λfirst.λsecond.first`, `λ_.λx1y.x1y`")
    assert [format_term(words) for _, words in usable][1:] == ["λλλ1 0"]
    assert skipped == 0


def test_other_ways_of_writing_are_terms_and_escapes_are_none() -> None:
    text = r"`\lambda x.\lambda y.xy` `𝜆x.x` `\x -> xx` `let i = λx.x in i` `\ 0` `\x.x`"
    usable, skipped = spans_counted(text)
    shown = ["λλ1 0", "λ0", "λ0 0", "(λ0) (λ0)", "λ0", "λ0"]
    assert [format_term(words) for _, words in usable] == shown
    assert skipped == 0
    assert spans_counted(r"`\0` `\1` `(\0)` `\033`") == ([], 0)
    assert spans_counted(r"`\n` `\lambda` `\alpha.x` `\xy.x` `λλ01`") == ([], 5)


def test_a_span_over_the_limit_is_skipped_and_counted() -> None:
    assert spans_counted("`λx.x x x`", max_nodes=5) == ([], 1)


@pytest.mark.shared_data
def test_all_twelve_terms_of_the_kernel_log_mean_what_they_say(shared_data: Path) -> None:
    meant = [
        "λx.x",
        "λf.λx.x",
        "λn.λf.λx.f (n f x)",
        "λf.λx.f x",
        "λx.λy.λf.f x y",
        "λp.p (λx.λy.x)",
        "λp.p (λx.λy.y)",
        "λm.λn.λf.λx.m f (n f x)",
        "λm.λn.λf.m (n f)",
        "λm.λn.n m",
        "λf.(λx.f (x x)) (λx.f (x x))",
        "λf.(λx.f (λy.x x y)) (λx.f (λy.x x y))",
    ]
    lines = (shared_data / "automaton-kernel.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [str(json.loads(line).get("text", "")) for line in lines]
    found = [format_term(words) for text in texts for _, words in spans(text)]
    assert found == [format_term(parse(text)) for text in meant]
    assert sum(spans_counted(text)[1] for text in texts) == 0
