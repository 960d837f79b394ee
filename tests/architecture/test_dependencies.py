"""The architecture as one table, held against every import, every face and every call.

A package is a row of PACKAGES. Nothing is run but the faces: the sources are read as
syntax trees, so an import inside a function or under TYPE_CHECKING counts too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def words(text: str) -> set[str]:
    """The words of a row."""
    return set(text.split())


@dataclass(frozen=True)
class Package:
    """What a package may know of the others, of the kernels and of the outside."""

    storey: str
    packages: str = ""  # that it may import; `errors` is free to all
    kernels: str = ""  # none, "cpu" or "any"
    outside: str = ""  # modules of TOUCHING that it may import


LANGUAGE = "terms format program"
MACHINERY = f"{LANGUAGE} log compute workers"
TICK = f"{MACHINERY} population backends chemistry"

#: From the ground upwards; a package imports only what stands in its row, through faces.
PACKAGES = {
    "terms": Package("language"),
    "format": Package("language"),
    "program": Package("language", "terms format", "cpu"),
    "digests": Package("language", "format", "cpu"),
    "workers": Package(
        "machinery",
        outside="concurrent mmap os pathlib psutil select signal socket subprocess threading time",
    ),
    "cluster": Package("machinery", outside="os signal socket threading"),
    "compute": Package("machinery", "terms format workers", "any", "os threading"),
    "log": Package("machinery", "format digests", "cpu", "fcntl io mmap os pathlib stat threading"),
    "population": Package("the tick", "terms program", "cpu"),
    "backends": Package("the tick", "terms format workers compute population", "any"),
    "chemistry": Package("the tick", "terms format program compute population backends", "cpu"),
    "vector_store": Package(
        "applications",
        "terms format workers compute log",
        "cpu",
        "concurrent fcntl os pathlib shutil socket subprocess tempfile threading time",
    ),
    "replay": Package(
        "the run",
        "terms format digests workers program compute log population backends chemistry",
        outside="psutil",
    ),
    "verify": Package(
        "the run",
        "terms format digests workers compute log chemistry replay",
        "cpu",
        "os pathlib threading time",
    ),
    "run": Package(
        "the run",
        f"{TICK} vector_store replay verify",
        "cpu",
        "os pathlib psutil shutil signal socket tempfile threading time",
    ),
    "calculator": Package("applications", "terms format workers compute", "cpu"),
    "normalisation": Package("applications", "terms compute", "cpu"),
    "synthesis": Package("applications", "terms workers compute population chemistry", "cpu"),
    "analysis": Package(
        "applications",
        "terms format digests program compute log chemistry replay",
        outside="pathlib",
    ),
    "complexity": Package("applications", "terms log chemistry replay", "cpu"),
    "soups": Package(
        "applications",
        "terms format workers compute log chemistry replay run analysis",
        "cpu",
        "concurrent os pathlib select",
    ),
    "export": Package(
        "applications", "terms format log replay analysis proofs", "cpu", "concurrent io pathlib"
    ),
    "observatory": Package(
        "applications",
        "log replay analysis vector_store",
        outside="concurrent http pathlib psutil queue secrets threading time urllib",
    ),
    "cycles": Package(
        "applications",
        "terms format workers cluster compute log population chemistry replay run",
        "cpu",
        "asyncio concurrent datetime io os pathlib platform queue signal threading time",
    ),
    "proofs": Package("applications", "format digests log", outside="fcntl os pathlib stat"),
    "seals": Package(
        "applications", "format digests proofs", outside="fcntl os pathlib select threading time"
    ),
    "tuning": Package(
        "applications",
        "terms format workers log replay run",
        outside="pathlib psutil shutil tempfile",
    ),
    "conversion": Package("applications", "terms format log analysis", outside="pathlib"),
    "islands": Package(
        "applications",
        "terms format workers cluster compute log backends chemistry replay verify run analysis",
        "cpu",
        outside="os pathlib platform select shutil socket threading time urllib",
    ),
    "comparison": Package(
        "applications",
        "terms format workers program log chemistry replay run analysis soups islands",
        outside="pathlib",
    ),
    "cli": Package(
        "surface",
        "terms format workers compute calculator log backends chemistry vector_store replay verify "
        "run synthesis normalisation analysis complexity soups conversion export observatory "
        "cycles tuning islands proofs seals comparison",
        outside="atexit click datetime io os pathlib platform psutil rich shutil signal stat "
        "tempfile threading time",
    ),
}

STOREYS = ("language", "machinery", "the tick", "the run", "applications", "surface")

#: Modules outside the packages, and what they may import.
ROOT_MODULES = {"": "run cycles", "__main__": "cli", "errors": ""}

#: What touches the outside; whoever imports one of these is not pure. What is in no
#: package's row (random, urllib, ...) is nobody's yet.
TOUCHING = words(
    """
    asyncio click concurrent datetime fcntl glob http io locale logging mmap multiprocessing
    os pathlib pickle platform psutil queue random requests rich secrets select selectors
    shutil signal socket sqlite3 ssl stat subprocess tempfile threading time urllib uuid
    """
)

#: Who opens files, and which.
OPENERS = {
    "log": "the log and the files beside it",
    "proofs": "key files, the index beside a log, the folder of a witness",
    "seals": "files of others, which are only read, and their seals",
    "vector_store.qdrant_edge": "the lock of the vectors beside the log",
    "vector_store.location": "in how many shards the vectors beside the log are",
    "workers.control_groups": "what the system says of limits of memory and cores",
    "observatory.page_files": "files of the page, in the installed packages",
    "islands.folder": "the file that says what an archipelago is",
    "islands.copies.log_copy": "copies of logs that it alone writes",
    "islands.copies.shared_place": "a folder that all hosts reach, and logs that are lost",
    "cli.archipelago.island_init": "a file of edges, and the genesis that all islands share",
    "cli.config_file": "the TOML file of --config",
    "cli.output_file": "drafts of exports and pictures, which take their names when they are whole",
    "conversion.decompression": "the file of `init --from`, compressed or not",
    "conversion.included_files": "files that a CanvasL file includes",
    "soups.campaign_runs": "the logs and the manifest of a campaign",
    "soups.pair_campaign": "the logs of merged soups",
    "comparison.comparison_campaign": "the folders of archipelagos that are compared",
    "cli.commands.sweep": "the TOML file of a sweep",
    "cli.commands.cycles": "the file of --results",
    "cli.commands.give": "a file of input, and the inbox that any program may append to",
    "cli.commands.init": "the shipped log, and a file that did not exist",
    "cli.commands.reduce": "a file of terms",
    "cli.descriptors": "nothing: the null device",
    "cli.small_file": "notes, policies and proofs that a command is given",
    "cli.trace_file": "the file of --trace",
    "cli.exit_codes": "nothing: the null device",
}

#: Kernel files beside bodies: the loops of the targets, and what they compile with.
COMPILES = {  # "cuda.compiler" names its compiler
    "cpu": {"numba"},
    "hashing.sha_instructions": {"llvmlite", "numba"},
    "text.byte_vectors": {"llvmlite", "numba"},
    "cuda.arrays": {"cupy"},
}

#: Packages of kernels, lowest first: a file imports its own row's packages and those before.
KERNEL_ORDER = (
    "cpu philox typed",
    "terms",
    "text checks",
    "search chemistry hashing",
    "experiments cuda",
    "registry",
)

#: Names that two modules may have, since each is the textbook's word in its own subject.
#: A new one needs a reason here.
SHARED_MODULE_NAMES = words("archive effects engine worker")
SHARED_CLASS_NAMES = words("")

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
FACES = {name: import_module(f"automaton.{name}").__all__ for name in PACKAGES}


def package_of(module: str) -> str:
    """The package of a module, "" for the modules at the root."""
    first = module.partition(".")[0]
    return first if first in PACKAGES else ""


def is_folder(package: str, module: str) -> bool:
    """Whether a module is a package of its own."""
    return (ROOT.joinpath(package, *module.split(".")) / "__init__.py").exists()


def imports(package: str, module: str, tree: ast.Module) -> Iterator[str]:
    """Absolute dotted names of all that a module imports, `from a import b` as a.b."""
    here = [package, *module.split(".")] if module else [package]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = node.level - (not module or is_folder(package, module))
            base = here[: len(here) - up] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def programs(tree: ast.Module) -> Iterator[str]:
    """Names of modules in texts: programs that a module starts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
            if name.startswith("automaton.") and name.removeprefix("automaton.") in AUTOMATON:
                yield name


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
    """What a module of `automaton` imports, and the programs that it starts."""
    tree = AUTOMATON[module]
    return {*imports("automaton", module, tree), *programs(tree)}


