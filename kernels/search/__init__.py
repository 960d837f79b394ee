"""Kernels that search: literals in bytes, nearest vectors."""
