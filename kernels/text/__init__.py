"""Kernels on text: reading and writing terms and lines."""
