"""The page over the network: who may ask, what is answered, and what the head says of a writer."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from served import SECONDS, Served, served
from small import ran, rich, written

pytest.importorskip("plotly", reason="plotly, whose script draws the page, is not installed")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    ran(found, 12, parallel=16, streams="all")
    return found


@pytest.fixture(scope="module")
def page(path: Path) -> Iterator[Served]:
    with served(path) as found:
        yield found


@contextmanager
def running(path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run of its own that ticks ten times a second."""
    command = [sys.executable, "-m", "automaton", str(path), "--interval", "100", "--durability",
               "off", "--engine", "serial", *options]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            yield run
        finally:
            run.send_signal(signal.SIGCONT)
            run.kill()


def writer(page: Served, state: str) -> dict[str, Any]:
    """The first head in which the writer is in a state."""
    return page.until("head", lambda head: head["writer"]["state"] == state)


# What is answered.


def test_the_page_and_its_scripts_are_served(page: Served) -> None:
    index = page.get("/")
    assert index.status == 200
    names = re.findall(r'(?:src|href)="([a-z.]+)"', index.body.decode())
    assert len(names) > 2
    for name in (*names, "plotly.min.js"):  # the large one comes with the first plot
        found = page.get(f"/{name}")
        assert found.status == 200, name
        assert found.body


def test_no_script_of_the_page_stands_in_it(page: Served) -> None:
    index = page.get("/").body.decode()
    assert not re.search(r"<script(?![^>]*src=)", index)
    assert not re.search(r"\son[a-z]+=|style=|javascript:", index)
    policy = page.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy


def test_the_stream_brings_every_panel(page: Served) -> None:
    wanted = {"head", "rates", "outcomes", "kymograph", "population", "competition", "diversity",
              "decisions", "lineage", "phylogeny", "memory"}  # fmt: skip
    for name, value in page.events():
        assert not value.get("failed"), (name, value)
        wanted.discard(name)
        if not wanted:
            return


def test_a_reader_that_goes_or_never_reads_holds_up_nobody(page: Served) -> None:
    for _ in range(3):
        lazy = socket.create_connection((page.host, page.port))
        lazy.sendall(f"GET /events HTTP/1.1\r\nHost: {page.host}:{page.port}\r\n\r\n".encode())
        next(page.events())
        lazy.close()
    assert page.get("/").status == 200


def test_the_state_after_a_tick_can_be_asked_for(page: Served) -> None:
    assert page.ask("timeline", tick=7)["tick"] == 7
    assert page.ask("population", tick=7)["window"] == "after tick 7"
    assert page.get("/panel/timeline?tick=-1").status == 400
    assert page.get("/panel/nobody").status == 404
    assert page.get(f"/panel/lineage?id={'x' * 9000}").status == 400


def test_what_is_asked_for_at_the_same_time_is_answered(page: Served) -> None:
    connections = [socket.create_connection((page.host, page.port)) for _ in range(8)]
    for k, one in enumerate(connections):
        one.settimeout(SECONDS)
        one.sendall(f"GET /panel/timeline?tick={k} HTTP/1.0\r\nHost: localhost:{page.port}\r\n\r\n"
                    .encode())  # fmt: skip
    for k, one in enumerate(connections):
        body = one.makefile("rb").read().partition(b"\r\n\r\n")[2]
        assert json.loads(body)["tick"] == k
        one.close()


# Who may ask.


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "TRACE"])
@pytest.mark.parametrize("place", ["/", "/events", "/panel/timeline", "/export.html"])
def test_nothing_but_reading_is_answered(page: Served, method: str, place: str) -> None:
    answer = page.get(place, method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "192.168.0.1", ""])
