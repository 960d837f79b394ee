"""The architecture as one table, held against every import and every call.

A new module is a word in MODULES; a new room is a row in ROOMS. Nothing is run:
the sources are read as syntax trees, so an import inside a function counts too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Which modules make up a room (`cli` stands for `cli.reduce` and its like too).
MODULES = {
    "errors": "errors",
    "objects": "objects",
    "terms": "terms packed reader notation rewriting textbook",
    "conditions": "conditions grammar",
    "options": "options lineup",
    "report": "report unusable",
    "population": "population names selection",
    "modify": "modify state",
    "world": "world sources rewritten",
    "streams": "streams vetoes",
    "measure": "measure evidence kinship projection",
    "budget": "budget",
    "records": "records",
    "log": "log pin disk begun batches index recovery chain inbox log_reader audit frontier "
    "checkpoint sealed growing omission archive decisions owner",
    "problems": "problems named_problems",
    "pool": "pool dealing processes shared worker children heap",
    "device": "device shards church arithmetic vectors batch layout capability gpu selftest "
    "offload",
    "search": "search columns",
    "synthesis": "synthesis baseline solutions enumerating breeding behaviours blocks trials",
    "actions": "actions answers intake replay turn decided competition proposed_again",
    "reading": "restore recompute snapshot lineage inventory series figures again attempt claims "
    "refill",
    "verify": "verify truth shares rounds grounds",
    "pace": "pace verifier",
    "consolidation": "consolidation",
    "memory": "memory memory_edge memory_server remembering memory_worker memory_feed",
    "reindex": "reindex",
    "runner": "runner shell aside stats gauges growth warm scaling limits tuning rates "
    "measured_with",
    "cycles": "branch catalysts cycles stages exploring workbench cii",
    "engine": "branching plan flight crew cycle_worker ran deciding engine merge",
    "api": "api",
    "cli": "cli __main__",
}

CORE = "errors objects terms conditions options"
CHANGE = f"{CORE} population modify world streams measure budget records"


def words(text: str) -> set[str]:
    """The words of a row."""
    return set(text.split())


@dataclass(frozen=True)
class Room:
    """What a room may know of the others, of the kernels and of the outside."""

    rooms: str  # other rooms that it may import
    kernels: str = ""  # kernel modules: none, "cpu-only" or "any"
    outside: str = ""  # modules of TOUCHING that it may import


#: cli -> runner -> {log, pool, device} and {population, modify, ...}
#: -> {objects, terms, conditions} -> errors
ROOMS = {
    "errors": Room(""),
    "objects": Room("errors"),
    "terms": Room("errors"),
    "conditions": Room("errors"),
    "options": Room("errors"),
    "report": Room(f"{CORE} population modify"),
    "population": Room(CORE, "cpu-only"),
    "modify": Room(f"{CORE} population"),
    "world": Room(f"{CORE} population modify streams", "cpu-only"),
    "streams": Room(f"{CORE} population", "cpu-only"),
    "measure": Room(f"{CORE} population"),
    "budget": Room("errors options"),
    "problems": Room("errors terms"),
    "records": Room("errors objects"),
    "log": Room("errors objects records", "cpu-only", "fcntl io mmap os pathlib stat threading"),
    "pool": Room(
        "errors", "cpu-only", "concurrent mmap os select signal socket subprocess threading time"
    ),
    "device": Room(f"{CORE} population world streams records budget pool", "any", "os threading"),
    "search": Room(f"{CORE} population modify world device", "cpu-only"),
    "synthesis": Room(f"{CORE} problems population modify world streams pool device", "cpu-only"),
    "actions": Room(f"{CHANGE} device", "cpu-only"),
    "reading": Room(f"{CHANGE} report log device actions", "cpu-only", "pathlib"),
    "verify": Room(f"{CHANGE} log pool device actions reading", "cpu-only", "pathlib socket time"),
    "pace": Room(
        f"{CHANGE} log pool device actions reading verify",
        "cpu-only",
        "os socket subprocess threading time",
    ),
    "consolidation": Room("errors"),
    "memory": Room(
        f"{CORE} consolidation population pool device",
        "cpu-only",
        "fcntl os pathlib socket subprocess threading time",
    ),
    "reindex": Room(f"{CHANGE} log consolidation memory", outside="os pathlib"),
    "runner": Room(
        f"{CHANGE} report log pool device actions reading pace memory",
        "cpu-only",
        "os pathlib psutil shutil signal tempfile threading time",
    ),
    "cycles": Room(f"{CHANGE} device search actions", "cpu-only", "io"),
    "engine": Room(
        f"{CHANGE} report log pool device search actions reading runner cycles",
        outside="asyncio concurrent datetime pathlib queue socket subprocess threading time",
    ),
    "api": Room(f"{CHANGE} device runner", outside="pathlib"),
    "cli": Room(
        f"{CHANGE} report log pool device search actions reading verify pace runner "
        "consolidation memory reindex cycles engine problems synthesis",
        outside="atexit click io os pathlib platform psutil rich signal time",
    ),
}

#: What touches the outside; whoever imports one of these is not a pure room. What is
#: in no room's list (random, socket, subprocess, ...) is nobody's yet.
TOUCHING = words(
    """
    asyncio click concurrent datetime fcntl glob http io locale logging mmap multiprocessing
    os pathlib pickle platform psutil queue random requests rich secrets select selectors
    shutil signal socket sqlite3 ssl stat subprocess tempfile threading time urllib uuid
    """
)

#: Who opens files, and which: a JSONL only in the log room.
OPENERS = {
    "disk": "the log and the files beside it",
    "pin": "the files beside the log",
    "inbox": "the inbox beside the log",
    "recovery": "the log",
    "checkpoint": "the checkpoint beside the log",
    "frontier": "the note beside the log",
    "index": "the log, by a descriptor",
    "log": "the log",
    "archive": "the archive beside the log",
    "decisions": "the decisions beside the log",
    "limits": "what the system says of limits of memory",
    "memory_edge": "the lock of the memory beside the log",
    "cli.config": "the TOML file of --config",
    "cli.cycles": "the file of --results",
    "cli.init": "the shipped log, and a file that did not exist",
    "cli.reduce": "a file of terms",
    "cli.endings": "nothing: the null device",
}

#: Kernel files beside bodies: the loops of the targets, and what they compile with.
COMPILES = {"cpu": {"numba"}, "cuda": {"numba"}, "cuda_search": {"numba"}}

#: Calls that take a regular expression.
ENGINE = {"re.compile", "re.match", "re.search", "re.fullmatch", "re.sub", "re.split", "re.findall"}


def sources(package: str) -> dict[str, ast.Module]:
    """The syntax trees of a package's modules by dotted name inside it."""
    trees = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT / package).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


