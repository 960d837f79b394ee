"""The pages for people who carry on name paths, modules, classes and options that exist."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from automaton.cli import command_line

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = ("architecture.md", "journey.md", "contributing.md", "glossary.md")
FENCE = re.compile(r"```.*?```", re.DOTALL)
TOP = {path.name for path in ROOT.iterdir()}


def spans(page: str) -> list[str]:
    """What stands between single backticks on a page, blocks left out."""
    text = FENCE.sub("", (DOCS / page).read_text(encoding="utf-8"))
    return re.findall(r"`([^`\n]+)`", text)


def classes() -> set[str]:
    """Every class, table and constant at the top of a module."""
    found = set()
    for path in [*(ROOT / "automaton").rglob("*.py"), *(ROOT / "tests/architecture").glob("*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign):
                found.add(ast.unparse(node.target))
            elif isinstance(node, ast.Assign):
                found |= {ast.unparse(target) for target in node.targets}
    return found


NAMES = classes()


def resolves(dotted: str) -> bool:
    """Whether a dotted name leads to a module, or to what a module has."""
    parts = dotted.split(".")
    modules = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    module = next(name for name in modules if is_module(name))
    found: object = importlib.import_module(module)
    for name in parts[module.count(".") + 1 :]:
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def is_module(name: str) -> bool:
    """Whether a file or a folder of ours is this module."""
    folder = ROOT.joinpath(*name.split("."))
    return folder.with_suffix(".py").exists() or (folder / "__init__.py").exists()


def named_paths() -> list[tuple[str, str]]:
    """Page and path, for what looks like one: it begins with a name at the root of the project."""
    found = []
    for page in PAGES:
        for span in spans(page):
            first = span.split()[0]
            if first.split("/")[0] in TOP:
                found.append((page, first))
    return found


def named_code() -> list[tuple[str, str]]:
    """Page and name, for dotted names of ours and for classes and tables."""
    return [
        (page, span)
        for page in PAGES
        for span in spans(page)
        if re.fullmatch(r"(automaton|kernels)(\.\w+)+|[A-Z][A-Za-z_]+", span)
    ]


@pytest.mark.parametrize(("page", "path"), sorted(set(named_paths())))
def test_a_path_on_a_page_is_there(page: str, path: str) -> None:
    assert (ROOT / path).exists(), page


@pytest.mark.parametrize(("page", "name"), sorted(set(named_code())))
def test_a_name_on_a_page_is_one_of_the_program(page: str, name: str) -> None:
    assert resolves(name) if "." in name else name in NAMES, page


def test_the_walk_sees_paths_names_and_what_is_missing() -> None:
    assert len(named_paths()) > 80
    assert len(named_code()) > 15
    assert resolves("automaton.run.Run")
    assert resolves("automaton.workers.worker")
    assert not resolves("automaton.run.Walk")
    assert not resolves("automaton.nowhere")


@pytest.mark.parametrize("page", PAGES)
def test_commands_on_a_page_exist(page: str) -> None:
    for span in spans(page):
        if span.startswith("automaton-scalable "):
            assert span.split()[1] in command_line.commands, span


@pytest.mark.parametrize("page", PAGES)
def test_options_on_a_page_exist(page: str) -> None:
    options = {
        flag
        for command in command_line.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for flag in parameter.opts
    } | {"--help"}
    assert {span.split()[0] for span in spans(page) if span.startswith("--")} <= options


def test_every_package_has_a_row_on_the_page_about_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for folder in (ROOT / "automaton").glob("*/__init__.py"):
        assert f"| `automaton/{folder.parent.name}` |" in page


# The picture.


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that draws it."""
    path = ROOT / "scripts" / "docs" / "architecture.py"
    spec = importlib.util.spec_from_file_location("architecture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_the_one_that_the_script_draws(script: ModuleType) -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert script.filled(page) == page, "draw it with scripts/docs/architecture.py"


def test_an_arrow_that_follows_from_others_is_left_out(script: ModuleType) -> None:
    below = {"c": {"a", "b"}, "b": {"a"}, "a": set()}
    assert script.reduced(below) == {"c": {"b"}, "b": {"a"}, "a": set()}
