"""Where exports go, and that they are the same whichever way a log is kept."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from exports import odd_objects, program, streamed
from small import rich, written

from automaton.export.formats import FORMATS

ONE_FILE = [name for name, row in FORMATS.items() if not row.folder]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which streams compete."""
    return streamed(tmp_path_factory.mktemp("log") / "log.jsonl", 6)


@pytest.fixture(scope="module")
def without_winners(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same run twice, once with its winners in the file and once without."""
    found = []
    for record in ("full", "commits"):
        path = tmp_path_factory.mktemp(record) / "log.jsonl"
        written(path, [*rich(), *odd_objects()[1:]])
        words = "--ticks 12 --interval 0 --parallel 16 --max-objects 40 --streams all"
        program(path, *words.split(), "--record", record)
        found.append(path)
    return found[0], found[1]


@pytest.mark.parametrize("form", ONE_FILE)
def test_a_log_without_its_winner_lines_is_exported_alike(
    without_winners: tuple[Path, Path], form: str
) -> None:
    full, commits = (
        program("export", path, "--to", form, "-o", "-", "--from", 2).stdout
        for path in without_winners
    )
    assert full == commits


def test_a_picture_of_a_log_without_its_winner_lines_is_the_same(
    without_winners: tuple[Path, Path],
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for what in ("shares", "population", "phylogeny"):
        full, commits = (
            program("plot", path, "--what", what, "-o", "-").stdout for path in without_winners
        )
        assert full == commits


def test_a_reader_that_goes_away_ends_an_export_without_a_word(log: Path) -> None:
    """The other end is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "automaton", "export", str(log), "--to", "prov", "-o", "-"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_is_said(log: Path) -> None:
    line = ("export", log, "--to", "csv", "-o", "/dev/full")
    assert b"No space left" in program(*line, code=8).stderr


def test_a_terminal_is_shown_how_far_it_is_and_a_file_is_not(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    command = [sys.executable, "-m", "automaton", "export", str(log), "--to", "csv", "-o", str(out)]
    own, other = pty.openpty()
    done = subprocess.run([*command, "--force"], stderr=other, capture_output=False, check=False)
    os.close(other)
    seen = b""
    with contextlib.suppress(OSError):  # EIO: all was read
        while more := os.read(own, 1 << 16):
            seen += more
    os.close(own)
    assert done.returncode == 0
    assert b"100%" in seen
    assert program(*command[3:], "--force").stderr == b""


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from automaton.cli import main
main()
"""


def without(packages: str, *words: object) -> subprocess.CompletedProcess[bytes]:
    """The program where these packages are not installed."""
    command = [sys.executable, "-c", WITHOUT, packages, *map(str, words)]
    return subprocess.run(command, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("package", "extra", "words"),
    [
        ("pyarrow", "export", "export LOG --to parquet -o OUT"),
        ("matplotlib", "plot", "plot LOG --what rates -o OUT.svg"),
        ("matplotlib", "plot", "report LOG -o OUT.html"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    log: Path, tmp_path: Path, package: str, extra: str, words: str
) -> None:
    line = words.replace("LOG", str(log)).replace("OUT", str(tmp_path / "x")).split()
    done = without(package, *line)
    assert done.returncode == 9
    assert f"pip install 'automaton-scalable[{extra}]'".encode() in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_needs_no_library_is_exported_without_them(log: Path, tmp_path: Path) -> None:
    for form in set(ONE_FILE) - {"csv"}:
        done = without("pyarrow,matplotlib", "export", log, "--to", form, "-o", "-")
        assert done.returncode == 0, done.stderr
    crate = tmp_path / "crate"
    done = without("pyarrow,matplotlib", "export", log, "--to", "crate", "-o", crate)
    assert done.stderr.count(b"is left out") == 2
    graph = json.loads((crate / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    assert {entity["@id"] for entity in graph if entity["@type"] == "File"} == {"log.jsonl"}
    assert {path.name for path in crate.iterdir()} == {"log.jsonl", "ro-crate-metadata.json"}


def test_a_link_is_kept_and_what_it_leads_to_is_replaced(log: Path, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("real.csv")
    program("export", log, "--to", "csv", "-o", tmp_path / "link.csv", "--force")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text("utf-8").startswith('"tick"')


@pytest.mark.parametrize("name", ["automaton-kernel.jsonl", "automaton.canvas.space.jsonl"])
def test_a_real_file_comes_back_from_its_canvas(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    source.write_bytes((shared_data / name).read_bytes())
    program("export", source, "--to", "canvas", "-o", tmp_path / "x.canvas")
    program("init", tmp_path / "again.jsonl", "--from", tmp_path / "x.canvas")

    def objects(path: Path) -> dict[str, object]:
        found = {}
        for line in path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                members = json.loads(line)
                found[members.get("id", line)] = members
        return found

    assert objects(tmp_path / "again.jsonl") == objects(source)
