"""Kernels of cycles and syntheses."""
