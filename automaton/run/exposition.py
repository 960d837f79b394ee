"""The statistics of a run for Prometheus: counters and gauges with their units, on a port.

The text is made by the official client library, from the statistics that were shown last:
who asks reads values that stand there, and nothing of the run. Touches the network, on the
loopback interface alone. Must not know: how anything is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from automaton.errors import DeviceError, UsageError
from automaton.run.stats import Stats

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LOOPBACK = "127.0.0.1"


class MetricSeries(NamedTuple):
    """A metric: its name without the prefix, what it says, and its values by label."""

    kind: str  # counter or gauge
    name: str
    help: str
    values: dict[str, float | None]
    label: str = ""  # "": one value, under the name ""


def series_of(stats: Stats, shown: float) -> Iterator[MetricSeries]:
    """All metrics of one set of statistics; `shown` is when it was, in seconds since 1970."""

    def counter(name: str, said: str, value: float) -> MetricSeries:
        return MetricSeries("counter", name, said, {"": value})

    def gauge(name: str, said: str, value: float | None) -> MetricSeries:
        return MetricSeries("gauge", name, said, {"": value})

    def milliseconds(value: float | None) -> float | None:
        return None if value is None else value / 1e3

    own = "of this run"
    yield counter("ticks", f"Ticks {own}", stats.ticks)
    yield counter("modifications", f"Candidates that won {own}", stats.modifications)
    yield MetricSeries(
        "counter", "candidates", f"Candidates {own}", dict(stats.outcomes), "outcome"
    )
    yield MetricSeries(
        "counter", "actions", "Actions since the first tick", dict(stats.actions), "action"
    )
    yield MetricSeries("counter", "events", "What commits count", dict(stats.counters), "counter")
    yield counter("workers_replaced", "Workers that died, hung or failed", stats.workers_replaced)
    yield counter("freed_bytes", "Memory given back by collecting", stats.freed_bytes)
    yield gauge("tick", "The last tick of the log", stats.tick)
    yield gauge("dimension", "Where the machine stands", stats.dimension)
    yield gauge("objects", "Distinct objects that the log holds", stats.objects)
    yield gauge("live_objects", "Objects alive", stats.live)
    yield gauge("distinct_terms", "Different terms among the living", stats.distinct)
    yield gauge("log_size_bytes", "Bytes of the log", stats.log_bytes)
    yield gauge("durable_bytes", "Bytes of it that are safe on the disk", stats.durable_bytes)
    yield gauge("queue_batches", "Batches that wait for the disk", stats.queue)
    yield gauge("verified_tick", "The log is verified up to here", float(stats.verify["tick"]))
    yield gauge("resident_memory_bytes", "Memory of the main process", stats.rss_bytes)
    yield gauge("tree_memory_bytes", "Memory of it and its workers", stats.tree_bytes)
    yield gauge("limit_used_bytes", "Used of the tightest limit", stats.memory_used_bytes)
    yield gauge("limit_bytes", "The limit of memory that leaves least", stats.memory_limit_bytes)
    yield gauge("cores", "Cores that may be used", stats.cores)
    yield gauge("load", "Processes that run or wait, over a minute", stats.load)
    workers = {"active": stats.workers_active, "all": stats.workers_total}
    yield MetricSeries(
        "gauge", "workers", "Workers, and those that computed last", dict(workers), "state"
    )
    quantiles = {"0.5": milliseconds(stats.tick_ms_p50), "0.99": milliseconds(stats.tick_ms_p99)}
    yield MetricSeries("gauge", "tick_seconds", "How long ticks take", quantiles, "quantile")
    yield gauge("statistics_timestamp_seconds", "When this was measured", shown)


class MetricsEndpoint:
    """A port that answers with the statistics shown last. Use it in a `with` statement."""

    def __init__(self, port: int, facts: dict[str, str]) -> None:
        try:
            from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415  # an extra
        except ImportError:
            raise DeviceError("--metrics needs prometheus-client, which is not installed: "
                              "pip install '.[metrics]'") from None  # fmt: skip
        self._facts = facts
        self._shown: tuple[Stats, float] | None = None
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, LOOPBACK, registry)
        except OSError as error:
            raise UsageError(f"--metrics {port}: the port cannot be had: {error.strerror}; another "
                             "may be free (0 takes any)") from error  # fmt: skip
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/metrics"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def update(self, stats: Stats) -> None:
        """From now on these are answered."""
        self._shown = stats, time.time()

    def collect(self) -> Iterator[Metric]:
        """What the library asks for: every metric."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily  # noqa: PLC0415

        families: dict[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        info = dict(self._facts)
        if self._shown is not None:
            stats, at = self._shown
            info |= {"engine": stats.engine, "device": stats.device}
            for name, values in ((s.name, s) for s in series_of(stats, at)):
                labels = [values.label] if values.label else []
                family = families[values.kind](f"automaton_{name}", values.help, labels=labels)
                for label, value in values.values.items():
                    if value is not None:
                        family.add_metric([label] if labels else [], value)
                yield family
        yield InfoMetricFamily("automaton_run", "What runs", value=info)
