"""`observatory LOG`: a page in the browser that shows a log, also while it is written."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.commands.init import created
from automaton.cli.commands.observe import null_of
from automaton.cli.commands.run import ended_by_signals
from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import printable


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8765,
    show_default=True,
    help="Where the page is served (a number; 0 takes any that is free).",
)
@switch("--open", "Open the page in the browser.")
@option(
    "--host",
    metavar="ADDR",
    show_default="127.0.0.1: this machine alone",
    help="Serve to others too, at this address (a word): a token is printed, and needed.",
)
@option(
    "--export",
    "target",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Write the page with its data as one file (a path that does not exist), and end.",
)
@option(
    "--window",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    default=10_000,
    show_default=True,
    help="Winners and ticks that the figures of observe look at (a count).",
)
@option(
    "--null",
    type=PATH,
    metavar="LOG",
    show_default="none: the label cannot be EMERGENT",
    help="A log of the same genesis and seed, run with --streams none (a path).",
)
@option(
    "--cache",
    type=PATH,
    metavar="FOLDER",
    show_default="the user's cache folder",
    help="Where what the page made of logs is kept (a path, or none).",
)
def observatory(
    log: Path, port: int, open: bool, host: str | None, target: Path | None, window: int,  # noqa: A002
    null: Path | None, cache: Path | None,
) -> None:  # fmt: skip
    """Show LOG as a page in the browser.

    Also while another process writes it.

    Reads the log and the files beside it, and writes nothing there. Asks nobody on the
    network. Ctrl-C ends it.
    """
    from automaton.observatory import (  # noqa: PLC0415  # loads numba, which takes a second
        Board,
        NullModel,
        Observatory,
        PanelThreads,
        Scope,
        default_root,
        page_files,
        saved_page,
    )

    page_files.require_plotly()
    compared = NullModel(null_of(null, window, log)) if null else NullModel()
    if target is not None:
        text = saved_page.saved_page(log, Scope(window), compared)
        with created(target) as file:
            file.write(text.encode())
        click.echo(f"wrote {target}: {target.stat().st_size:,} bytes; it opens from disk")
        return
    board = Board()
    root = None if str(cache) == "none" else cache or default_root()
    panels = PanelThreads(log, board, Scope(window), compared, root)
    with Observatory(host, port, panels, board) as server:
        panels.start()
        click.echo(f"{printable(str(log))} is shown at {server.address} (Ctrl-C ends it)")
        if open:
            click.launch(server.address)
        with ended_by_signals(server.stop):
            server.serve_forever(poll_interval=0.2)
    panels.close()
