"""What each format of a log has: names of members, the rare records, how numbers stand.

The one place that tells formats apart; a log says in its run records which it has, and
goes on in that. Values in, values out; must not know: how a record is written or read,
how digests are computed, files, who runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The largest whole number that every reader of JSON keeps (RFC 8259, section 6).
LARGEST = (1 << 53) - 1
Record = tuple[str, dict[str, object]]  # its type, and its members behind that


@dataclass(frozen=True, slots=True)
class Format:
    """The names that differ, and the largest whole number that stands as one."""

    number: int
    beta: str  # of a winner and a composition: beta steps
    level: str  # of a commit: the dimension
    largest: int
    paged: bool  # a batch's digest is the root over its pages, not the SHA-256 of its bytes

    def seed(self, number: int) -> int | str:
        """A seed as it stands in a run record; always a text in format 2, for one type."""
        return number if self.number == 1 else str(number)


#: Names of format 1 clash with those of users' objects: `steps` is a list there, `dimension`
#: and the ends `from` and `to` are texts. A 64-bit seed was its largest number.
FIRST = Format(1, beta="steps", level="dimension", largest=(1 << 64) - 1, paged=False)
NEWEST = Format(2, beta="beta", level="dimensionalLevel", largest=LARGEST, paged=True)
FORMATS = {form.number: form for form in (FIRST, NEWEST)}


def fact(form: Format, condition: str, *, holds: bool) -> Record:
    """An answer which only the disk can give."""
    if form is FIRST:
        return "fact", {"condition": condition, "value": holds}
    return "fact", {"parents": [condition], "size": int(holds)}


def validation(form: Format, prefix: str, checked: tuple[int, int, int]) -> Record:
    """What `validate-self` looked at: first and last tick (0: none), how many it recomputed."""
    first, last, recomputed = checked
    if form is FIRST:
        return "validation", {"from": first, "to": last, "recomputed": recomputed}
    commits = [f"{prefix}commit:{tick}" for tick in (first, last) if tick]
    return "validation", {"parents": commits, "size": recomputed}


def observation(
    form: Format, automaton: str, level: int, living: tuple[int, int], salience: int
) -> Sequence[Record]:
    """What `self-observe` saw: live and distinct terms, the winners' mean salience.

    In format 2 a record holds one count, and the salience stands in the commit alone.
    """
    if form is FIRST:
        seen = {"objects": living[0], "distinct": living[1], "salience": salience}
        return [("observation", {"automaton": automaton, "dimensionalLevel": level, **seen})]
    place: dict[str, object] = {"dimensionalLevel": level, "parents": [automaton]}
    kinds = zip(("observation", "richness"), living, strict=True)
    return [(kind, {**place, "size": count}) for kind, count in kinds]


def portable(number: int) -> int | str:
    """A whole number for any JSON: its decimal text where many readers would round it."""
    return number if -LARGEST <= number <= LARGEST else str(number)


def beta_of(members: Mapping[str, object]) -> object:
    """The beta steps that a line states, in whichever format."""
    return members.get(NEWEST.beta, members.get(FIRST.beta))


def refuse_large(value: object, form: Format) -> None:
    """Refuses what holds a whole number that a record of this format may not hold."""
    if isinstance(value, int) and not -form.largest <= value <= form.largest:
        raise ValueError(f"{value} is too large to stand as a number in format {form.number}")
    if isinstance(value, Mapping):
        value = list(value.values())
    for item in value if isinstance(value, (list, tuple)) else ():
        refuse_large(item, form)
