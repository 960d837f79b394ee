"""Kernels: the computing of `automaton-scalable`, one body a kernel, two targets.

Each family is one file of undecorated functions over scalars and numpy arrays;
`cpu` compiles them with numba, `cuda` for a GPU. A body run as plain Python is
the oracle of its compiled forms. Nothing in here imports `automaton`.
"""

from __future__ import annotations

#: Names the distribution this package belongs to (`automaton.backends.cpu` checks it:
#: a top-level name as plain as `kernels` may be taken by another package).
OWNER = "automaton-scalable"
