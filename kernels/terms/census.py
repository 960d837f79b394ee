"""A census of rows: how many different hashes they have, and which rows are marked.

Must not know: what the rows hold, why they are counted.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

_FREE = np.uint64(0)


def count_distinct(hashes, rows, table):  # type: ignore[no-untyped-def]
    """How many different hashes some rows have.

    hashes uint64 by row, rows int32. table uint64, a power of two of them and more than
    there are rows, all 0: an open-addressed table. About 16 bytes a row.
    """
    last = np.uint64(len(table) - 1)
    found = 0
    zero = False
    for k in range(len(rows)):
        hashed = hashes[U(rows[U(k)])]
        if hashed == _FREE:
            zero = True
            continue
        at = hashed & last
        while table[U(at)] != _FREE and table[U(at)] != hashed:
            at = (at + np.uint64(1)) & last
        if table[U(at)] == _FREE:
            table[U(at)] = hashed
            found += 1
    return found + 1 if zero else found


def marked_rows(marks, rows):  # type: ignore[no-untyped-def]
    """Write the numbers of the rows with a mark, ascending; returns how many there are.

    marks bool by row; rows int32, one more than there are marks.
    """
    n = 0
    for row in range(len(marks)):
        rows[U(n)] = row
        n += marks[U(row)]
    return n
