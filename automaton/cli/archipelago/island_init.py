"""`islands init DIR`: the folder of a new archipelago, with a log for each island."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.commands.init import shipped, write_new
from automaton.cli.option_types import PATH, canonical, deciding_option, option
from automaton.cli.text import counted
from automaton.errors import FileError
from automaton.format.options import Options
from automaton.format.records import Genesis

if TYPE_CHECKING:
    from automaton.islands.archipelago import Archipelago
    from automaton.islands.topology import Sources

#: Options of the archipelago itself; the others are deciding options of its logs.
_OWN = ("count", "seed", "topology", "epoch", "migrants", "delay")


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@option("--count", type=click.IntRange(1, 1 << 16), metavar="K", default=8, show_default=True,
        help="Islands (a count).")  # fmt: skip
@option("--from", "source", type=PATH, metavar="LOG", show_default="the shipped log",
        help="What every island begins with (a path): LOG as it stands now.")  # fmt: skip
@option("--seed", type=click.IntRange(0, (1 << 64) - 1), metavar="N", default=0, show_default=True,
        help="Seed of the islands' seeds, an integer of 64 bits.")  # fmt: skip
@option("--topology", metavar="NAME|FILE", default="ring", show_default=True,
        help="Who sends to whom: ring, torus, complete, star, or a file of edges.")  # fmt: skip
@option("--epoch", type=click.IntRange(1, 1 << 32), metavar="T", default=200, show_default=True,
        help="Ticks from one exchange to the next (a count).")  # fmt: skip
@option("--migrants", type=click.IntRange(0, 1 << 12), metavar="M", default=8, show_default=True,
        help="Best distinct winners of an epoch that leave (a count).")  # fmt: skip
@option("--delay", type=click.IntRange(0, 1 << 16), metavar="D", default=0, show_default=True,
        help="Epochs (a count) that they are on their way: hides slow islands.")  # fmt: skip
@deciding_option("--parallel", "N", "Rounds a tick (a count): each has at most one winner.")
@deciding_option("--max-objects", "N", "Terms alive at once (a count) on each island.")
@deciding_option("--max-steps", "N", "Budget of a reaction in beta steps.")
@deciding_option("--max-size", "N", "Largest normal form in nodes.")
@deciding_option("--max-depth", "N", "Most pending arguments of a reaction (a count).")
@option("--operator", callback=canonical, metavar="TERM",
        show_default="the current automaton's, or as LOG was run",
        help="Operator of every reaction (a lambda term); needs no machine.")  # fmt: skip
@option("--copies/--no-copies", default=None, show_default="no, or as LOG was run",
        help="Whether a result equal to one of its reactants counts.")  # fmt: skip
@option("--streams", metavar="NAMES", show_default="none, or as LOG was run",
        help="Who competes each round (words), as in a run.")  # fmt: skip
@option("--salience", metavar="WEIGHTS", show_default="as in a run, or as LOG was run",
        help="What a candidate's features weigh (numbers), as in a run.")  # fmt: skip
def init(folder: Path, source: Path | None, **settings: Any) -> None:
    """Make DIR, a new folder, with a log for each of K islands.

    They have the same genesis and options, and seeds of their own. What the archipelago
    is stands in DIR/islands.jsonl, and every log names that file's SHA-256.
    """
    own = {name: settings.pop(name) for name in _OWN}
    with _new_folder(folder):
        archipelago = _written(folder, source, own, settings)
    lines, place = counted(archipelago.count, "island"), shlex.quote(str(folder))
    click.echo(
        f"wrote {folder}: {lines}, {own['topology']}, epochs of {counted(own['epoch'], 'tick')}, "
        f"{counted(own['migrants'], 'migrant')} an epoch, digest {archipelago.digest}"
    )
    click.echo(f"run it: automaton-scalable islands run {place} --epochs 10")


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """A folder that was not there; it is gone again where the block fails."""
    try:
        folder.mkdir()
    except FileExistsError:
        raise FileError(f"{folder} exists; choose another place") from None
    except FileNotFoundError:
        raise FileError(f"{folder}: there is no folder {folder.parent}; make it first") from None
    except OSError as error:
        raise FileError(f"{folder}: cannot be made: {error.strerror}") from None
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        raise


def _written(
    folder: Path, source: Path | None, own: dict[str, Any], settings: dict[str, Any]
) -> Archipelago:
    """The files of a new archipelago; its own file comes last, so that it says all is there."""
    from automaton.islands.archipelago import (  # noqa: PLC0415  # loads numba
        FILE,
        Archipelago,
        choose_island_prefix,
        shared_options,
    )

    first = folder / "island-0.jsonl"
    inherited = _genesis(first, source)
    options = inherited.updated(settings)
    genesis, prefix = _checked(first, options, choose_island_prefix)
    name, sources = _topology(own["topology"], own["count"])
    archipelago = Archipelago(
        sources, name, own["epoch"], own["migrants"], own["seed"], genesis,
        own["delay"], shared_options(options), prefix,
    )  # fmt: skip
    for island in range(1, archipelago.count):
        write_new(folder / archipelago.log_name(island), [first.read_bytes()])
    write_new(folder / FILE, [archipelago.lines])
    return archipelago


def _genesis(path: Path, source: Path | None) -> Options:
    """Write what islands begin with; the options that the source was run with."""
    if source is None:
        write_new(path, [shipped()])
        return Options()
    from automaton.analysis import snapshot  # noqa: PLC0415  # loads numba
    from automaton.format.options import from_record  # noqa: PLC0415  # with it
    from automaton.log import Log  # noqa: PLC0415  # with it
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415  # with it

    with Log.open(source, write=False) as log, with_omitted_batches(log):
        tick = len(log.commits)
        if not tick:
            write_new(path, [bytes(log.genesis_bytes())])
            return Options()
        lines = snapshot.fork_lines(log, snapshot.world_at(log, tick), tick)
        write_new(path, (line + b"\n" for line, _ in lines if line is not None))
        return from_record(log.run.options) if log.run else Options()


def _checked(path: Path, options: Options, choose: Any) -> tuple[Genesis, str]:
    """The genesis of a file that can be run with these options, and the prefix of migrants."""
    from automaton.log import Log  # noqa: PLC0415  # loads numba
    from automaton.replay import MalformedLines  # noqa: PLC0415  # with it
    from automaton.replay.restore import genesis_world  # noqa: PLC0415  # with it

    with Log.open(path, write=False) as log:
        options = replace(options, graph=log.reading.graph)
        genesis_world(log, options, MalformedLines())
        return log.genesis, choose(log.genesis_bytes())


def _topology(text: str, count: int) -> tuple[str, Sources]:
    """Name and edges: of a topology that has a name, or of a file."""
    from automaton.islands.topology import TOPOLOGIES, named_topology, parse_edges  # noqa: PLC0415

    path = Path(text)
    if text in TOPOLOGIES or not path.is_file():
        return text, named_topology(text, count)
    try:
        return "edges", parse_edges(path.read_text(encoding="utf-8"), count, text)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{text}: cannot be read: {error}") from None
