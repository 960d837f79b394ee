"""Opens a Ray cluster for whoever computes on one, with what Ray needs to be told first.

Statistics of use are off, no token is made, the loopback address is one that Ray keeps,
and an address where nobody listens is an error at once. The one module that imports Ray.
Must not know: actors, tasks, what they compute.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

from automaton.errors import UsageError, WorkerError

#: The address of a cluster of this program's own, on this machine alone.
OWN = "local"
#: Not 127.0.0.1, which Ray takes for the machine's outer address.
LOOPBACK = "127.0.0.2"
#: Seconds in which a cluster must take a connection.
SILENT_S = 5.0
_QUIET = 40  # logging's number of an error


def open_cluster(address: str | None) -> Any:
    """Ray, connected to a cluster (`auto`: this machine's); None: one that begins and ends here.

    `shutdown` of what is returned leaves it. Raises `UsageError` where Ray is not
    installed, `WorkerError` where no cluster answers.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else a first start makes tokens
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415  # only who wants it has it
        import ray.exceptions  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "--on ray needs Ray: pip install '.[scale]' in the checkout, on every node"
        ) from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": _QUIET}
    try:
        if address is not None and ":" in address:
            _look_at(address)
        with _signals_as_they_are():
            if address is None:
                ray.init(OWN, include_dashboard=False, _node_ip_address=LOOPBACK, **quiet)
            else:
                ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkerError(
            f"--on ray: no cluster answers at {address or LOOPBACK} ({why}); start one with "
            "`ray start --head`, with the same RAY_AUTH_MODE as here"
        ) from None
    return ray


def node_address(ray: Any) -> str:
    """Where the node listens to which this process is connected: the only way to the others."""
    own = ray.get_runtime_context().get_node_id()
    [node] = [node for node in ray.nodes() if node["NodeID"] == own]
    return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"


def require_node(address: str) -> None:
    """Raise a `WorkerError` where that node is gone: Ray ends this process some seconds later."""
    try:
        _look_at(address)
    except OSError as error:
        raise WorkerError(
            f"--on ray: the node at {address}, by which this command is in the cluster, is gone "
            f"({error.strerror or error}); start Ray there again, and the command anew"
        ) from None


def _look_at(address: str) -> None:
    """Raise an `OSError` where nobody listens: Ray would wait for minutes and then end us."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), SILENT_S):
        pass


@contextlib.contextmanager
def _signals_as_they_are() -> Iterator[None]:
    """Keep what SIGTERM does: Ray would have it end this process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
