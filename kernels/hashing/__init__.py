"""Kernels that hash: SHA-256, the pages of batches, the tree over them.

Where the processor computes SHA-256 itself, its instructions take the place of two bodies
before any body that calls them is compiled.
"""

from kernels import cpu

from . import sha256, sha_instructions

if sha_instructions.PRESENT:
    cpu.INSTRUCTIONS[sha256.compress] = sha_instructions.compress
    cpu.INSTRUCTIONS[sha256.compress_two] = sha_instructions.compress_two
