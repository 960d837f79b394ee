"""Kernels of a tick: reacting, competing, folding."""
