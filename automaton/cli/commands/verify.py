"""`verify LOG`: whether a log is what it says; what was checked, how, and how fast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.verify import ProgressReport, Verdict

DIGEST = 64  # hexadecimal digits of a chain


class Replay(click.ParamType[tuple[str, int]]):
    """`all`, `none` or `sample=N`."""

    name = "replay"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The way and the number of commits to draw."""
        text = str(value)
        if text in {"all", "none"}:
            return text, 0
        way, _, count = text.partition("=")
        if way != "sample" or not count.isdecimal() or not 0 < int(count) < 1 << 40:
            self.fail(f"{text!r} is neither all nor none nor sample=N (N commits).", param, ctx)
        return way, int(count)


def chain(_context: click.Context, _option: click.Parameter, text: str | None) -> bytes | None:
    """A head as runs print it, as bytes."""
    if text is None:
        return None
    digits = text.strip().lower()
    if len(digits) != DIGEST or digits.strip("0123456789abcdef"):
        raise click.BadParameter(f"{text!r} is no chain: {DIGEST} hexadecimal digits are wanted.")
    return bytes.fromhex(digits)


#: Commits of a sample without a fault from which at most 1 % are false (3 / n).
ONE_PERCENT = 300


@click.command()
@click.argument("log", type=PATH)
@option(
    "--replay",
    type=Replay(),
    metavar="all|sample=N|none",
    default="all",
    show_default=True,
    help="Which commits are computed again (a word): all, N drawn ones, or none.",
)
@option(
    "--seed",
    type=click.IntRange(0, (1 << 64) - 1),
    metavar="N",
    show_default="a new one each time; it is printed",
    help="Seed of the sample, an integer of 64 bits.",
)
@option(
    "--from",
    "first",
    type=click.IntRange(min=1),
    metavar="TICK",
    default=1,
    show_default=True,
    help="First tick that is computed again (a count from 1).",
)
@option(
    "--to",
    "last",
    type=click.IntRange(min=1),
    metavar="TICK",
    show_default="the last",
    help="Last tick that is computed again (a count from 1).",
)
@option(
    "--head",
    callback=chain,
    metavar="HASH",
    show_default="none",
    help="A chain that the log must have had (a number of 64 hexadecimal digits); runs print it.",
)
@option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    show_default="the cores",
    help="Threads (a count).",
)
@switch("--gpu", "Compute reactions on the GPU where there is one, else on the CPU; says why.")
@switch("--reference", "Hold every reaction against the textbook reducer too: slow, for samples.")
@switch("--resume", "Go on after what LOG.verified says was verified here; keep it up to date.")
@option(
    "--note",
    "note",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="A note of a head (a path; of head, sign, witness) that the log must have had.",
)
@option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    show_default="none",
    help="A public key (a word) that must have signed that note; may be given often.",
)
@option(
    "--policy", type=PATH, metavar="FILE", show_default="none",
    help="Which logs and witnesses must have signed that note, and how many (a path).",
)  # fmt: skip
@switch("--json", "Print one JSON object.")
def verify(
    log: Path, replay: tuple[str, int], seed: int | None, first: int, last: int | None,
    head: bytes | None, workers: int | None, gpu: bool, reference: bool, resume: bool,
    note: Path | None, keys: tuple[str, ...], policy: Path | None, json: bool,
) -> int:  # fmt: skip
    """Compute every commit of LOG again and check every byte.

    Exits with 0 only if all that was asked was checked and is true; with 1 at a
    mismatch, whose first byte, line and tick are named; with 3 where every commit is
    true but bytes follow that no commit covers; with 14 where there was no commit. A file
    with a seal (seal) is held against that: nothing of it can be computed again.
    """
    from automaton.backends import DeviceRequest, open_backend  # noqa: PLC0415
    from automaton.cli.held_head import is_held_by_seal, said, verify_seal, wanted_head  # noqa: PLC0415
    from automaton.log import AuditedLog  # noqa: PLC0415  # see the top
    from automaton.verify import VerifyRequest  # noqa: PLC0415
    from automaton.verify import verify as verified  # noqa: PLC0415

    held = wanted_head(note, keys, policy)
    if is_held_by_seal(log, _note):
        return verify_seal(log, held, json)
    if last is not None and last < first:
        raise click.UsageError("--to is before --from", click.get_current_context())
    if seed is None:
        seed = int.from_bytes(os.urandom(6), "little")  # any reader of JSON keeps it
    way, sample = replay
    asked = VerifyRequest(way, sample, seed, first, last, head, workers, reference, resume)
    wanted = DeviceRequest("auto", None, _note)
    device = (lambda options: open_backend(options, wanted)) if gpu else None
    with AuditedLog.open(log) as opened, _bar() as tell:
        if first > max(1, len(opened.commits)) and opened.fault is None:
            message = f"--from {first}: the log has {len(opened.commits)} ticks"
            raise click.UsageError(message, click.get_current_context())
        verdict = verified(opened, asked, tell, device)
        if verdict.first_bad is not None and (place := opened.place(verdict.first_bad.offset)):
            opened.notices.append(place)
    for text in dict.fromkeys(opened.notices):  # each once
        _note(text)
    click.echo(as_json(verdict.as_json()) if json else "\n".join(_paragraphs(log, verdict)))
    if held is not None and verdict.first_bad is None:
        by = held.hold(log)
        if not json:
            click.echo("\n".join(said(by)))
    return verdict.exit_code


