"""What this place owes to islands that run elsewhere, and what it waits for from them.

Between a schedule and a transport: publishes what leaves, brings what arrives, has again
made known what a transport lost, trims what nobody needs. Touches the clock. Must not
know: how tasks are carried, what a transport is.
"""

from __future__ import annotations

import time

from automaton.islands.copies.log_copy import Gain
from automaton.islands.island import ASK, EpochReport
from automaton.islands.schedule import Departure, Schedule
from automaton.islands.transport import Transport

#: Seconds between two looks for what is waited for.
LOOK_S = 0.02
#: Seconds between two looks at what others need and a transport may have lost.
CARE_S = 1.0
#: Seconds of waiting for the same islands after which people are told for whom.
SILENCE_S = 10.0
#: Epochs of an island that are made known again at a time.
_AT_A_TIME = 64


class Exchange:
    """The epochs that leave this place and that come to it; `attend` is called often."""

    def __init__(
        self, schedule: Schedule, transport: Transport, *, sends_logs: bool = False
    ) -> None:
        self._sends_logs = sends_logs
        self._schedule, self._transport = schedule, transport
        self._looked = self._cared = 0.0
        self._waited: tuple[float, list[Departure]] = (0.0, [])  # since when, for what
        self._notices: list[str] = []
        self._trimmed: dict[int, int] = {}
        self._needed: dict[int, int | None] = {}  # by island of this place, as of the last look
        self._too_long: set[int] = set()  # islands whose logs hold too much to travel
        self._shared: dict[int, int] = {}  # epochs in the shared place, by island
        self._dropped: dict[int, int] = {}  # as `_trimmed`, of the logs

    def take(self, report: EpochReport) -> None:
        """Make known who left."""
        if report.epoch != ASK:
            self._transport.publish(report.island, report.epoch, report.lines)
        if report.shared is not None:
            self._shared[report.island] = report.shared
        if report.epoch != ASK and report.piece is None:
            self._too_long.add(report.island)
        if report.piece is not None:
            self._transport.publish_gain(Gain(report.island, report.epoch, report.piece))

    def attend(self) -> None:
        """Bring what is waited for, and look after what others need."""
        now = time.monotonic()
        missing = self._schedule.missing()
        if missing and now - self._looked >= LOOK_S:
            self._looked = now
            for (source, epoch), lines in self._transport.fetch(missing).items():
                self._schedule.deliver(source, epoch, lines)
        self._say_who_is_silent(now, missing)
        if now - self._cared >= CARE_S:
            self._cared = now
            self.care()

    def _say_who_is_silent(self, now: float, missing: list[Departure]) -> None:
        """Tell people, once, for whom this place waits, where nothing comes for long."""
        since, before = self._waited
        if missing != before:
            self._waited = now, missing
        elif missing and now - since >= SILENCE_S:
            names = ", ".join(map(str, sorted({source for source, _ in missing})))
            self._notices.append(
                f"for {SILENCE_S:.0f} s nothing has come of what islands here wait for: of island "
                f"{names}, which runs elsewhere; look whether its host lives and has room"
            )
            self._waited = float("inf"), missing

    def care(self) -> None:
        """Say what is needed here; publish again and trim what others need and do not."""
        schedule, transport = self._schedule, self._transport
        transport.announce(schedule.wants())
        for island in schedule.own:
            targets = schedule.targets_elsewhere(island)
            if not targets or island not in schedule.ticks:
                continue
            needed = self._needed[island] = transport.needed(island, targets)
            if needed is None:
                continue
            if needed > self._trimmed.get(island, 0):
                transport.forget(island, needed)
                self._trimmed[island] = needed
            last = min(schedule.done(island), needed + _AT_A_TIME)
            schedule.ask_again(island, transport.missing(island, range(needed, last)))

        for island in schedule.own if self._sends_logs else ():
            if island in schedule.ticks and island not in self._too_long:
                self._care_for_log(island)

    def _care_for_log(self, island: int) -> None:
        """Trim a log's stream to what the shared place and all readers have, and fill it."""
        transport, done = self._transport, self._schedule.done(island)
        known = (self._shared.get(island), transport.needed_gains(island))
        needed = min((epoch for epoch in known if epoch is not None), default=None)
        if needed is None:
            return
        if needed > self._dropped.get(island, 0):
            transport.forget_gains(island, needed)
            self._dropped[island] = needed
        span = range(needed, min(done, needed + _AT_A_TIME))
        self._schedule.ask_again(island, transport.missing_gains(island, span))

    def notices(self) -> list[str]:
        """What is worth saying of the transport, each once."""
        said, self._notices = self._notices, []
        return [*said, *self._transport.notices()]

    def waits_for(self) -> bool:
        """Whether something is waited for that may come at any moment."""
        return bool(self._schedule.missing())

    @property
    def served(self) -> bool:
        """Whether nobody elsewhere needs anything more of what this place has up to its goal."""
        schedule = self._schedule
        assert schedule.goal is not None
        last = schedule.archipelago.departure(schedule.goal)  # that needs the next epoch's
        owing = [k for k in schedule.own if schedule.targets_elsewhere(k)]
        noted = [self._needed.get(island) for island in owing]
        reached = all(epoch is not None and epoch >= last for epoch in noted)
        return reached and not schedule.asked_again
