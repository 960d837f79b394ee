"""Reading costs at most what docs/format.md says: counted in steps and bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from cost import peak, steps
from small import automaton, written

from automaton.chemistry import World
from automaton.chemistry.fold import BatchContent, fold_batch
from automaton.errors import NothingToRunError
from automaton.format.objects import NamedObject
from automaton.format.options import Options
from automaton.log.id_index import IdIndex
from automaton.population import Entrants, IdTable
from automaton.program import TermExtractor, conditions, selectors
from automaton.run import Run
from automaton.terms import notation

NOBODY = Entrants(*(np.empty(0, t) for t in "qqiqiiI"))


def folding(versions: Sequence[NamedObject]) -> Callable[[], object]:
    """A small world that takes in versions of objects as input of its first tick."""
    world = World(Options(max_objects=1000))
    world.found([NamedObject("0D", automaton("0D", term="λx.x")), text("t", 1)], 1)
    return lambda: fold_batch(world, 1, BatchContent(versions, NOBODY, 0, []))


def text(name: str, spans: int) -> NamedObject:
    """An object whose text has so many terms."""
    return NamedObject(name, {"id": name, "text": "`λ0` " * spans})


@pytest.mark.parametrize(
    "versions",
    [
        lambda n: [text("t", n)],
        lambda n: [text("t", 10)] * (n // 10),
        lambda n: [text("t", n), *[text("t", 1)] * n],
        lambda n: [text(f"t{k}", 1) for k in range(n)],
    ],
    ids=["spans", "versions", "shrinking", "objects"],
)
def test_input_with_twice_as_many_spans_takes_twice_as_many_steps(
    versions: Callable[[int], list[NamedObject]],
) -> None:
    few, many = (steps(folding(versions(n))) for n in (500, 1000))
    assert 1.5 * few < many < 2.2 * few


#: Bytes that readers hold at most for a byte of what they read, and what little costs anyway.
MULTIPLE, GROUND = 140, 1 << 18
#: Texts by length, and who reads them: the worst that is known of each reader.
READERS: dict[str, tuple[Callable[[int], str], Callable[[str], object]]] = {
    "parentheses": (lambda n: "(" * n, notation.parse),
    "lambdas": (lambda n: "λ" * (n // 2), notation.parse),
    "names": (lambda n: "λx." * (n // 4) + "x", notation.parse),
    "applications": (lambda n: "λ" + "0 " * (n // 2), notation.parse),
    "groups": (lambda n: "λx." + "x (" * (n // 4) + "x" + ")" * (n // 4), notation.parse),
    "lets": (lambda n: "let x = λ0 in " * (n // 15) + "x", notation.parse),
    "in": (lambda n: "λx." * (n // 8) + "λin." + "in " * (n // 6), notation.parse),
    "binary": (lambda n: "01" * (n // 2), lambda text: notation.parse(text, "blc")),
    "backticks": (lambda n: "` " * (n // 2) + "λ", notation.spans_counted),
    "runs": (lambda n: " ".join("`" * k for k in range(1, int(n**0.5))) + "λ",
             notation.spans_counted),
    "spans": (lambda n: "`λ0` " * (n // 6), notation.spans_counted),
    "a span": (lambda n: f"`{'λ' * (n // 2)}`", notation.spans_counted),
    "condition": (lambda n: "1 and " * (n // 6) + "1", conditions.parse_condition),
    "arguments": (lambda n: "a(" + "(" * (n // 2) + ")" * (n // 2) + ")",
                  conditions.parse_condition),
    "selector": (lambda n: f"size in ({'1,' * (n // 2)}1)", selectors.parse_checked),
}  # fmt: skip
READ = pytest.mark.parametrize(("text_of", "read"), READERS.values(), ids=READERS)


@READ
def test_a_text_of_twice_the_length_takes_at_most_twice_the_steps(
    text_of: Callable[[int], str], read: Callable[[str], object]
) -> None:
    texts = map(text_of, (3000, 6000))
    few, many = (steps(lambda text=text: read(text)) for text in texts)  # type: ignore[misc]
    assert few > 10
    assert many < 2.2 * few + 100


@READ
def test_a_reader_holds_at_most_a_multiple_of_what_it_reads(
    text_of: Callable[[int], str], read: Callable[[str], object]
) -> None:
    text = text_of(60_000)
    assert peak(lambda: read(text)) < MULTIPLE * len(text.encode()) + GROUND


@pytest.mark.parametrize(
    "read",
    [
        lambda text: conditions.parse_condition(text("(")),
        lambda text: conditions.parse_condition(text("not ")),
        lambda text: notation.parse(text("("), max_nodes=100),
        lambda text: notation.parse(text("λ"), max_nodes=100),
        lambda text: notation.parse(text("λx."), max_nodes=100),
        lambda text: notation.parse(text("let x = λ0 in "), max_nodes=100),
    ],
)
def test_what_is_over_a_bound_is_read_no_further_than_the_bound(
    read: Callable[[Callable[[str], str]], object],
) -> None:
    counts = [steps(lambda n=n: read(lambda part: part * n)) for n in (1000, 1000, 8000)]  # type: ignore[misc]
    assert counts[1] == counts[2]  # the first fills what is kept of names and patterns


def test_a_term_over_the_size_of_a_population_is_read_no_further(tmp_path: Path) -> None:
    reader = TermExtractor(100)
    assert reader.terms_of(NamedObject("a", {"id": "a", "term": "λx.x"}))
    counts = [
        steps(lambda n=n: reader.terms_of(NamedObject("b", {"id": "b", "term": "λx." + "x " * n})))  # type: ignore[misc]
        for n in (1000, 4000)
    ]
    assert counts[0] == counts[1]
    assert (reader.skipped, reader.smallest) == (2, 0)
    path = written(tmp_path / "log", [{"id": "b", "term": "λx." + "x " * 300}, automaton("0D")])
    with pytest.raises(NothingToRunError, match="the smallest of those has 600 nodes"), Run(path):
        pass


@pytest.mark.parametrize(("line", "most"), [(b"\n", 0), (b" \t\r\n", 0), (b"{}\n", 40)])
def test_lines_that_carry_nothing_cost_little_to_open(
    tmp_path: Path, line: bytes, most: int
) -> None:
    def opened(count: int) -> int:
        with (tmp_path / f"log{count}").open("wb+") as file:
            file.write(b'{"id":"a"}\n' + line * count + b'{"id":"b"}\n')
            file.flush()
            return steps(lambda: IdIndex.build(file.fileno()))

    assert opened(3000) - opened(1000) <= most * 2000 + 500


class Buffer(bytearray):
    """Counts the bytes that are looked at."""

    looked_at = 0

    def find(self, *arguments: object) -> int:
        """Every byte may be looked at."""
        self.looked_at += len(self)
        return super().find(*arguments)  # type: ignore[arg-type]

    def __getitem__(self, at: object) -> bytes:  # type: ignore[override]
        part = super().__getitem__(at)  # type: ignore[call-overload]
        self.looked_at += len(part)
        return part  # type: ignore[no-any-return]


@pytest.mark.parametrize("count", [1000, 4000])
def test_a_name_is_found_by_looking_at_few_others(count: int) -> None:
    names = IdTable()
    names._text = text = Buffer(b"\n")
    for number in range(count):
        assert names.add(b"name#%d" % number) == number
    text.looked_at = 0
    for number in range(count):
        assert names.find(b"name#%d" % number) == number
        assert names.find(b"other#%d" % number) is None
    assert text.looked_at < 40 * count


def test_a_stopped_run_leaves_a_tick_that_reads_long_input_and_writes_nothing(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log", [automaton("0D", term="λx.x"), text("t", 1).members])
    with Run(path, durability="off") as run:
        run.stop()
        run.step([b'{"id":"u","text":"none"}'])  # short input keeps no tick from its end
        assert (run.tick, run.left) == (1, False)
        before = run.stats()
        run.step([LONG])
        assert (run.tick, run.left) == (1, True)
        after = run.stats(final=True)
    assert (after.counters, after.live) == (before.counters, before.live)
    with Run(path, durability="off") as run:
        assert run.tick == 1
        run.step([LONG])
        assert run.stats().counters["accepted"] == 2
        assert run.world.population.place_of(b"t#5000") is not None


LONG = '{{"id":"t","text":"{}"}}'.format("`λ0` " * 5000).encode()
