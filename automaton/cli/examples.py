"""An example of every command, as its `--help` ends with it; a test parses them all.

A command of commands has the example of each.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

#: By command: lines of a shell, each of which its command understands.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": ("my.jsonl --ticks 100 --interval 0", "my.jsonl --streams all --parallel 1024"),
    "init": (
        "init my.jsonl",
        "init canvas.jsonl --from drawing.canvas",
        "init soup.jsonl --random 1000 --size 3-20 --seed 7",
    ),
    "fork": ("fork my.jsonl --to 50 --out changed.jsonl",),
    "give": ("give my.jsonl terms.jsonl", "give my.jsonl terms.jsonl --now"),
    "check": ("check my.jsonl --chain", "check a.canvasl b.canvasl --strict"),
    "verify": ("verify my.jsonl", "verify my.jsonl --replay sample=300"),
    "replay": ("replay my.jsonl --tick 50", "replay my.jsonl --to 50 --out then.jsonl"),
    "compact": ("compact my.jsonl",),
    "cat": ("cat my.jsonl --from 10 --to 20",),
    "diff": ("diff a.jsonl b.jsonl",),
    "stats": ("stats my.jsonl",),
    "population": ("population my.jsonl --top 10", "population my.jsonl --at 0 --csv"),
    "series": ("series my.jsonl --every 10", "series my.jsonl --every 10 --chart distinct"),
    "show": ("show my.jsonl m50.7 --lineage",),
    "doctor": ("doctor",),
    "config": ("config --profile balanced --parallel 1024",),
    "tune": ("tune my.jsonl --seconds 20",),
    "reduce": (
        "reduce '(λx.λy.x) (λz.z)'",
        r"reduce '(\m.\n.\f.m (n f)) (\f.\x.f (f x)) (\f.\x.f (f x))' --trace 5",
    ),
    "church": ("church add 3 4", "church mult 6 7 --json"),
    "match": (
        "match my.jsonl transition rule",
        "match my.jsonl --term 'λx.?f (?g x)' --count",
        "match my.jsonl --field 'type = rule'",
    ),
    "recall": (r"recall my.jsonl '\x.\y.x' -k 5",),
    "memory": (),
    "memory reindex": ("memory reindex my.jsonl", "memory reindex my.jsonl --shards 4"),
    "memory stats": ("memory stats my.jsonl",),
    "observe": ("observe my.jsonl --window 1000", "observe my.jsonl --null without-streams.jsonl"),
    "scale": ("scale my.jsonl --seconds 20 --parallel 4096",),
    "models": (),
    "models kinship": ("models kinship",),
    "why": ("why my.jsonl m150.4",),
    "cycles": (
        "cycles my.jsonl --count 100 --parallel 10",
        "cycles my.jsonl --count 10000 --parallel 1000 --on ray",
    ),
    "cycle": ("cycle my.jsonl --seed 7",),
    "repeat": ("repeat my.jsonl --seeds 10 --ticks 100",),
    "export": (
        "export my.jsonl --to csv -o winners.csv",
        "export my.jsonl --to phylogeny -o phylogeny.csv",
        "export my.jsonl --to tiles -o public --note head.note",
    ),
    "plot": ("plot my.jsonl --what diversity -o diversity.svg",),
    "report": ("report my.jsonl -o report.html",),
    "observatory": ("observatory my.jsonl --open",),
    "islands": (),
    "islands init": ("islands init soups --count 4 --from my.jsonl --epoch 50",),
    "islands run": ("islands run soups --epochs 10",),
    "islands follow": ("islands follow soups --into copies --transport redis://127.0.0.1:6379",),
    "islands show": ("islands show soups 3/m40.7 --lineage",),
    "islands observe": ("islands observe soups",),
    "islands recall": (r"islands recall soups '\x.x x'",),
    "islands compare": ("islands compare scale.toml --figures",),
    "islands export": (
        "islands export soups --to parquet -o tables",
        "islands export soups --to phylogeny -o phylogeny.csv --parent a",
    ),
    "islands project": ("islands project soups --epoch-seconds 2.5 --nodes 10,100",),
    "islands stats": ("islands stats soups",),
    "islands verify": ("islands verify soups",),
    "soup": (
        "soup my.jsonl --collisions 100000 --soups 8",
        "soup my.jsonl --collisions 100000 --evaluation hybrid-applicative --max-size 1000",
    ),
    "sweep": ("sweep grid.toml", "sweep grid.toml --workers 4 --csv"),
    "ablate": (
        "ablate my.jsonl --streams all --list",
        "ablate my.jsonl --streams all --ticks 100",
        "ablate my.jsonl --ticks 100 --only 'veto:*' --seeds 16",
    ),
    "organisation": ("organisation soup.jsonl", "organisation soup.jsonl --against 0"),
    "pairs": ("pairs one.jsonl other.jsonl", "pairs soups/*.jsonl --repeats 5 --csv"),
    "measure": (),
    "measure activity": ("measure activity soup.jsonl --every 10",),
    "measure modes": ("measure modes soup.jsonl --every 100",),
    "measure permutation-entropy": ("measure permutation-entropy soup.jsonl --ties equal",),
    "measure higher-order-entropy": ("measure higher-order-entropy soup.jsonl --every 10",),
    "measure assembly": ("measure assembly soup.jsonl --every 10 --csv",),
    "busy-beaver": (
        "busy-beaver",
        "busy-beaver --bits 30 --certificates proofs.jsonl",
    ),
    "head": ("head my.jsonl",),
    "keygen": (
        "keygen soup.key --name example.org/soup",
        "keygen witness.key --name w1.example --witness",
    ),
    "sign": ("sign my.jsonl --key soup.key",),
    "prove": (
        "prove my.jsonl m50.7 --note head.note",
        "prove my.jsonl --from old.note --to head.note",
    ),
    "check-proof": (
        'check-proof m50.7.proof --key "$(cat soup.pub)"',
        "check-proof m50.7.proof --policy witnesses.policy",
    ),
    "witness": ("witness seen head.note --key witness.key --log my.jsonl",),
    "seal": ("seal app.jsonl", "seal - --out app.jsonl --key soup.key"),
    "synthesize": (
        "synthesize my.jsonl --problem add",
        "synthesize my.jsonl --problem '2,3->5; 4,1->5'",
    ),
}


def show_examples(command: click.Command, name: str, program: str) -> None:
    """Have the help of a command, and of the commands in it, end with its examples."""
    lines = list(EXAMPLES.get(name, ()))
    for inner, below in command.commands.items() if isinstance(command, click.Group) else ():
        show_examples(below, f"{name} {inner}", program)
        lines += EXAMPLES.get(f"{name} {inner}", ())
    command.epilog = shown("Example:" if len(lines) == 1 else "Examples:", lines, program)


def shown(title: str, lines: Iterable[str], program: str) -> str:
    """Commands under a title, as the end of a help text that is not wrapped."""
    return "\n".join(["\b", title, *(f"  {program} {line}" for line in lines)])
