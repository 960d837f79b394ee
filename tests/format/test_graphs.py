"""Logs that name things as files of graphs do: CanvasL, integers as ids, half pairs."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small import automaton, objects_in, ran, rich, term, transition, written

from automaton.analysis import check_log
from automaton.format import graphs
from automaton.format.objects import Directive, parse_line
from automaton.log import Log

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
#: Logs of three ticks by a version that knew no graphs; and what it made of three more.
BEFORE = {
    "before-graphs.jsonl": "d76dc734378820ed4ef0abd6efe6bbbce3888f57399c236e789b52e5b4e98a1c",
    "before-integers.jsonl": "dd32890f79db0168f411245fbd33fb84e98876fd1b72d4dfbf2d77f71c947206",
}


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program as people start it."""
    command = [sys.executable, "-m", "automaton", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def checked(*arguments: object) -> list[dict[str, Any]]:
    """The reports of `check --json`."""
    done = program("check", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_record(path: Path) -> dict[str, Any]:
    """The options that the first run record holds."""
    return dict(objects_in(path, "run")[0]["options"])


# What is read so, and what is not.


def test_a_log_without_anything_of_a_graph_says_nothing_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 2, parallel=4)
    assert "graph" not in run_record(path)


@pytest.mark.parametrize("name", BEFORE)
def test_a_log_begun_before_is_true_and_goes_on_as_it_was(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    shutil.copyfile(CORPUS / name, path)
    assert program("verify", path).returncode == 0
    ran(path, 3, parallel=8)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == BEFORE[name]
    assert program("verify", path).returncode == 0


@pytest.mark.parametrize("name", BEFORE)
def test_the_same_genesis_begun_now_is_read_as_a_graph(name: str, tmp_path: Path) -> None:
    genesis, _, _ = (CORPUS / name).read_bytes().partition(b'{"type":"run"')
    parts, whole = tmp_path / "parts.jsonl", tmp_path / "whole.jsonl"
    for path in (parts, whole):
        path.write_bytes(genesis)
    ran(parts, 4, parallel=8)
    ran(parts, 5)
    ran(whole, 9, parallel=8)
    assert parts.read_bytes() == whole.read_bytes()
    assert run_record(whole)["graph"] is True
    assert program("verify", whole).returncode == 0


def test_how_a_log_is_read_cannot_be_given(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with pytest.raises(Exception, match="no option 'graph'"):
        ran(path, 1, graph=True)


# References and dimensions.


def test_ends_that_are_references_lead_where_the_id_does(tmp_path: Path) -> None:
    ways = [transition("1", "#a", "#b"), transition("2", "#b", "c"), transition("3", "c", "#a")]
    automata = [automaton("a", 0), automaton("b", 1), automaton("c", 2)]
    path = written(tmp_path / "log.jsonl", [*automata, *ways, term("K", "λλ1")])
    ran(path, 6, parallel=2)
    assert [commit["dimensionalLevel"] for commit in objects_in(path, "commit")] == [
        1,
        2,
        0,
        1,
        2,
        0,
    ]


def test_an_object_that_is_called_like_a_reference_is_meant_first(tmp_path: Path) -> None:
    automata = [automaton("a", 0), automaton("b", 1), automaton("#b", 2)]
    ways = [transition("1", "#a", "#b")]
    path = written(tmp_path / "log.jsonl", [*automata, *ways, term("K", "λλ1")])
    ran(path, 1, parallel=2)
    assert objects_in(path, "commit")[0]["state"]["automaton"] == "#b"


@pytest.mark.parametrize(
    ("members", "level"),
    [
        ({"dimension": "0D"}, 0),
        ({"dimension": "8D"}, 8),
        ({"dimension": "11D"}, 11),
        ({"dimension": 7}, 7),
        ({"dimension": "11D", "dimensionalLevel": 3}, 3),
        ({"dimension": "D"}, None),
        ({"dimension": "8d"}, None),
        ({"dimension": -1}, None),
        ({"dimension": 8.0}, None),
        ({"dimension": True}, None),
        ({"dimension": None}, None),
        ({}, None),
    ],
)
def test_a_dimension_is_a_level_where_there_is_no_other(
    members: dict[str, Any], level: int | None
) -> None:
    assert graphs.plain(dict(members)).get("dimensionalLevel") == level


@pytest.mark.parametrize(
    ("more", "made"), [({}, "λλ1 (1 (1 (1 0)))"), ({"term": "λa.λb.λc.c"}, "λ0")]
)
def test_automata_above_dimension_7_apply_unless_they_bring_a_term(
    tmp_path: Path, more: dict[str, Any], made: str
) -> None:
    high = {"id": "high", "type": "automaton", "dimension": "11D", **more}
    path = written(tmp_path / "log.jsonl", [high, term("2", "λf.λx.f (f x)")])
    ran(path, 1, parallel=8)
    assert objects_in(path, "commit")[0]["dimensionalLevel"] == 11
    made_of_2 = [w for w in objects_in(path, "modification") if w["parents"][1:] == ["2", "2"]]
    assert {(w["dimensionalLevel"], w["term"]) for w in made_of_2} == {(11, made)}


# Directives and files that are included.


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        (b"@version 1.0.0", "version", "1.0.0"),
        (b"@visual obsidian-canvas + webgl-3d\r\n", "visual", "obsidian-canvas + webgl-3d"),
        (b"@include  sub/x.canvasl ", "include", "sub/x.canvasl"),
        (b'@title "a: b"', "title", "a: b"),
        (b"@title a: b", "title", "a: b"),
    ],
)
def test_a_directive_needs_no_colon(raw: bytes, name: str, value: str) -> None:
    assert parse_line(raw) == Directive(name, value)


def test_the_real_set_of_canvasl_files_is_read_as_its_author_means_it(shared_data: Path) -> None:
    files = sorted((shared_data / "canvasl").glob("*.canvasl"))
    together = checked(*files)
    assert len(files) == 16
    assert sum(len(report["directives"]) for report in together) == 55
    assert not any(report["malformed"] for report in together)
    assert sum(report["objects"] for report in together) == 235
    ends = Counter(end["id"] for report in together for end in report["dangling"])
    assert ends == {
        "unified-automaton": 7, "autonomous-basis": 7,
        "a1-automaton-kernel-seed": 1, "a2-metaverse-shape": 1, "a3-metaverse-centroid": 1,
        "a7-webauthn-oracle": 1, "a8-bip32-keymaster": 1, "a9-webrtc-messenger": 1,
        "a10-mqtt-herald": 1,
    }  # fmt: skip  # no object of these names is in any of the files
    (alone,) = checked(shared_data / "canvasl" / "automaton.canvasl")
    assert len(alone["dangling"]) == 4
    assert [report["file"] for report in together] == [str(path) for path in files]


def files(folder: Path, **contents: str) -> None:
    """Files of a set, called by the names given and `.canvasl`."""
    for name, content in contents.items():
        path = folder / f"{name.replace('__', '/')}.canvasl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")


