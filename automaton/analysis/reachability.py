"""Which automata the machine can come to: a walk over transitions and vertical edges.

Conditions are taken to hold at some time. Pure; must not know: lines, logs, reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def unreachable(levels: Mapping[str, int], ways: Iterable[tuple[str, str]]) -> list[str]:
    """The automata that no way leads to from the one of the lowest dimension, in their order.

    `levels` has the automata in order of first appearance (ties of the lowest: the first);
    a way is source and target. Ends that are no automata lead nowhere.
    """
    if not levels:
        return []
    ahead: dict[str, set[str]] = {}
    for source, target in ways:
        ahead.setdefault(source, set()).add(target)
    start = min(levels, key=lambda name: levels[name])
    reached, open_ = {start}, [start]
    while open_:
        for target in ahead.get(open_.pop(), set()) & levels.keys() - reached:
            reached.add(target)
            open_.append(target)
    return [name for name in levels if name not in reached]
