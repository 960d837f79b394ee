"""Types of constants in kernels: an index that numba never counts from the end."""

from __future__ import annotations

import numpy as np

#: An index that is never negative. numba would test every signed one for counting
#: from the end, which costs a fifth of the time of the hot loops.
U = np.uintp