TOP = '@include part.canvasl\n{"id":"e","type":"edge","from":"#x","to":"#y"}'
PART = '@include sub/deep.canvasl\n@include sub/deep.canvasl\n{"id":"x","term":"λλ1"}'
DEEP = '{"id":"y"}\n'


def test_files_are_included_only_where_it_is_asked_for(tmp_path: Path) -> None:
    files(tmp_path, top=TOP, part=PART, sub__deep=DEEP)
    top, before = tmp_path / "top.canvasl", sorted(tmp_path.rglob("*"))
    assert [end["id"] for end in checked(top)[0]["dangling"]] == ["x", "y"]
    assert checked(top, "--include")[0]["dangling"] == []
    assert sorted(tmp_path.rglob("*")) == before
    new = tmp_path / "new.jsonl"
    assert program("init", new, "--from", top, "--include").returncode == 0
    part = PART.replace("canvasl\n", f"canvasl\n{DEEP}", 1)
    assert new.read_text(encoding="utf-8") == TOP.replace("\n", f"\n{part}\n") + "\n"
    assert checked(new)[0]["dangling"] == []


@pytest.mark.parametrize("arguments", [("check",), ("init", "new.jsonl", "--from")])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../out.canvasl", "is not below"),
        ("/etc/hostname", "is not below"),
        ("link.canvasl", "is not below"),
        ("top.canvasl", "goes in a circle (top.canvasl -> top.canvasl)"),
        ("part.canvasl", "goes in a circle (top.canvasl -> part.canvasl -> top.canvasl)"),
    ],
)
def test_what_lies_elsewhere_or_goes_in_a_circle_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], name: str,
    said: str,
) -> None:  # fmt: skip
    folder = tmp_path / "folder"
    files(tmp_path, out=DEEP)
    files(tmp_path, folder__top=f"@include {name}\n", folder__part="@include top.canvasl\n")
    (folder / "link.canvasl").symlink_to(tmp_path / "out.canvasl")
    monkeypatch.chdir(folder)
    done = program(*arguments, "top.canvasl", "--include")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (folder / "new.jsonl").exists()


