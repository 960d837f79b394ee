"""Kernels: the computing of `automaton-scalable`, one body a kernel, two targets.

Each family is one file of undecorated functions over scalars and numpy arrays;
`cpu` compiles them with numba, `cuda` for a GPU. A body run as plain Python is
the oracle of its compiled forms. Nothing in here imports `automaton`.
"""
