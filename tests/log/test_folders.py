"""Folders that cannot be made durable are said to be so once, and everything goes on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small import commits_in, encoded, rich

SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
int fsync(int fd) {
    struct stat found;
    const char *number = getenv("FOLDER_ERRNO");
    if (number && fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
        errno = atoi(number);
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
"""
CANNOT = [errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that is loaded before all others and refuses to sync folders."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True
    )
    return library


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()))
    return path


def command(shim: Path, number: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command on a file system that answers so."""
    return subprocess.run(
        [sys.executable, "-m", "automaton", *map(str, arguments)], capture_output=True, text=True,
        check=False,
        env={**os.environ, "LD_PRELOAD": str(shim), "FOLDER_ERRNO": str(number)},
    )  # fmt: skip


def run(shim: Path, number: int, log: Path, *more: object) -> subprocess.CompletedProcess[str]:
    arguments = ("--ticks", 2, "--interval", 0, "--parallel", 4, *more)
    return command(shim, number, "run", log, *arguments)


@pytest.mark.parametrize("number", CANNOT)
def test_a_log_is_begun_where_folders_cannot_be_made_durable_and_that_is_said_once(
    shim: Path, log: Path, number: int
) -> None:
    done = run(shim, number, log)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the names of new files are not durable in ") == 1
    assert os.strerror(number) in done.stderr
    assert len(commits_in(log)) == 2


def test_without_durability_folders_are_not_asked_for_it(shim: Path, log: Path) -> None:
    for number in (errno.EINVAL, errno.EIO):
        done = run(shim, number, log, "--durability", "off")
        assert (done.returncode, "not durable" in done.stderr) == (0, False), done.stderr
        log.with_name(f"{log.name}.genesis").unlink()
        log.write_bytes(encoded(rich()))


def test_an_error_of_the_disk_stays_an_error(shim: Path, log: Path) -> None:
    done = run(shim, errno.EIO, log)
    assert done.returncode == 8
    assert os.strerror(errno.EIO) in done.stderr
    assert commits_in(log) == []


def test_verify_keeps_its_note_there_and_a_torn_tail_is_moved(shim: Path, log: Path) -> None:
    assert run(shim, errno.EINVAL, log).returncode == 0
    done = command(shim, errno.EINVAL, "verify", log, "--resume", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not durable") == 1
    assert log.with_name(f"{log.name}.verified").exists()
    with log.open("ab") as file:
        file.write(b'{"id":"m3.0"')
    done = run(shim, errno.EINVAL, log)
    assert done.returncode == 0, done.stderr
    assert log.with_name(f"{log.name}.torn-1").read_bytes() == b'{"id":"m3.0"'


def test_a_memory_that_cannot_be_made_there_is_said_in_one_line(shim: Path, log: Path) -> None:
    pytest.importorskip("qdrant_edge")
    assert run(shim, errno.EINVAL, log, "--streams", "all").returncode == 0
    done = command(shim, errno.EINVAL, "memory", "reindex", log)
    assert done.returncode == 8
    assert "Traceback" not in done.stderr
    assert f"{log}.memory" in done.stderr
    assert "Invalid argument" in done.stderr
