"""The grammar of our own lines: run and commit records, the chain, our ids.

Pure: values in, bytes out. It opens no file and knows no term, no clock and no
population; docs/format.md is this module in prose. A line is one of ours only
if writing what was read from it gives the same bytes again.

Longer than 300 lines: what is written and what is read back stand side by side.
"""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple, Self

from automaton.format.json_edit import quote
from automaton.format.schema import Integer, misfit
from automaton.format.versions import FORMATS, NEWEST, Format, refuse_large

OUTCOMES = ("normal", "copy", "steps", "size", "depth", "input", "empty")
_OUTCOMES = dict.fromkeys(OUTCOMES, Integer())
_COUNTS = b",".join(b'"%s":%%d' % name.encode() for name in OUTCOMES)
#: A number above the largest that stands as one, in any format, has so many digits.
_MANY_DIGITS = re.compile(rb"[0-9]{16}")
_DIMENSION = Integer(low=-(1 << 31), high=(1 << 31) - 1)
DIGEST = 32  # bytes of a SHA-256
Digest = bytes  # raw; the name is for classes that have a field `bytes`
_PREFIX = 32  # letters; the chosen ones are the shortest that are free
_LEVELS = 16  # nesting of `state` and `options`, far above what any stream needs
_CHAIN_TAIL = len(b',"chain":"') + 2 * DIGEST + len(b'"}')
_BATCH_TAIL = len(b'"population":"') + 16 + len(b'","batch":"') + 2 * DIGEST + len(b'"')
_FRAME = re.compile(
    rb'\{"type":"commit","id":"([a-z]{0,32})commit:([0-9]{1,18})","tick":\2,'
    rb'"lines":([0-9]{1,18}),"bytes":([0-9]{1,18}),"outcomes":\{'
)
_SEALS = re.compile(
    rb'"population":"[0-9a-f]{16}","batch":"([0-9a-f]{64})","chain":"([0-9a-f]{64})"\}'
)


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the file held before the first commit: its length and SHA-256 (raw)."""

    bytes: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run record: the deciding options from its batch on."""

    number: int
    prefix: str
    genesis: Genesis
    options: Mapping[str, object]
    format: Format = NEWEST


@dataclass(frozen=True, slots=True)
class CommitFields:
    """What the runner says of a tick; the log adds lengths and hashes."""

    tick: int
    outcomes: Mapping[str, int]
    dimension: int
    state: Mapping[str, object]
    population: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit record; `batch` and `chain` are raw digests."""

    tick: int
    lines: int
    bytes: int
    outcomes: Mapping[str, int]
    dimension: int
    state: Mapping[str, object]
    population: int
    batch: Digest
    chain: Digest

    @classmethod
    def of(
        cls, fields: CommitFields, lengths: tuple[int, int], batch: Digest, chain: Digest
    ) -> Self:
        """The commit that was written of these; lengths are lines and bytes of the batch."""
        said = fields.tick, *lengths, fields.outcomes, fields.dimension, fields.state
        return cls(*said, fields.population & 0xFFFF_FFFF_FFFF_FFFF, batch, chain)


class Frame(NamedTuple):
    """The part of a commit that opening needs, read without parsing its state."""

    prefix: str
    tick: int
    lines: int
    bytes: int
    batch: Digest
    chain: Digest


def dump(value: object, levels: int = _LEVELS) -> bytes:
    """Compact JSON by our rule; floats are refused (law 1), so is deep nesting."""
    if type(value) is int:  # most are: a commit's state is written every tick
        return b"%d" % value
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, (dict, Mapping, list, tuple)) and levels == 0:
        raise ValueError(f"nested deeper than {_LEVELS}")
    if isinstance(value, (dict, Mapping)):  # dict first: asking an abstract class takes long
        members = [
            _name(key) + (b"%d" % item if type(item) is int else dump(item, levels - 1))
            for key, item in value.items()
        ]
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(dump(item, levels - 1) for item in value) + b"]"
    return b"%d" % operator.index(value)  # type: ignore[arg-type]  # TypeError is the answer


@lru_cache(maxsize=1024)
def _name(key: str) -> bytes:
    """A member's name and what stands between it and its value."""
    return quote(key) + b":"