def test_another_name_of_the_server_is_refused(page: Served, name: str) -> None:
    host = f"{name}:{page.port}"
    assert page.get("/panel/timeline", headers={"Host": host}).status == 421
    assert page.get("/", headers={"Host": host}).status == 421


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_loopback_names_are_known(page: Served, name: str) -> None:
    assert page.get("/", headers={"Host": f"{name}:{page.port}"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_a_page_of_another_origin_may_not_read(page: Served, headers: dict[str, str]) -> None:
    answer = page.get("/panel/timeline", headers=headers)
    assert answer.status == 403
    assert not {name for name in answer.headers if name.startswith("Access-Control")}


def test_only_this_machine_can_reach_it(page: Served) -> None:
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.2", page.port)) != 0


def test_an_address_for_others_needs_the_token(path: Path) -> None:
    with served(path, "--host", "127.0.0.2") as page:
        assert len(page.token) >= 32
        assert page.get("/").status == 401
        assert page.get("/panel/timeline").status == 401
        assert page.get("/?token=wrong").status == 401
        entered = page.get(f"/?token={page.token}")
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        known = {"Cookie": cookie.partition(";")[0]}
        assert page.get("/", headers=known).status == 200
        assert page.get("/", headers=known | {"Host": f"evil.example:{page.port}"}).status == 421
        assert next(page.events(known))[1]


def test_a_port_that_is_taken_is_one_line(path: Path, page: Served) -> None:
    command = [sys.executable, "-m", "automaton", "observatory", str(path), "--port",
               str(page.port)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--port" in done.stderr


def test_a_log_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "automaton", "observatory", str(tmp_path / "none.jsonl")]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1


# The writer.


def test_the_head_says_who_writes_and_that_it_died(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with served(path) as page, running(path) as run:
        head = writer(page, "writing")
        assert head["writer"]["pid"] == run.pid
        assert head["memory"]["bytes"] > 1 << 20
        run.kill()
        run.wait()
        assert str(run.pid) in writer(page, "died")["writer"]["said"]


def test_the_head_says_that_a_writer_was_stopped_and_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with served(path) as page, running(path) as run:
        writer(page, "writing")
        run.send_signal(signal.SIGSTOP)
        writer(page, "stopped")
        run.send_signal(signal.SIGCONT)
        writer(page, "writing")


def test_a_run_that_ends_in_order_is_no_alarm(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with served(path) as page, running(path) as run:
        page.until("head", lambda head: head["tick"] > 0)  # before, it is still being loaded
        run.send_signal(signal.SIGINT)
        assert run.wait() == 0
        assert writer(page, "none")["tick"] > 0


def test_ticks_arrive_and_have_rates(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with served(path) as page, running(path, "--parallel", "8"):
        head = page.until("head", lambda value: (value["rates"]["ticks"] or 0) > 0)
        assert head["rates"]["candidates"] == pytest.approx(8 * head["rates"]["ticks"], rel=0.01)
        page.until("rates", lambda value: value["tick_of"] and value["tick_of"][-1] > head["tick"])


def test_a_log_that_is_replaced_under_the_page_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 3)
    with served(path) as page:
        assert page.until("head", lambda value: value["tick"] == 3)["gone"] == ""
        other = written(tmp_path / "other.jsonl", rich())
        ran(other, 1)
        other.replace(path)
        assert "replaced" in page.until("head", lambda value: value["gone"])["gone"]
        assert page.ask("timeline", tick=2)["tick"] == 2


def test_a_log_that_is_cut_under_the_page_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 3)
    with served(path) as page:
        page.until("head", lambda value: value["tick"] == 3)
        os.truncate(path, path.stat().st_size - 10)
        assert "shorter" in page.until("head", lambda value: value["gone"])["gone"]


def test_what_the_page_made_of_a_log_is_kept_in_its_folder(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 5, parallel=8)
    for _ in range(2):
        with served(path, "--cache", str(tmp_path / "kept")) as page:
            page.until("folded", lambda value: value["tick"] == value["last"] == 5)
        assert len([*tmp_path.glob("kept/*/*.columns")]) == 1


def test_looking_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 5, parallel=8)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with served(path) as page:
        page.until("memory", lambda value: value["n"])
        page.ask("timeline", tick=3)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
