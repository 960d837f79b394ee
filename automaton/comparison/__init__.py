"""Whether runs under different conditions come to the same: their plans, tests and effects.

Archipelagos of different scale and speed, and programs of which a part is off. Touches logs
and processes through campaigns, runs and islands. Tests and tables are pure. Must not know:
the terminal, who draws.
"""

from __future__ import annotations

__all__ = [
    "ablation_arms",
    "ablation_campaign",
    "ablation_measures",
    "ablation_plan",
    "ablation_table",
    "comparison_campaign",
    "comparison_plan",
    "comparison_table",
    "run_distributions",
]
