"""Any bytes as a log, and any beside it: opened or refused with the place, and never more.

A real log is cut, flipped and appended to, and joined by objects that pretend to be
commits and runs; its side files hold anything. Whatever opens is read to the end.
"""

from __future__ import annotations

import json
import shutil
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small import automaton, encoded, ran, rich, term, transition, written

from automaton.analysis import check_log
from automaton.analysis.lineage import Lineage, ancestry
from automaton.cli.commands.stats import figures_of
from automaton.errors import AutomatonError, DamagedError, FileError
from automaton.format.objects import MAX_LINE_BYTES
from automaton.log import Log
from automaton.run import Run

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
BESIDE = (".genesis", ".durable", ".checkpoint", ".inbox")
#: Bytes allocated at the peak for a byte of the log, and what opening a small one costs.
MULTIPLE, GROUND = 60, 8 << 20
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

DIGEST = "0" * 64
OPTIONS: list[dict[str, object]] = [{}, {"seed": -1}, {"seed": [[]]}]
PRETENDERS = [
    b'{"type":"commit","id":"commit:1"}',
    b'{"type":"run","id":"run:1"}',
    b'{"id":"m1.0","type":"modification","parents":["m1.0","m1.0","m9.9"],"term":"0"}',
    b'{"id":"m99999999999999999999.1","parents":["../../etc/passwd"],"type":"modification"}',
    b'{"id":"run:' + b"9" * 5000 + b'","type":"run"}',
    b'{"id":"commit:1","id":"x","modifiedBy":"m2.0"}',
    b'{"id":"../../../etc/passwd","selfReference":{"file":"/etc/passwd","line":1}}',
    b'{"id":"a\\u0000b","text":"\\ud800","x":1e400}', b"NaN", b"-Infinity", b"\xff\xfe\0",
    b"\0" * 99,
    b"[" * 3000, b'{"a":' * 700, b'{"id":"n","v":' + b"9" * 6000 + b"}",
    b'{"type":"commit","id":"commit:%s","tick":%s,' % (b"9" * 18, b"9" * 18)
    + b'"lines":1,"bytes":1,"outcomes":{',
    *(
        json.dumps(
            {"type": "run", "id": "run:1", "format": 1, "prefix": "",
             "genesis": {"bytes": size, "sha256": DIGEST}, "options": options},
            separators=(",", ":"),
        ).encode()
        for size in (0, 1, 1 << 62, 1 << 63, 1 << 70, -1)
        for options in OPTIONS
    ),
]  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(PRETENDERS).map(lambda raw: raw + b"\n"),
    st.binary(max_size=40),
    st.sampled_from([b"\n", b"\r\n", b"\xef\xbb\xbf", b'{"', b'"}\n']),
)
NUMBERS = st.sampled_from([0, 1, -1, 95, 1 << 31, 1 << 62, 1 << 63, 1 << 64, 10**30])
PINS = st.one_of(
    st.binary(max_size=60),
    NUMBERS.map(lambda n: b'{"bytes":%d,"sha256":"%s"}\n' % (n, DIGEST.encode())),
    st.sampled_from([b"", b"{}\n", b"[" * 5000, b'{"bytes":NaN,"sha256":3}\n', b"\0" * 200]),
)
HINTS = st.one_of(
    st.binary(max_size=60),
    st.tuples(NUMBERS, NUMBERS).map(
        lambda pair: b'{"tick":%d,"offset":%d,"chain":"%s"}' % (*pair, DIGEST.encode())
    ),
    st.sampled_from([b"", b"{}", b"{" * 5000, b'{"tick":"x","offset":null,"chain":7}']),
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of eight ticks with all that stands beside it."""
    path = written(tmp_path_factory.mktemp("real") / "log.jsonl", rich())
    ran(path, 8, parallel=6, max_objects=40)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every example makes its log anew."""
    return tmp_path_factory.mktemp("fuzz")


def laid(place: Path, data: bytes, beside: dict[str, bytes]) -> Path:
    """A log of these bytes and these files beside it, nothing else in the folder."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "log.jsonl"
    path.write_bytes(data)
    for suffix, content in beside.items():
        path.with_name(path.name + suffix).write_bytes(content)
    return path


def beside(path: Path) -> dict[str, bytes]:
    """What stands beside a log."""
    files = {suffix: path.with_name(path.name + suffix) for suffix in BESIDE}
    return {suffix: file.read_bytes() for suffix, file in files.items() if file.exists()}


def read(path: Path) -> None:
    """All that the commands read of a log."""
    with Log.open(path, write=False) as log:
        report = check_log(log)
        assert report.objects >= 0
        figures_of(log)
        log.verify_chain()
        known = Lineage(log)
        for name in ("0D", "m1.0", "m8.1", "line:3", "note#1", "line:" + "9" * 30, "../x"):
            log.current(name)
            assert len(list(ancestry(known, known.now(name)))) >= 1
        log.inbox_lines(0)


def tried(path: Path, use: Callable[[Path], object]) -> bool:
    """Whether it could be done; refused, the error names the log or a line of it."""
    error: AutomatonError | None = None
    try:
        use(path)
    except AutomatonError as refusal:
        error = refusal
    if isinstance(error, (DamagedError, FileError)):
        assert any(place in str(error) for place in ("byte", path.name, "tick"))
    return error is None


def run(path: Path) -> None:
    """One tick more."""
    with Run(path, {"parallel": 4}, durability="off") as under_way:
        under_way.go(ticks=1, interval_ms=0)


@FEW
@given(data=st.data())
def test_a_log_with_its_bytes_changed_is_read_or_refused(
    data: st.DataObject, real: Path, place: Path
) -> None:
    raw = real.read_bytes()
    at = data.draw(st.integers(0, len(raw)))
    piece, cut = data.draw(PIECES), data.draw(st.integers(0, 60))
    how = data.draw(st.sampled_from(["cut", "insert", "replace", "append", "flip"]))
    changed = {
        "cut": raw[:at],
        "insert": raw[:at] + piece + raw[at:],
        "replace": raw[:at] + piece + raw[at + cut :],
        "append": raw + piece,
        "flip": raw[:at] + bytes([raw[at] ^ 1 << cut % 8] if at < len(raw) else []) + raw[at + 1 :],
    }[how]
    files = beside(real)
    for suffix in data.draw(st.sets(st.sampled_from(BESIDE))):
        files.pop(suffix, None)
    path = laid(place, changed, files)
    before = path.read_bytes()
    tried(path, read)
    assert path.read_bytes() == before


@FEW
@given(pin=PINS, hint=HINTS, kept=st.binary(max_size=60) | st.none())
@example(pin=b'{"bytes":9223372036854775808,"sha256":"%s"}' % DIGEST.encode(), hint=b"", kept=None)
def test_side_files_hold_anything_and_never_break_opening(
    pin: bytes, hint: bytes, kept: bytes | None, real: Path, place: Path
) -> None:
    files = {
        ".genesis": pin,
        ".durable": hint,
        ".checkpoint": kept or beside(real).get(".checkpoint", b""),
    }
    tried(laid(place, real.read_bytes(), files), read)
    tried(laid(place, encoded(rich()), files), read)


@FEW
@given(st.lists(PIECES, max_size=6))
def test_a_file_of_pretenders_is_read_or_refused_and_none_is_believed(
    place: Path, pieces: list[bytes]
) -> None:
    path = laid(place, b"".join(pieces), {})
    if tried(path, read):
        with Log.open(path, write=False) as log:
            assert len(log.commits) == 0


@settings(FEW, max_examples=15)
@given(st.lists(PIECES, max_size=4))
def test_a_run_takes_somebody_s_file_and_input_as_data(place: Path, pieces: list[bytes]) -> None:
    loop = transition("loop", "op", "op", "self-io", "true")
    machine = encoded([automaton("op", term="λ0"), loop, term("k", "λλ1")])
    path = laid(place, machine + b"".join(pieces), {".inbox": b"".join(pieces)})
    if tried(path, run):
        tried(path, run)
        with Log.open(path, write=False) as log:
            assert len(log.commits) == 2
        read(path)


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.glob("*.jsonl")))
def test_the_corpus_of_logs_is_read_or_refused_and_never_changed(place: Path, name: str) -> None:
    raw = (CORPUS / name).read_bytes()
    path = laid(place, raw, {})
    tried(path, read)
    tried(path, run)
    assert path.read_bytes().startswith(raw)


def test_a_line_over_the_limit_is_refused_by_the_file_and_the_line(tmp_path: Path) -> None:
    path = laid(tmp_path / "x", b'{"id":"a"}\n{"pad":"' + b"x" * MAX_LINE_BYTES + b'"}\n', {})
    with pytest.raises(FileError, match=r"log\.jsonl: line 2, at byte 11, is longer"):
        read(path)


def test_memory_of_opening_stays_under_a_multiple_of_the_log(real: Path, place: Path) -> None:
    raw = encoded(rich()) * 20 + b"[" * 100_000 + b"\n" + b"\n" * 100_000 + real.read_bytes()
    path = laid(place, raw, {})
    tried(path, read)  # what is compiled and kept is not the log's
    tracemalloc.start()
    tried(path, read)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < MULTIPLE * len(raw) + GROUND


_opened: list[str] | None = None


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None and isinstance(arguments[0], (str, bytes)):
        _opened.append(str(Path(arguments[0] if isinstance(arguments[0], str) else "")))


@contextmanager
def heard() -> Iterator[list[str]]:
    """The paths that are opened meanwhile; a hook cannot be taken away, so it goes quiet."""
    global _opened  # noqa: PLW0603  # see above
    if not hasattr(sys, "_heard_by_fuzz"):
        sys.addaudithook(_hear)
        sys._heard_by_fuzz = True  # type: ignore[attr-defined]
    found: list[str] = []
    _opened = found
    try:
        yield found
    finally:
        _opened = None


def test_nothing_outside_its_folder_is_opened_through_a_log(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"id":"secret"}\n')
    names = [str(secret), "../secret.jsonl", f"file://{secret}", "secret.jsonl"]
    nodes = [
        {"id": name, "type": "file", "file": name, "selfReference": {"file": name, "line": 9}}
        for name in names
    ]
    machine = [
        automaton("op", term="λ0", selfReference={"file": str(secret), "line": 99}),
        transition("l1", "op", "op", "self-reference", "file_exists"),
        transition("l2", "op", "op", "self-io", "true"),
        term("k", "λλ1"),
    ]
    path = laid(tmp_path / "named", encoded([*machine, *nodes]), {".inbox": encoded(nodes)})
    run(path)
    read(path)
    with heard() as opened:
        run(path)
        read(path)
    of_ours = [name for name in opened if name.startswith(str(tmp_path))]
    assert of_ours
    folder = path.parent  # opened itself, to look whether the log keeps its name
    assert all(folder in {Path(name), Path(name).parent} for name in of_ours)
    assert not [name for name in opened if "secret" in name]
