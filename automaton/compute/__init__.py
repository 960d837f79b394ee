"""Batches of terms and bytes, on the CPU or the card: checked calls of kernels.

Touches the choice of device. Must not know: populations, logs, the loop.
"""

__all__ = [
    "budgets",
    "capability",
    "church",
    "dispatch",
    "draws",
    "embeddings",
    "machines",
    "matching",
    "reduction",
    "selftest",
]