def run_line(run: RunRecord) -> bytes:
    """The line of a run record, its newline included; options sorted by name."""
    ordered = {name: run.options[name] for name in sorted(run.options)}
    return run_head(run.prefix, run.number, run.genesis, run.format) + dump(ordered) + b"}\n"


def run_head(prefix: str, number: int, genesis: Genesis, form: Format) -> bytes:
    """A run record up to its options: what a torn first batch begins with."""
    return b'{"type":"run","id":"%srun:%d","format":%d,"prefix":"%s","genesis":%s,"options":' % (
        prefix.encode(),
        number,
        form.number,
        prefix.encode(),
        dump({"bytes": genesis.bytes, "sha256": genesis.sha256.hex()}),
    )


def link(previous_chain: bytes, body: bytes) -> bytes:
    """The next chain: SHA-256 of the previous one and a commit up to `,"chain"`."""
    return hashlib.sha256(previous_chain + body).digest()


def commit_line(  # noqa: PLR0913, PLR0917 - a commit is made of these
    prefix: str,
    fields: CommitFields,
    lines: int,
    nbytes: int,
    batch_sha: bytes,
    previous_chain: bytes,
    form: Format = NEWEST,
) -> tuple[bytes, bytes]:
    """A commit's line, its newline included, and the new chain (32 raw bytes)."""
    body = _commit_body(prefix, fields, (lines, nbytes), batch_sha, form)
    if _MANY_DIGITS.search(body):  # in a digest, mostly
        refuse_large(fields.state, form)
    chain = link(previous_chain, body)
    return body + b',"chain":"%s"}\n' % chain.hex().encode(), chain


def _commit_body(
    prefix: str, fields: CommitFields, lengths: tuple[int, int], batch_sha: bytes, form: Format
) -> bytes:
    if fields.outcomes.keys() != _OUTCOMES.keys():
        raise ValueError(f"a commit names the outcomes {', '.join(OUTCOMES)}, and no others")
    counts = tuple([operator.index(fields.outcomes[name]) for name in OUTCOMES])
    return b'{"type":"commit","id":"%scommit:%d","tick":%d,"lines":%d,"bytes":%d,%s' % (
        prefix.encode(),
        fields.tick,
        fields.tick,
        *lengths,
        b'"outcomes":{%s},"%s":%d,"state":%s,"population":"%016x","batch":"%s"'
        % (
            _COUNTS % counts,
            form.level.encode(),
            fields.dimension,
            dump(fields.state),
            fields.population & 0xFFFF_FFFF_FFFF_FFFF,
            batch_sha.hex().encode(),
        ),
    )


def parse_frame(raw: bytes) -> Frame | None:
    """The frame of a commit's line (with or without newline), or None."""
    line = raw.rstrip(b"\n") if raw.endswith(b"\n") else raw
    head = _FRAME.match(line)
    seals = _SEALS.fullmatch(line, len(line) - _CHAIN_TAIL - _BATCH_TAIL)
    if head is None or seals is None:
        return None
    tick, lines, nbytes = (int(head[i]) for i in (2, 3, 4))
    batch, chain = (bytes.fromhex(seals[i].decode()) for i in (1, 2))
    return Frame(head[1].decode(), tick, lines, nbytes, batch, chain)


def chained(raw: bytes, frame: Frame, previous_chain: bytes) -> bool:
    """Whether this commit's line follows `previous_chain`."""
    line = raw[:-1] if raw.endswith(b"\n") else raw
    return link(previous_chain, line[:-_CHAIN_TAIL]) == frame.chain


