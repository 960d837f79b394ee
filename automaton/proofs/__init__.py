"""Proofs that fit in a mail: heads, signed notes, inclusion, consistency, witnesses.

Touches key files, the folder of a witness and the index beside a log. Must not know: what a
line means to a run, seals, the terminal.
"""

from __future__ import annotations

__all__ = [
    "checking",
    "commit_tree",
    "consistency",
    "inclusion",
    "keys",
    "notes",
    "policy",
    "prover",
    "signing",
    "tiles",
    "tree_heads",
    "witness",
]
