"""The file of `run --trace`: made where there is none, closed whole when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from automaton.errors import FileError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.run import Run


@contextmanager
def tracing(path: Path | None, under_way: Run, say: Callable[[str], None]) -> Iterator[None]:
    """Have a run write its stages there until the block ends; nothing without a path."""
    from automaton.run.trace import NO_TRACE, TickTrace  # noqa: PLC0415  # see the top

    if path is None:
        yield
        return
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise FileError(f"--trace {path}: the file exists; name another, or remove it") from None
    except OSError as error:
        raise FileError(f"--trace {path}: {error.strerror}; name another file") from None
    with file:
        trace = TickTrace(file.write)
        under_way.trace = trace
        try:
            yield
        finally:
            under_way.background.wait()  # its last stage is on that thread
            under_way.trace = NO_TRACE
            trace.close()
            if trace.failure:
                say(f"--trace {path} is not whole: {trace.failure}")