def parse_commit(raw: bytes) -> Commit | None:
    """The commit on this line if it is byte for byte what we would write."""
    frame = parse_frame(raw)
    members = _members(raw) if frame else None
    if frame is None or members is None:
        return None
    try:
        commit = _commit_of(frame, members)
        fields = CommitFields(
            commit.tick, commit.outcomes, commit.dimension, commit.state, commit.population
        )
        lengths, form = (frame.lines, frame.bytes), _form_of(members)
        body = _commit_body(frame.prefix, fields, lengths, frame.batch, form)
    except (TypeError, ValueError, KeyError):
        return None
    line = body + b',"chain":"%s"}' % frame.chain.hex().encode()
    return commit if line == (raw[:-1] if raw.endswith(b"\n") else raw) else None


def known_commit(raw: bytes) -> Commit | None:
    """The commit on a line that was found to be ours before: it is not written to compare."""
    frame = parse_frame(raw)
    members = _members(raw) if frame else None
    try:
        return None if frame is None or members is None else _commit_of(frame, members)
    except (TypeError, ValueError, KeyError):
        return None


def _form_of(members: Mapping[str, object]) -> Format:
    """The format whose name for the dimension a commit has."""
    return next((form for form in FORMATS.values() if form.level in members), NEWEST)


def _commit_of(frame: Frame, members: dict[str, object]) -> Commit:
    outcomes, state, level = members["outcomes"], members["state"], _form_of(members).level
    wrong = misfit(outcomes, _OUTCOMES, "outcomes") or misfit(members[level], _DIMENSION, level)
    if wrong or not isinstance(outcomes, dict) or not isinstance(state, dict):
        raise TypeError(wrong)
    return Commit(
        tick=frame.tick,
        lines=frame.lines,
        bytes=frame.bytes,
        outcomes=outcomes,
        dimension=operator.index(members[level]),  # type: ignore[arg-type]
        state=state,
        population=int(str(members["population"]), 16),
        batch=frame.batch,
        chain=frame.chain,
    )


def parse_run(raw: bytes) -> RunRecord | None:
    """The run record on this line if it is byte for byte what we would write."""
    members = _members(raw) if raw.startswith(b'{"type":"run","id":"') else None
    if members is None:
        return None
    try:
        run = _run_of(members)
        line = run_line(run)
    except (TypeError, ValueError, KeyError):
        return None
    return run if line.rstrip(b"\n") == raw.removesuffix(b"\n") else None


def _run_of(members: dict[str, object]) -> RunRecord:
    prefix, genesis, options = members["prefix"], members["genesis"], members["options"]
    if not isinstance(genesis, dict) or not isinstance(options, dict):
        raise TypeError
    if not isinstance(prefix, str) or prefix.strip(ascii_lowercase) or len(prefix) > _PREFIX:
        raise ValueError
    number = int(str(members["id"]).removeprefix(f"{prefix}run:"))
    digest = bytes.fromhex(genesis["sha256"])
    if len(digest) != DIGEST or number < 1 or genesis["bytes"] < 0:
        raise ValueError
    form = FORMATS[members["format"]]  # type: ignore[index]  # KeyError, TypeError: none of ours
    pin = Genesis(operator.index(genesis["bytes"]), digest)
    return RunRecord(number, prefix, pin, options, form)


def _members(raw: bytes) -> dict[str, object] | None:
    """The line's JSON object; the standard parser, for it keeps lone surrogates."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def won(commit: Commit) -> int:
    """The modifications of a commit: where streams compete, one a round at most."""
    ends = commit.state.get("ends")
    if not isinstance(ends, Mapping):
        return commit.outcomes["normal"] - _added(commit.state.get("vetoed"))
    return _added(ends.get("won"))


def _added(counts: object) -> int:
    """The sum of the whole numbers in an object's members."""
    values = counts.values() if isinstance(counts, Mapping) else ()
    return sum(count for count in values if type(count) is int)
