"""Batches of terms and bytes, on the CPU or the card: checked calls of kernels.

Touches the choice of device. Must not know: populations, logs, the loop.
"""

__all__ = [
    "answer_lines",
    "arithmetic",
    "budgets",
    "capability",
    "church",
    "dispatch",
    "draws",
    "embeddings",
    "matching",
    "reduction",
    "selftest",
    "text_batch",
]
