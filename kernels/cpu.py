"""Compiles kernel bodies for the CPU: numba, the GIL released, cached on disk.

Bodies are plain functions that call each other by name. `compiled` rebuilds a
body with those names bound to compiled forms, so that the source is written
once for every target. No policy here: which device runs is `automaton.backends.cpu`.

With `AUTOMATON_KERNELS=python` nothing is compiled: the bodies run as the Python that
they are, so that a debugger stops in them. Thousands of times slower, equal in every answer.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import types
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from threading import RLock
from typing import Any

import numba
import numpy as np

#: numba's settings, which are made at import and so unknown to type checkers.
config: Any = numba.config
_njit: Any = numba.njit
#: numba reads the cache folder from a global setting: one thread at a time.
_ATTACHING = RLock()
_HERE = Path(__file__).parent
#: Whether kernels run as plain Python; read once, for a process and those that it starts.
PLAIN = os.environ.get("AUTOMATON_KERNELS") == "python"
#: Bodies that this processor has instructions for, and what compiled bodies call instead.
INSTRUCTIONS: dict[Callable[..., Any], Any] = {}


def source_key() -> str:
    """The hash of all kernel sources, of numba's version and of its bounds checks, 16 hex digits.

    numba's cache looks at the file of the function it compiled and not at the
    functions called from it, nor at NUMBA_BOUNDSCHECK; so each must change the folder.
    """
    digest = hashlib.sha256(f"{numba.__version__} {bool(config.BOUNDSCHECK)}".encode())
    for path in sorted(_HERE.rglob("*.py")):
        digest.update(str(path.relative_to(_HERE)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `AUTOMATON_CACHE`, else the user's cache."""
    base = os.environ.get("AUTOMATON_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    return root / "automaton-scalable" / f"kernels-{source_key()}"


@cache
def _usable_cache() -> str:
    """The cache folder if it can be written, else one in the temporary folder."""
    for folder in (cache_folder(), Path(tempfile.gettempdir()) / cache_folder().name):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def bound(
    body: Callable[..., Any], compile_one: Callable[[Callable[..., Any]], Any]
) -> types.FunctionType:
    """The body with every kernel body that it names replaced by `compile_one` of it."""
    assert isinstance(body, types.FunctionType)
    names = {
        name: compile_one(value)
        for name in body.__code__.co_names
        if isinstance(value := body.__globals__.get(name), types.FunctionType)
        and value.__module__.startswith(f"{__package__}.")
    }
    rebuilt = types.FunctionType(
        body.__code__, {**body.__globals__, **names}, body.__name__, body.__defaults__
    )
    rebuilt.__qualname__ = body.__qualname__
    rebuilt.__module__ = body.__module__
    return rebuilt


@cache
def compiled(body: Callable[..., Any]) -> Any:
    """The body as machine code for this CPU; calling it releases the GIL."""
    if PLAIN:
        return plain(body)
    if body in INSTRUCTIONS:
        return INSTRUCTIONS[body]
    with _ATTACHING:
        return _compiled(bound(body, compiled))


@cache
def held(body: Callable[..., Any]) -> Any:
    """The same, but calling it keeps the GIL: for work of microseconds.

    To give the GIL away and wait for it again costs such a call more than it gains,
    where several threads compute.
    """
    if PLAIN:
        return plain(body)
    with _ATTACHING:
        function = bound(body, compiled)
        function.__qualname__ += "_held"  # numba's cache goes by it, and not by this option
        return _compiled(function, nogil=False)


def plain(body: Callable[..., Any]) -> Callable[..., Any]:
    """The body as plain Python, where overflow is what hashes want: modulo 2**64."""

    @wraps(body)
    def call(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return body(*arguments)

    return call


def _compiled(function: types.FunctionType, *, nogil: bool = True) -> Any:
    """The function under numba, its machine code kept in our own folder.

    Without numba's runtime: kernels allocate nothing, and every call between them
    would count references to all its arrays up and down by atomic instructions,
    which took half the time of the hot loops and made threads wait for each other.
    """
    folder = _usable_cache()
    before = config.CACHE_DIR
    config.CACHE_DIR = folder  # read once, when the cache is attached
    try:
        return _njit(nogil=nogil, error_model="numpy", _nrt=False, cache=bool(folder))(function)
    finally:
        config.CACHE_DIR = before
