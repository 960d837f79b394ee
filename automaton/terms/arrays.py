"""Array types of packed terms and columns, declared once.

Lives here: the name of each dtype that travels between modules. A type that is fixed for
one subject only stands in that subject's module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

#: Packed terms: one word a node, preorder (`terms.packed`).
Words = npt.NDArray[np.int32]
#: Rows of a population's columns.
Places = npt.NDArray[np.int32]
#: Numbers of candidates within a tick.
Slots = npt.NDArray[np.int64]
#: What columns hold: counts, ticks, steps, offsets.
Numbers = npt.NDArray[np.int64]
#: Smaller numbers: features, nodes.
Ints = npt.NDArray[np.int32]
#: Measured values.
Floats = npt.NDArray[np.float64]
#: Counts of a term's grams, the vector that likeness is computed from.
Sketches = npt.NDArray[np.int16]
#: 64-bit hashes of terms.
Hashes = npt.NDArray[np.uint64]
#: Text.
Bytes = npt.NDArray[np.uint8]
#: One bit an item, 64 to a word.
Bits = npt.NDArray[np.uint64]
#: One answer a row.
Truth = npt.NDArray[np.bool_]
#: Makes an array of a length and a type: numpy's own, or shared with worker processes.
Allocate = Callable[[int, Any], npt.NDArray[Any]]
