"""The metrics of a run, as Prometheus asks for them, and the files that go with them."""

from __future__ import annotations

import http.client
import json
import plistlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small import rich, written

parser = pytest.importorskip(
    "prometheus_client.openmetrics.parser", reason="prometheus-client is not installed"
)
SERVICE = Path(__file__).resolve().parents[2] / "docs" / "service"
OPEN = {"Accept": "application/openmetrics-text; version=1.0.0"}


def scraped(port: int) -> dict[str, Any]:
    """Every family by name; the text must be OpenMetrics."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers=OPEN)
    answer = connection.getresponse()
    assert "openmetrics-text" in str(answer.getheader("Content-Type"))
    text = answer.read().decode()
    connection.close()
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Any]]:
    """The families of a run under way, and the statistics that it printed last before them."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    command = [sys.executable, "-m", "automaton", str(path), "--json", "--interval", "10",
               "--stats-interval", "0.2", "--metrics", "0", "--engine", "serial",
               "--streams", "all"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = next(
            int(found[1])
            for line in process.stderr
            if (found := re.search(r"127\.0\.0\.1:(\d+)/metrics", line))
        )
        stats = json.loads(process.stdout.readline())
        families = scraped(port)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        assert process.returncode == 0
        yield families, stats


def value(families: dict[str, Any], name: str, **labels: str) -> float:
    """One sample."""
    return next(
        float(sample.value)
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )


def test_the_metrics_are_the_statistics(run: tuple[dict[str, Any], Any]) -> None:
    families, stats = run
    assert value(families, "automaton_ticks_total") >= stats["ticks"] > 0
    assert value(families, "automaton_live_objects") > 0
    for outcome, count in stats["outcomes"].items():
        assert value(families, "automaton_candidates_total", outcome=outcome) >= count
    assert value(families, "automaton_cores") == stats["cores"]
    assert value(families, "automaton_limit_bytes") == stats["memory_limit_bytes"]
    assert value(families, "automaton_statistics_timestamp_seconds") <= time.time()
    [info] = families["automaton_run"].samples
    assert info.labels["engine"] == stats["engine"]
    assert info.labels["version"] == stats["version"]


def test_counters_and_units_are_named_as_the_format_wants(run: tuple[dict[str, Any], Any]) -> None:
    families, _ = run
    for name, family in families.items():
        assert name.startswith("automaton_")
        assert family.documentation
        assert family.type in {"counter", "gauge", "info"}
        assert not name.endswith("_total")


def test_the_dashboard_asks_for_metrics_that_are_served(run: tuple[dict[str, Any], Any]) -> None:
    families, _ = run
    served = {sample.name for family in families.values() for sample in family.samples}
    labels = {label for f in families.values() for s in f.samples for label in s.labels}
    dashboard = json.loads((SERVICE / "grafana-dashboard.json").read_text("utf-8"))
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(targets) > 10
    for target in targets:
        asked = set(re.findall(r"automaton_[a-z_]+", target["expr"]))
        assert asked
        assert asked <= served, target["expr"]
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_the_page_about_the_metrics_names_all_of_them(run: tuple[dict[str, Any], Any]) -> None:
    families, _ = run
    page = (SERVICE / "README.md").read_text("utf-8")
    served = {sample.name for family in families.values() for sample in family.samples}
    assert served == set(re.findall(r"`(automaton_[a-z_]+)", page))


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415 - here alone

    path = written(tmp_path / "log.jsonl", rich())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "automaton", str(path), "--ticks", "1", "--metrics", port]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert f"--metrics {port}" in done.stderr


# Service files.


def commands() -> dict[str, list[str]]:
    """What the service files start: the words behind the program's path."""
    unit = (SERVICE / "automaton@.service").read_text("utf-8")
    plist = plistlib.loads((SERVICE / "automaton.plist").read_bytes())
    start = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert start is not None
    return {"systemd": start[1].split(), "launchd": plist["ProgramArguments"]}


@pytest.mark.parametrize("kind", ["systemd", "launchd"])
def test_the_command_of_a_service_runs_goes_on_after_a_kill_and_stops_in_order(
    kind: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    program, log, *options = commands()[kind]
    assert program.endswith("/automaton-scalable")
    assert log.endswith(".jsonl")
    options[options.index("--metrics") + 1] = "0"
    command = [sys.executable, "-m", "automaton", str(path), *options, "--interval", "10",
               "--stats-interval", "0.1"]  # fmt: skip
    ticks = []
    for ending, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 0)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ticks.append(json.loads(process.stdout.readline())["tick"])
            process.send_signal(ending)
            process.stdout.read()
            assert process.wait() == code
    assert ticks[1] > ticks[0] > 0


def test_the_services_start_again_only_where_that_may_help() -> None:
    unit = (SERVICE / "automaton@.service").read_text("utf-8")
    page = (SERVICE.parent / "cli.md").read_text("utf-8")
    prevented = re.search(r"RestartPreventExitStatus=(.*)", unit)
    assert prevented is not None
    documented = set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))
    assert set(prevented[1].split()) <= documented
    assert not set(prevented[1].split()) & {"8", "9", "10", "11", "141"}
    plist = plistlib.loads((SERVICE / "automaton.plist").read_bytes())
    assert plist["KeepAlive"] == {"SuccessfulExit": False}


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    import shutil  # noqa: PLC0415 - here alone

    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here")
    unit = tmp_path / "automaton@soup.service"
    text = (SERVICE / "automaton@.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/automaton/bin/automaton-scalable", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, check=False, text=True
    )
    assert "Unknown" not in done.stderr
    assert done.returncode == 0, done.stderr
