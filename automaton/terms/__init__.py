"""What a lambda term is and means: packed words, notation, encodings, unification.

Touches nothing outside. Must not know: objects, populations, files.
"""

from __future__ import annotations

__all__ = [
    "arrays",
    "bindings",
    "encodings",
    "notation",
    "packed",
    "parser",
    "random_terms",
    "reduction_trace",
    "reference",
    "rewrite_rule",
    "term_list",
    "unification",
]
