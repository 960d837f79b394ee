"""Matching packed terms against patterns: a whole column of terms in one call.

A pattern is a packed term in which a metavariable stands for any subterm; all
occurrences of one must match subterms that are equal word for word (so in de
Bruijn notation). Matching is at the root. One walk over pattern and term
together, no stack: about 4 bytes a node of the pattern.
"""

from __future__ import annotations

from .packed import APP, META, VAR, numeral_of, same


def subterm_end(words, i):  # type: ignore[no-untyped-def]
    """The position behind the linked subterm at i: down the last arguments to a variable."""
    while words[i] & 3 != VAR:
        i += (words[i] >> 2) if words[i] & 3 == APP else 1
    return i + 1


def matches(pattern, words, start, bound_start, bound_end):  # type: ignore[no-untyped-def]
    """Whether the linked term at words[start] matches; fills in the metavariables' spans.

    pattern int32; bound_start, bound_end int64 by metavariable: result.
    """
    for k in range(bound_start.shape[0]):
        bound_start[k] = -1
    i = start
    for p in range(pattern.shape[0]):
        tag = pattern[p] & 3
        if tag == META:
            k = pattern[p] >> 2
            end = subterm_end(words, i)
            if bound_start[k] < 0:
                bound_start[k] = i
                bound_end[k] = end
            elif end - i != bound_end[k] - bound_start[k] or not same(
                words, bound_start[k], words, i, end - i
            ):
                return False
            i = end
        elif tag != words[i] & 3 or (tag == VAR and pattern[p] != words[i]):
            return False
        else:
            i += 1
    return True


def match_terms(  # type: ignore[no-untyped-def]
    pattern, code, start, rows, found, bound_start, bound_end
):
    """Match the terms of `rows` (int32) against a pattern; found bool[len(rows)]."""
    for k in range(rows.shape[0]):
        found[k] = matches(pattern, code, start[rows[k]], bound_start, bound_end)


def match_numerals(code, start, size, rows, found):  # type: ignore[no-untyped-def]
    """Which terms of `rows` (int32) are Church numerals; found bool[len(rows)]."""
    for k in range(rows.shape[0]):
        found[k] = numeral_of(code, start[rows[k]], size[rows[k]]) >= 0


def bind_terms(  # type: ignore[no-untyped-def]
    pattern, code, start, rows, found, bound_start, bound_end
):
    """Match the terms of `rows` (int32) and keep what the metavariables of each stand for.

    found bool[len(rows)]; bound_start, bound_end int64[len(rows), metavariables]: spans
    of code, -1 where a term does not match or the pattern has no such metavariable. The
    walk of `matches`; 16 bytes more a term and metavariable.
    """
    for k in range(rows.shape[0]):
        begins = bound_start[k]
        ends = bound_end[k]
        found[k] = matches(pattern, code, start[rows[k]], begins, ends)
        for meta in range(begins.shape[0]):
            if not found[k] or begins[meta] < 0:
                begins[meta] = -1
                ends[meta] = -1