AUTOMATON = sources("automaton")
KERNELS = sources("kernels")
ROOM_OF = {module: room for room, modules in MODULES.items() for module in modules.split()}


def room_of(module: str) -> str:
    """The room of a module; parts of a package belong to its room."""
    return ROOM_OF.get(module.partition(".")[0], "")


def imports(package: str, module: str, tree: ast.Module) -> Iterator[str]:
    """Absolute dotted names of all that a module imports, `from a import b` as a.b."""
    here = [package, *module.split(".")] if module else [package]
    is_package = (ROOT.joinpath(*here) / "__init__.py").exists()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            base = here[: len(here) - up] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted text of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def opens(called: str) -> bool:
    """Whether a call of this text opens, reads or writes a file by its name."""
    owner, _, name = called.rpartition(".")
    if name in {"read_bytes", "read_text", "write_bytes", "write_text", "memmap", "fromfile"}:
        return True
    of_a_class = owner.rpartition(".")[2][:1].isupper() and not owner.endswith(")")
    return name == "open" and not of_a_class  # Log.open is ours; path.open and os.open are not


def named(module: str) -> set[str]:
    """What a module of `automaton` imports."""
    return set(imports("automaton", module, AUTOMATON[module]))


def said(module: str) -> set[str]:
    """The texts of a module's calls."""
    return {text for text, _ in calls(AUTOMATON[module])}