def test_an_included_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    files(tmp_path, top="@include gone.canvasl\n" + DEEP)
    done = program("check", tmp_path / "top.canvasl", "--include")
    assert done.returncode == 0
    assert "@include gone.canvasl: is not there" in done.stderr


def test_a_file_that_was_run_is_not_included(tmp_path: Path) -> None:
    files(tmp_path, top="@include log.jsonl\n")
    ran(written(tmp_path / "log.jsonl", rich()), 1, parallel=2)
    done = program("init", tmp_path / "n", "--from", tmp_path / "top.canvasl", "--include")
    assert (done.returncode, (tmp_path / "n").exists()) == (4, False)


def test_the_real_set_becomes_one_log_that_keeps_every_line(
    shared_data: Path, tmp_path: Path
) -> None:
    top, new = shared_data / "canvasl" / "automaton.canvasl", tmp_path / "new.jsonl"
    done = program("init", new, "--from", top, "--include")
    assert "5 files it includes" in done.stdout
    lines = set(new.read_bytes().splitlines())
    for name in ("automaton", "shape", "centroid", "topology", "system", "service"):
        held = (shared_data / "canvasl" / f"{name}.canvasl").read_bytes().splitlines()
        assert lines.issuperset(held)
    assert checked(new)[0]["dangling"] == []


# Ends that name nothing, ids that are integers, objects that become others.


@pytest.mark.parametrize(
    ("members", "ends"),
    [
        ({"type": "edge", "from": "a"}, {"to": "missing"}),
        ({"type": "transition", "to": "a"}, {"from": "missing"}),
        ({"type": "vertical"}, {"from": "missing", "to": "missing"}),
        ({"type": "transition", "from": None, "to": "a"}, {"from": "null"}),
        ({"type": "transition", "from": "a", "to": 7}, {"to": "the number 7"}),
        ({"fromNode": "a", "toNode": ["a"]}, {"to": "an array"}),
        ({"toNode": {}}, {"from": "missing", "to": "an object"}),
        ({"type": "edge", "fromNode": 1.5, "toNode": True},
         {"from": "the number 1.5", "to": "true or false"}),
        ({"type": "edge", "from": "a", "to": "a"}, {}),
        ({"type": "edge", "from": 1, "to": 1, "fromNode": "a", "toNode": "a"}, {}),
        ({"type": "note", "from": "a"}, {}),
        ({"from": 1, "to": None}, {}),
    ],
)  # fmt: skip
def test_check_names_the_ends_that_name_nothing(
    tmp_path: Path, members: dict[str, Any], ends: dict[str, str]
) -> None:
    path = written(tmp_path / "log.jsonl", [automaton("a"), {"id": "e", **members}])
    with Log.open(path, write=False) as log:
        report = check_log(log)
    assert {end.end: end.what for end in report.broken_ends} == ends
    assert {end.line for end in report.broken_ends} <= {2}


def test_check_says_of_a_transition_without_an_end_that_it_does_nothing(tmp_path: Path) -> None:
    way = {"id": "t", "type": "transition", "from": "a", "action": "evolve"}
    path = written(tmp_path / "log.jsonl", [automaton("a"), way])
    said = program("check", path).stdout
    assert (
        "edges and transitions without an end (they do nothing): 1\n  line 2: to: missing" in said
    )


NUMBERED = [
    automaton("op", 0) | {"id": 1},
    automaton("up", 1, term="λλ1 0") | {"id": 2},
    {"id": 10, "type": "transition", "from": 1, "to": 2, "action": "evolve"},
    {"id": 11, "type": "transition", "from": 2, "to": 1, "action": "self-modify"},
    {"id": 12, "type": "edge", "from": 1, "to": 99},
    *(
        member | {"id": 20 + k}
        for k, member in enumerate([term("K", "λλ1"), term("S", "λλλ2 0 (1 0)")])
    ),
    term("K", "λλλ0") | {"id": 20},
]


def test_ids_that_are_integers_throughout_are_their_decimal_text_and_that_is_said_once(
    tmp_path: Path,
) -> None:
    path, whole = (written(tmp_path / name, NUMBERED) for name in ("log.jsonl", "whole.jsonl"))
    done = program(path, "--ticks", 6, "--parallel", 16, "--interval", 0)
    assert (
        done.stderr.count("its ids are integers") + done.stdout.count("its ids are integers") == 1
    )
    dimensions = [commit["dimensionalLevel"] for commit in objects_in(path, "commit")]
    assert dimensions == [1, 0, 1, 0, 1, 0]
    parents = {name for w in objects_in(path, "modification") for name in w["parents"]}
    assert {"1", "2", "20", "21"} <= parents
    assert {version["id"] for version in objects_in(path, "automaton")[2:]} == {"1"}
    ran(path, 4)
    ran(whole, 10, parallel=16)
    assert path.read_bytes() == whole.read_bytes()
    assert program("verify", path).returncode == 0
    shown = json.loads(program("show", path, "20", "--json").stdout)
    assert shown["object"]["term"] == "λλλ0"