def said(module: str) -> set[str]:
    """The texts of a module's calls."""
    return {text for text, _ in calls(AUTOMATON[module])}


def wrong(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """The modules for which something was found."""
    return {module: names for module, names in found.items() if names}


# Packages.


def test_every_module_stands_in_a_package_but_the_three_at_the_root() -> None:
    outside = {module for module in AUTOMATON if not package_of(module)}
    assert outside == set(ROOT_MODULES)


def test_every_package_has_a_row_and_every_row_a_package() -> None:
    folders = {path.parent.name for path in (ROOT / "automaton").glob("*/__init__.py")}
    assert folders == set(PACKAGES)


def test_imports_go_down_the_storeys_and_never_in_a_circle() -> None:
    below = {name: words(row.packages) for name, row in PACKAGES.items()}
    while free := {name for name, others in below.items() if not others}:
        below = {name: others - free for name, others in below.items() if name not in free}
    assert not below
    for name, row in PACKAGES.items():
        for other in words(row.packages) - {"vector_store"}:  # a run may feed one
            assert STOREYS.index(PACKAGES[other].storey) <= STOREYS.index(row.storey), name


def test_a_module_imports_only_packages_of_its_row() -> None:
    found = {}
    for module in AUTOMATON:
        own = package_of(module)
        row = PACKAGES[own].packages if own else ROOT_MODULES[module]
        seen = {name.split(".")[1] for name in named(module) if name.startswith("automaton.")}
        found[module] = (seen & set(PACKAGES)) - words(row) - {own}
    assert not wrong(found)


def test_a_package_is_known_by_its_face() -> None:
    """A name of the face, or a module of the face and what stands in it."""
    found = {}
    for module in AUTOMATON:
        parts = [name.split(".") for name in named(module) if name.startswith("automaton.")]
        found[module] = {
            ".".join(name)
            for name in parts
            if name[1] in PACKAGES
            and name[1] != package_of(module)
            and (len(name) < 3 or name[2] not in FACES[name[1]])
        }
    assert not wrong(found)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_face_has_at_most_twelve_names_and_all_of_them_can_be_had(name: str) -> None:
    face = FACES[name]
    assert len(face) == len(set(face)) <= 12
    package = import_module(f"automaton.{name}")
    for each in face:
        assert f"{name}.{each}" in AUTOMATON or hasattr(package, each)


def test_no_name_of_a_face_is_the_name_of_a_module_beside_it() -> None:
    """The import system would give one for the other, whichever came first."""
    for name, face in FACES.items():
        tree = AUTOMATON[name]
        lazily = {
            a.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names
        }
        assert not {each for each in face if each in lazily and f"{name}.{each}" in AUTOMATON}


def test_importing_the_faces_loads_no_numba() -> None:
    program = "; ".join(["import sys", *(f"import automaton.{name}" for name in PACKAGES)])
    program += "; assert 'numba' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_modules_of_a_package_import_each_other_in_no_circle() -> None:
    for name in PACKAGES:
        inside = {m for m in AUTOMATON if m.startswith(f"{name}.")}
        below = {}
        for module in inside:
            seen = {each.removeprefix("automaton.") for each in named(module)}
            seen |= {each.rpartition(".")[0] for each in seen}
            below[module] = (seen & inside) - {module}
        while free := {module for module, others in below.items() if not others}:
            below = {m: others - free for m, others in below.items() if m not in free}
        assert not below, name


def test_only_the_packages_that_may_call_kernels_import_them() -> None:
    found = {}
    for module in filter(package_of, AUTOMATON):
        allowed = PACKAGES[package_of(module)].kernels
        seen = {name for name in named(module) if name.split(".")[0] == "kernels"}
        cuda = {name for name in seen if name.startswith("kernels.cuda")}
        found[module] = {"any": set(), "cpu": cuda}.get(allowed, seen)
    assert not wrong(found)


def test_a_module_touches_only_the_outside_of_its_package() -> None:
    found = {}
    for module in filter(package_of, AUTOMATON):
        roots = {name.split(".")[0] for name in named(module)}
        found[module] = roots & TOUCHING - words(PACKAGES[package_of(module)].outside)
    assert not wrong(found)


# Names and sizes.


def test_module_names_are_not_used_twice() -> None:
    names = [m.rpartition(".")[2] for m in AUTOMATON if m and "cli" not in m and m not in PACKAGES]
    assert {name for name in names if names.count(name) > 1} <= SHARED_MODULE_NAMES | set(PACKAGES)


def test_class_names_are_not_used_twice() -> None:
    names = [
        node.name
        for tree in AUTOMATON.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert {name for name in names if names.count(name) > 1} <= SHARED_CLASS_NAMES


def test_no_class_or_module_is_named_by_what_was_done_to_it() -> None:
    classes = {
        node.name
        for tree in AUTOMATON.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    modules = {m.rpartition(".")[2] for m in AUTOMATON}
    nouns = {"VectorFeed", "feed", "packed"}  # packed: the form of terms that computes
    assert {name for name in classes | modules if name.endswith("ed")} == nouns


def test_array_types_are_declared_once() -> None:
    names: dict[str, list[str]] = {}
    for module, tree in AUTOMATON.items():
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                name = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if "NDArray" in ast.unparse(node.value)[:14]:
                    names.setdefault(ast.unparse(name), []).append(module)
    assert not {name: modules for name, modules in names.items() if len(modules) > 1}


def test_a_longer_module_gives_its_reason_in_its_docstring() -> None:
    for name, tree in AUTOMATON.items():
        path = ROOT.joinpath("automaton", *name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if len(file.read_text(encoding="utf-8").splitlines()) > 300:
            said = " ".join((ast.get_docstring(tree) or "").split())
            assert "Longer than" in said, name


def test_a_package_of_more_than_22_modules_gives_its_reason_in_its_docstring() -> None:
    for name in PACKAGES:
        if len(list((ROOT / "automaton" / name).glob("*.py"))) > 23:  # the face besides
            assert "More than 22 modules:" in (ast.get_docstring(AUTOMATON[name]) or ""), name


# Kernels.


def test_kernels_import_numpy_and_numba_and_never_automaton() -> None:
    found = {}
    for module, tree in KERNELS.items():
        roots = {name.split(".")[0] for name in imports("kernels", module, tree)}
        found[module] = (
            roots - {"kernels", "numpy"} - sys.stdlib_module_names - COMPILES.get(module, set())
        )
    assert not wrong(found)


def test_families_of_kernels_import_only_families_before_them() -> None:
    storey = {name: k for k, row in enumerate(KERNEL_ORDER) for name in row.split()}
    found = {}
    for module, tree in KERNELS.items():
        own = module.partition(".")[0]
        seen = {
            name.split(".")[1] for name in imports("kernels", module, tree) if "kernels." in name
        }
        found[module] = {
            other
            for other in seen & set(storey)
            if module and other != own and storey[other] >= storey[own]
        }
    assert not wrong(found)


# What only some may do.


def test_only_the_command_line_prints_and_exits() -> None:
    loud = {"print", "exit", "quit", "sys.exit", "os._exit", "input", "click.echo"}
    streams = {"sys.stdout", "sys.stderr", "sys.stdin", "SystemExit"}
    found = {}
    for module, tree in AUTOMATON.items():
        names = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, (ast.Attribute, ast.Name))}
        found[module] = loud & said(module) | streams & names
    assert not wrong({m: names for m, names in found.items() if package_of(m) != "cli"})


def test_only_those_who_say_which_file_open_one() -> None:
    found = {module: {text for text in said(module) if opens(text)} for module in AUTOMATON}
    allowed = {m for m in AUTOMATON if m in OPENERS or package_of(m) in OPENERS}
    assert not wrong({module: texts for module, texts in found.items() if module not in allowed})


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


# The walk itself.


def test_the_walk_sees_relative_lazy_and_conditional_imports() -> None:
    text = "from . import log\ndef f():\n    import os.path\nif 0:\n    from .terms import x\n"
    found = set(imports("automaton", "", ast.parse(text)))
    assert found == {"automaton.log", "os.path", "automaton.terms.x"}
    inside = set(imports("automaton", "cli", ast.parse("from .group import x")))
    assert inside == {"automaton.cli.group.x"}


def test_the_walk_sees_programs_that_are_named_in_texts() -> None:
    assert set(programs(ast.parse("start('automaton.workers.worker')"))) == {
        "automaton.workers.worker"
    }


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
