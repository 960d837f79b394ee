"""Runs one benchmark: `python -m scripts.benchmarks NAME`, which `scripts/bench` does."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import sys
from pathlib import Path

from scripts.benchmarks import revisions
from scripts.benchmarks.common import Benchmark, machine

FOLDER = Path(__file__).parent
#: Modules beside benchmarks.
SHARED = {"__main__", "common", "revisions", "invented_terms"}


def benchmarks() -> dict[str, str]:
    """What there is, with the first line of what it says of itself."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in SHARED:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            found[path.stem] = text.splitlines()[0]
    return found


def listed() -> str:
    """A line for each."""
    return "\n".join(f"  {name:14} {about}" for name, about in benchmarks().items())


def parser_of(name: str, benchmark: Benchmark, about: str) -> argparse.ArgumentParser:
    """The flags: the same for all, then those of its own."""
    parser = argparse.ArgumentParser(
        prog=f"scripts/bench {name}", description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures here, as JSON")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works")
    parser.add_argument(
        "--turns", type=int, metavar="N", help=f"turns that count ({benchmark.turns})"
    )
    parser.add_argument(
        "--against", metavar="REV",
        help="compare whole commands with a revision of git, instead of the parts here",
    )  # fmt: skip
    if benchmark.names:
        parser.add_argument(
            "--only", choices=benchmark.names, action="append", help="this part; may be repeated"
        )
    parser.add_argument("--part", help=argparse.SUPPRESS)
    benchmark.flags(parser)
    return parser


def main(words: list[str]) -> None:
    """Run the benchmark that the first word names."""
    known = benchmarks()
    name = words[0] if words else ""
    if name in {"-h", "--help"}:
        print(f"scripts/bench NAME [--against REV] [--out FILE] [--quick], NAME one of\n{listed()}")
        return
    if name not in known:
        print(f"which benchmark? scripts/bench NAME, NAME one of\n{listed()}", file=sys.stderr)
        raise SystemExit(2)
    module = importlib.import_module(f"scripts.benchmarks.{name}")
    benchmark: Benchmark = module.BENCHMARK
    asked = parser_of(name, benchmark, module.__doc__ or "").parse_args(words[1:])
    if asked.part:
        part, *arguments = json.loads(asked.part)
        print(json.dumps(benchmark.parts[part](*arguments)))
        return
    asked.turns = asked.turns or (1 if asked.quick else benchmark.turns)
    figures = {"benchmark": name, "machine": machine(), "turns": asked.turns, "quick": asked.quick}
    print("{processor}, {cores} cores, Python {python}, load {load}".format(**figures["machine"]))
    if asked.against:
        print(revisions.head(asked.against))
        figures["against"] = asked.against
        figures["commands"] = revisions.compared(
            benchmark.commands, asked.against, turns=asked.turns, quick=asked.quick
        )
    else:
        found = benchmark.measure(asked)
        benchmark.show(found)
        figures |= found
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
        asked.out.write_text(text, encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # a rival's pool of workers may wait for them at exit


if __name__ == "__main__":
    main(sys.argv[1:])
