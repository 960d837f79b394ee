"""`islands follow DIR`: keeps copies of islands' logs up with those that run elsewhere."""

from __future__ import annotations

import os
import platform
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from automaton.cli.archipelago.island_options import island_numbers
from automaton.cli.commands.run import ended_by_signals
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, counted, printable
from automaton.errors import UsageError


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@option("--into", type=PATH, metavar="FOLDER", required=True,
        help="Where the copies stand (a path); made where it is not.")  # fmt: skip
@option("--transport", metavar="URL,...", required=True, envvar="AUTOMATON_TRANSPORT",
        help="The servers (words, as in redis://HOST:PORT), as of islands run.")  # fmt: skip
@option("--to", "until", type=click.IntRange(min=0), metavar="N", show_default="no limit",
        help="Stop when every copy has so many epochs (a count).")  # fmt: skip
@option("--only", metavar="NUMBERS", show_default="all",
        help="Islands that are followed (numbers, as in 0-3,7).")  # fmt: skip
@option("--group", metavar="NAME", default="archive", show_default=True,
        help="Readers that share what is brought (a word); another group has its own.")  # fmt: skip
@switch("--leave", "Tell the servers to keep nothing for the group any more, and end.")
@switch("--json", "Print one JSON object at the end.")
def follow(folder: Path, into: Path, **settings: Any) -> None:
    """Copy islands' logs from the servers as they grow.

    They are sent by `islands run --send-logs`. What is acknowledged is durable in FOLDER,
    which is an archipelago to read: stats, verify, observe and observatory take it.
    """
    from automaton.islands.carrier_choice import (  # noqa: PLC0415  # loads numba
        Reader,
        open_follower,
        open_transport,
    )
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # with it

    origin, transport = open_folder(folder), settings["transport"]
    own = island_numbers(settings["only"], origin.archipelago.count)
    islands = list(range(origin.archipelago.count)) if own is None else own
    with ExitStack() as stack:
        streams = open_transport(transport, origin.archipelago.digest)
        if streams is None:
            raise UsageError("--transport direct: give the servers, as in redis://HOST:PORT")
        stack.callback(streams.close)
        if settings["leave"]:
            streams.logs.leave(settings["group"], islands)
            click.echo(f"nothing is kept for group {printable(settings['group'])} any more")
            return
        who = Reader(settings["group"], f"{platform.node()}-{os.getpid()}")
        archive, follower = open_follower(into, origin, islands, streams, who)
        stack.callback(archive.close)

        def tell() -> None:
            for text in streams.notices():
                click.echo(f"note: {printable(text)}", err=True)

        with ended_by_signals(follower.stop):
            whole = follower.go(settings["until"], tell)
        epochs = [archive.epochs(island) for island in islands]
    facts = {"islands": islands, "epochs": epochs, "finished": whole}
    if settings["json"]:
        click.echo(as_json(facts))
        return
    least = counted(min(epochs), "epoch")
    click.echo(f"{into}: copies of {counted(len(islands), 'island')}, {least} each at least")