def wrong(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """The modules for which something was found."""
    return {module: names for module, names in found.items() if names}


def test_every_module_has_a_room() -> None:
    homeless = [module for module in AUTOMATON if module and not room_of(module)]
    assert not homeless, "name them in MODULES"


def test_the_table_names_every_room_once() -> None:
    assert set(ROOMS) == set(MODULES)
    assert len(" ".join(MODULES.values()).split()) == len(ROOM_OF)


def test_the_table_has_no_cycle() -> None:
    below = {room: set(row.rooms.split()) for room, row in ROOMS.items()}
    while free := [room for room, others in below.items() if not others]:
        below = {r: o.difference(free) for r, o in below.items() if r not in free}
    assert not below


def test_a_module_imports_only_rooms_below_its_own() -> None:
    found = {}
    for module in AUTOMATON:
        own = room_of(module)
        below = ROOMS[own].rooms if own else "api"  # the package itself offers its classes
        allowed = {own, *below.split()}
        inner = {name.split(".")[1] for name in named(module) if name.startswith("automaton.")}
        found[module] = {other for other in inner if room_of(other) not in allowed}
    assert not wrong(found)


def test_only_the_rooms_that_may_call_kernels_import_them() -> None:
    found = {}
    for module in filter(room_of, AUTOMATON):
        allowed = ROOMS[room_of(module)].kernels
        seen = {name for name in named(module) if name.split(".")[0] == "kernels"}
        gpu = {name for name in seen if name.startswith("kernels.cuda.loops")}
        found[module] = {"any": set(), "cpu-only": gpu}.get(allowed, seen)
    assert not wrong(found)


def test_a_module_touches_only_the_outside_of_its_room() -> None:
    found = {}
    for module in filter(room_of, AUTOMATON):
        roots = {name.split(".")[0] for name in named(module)}
        found[module] = roots & TOUCHING - set(ROOMS[room_of(module)].outside.split())
    assert not wrong(found)


def test_kernels_import_numpy_and_numba_and_never_automaton() -> None:
    found = {}
    for module, tree in KERNELS.items():
        roots = {name.split(".")[0] for name in imports("kernels", module, tree)}
        found[module] = (
            roots - {"kernels", "numpy"} - sys.stdlib_module_names - COMPILES.get(module, set())
        )
    assert not wrong(found)


def test_only_the_command_line_prints_and_exits() -> None:
    loud = {"print", "exit", "quit", "sys.exit", "os._exit", "input", "click.echo"}
    streams = {"sys.stdout", "sys.stderr", "sys.stdin", "SystemExit"}
    found = {}
    for module, tree in AUTOMATON.items():
        names = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, (ast.Attribute, ast.Name))}
        found[module] = loud & said(module) | streams & names
    assert not wrong({m: names for m, names in found.items() if room_of(m) != "cli"})


def test_only_those_who_say_which_file_open_one() -> None:
    found = {module: {text for text in said(module) if opens(text)} for module in AUTOMATON}
    strangers = {module: texts for module, texts in found.items() if module not in OPENERS}
    assert not wrong(strangers), "a JSONL is opened by the log room alone"


def test_nothing_evaluates_data() -> None:
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "pickle.loads"}
    assert not wrong({module: forbidden & said(module) for module in AUTOMATON})


def test_patterns_of_regular_expressions_stand_in_the_program() -> None:
    found = {}
    for module, tree in AUTOMATON.items():
        asked = [node for text, node in calls(tree) if text in ENGINE]
        found[module] = {ast.unparse(n) for n in asked if not isinstance(n.args[0], ast.Constant)}
    assert not wrong(found)


def test_a_module_begins_by_saying_what_lives_there() -> None:
    silent = [
        name for name, tree in {**AUTOMATON, **KERNELS}.items() if not ast.get_docstring(tree)
    ]
    assert not silent


def test_the_walk_sees_relative_lazy_and_conditional_imports() -> None:
    text = "from . import log\ndef f():\n    import os.path\nif 0:\n    from .terms import x\n"
    found = set(imports("automaton", "some", ast.parse(text)))
    assert found == {"automaton.log.writer", "os.path", "automaton.terms.encodings.x"}
    inside = set(imports("automaton", "cli", ast.parse("from .run import run")))
    assert inside == {"automaton.cli.commands.run.run"}


@pytest.mark.parametrize(
    ("text", "is_opening"),
    [
        ("open(path)", True),
        ("os.open(path, 0)", True),
        ("path.open('rb')", True),
        ("Path(name).open()", True),
        ("path.read_bytes()", True),
        ("Log.open(path, write=True)", False),
        ("self._open(None, at)", False),
    ],
)
def test_the_walk_knows_an_opening_call(text: str, *, is_opening: bool) -> None:
    assert any(opens(called) for called, _ in calls(ast.parse(text))) is is_opening
