"""Kernels on text: reading and writing terms and lines."""

from kernels import cpu

from . import byte_vectors, line_scan

cpu.INSTRUCTIONS[line_scan.newlines_in] = byte_vectors.newlines_in
