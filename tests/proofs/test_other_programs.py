"""Notes, proofs and tiles of ours, checked by Go's sumdb/note and sumdb/tlog."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import LOG_KEY, WITNESSES, grow, proving, signed

from automaton.cli import command_line
from automaton.proofs import inclusion, tiles
from automaton.proofs.prover import prove_line

#: Where Debian's golang-golang-x-mod-dev has it.
GOCODE = Path("/usr/share/gocode")
GO = shutil.which("go")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        GO is None or not (GOCODE / "src/golang.org/x/mod/sumdb/note").exists(),
        reason="needs golang-go and golang-golang-x-mod-dev (Debian)",
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checker, compiled."""
    folder = tmp_path_factory.mktemp("go")
    settings = {"GO111MODULE": "off", "GOPATH": str(GOCODE), "GOCACHE": str(folder / "cache")}
    source = Path(__file__).parent / "go" / "check.go"
    command = [str(GO), "build", "-o", str(folder / "check"), str(source)]
    subprocess.run(command, env=os.environ | settings, check=True, timeout=500)
    return folder / "check"


def exported(path: Path, folder: Path, name: str) -> None:
    """A log's tree as files, its key, and the proof of a line."""
    note = signed(path)
    note = note.signed([WITNESSES[0].cosign(note.text, 1_700_000_000)])
    with proving(path) as (commits, tree):
        for place, data in tiles.tile_files(commits, note):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(data)
        proof = inclusion.to_text(*prove_line(commits, tree, name, note))
    (folder / "proof").write_text(proof)
    (folder / "key").write_text(f"{LOG_KEY.public}\n")


@pytest.mark.parametrize("size", [1, 5, 256, 600])
def test_go_finds_every_commit_of_a_log_in_its_tiles_and_believes_a_proof(
    program: Path, tmp_path: Path, size: int
) -> None:
    grow(tmp_path / "log.jsonl", size, 2)
    exported(tmp_path / "log.jsonl", tmp_path, f"m{(size + 1) // 2}.1")
    done = subprocess.run([program, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{size}\n"), done.stderr


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/5", "tile/entries/000.p/5", "proof"])
def test_go_refuses_what_was_changed(program: Path, tmp_path: Path, name: str) -> None:
    grow(tmp_path / "log.jsonl", 5, 2)
    exported(tmp_path / "log.jsonl", tmp_path, "m3.1")
    file = tmp_path / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2 if name != "proof" else 60] ^= 2
    file.write_bytes(data)
    done = subprocess.run([program, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_go_believes_what_export_writes(program: Path, tmp_path: Path) -> None:
    log, note = tmp_path / "log.jsonl", tmp_path / "head.note"
    grow(log, 300, 2)
    note.write_text(str(signed(log)))
    words = ["export", str(log), "--to", "tiles", "-o", str(tmp_path / "out"), "--note", str(note)]
    done = CliRunner().invoke(command_line, words)
    assert done.exit_code == 0, done.stderr
    exported(log, tmp_path, "m7.1")
    for name in ("proof", "key"):
        shutil.copy(tmp_path / name, tmp_path / "out" / name)
    words = [str(program), str(tmp_path / "out")]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "300\n"), checked.stderr
