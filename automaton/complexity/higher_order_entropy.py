"""Higher-order entropy as cubff defines it: what a compressor finds beyond single bytes.

After Agüera y Arcas and others, "Computational life" (arXiv 2406.19108, 2024), whose program
is cubff: the Shannon entropy of bytes less the bits a byte that brotli needs, at quality 2
with a window of 2^24 bytes. The only use of the library `brotli`.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import numpy as np

from automaton.errors import DeviceError

QUALITY, WINDOW = 2, 24  # of brotli, as cubff calls it; its mode is the generic one


class HigherOrderEntropy(NamedTuple):
    """What the frequencies of bytes and a compressor say of the same bytes; bits a byte."""

    size: int  # bytes
    h0: float  # Shannon entropy of single bytes
    compressed: float  # what brotli needs
    higher: float  # h0 less compressed: below 0 where compressing costs more


def higher_order_entropy(data: bytes) -> HigherOrderEntropy:
    """The measure of some bytes; of none all is 0. Without brotli: `DeviceError`."""
    needed = _compressed_size(data)
    if not data:
        return HigherOrderEntropy(0, 0.0, 0.0, 0.0)
    counts = np.bincount(np.frombuffer(data, np.uint8))
    shares = counts[counts > 0] / len(data)
    h0 = float(abs((shares * np.log2(shares)).sum()))
    bits = 8.0 * needed / len(data)
    return HigherOrderEntropy(len(data), h0, bits, h0 - bits)


def _compressed_size(data: bytes) -> int:
    """Bytes of the data after brotli."""
    try:
        brotli = import_module("brotli")
    except ImportError:
        raise DeviceError(
            "higher-order entropy needs the package brotli: pip install "
            "'automaton-scalable[entropy]', or pip install '.[entropy]' in a checkout"
        ) from None
    packed = brotli.compress(data, mode=brotli.MODE_GENERIC, quality=QUALITY, lgwin=WINDOW)
    return len(packed)