def _note(text: str) -> None:
    click.echo(f"note: {printable(text)}", err=True)


@contextmanager
def _bar() -> Iterator[ProgressReport]:
    """A progress bar where a terminal is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda *_: None
        return
    with Progress(console=console, transient=True) as progress:
        tasks = {name: progress.add_task(name, total=None) for name in ("bytes", "commits")}
        yield lambda name, done, of: progress.update(tasks[name], completed=done, total=of)


def _paragraphs(log: Path, verdict: Verdict) -> Iterator[str]:
    facts = verdict.as_json()
    asked = verdict.asked
    if verdict.first_bad is not None:
        bad = verdict.first_bad
        what = f"{bad.kind} of tick {bad.tick}"
        if bad.kind == "genesis":
            what = "the genesis was changed, what the file held before its first tick"
        yield f"{log}: NOT TRUE: {what}, line {bad.line}, byte {bad.offset}"
        yield f"  expected: {printable(bad.expected)}"
        yield f"  found:    {printable(bad.found)}"
    elif verdict.commits:
        yield f"{log}: {_true(verdict)}"
    else:
        yield f"{log}: no commit, so nothing is sealed and nothing is claimed: nothing was checked"
        return
    fast = verdict.first_bad is None  # of a log that is not true nobody asks how fast
    rate = f", {facts['integrity_bytes_per_s'] / 1e9:.2f} GB/s" if fast else ""
    yield (
        f"  integrity: {verdict.bytes:,} bytes of {verdict.commits:,} commits{rate}, "
        f"{_anchored(verdict)}"
    )
    rate = f", {facts['modifications_per_s']:,.0f}/s" if fast else ""
    yield (
        f"  truth: {verdict.replayed:,} commits ({verdict.modifications:,} modifications) computed "
        f"again{rate}"
        + (f"; ticks to {verdict.resumed:,} by an earlier call" if verdict.resumed else "")
    )
    unchecked = verdict.commits - verdict.replayed - verdict.resumed
    if unchecked > 0:
        yield f"  not computed again: {unchecked:,} commits"
    if verdict.omitted:
        yield from _left_out(verdict.omitted, unchecked)
    if asked.replay == "sample":
        bound = facts["at_most_false"]
        said = (
            ""
            if bound is None
            else f": at most {bound:.2%} of all commits are false, with 95 % confidence"
            + _for_one_percent(verdict)
        )
        yield f"  sample drawn by --seed {asked.seed}{said}"
    if verdict.tail_bytes:
        yield f"  {verdict.tail_bytes:,} bytes follow that no commit covers (a torn tail)"


def _true(verdict: Verdict) -> str:
    """What a log without a fault is, and how completely that was checked."""
    if verdict.replayed == verdict.commits:
        said = f"TRUE: {_all(verdict.commits)} computed again, every byte checked"
    elif verdict.replayed + verdict.resumed == verdict.commits:
        said = f"TRUE: {_all(verdict.commits)} computed again, here or by an earlier call"
    else:
        some = f"{verdict.replayed:,} of {verdict.commits:,} commits"
        said = f"true as far as it was checked: every byte, and {some} computed again"
    return said + (", up to its last commit" if verdict.tail_bytes else "")


def _all(commits: int) -> str:
    return "the 1 commit" if commits == 1 else f"all {commits:,} commits"


def _for_one_percent(verdict: Verdict) -> str:
    """How large a sample would have to be for a bound of 1 %."""
    if verdict.replayed >= ONE_PERCENT:
        return ""
    if verdict.commits > ONE_PERCENT:
        return f"; a sample of {ONE_PERCENT} would make it 1 %"
    return "; --replay all leaves no doubt"


def _left_out(omitted: int, unchecked: int) -> Iterator[str]:
    """What could be checked of batches that leave out winner lines."""
    yield (
        f"  winner lines of {omitted:,} commits are not in the file (--record commits): "
        "integrity is that of the commits' chain and of the bytes that are kept,"
    )
    if unchecked > 0:
        left = min(omitted, unchecked)
        yield f"  and of the rest is known by computing; {left:,} of them were not computed again"
    else:
        yield "  and what is left out was computed again and fits its digests"


def _anchored(verdict: Verdict) -> str:
    """What the chain was held against."""
    if verdict.asked.head is None:
        return f"head {verdict.head}"
    if verdict.head_tick is None:
        return "not the head that was given"
    later = verdict.commits - verdict.head_tick
    more = f", {later:,} commits after it" if later else ""
    return f"the head given is that of tick {verdict.head_tick:,}{more}"
