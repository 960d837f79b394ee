"""Soups: what they have become, and many of them as one campaign.

Touches logs, processes and, for its manifests, the disk. Must not know: the terminal.
"""

from __future__ import annotations

__all__ = [
    "campaign_runs",
    "campaign_worker",
    "collision_table",
    "living_terms",
    "many_soups",
    "merged_soup",
    "merger",
    "organisation",
    "pair_campaign",
    "pair_plan",
    "sweep",
    "sweep_plan",
]