def test_the_ends_of_a_file_with_integers_lead_to_its_objects(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", NUMBERED)
    done = program("check", path, "--json")
    assert done.stderr.count("its ids are integers") == 1
    report = json.loads(done.stdout)
    assert report["broken_ends"] == []
    assert report["dangling"] == [{"line": 5, "end": "to", "id": "99"}]
    assert (report["ids"], report["versions"], report["ignored"]) == (7, 1, [])


def test_an_integer_among_ids_that_are_text_is_no_id_and_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [automaton("a"), term("K", "λλ1"), {"id": 7}])
    (report,) = checked(path)
    assert report["ids"] == 2
    assert report["ignored"] == [{"line": 3, "member": "id", "what": "the number 7, not a text"}]
    ran(path, 1, parallel=2)
    assert "graph" not in run_record(path)


def test_a_version_of_another_type_than_before_is_named(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.jsonl",
        [automaton("a"), term("a", "λλ1"), term("a", "λλ0"), automaton("a")],
    )
    (report,) = checked(path)
    assert report["retyped"] == [
        {"line": 2, "was": "automaton", "type": "text"},
        {"line": 4, "was": "text", "type": "automaton"},
    ]
    assert "line 2: automaton, now text" in program("check", path).stdout


# Ids with half a surrogate pair.

HALVES = (
    b'{"id":"a","type":"automaton","dimensionalLevel":0}\n'
    b'{"id":"\\ud800x","term":"\xce\xbb\xce\xbb1"}\n'
    b'{"id":"\\ud800x","text":"`\xce\xbbx.x x`"}\n'
    b'{"id":"\\ud83d\\ude42","term":"\xce\xbb\xce\xbb\xce\xbb2 0 (1 0)"}\n'
    b'{"id":"io","type":"transition","from":"a","to":"a","condition":"true","action":"self-io"}\n'
)


def test_an_object_with_half_a_pair_is_named_by_its_line_so_that_all_can_read_ours(
    tmp_path: Path,
) -> None:
    path, whole = tmp_path / "log.jsonl", tmp_path / "whole.jsonl"
    for genesis in (path, whole):
        genesis.write_bytes(HALVES)
    ran(path, 3, parallel=16)
    ran(path, 3)
    ran(whole, 6, parallel=16)
    assert path.read_bytes() == whole.read_bytes()
    ours = path.read_bytes().removeprefix(HALVES)
    assert b"\\ud" not in ours
    (report,) = checked(path)
    assert [(row["line"], row["member"]) for row in report["ignored"]] == [(2, "id"), (3, "id")]
    parents = {name for w in objects_in(path, "modification") for name in w["parents"]}
    assert {"line:2", "line:3#1", "\U0001f642"} <= parents
    assert program("verify", path).returncode == 0
    jq = shutil.which("jq")
    if jq is not None:
        subprocess.run([jq, "-e", ".id"], input=ours, stdout=subprocess.DEVNULL, check=True)


def test_input_with_half_a_pair_as_its_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(HALVES)
    taken = b'{"id":"whole","text":"\\ud800"}\n'
    path.with_name("log.jsonl.inbox").write_bytes(b'{"id":"y\\udfff","term":"x"}\n' + taken)
    final = ran(path, 2, parallel=2)
    assert final.refused == {"id with half a surrogate pair": 1}
    assert taken in path.read_bytes()


@pytest.mark.parametrize(
    ("codes", "half"),
    [
        ([], False),
        ([0xFFFD], False),
        ([0x1F642], False),
        ([0xD83D, 0xDE42], False),
        ([0xD83D], True),
        ([0xDE42, 0xD83D], True),
        ([0xFFFD, 0xD800], True),
    ],
)
def test_half_a_pair_is_what_no_utf_8_has(codes: list[int], half: bool) -> None:
    assert graphs.lone_surrogate("".join(map(chr, codes))) is half


def test_match_names_objects_and_knows_their_levels_as_a_run_does(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.jsonl", [*NUMBERED, {"id": 30, "dimension": "9D", "term": "λλ0"}]
    )
    found = program("match", path, "--field", "level = 9", "--term", "?x", "--json").stdout
    row = json.loads(found)
    assert (row["line"], row["id"], row["terms"][0]["id"]) == (9, "30", "30")
