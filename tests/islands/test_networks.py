"""Between places: a link that is cut and healed, encryption, passwords that stay secret."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from island_cases import digests, run_in_turn, small_archipelago, written_folder
from redis_servers import NEEDS_SERVER, PROGRAM, free_port, running_over

from automaton.errors import UsageError, WorkerError
from automaton.islands.folder import Folder
from automaton.islands.redis_store.redis_server import server_name
from automaton.islands.redis_store.redis_streams import RedisStreams

pytestmark = NEEDS_SERVER
#: Unlike anything else that a test writes; what a URL can hold as it is.
PASSWORD = "Kgq7Zt0wVx-secret"


def place(
    folder: Folder, only: str, to: int, url: str, before: tuple[str, ...] = (), on: str = "here"
) -> subprocess.Popen[str]:
    """A place of its own; the address of its server stands in its environment alone."""
    command = [*before, sys.executable, "-m", "automaton", "islands", "run", str(folder.path)]
    more = ["--only", only, "--to", str(to), "--on", on, "--min-free-disk", "0"]
    return subprocess.Popen(
        [*command, *more], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "AUTOMATON_TRANSPORT": url},
    )  # fmt: skip


def until_said(process: subprocess.Popen[str], text: str) -> None:
    """Return once a process has said something."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it ended and never said {text!r}")


@contextmanager
def serving(command: list[str]) -> Iterator[bool]:
    """A server, and whether it says that it is ready."""
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield any("eady to accept" in line for line in process.stdout)
        finally:
            process.kill()


def ip(*words: str) -> None:
    """Run the `ip` of iproute2."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def two_networks() -> Iterator[tuple[str, str]]:
    """The names of two network namespaces with one link between them, its ends a and b.

    In the first, 10.77.1.1 is an address of the host itself, and stays when the link is cut.
    """
    one, two = (f"islands{os.getpid()}{letter}" for letter in "ab")
    ends = tuple(f"v{os.getpid()}{letter}" for letter in "ab")
    try:
        try:
            ip("netns", "add", one)
            ip("netns", "add", two)
            ip("link", "add", ends[0], "netns", one, "type", "veth", "peer", "name", ends[1],
               "netns", two)  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no network namespaces may be made here (root, iproute2)")
        for name, end, address in zip((one, two), ends, ("10.77.0.1", "10.77.0.2"), strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", one, "address", "add", "10.77.1.1/32", "dev", "lo")
        ip("-n", two, "route", "add", "10.77.1.1", "via", "10.77.0.1")
        yield one, two
    finally:
        for name in (one, two):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.slow
def test_a_link_that_is_cut_and_healed_changes_no_byte(tmp_path: Path) -> None:
    one, until = small_archipelago(2), 40
    here, there = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    with two_networks() as (near, far):
        inside = ("ip", "netns", "exec", near)
        link = f"v{os.getpid()}a"
        command = [
            *inside, str(PROGRAM), "--port", "6379", "--bind", "10.77.1.1", "--save", "",
            "--protected-mode", "no", "--dir", str(tmp_path),
        ]  # fmt: skip
        url = "redis://10.77.1.1:6379"
        with (
            serving(command),
            place(here, "0", until, url, inside) as first,
            place(there, "1", until, url, ("ip", "netns", "exec", far)) as second,
        ):
            ends_of_epochs(there, 1, 1)
            ip("-n", near, "link", "set", link, "down")
            until_said(second, "does not answer")
            ip("-n", near, "link", "set", link, "up")
            until_said(second, "answers again")
            said = [each.communicate() for each in (first, second)]
            assert (first.returncode, second.returncode) == (0, 0), said
    turn = written_folder(tmp_path / "turn", one)
    run_in_turn(turn, until)
    assert [digests(here)[0], digests(there)[1]] == digests(turn)


def ends_of_epochs(folder: Folder, island: int, epochs: int) -> None:
    """Return once an island's log has so many commits as epochs have ticks."""
    least = folder.archipelago.last_tick(epochs - 1)
    while folder.log(island).read_bytes().count(b'"type":"commit"') < least:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    paths = tmp_path / "own.crt", tmp_path / "own.key"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=islands", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return paths


@pytest.fixture
def secret_server(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port of a server that speaks TLS alone and wants a password."""
    port, (public, key) = free_port(), certificate
    command = [
        str(PROGRAM), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "",
        "--tls-cert-file", str(public), "--tls-key-file", str(key), "--tls-ca-cert-file",
        str(public), "--tls-auth-clients", "no", "--requirepass", PASSWORD, "--dir", str(tmp_path),
    ]  # fmt: skip
    with serving(command) as ready:
        if not ready:
            pytest.skip("this redis-server speaks no TLS")
        yield port


def titles(process: subprocess.Popen[str]) -> list[str]:
    """What the system shows of a process and of those that it started."""
    pids, found = [str(process.pid)], []
    while pids:
        pid = pids.pop()
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"))
            pids += Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_tls_and_a_password_by_url_carry_migrants_and_the_password_is_nowhere_to_be_seen(
    tmp_path: Path, secret_server: int, certificate: tuple[Path, Path]
) -> None:
    one, until = small_archipelago(2), 3
    folders = [written_folder(tmp_path / name, one) for name in "ab"]
    url = f"rediss://:{PASSWORD}@127.0.0.1:{secret_server}?ssl_ca_certs={certificate[0]}"
    said = list[str]()
    with (
        running_over(url, folders[1], [1], until, said) as other,
        place(folders[0], "0", until, url, on="local") as process,
    ):
        ends_of_epochs(folders[0], 0, 1)
        shown = titles(process)
        said += process.communicate()
        assert process.returncode == 0, said
        assert other.result()
    assert len(shown) > 1  # the place, and the process that carries its island
    assert PASSWORD not in "".join([*shown, *said])
    written = [path.read_bytes() for folder in folders for path in folder.path.iterdir()]
    assert PASSWORD.encode() not in b"".join(written)
    turn = written_folder(tmp_path / "turn", one)
    run_in_turn(turn, until)
    assert [digests(folders[0])[0], digests(folders[1])[1]] == digests(turn)


def test_errors_of_a_server_with_tls_name_it_and_no_password(secret_server: int) -> None:
    with pytest.raises(WorkerError, match=f"rediss://127.0.0.1:{secret_server}") as refused:
        RedisStreams("d" * 64, [f"rediss://:{PASSWORD}@127.0.0.1:{secret_server}"])
    assert "certificate" in str(refused.value).lower()
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://:pa/ss@host:1/2", "redis://host:1/2"),
        ("redis://:pa#s?s@host", "redis://host"),
        ("redis://me:pa@ss@host:1", "redis://host:1"),
        ("redis://host:1?password=pass", "redis://host:1"),
    ],
)
def test_a_password_that_is_not_escaped_is_not_shown_either(url: str, name: str) -> None:
    assert server_name(url) == name


def test_an_address_that_cannot_be_read_is_an_error_that_shows_no_part_of_a_password() -> None:
    with pytest.raises(UsageError, match=r"redis://host:1/2.*percent") as caught:
        RedisStreams("d" * 64, ["redis://:12x/ss@host:1/2"])
    assert "12x" not in str(caught.value)
