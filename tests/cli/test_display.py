"""On a terminal nothing is glued to the line that moves, and words stay whole."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import rich, written

from automaton.cli.display import table

COLUMNS = 80
#: What a terminal obeys and does not show.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
DIGEST = "0123456789abcdef" * 4


class Terminal:
    """The program on a terminal of 80 columns."""

    def __init__(self, *arguments: object) -> None:
        self._file, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "automaton", *map(str, arguments)],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(COLUMNS)},
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def read(self) -> bool:
        """Read on; False at the end."""
        try:
            data = os.read(self._file, 1 << 16)
        except OSError:  # EIO: how Linux says that nobody writes any more
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def until(self, text: str) -> None:
        """Read until a text was seen."""
        while text not in self.seen:
            assert self.read(), self.seen

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self.read():
            pass
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._file)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that never ran."""
    return written(tmp_path / "log.jsonl", rich())


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed in the end."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def glued(seen: str, word: str) -> bool:
    """Whether a word that begins a line stands behind something else on it."""
    return any(
        not re.search(r"(^|\n|\r|\x1b\[2K)$", seen[: at.start()]) for at in re.finditer(word, seen)
    )


@pytest.mark.parametrize("plain", [False, True])
def test_notes_and_blocks_begin_lines_of_their_own(
    log: Path, terminals: list[Terminal], *, plain: bool
) -> None:
    flags = ["--decisions", "all", *(["--plain"] if plain else [])]
    terminal = Terminal(log, "--ticks", 40, "--interval", 10, "--stats-interval", 0.1, *flags)
    terminals.append(terminal)
    assert terminal.end() == 0
    assert "note: --decisions: nothing to keep" in terminal.seen
    for word in ("note: ", "Summary", *(["Tick [0-9]+\r"] if plain else [])):
        assert re.search(word, terminal.seen), word
        assert not glued(terminal.seen, word), word
    shown = ESCAPES.sub("", terminal.seen.partition("Summary")[2]).split("\r\n")
    *rows, command = [line for line in shown if line.startswith("  ")]
    assert "observatory" in command  # to be copied: in one line, of any length
    assert len(rows) > 10
    assert max(map(len, rows)) <= COLUMNS


def test_the_first_signal_is_acknowledged_at_once(log: Path, terminals: list[Terminal]) -> None:
    terminal = Terminal(log, "--interval", 86_400_000)
    terminals.append(terminal)
    terminal.until("tick 1,")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert terminal.seen.index("stopping after tick 1 ...") < terminal.seen.index("Summary")
    assert not glued(terminal.seen, "stopping after tick")


ROWS = [("A", "short"), ("Longer label", "some words " * 9), ("Head", DIGEST)]


def test_where_there_is_no_terminal_every_row_is_one_line() -> None:
    assert len(list(table(ROWS, None))) == len(ROWS)


def test_rows_are_broken_between_words_and_a_digest_stays_whole() -> None:
    lines = list(table(ROWS, 70))
    assert max(map(len, lines)) <= 70
    assert lines[0] == "  A             short"
    assert lines[2].startswith(" " * 16 + "some") or lines[2].startswith(" " * 16 + "words")
    assert lines[-2:] == ["  Head", f"    {DIGEST}"]
