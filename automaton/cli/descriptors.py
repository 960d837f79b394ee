"""Descriptors 0, 1 and 2, made safe before a file is opened.

Where a shell closed one (`>&-`), the next file that is opened would get its number: the
log would be standard output. What is not there leads nowhere instead.
"""

from __future__ import annotations

import os
import sys

STANDARD = (0, 1, 2)


def make_safe() -> None:
    """Have every standard descriptor lead somewhere, and the streams of Python with them."""
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:  # closed: the lowest number that is free is this one
            os.open(os.devnull, os.O_RDWR)
    nowhere = {"stdin": "r", "stdout": "w", "stderr": "w"}
    for number, (name, mode) in zip(STANDARD, nowhere.items(), strict=True):
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # for ever
            setattr(sys, name, stream)
