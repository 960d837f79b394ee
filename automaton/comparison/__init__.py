"""Whether archipelagos of different scale and speed come to the same: runs, tests, effects.

Touches logs and processes through campaigns and islands. `permutation_test` and
`comparison_table` are pure. Must not know: the terminal, who draws.
"""

from __future__ import annotations

__all__ = ["comparison_campaign", "comparison_plan", "comparison_table", "run_distributions"]
