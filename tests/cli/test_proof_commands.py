"""head, keygen, sign, prove, check-proof, witness and verify --note, as people start them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import ran, rich, written

from automaton.cli import command_line
from automaton.log import Log
from automaton.run import Run

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
NAME = "example.org/soup"


def said(*words: object, code: int = 0, given: str = "") -> str:
    """What a command prints, or where it fails as it should, its error."""
    done = CliRunner().invoke(command_line, list(map(str, words)), input=given)
    assert done.exit_code == code, done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log without its winners, two heads of it, keys, and a proof."""
    folder = tmp_path_factory.mktemp("proofs")
    log = written(folder / "log.jsonl", rich())
    with Run(log, {"parallel": 16}, record="commits") as run:
        run.go(ticks=6, interval_ms=0)
    (folder / "key.pub").write_text(said("keygen", folder / "key", "--name", NAME))
    for name, more in (("w1", ()), ("w2", ("--recomputes",))):
        words = ("keygen", folder / name, "--name", f"{name}.example", "--witness", *more)
        (folder / f"{name}.pub").write_text(said(*words))
    (folder / "old.note").write_text(said("sign", log, "--key", folder / "key"))
    ran(log, 3)
    (folder / "new.note").write_text(said("sign", log, "--key", folder / "key"))
    proof = said("prove", log, "m4.0", "--note", folder / "new.note")
    (folder / "winner.proof").write_text(proof)
    return folder


def test_four_commands_prove_a_winner_that_stands_in_no_file(made: Path) -> None:
    log, key = made / "log.jsonl", (made / "key.pub").read_text().strip()
    text = said("check-proof", made / "winner.proof", "--key", key)
    proved, signer, line = text.splitlines()
    assert proved == f"PROVED: this line is in {NAME}, sealed by commit 4 of 9"
    assert signer == f"  signed by {NAME}"
    assert json.loads(line) == json.loads(said("show", log, "m4.0", "--json"))["object"]
    facts = json.loads(said("check-proof", made / "winner.proof", "--key", key, "--json"))
    assert (facts["proved"], facts["tick"], facts["size"], facts["line"]) == ("line", 4, 9, line)


def test_a_head_is_three_lines_and_the_same_in_every_note(made: Path) -> None:
    rows = said("head", made / "log.jsonl").splitlines()
    assert rows[0].startswith("automaton/")
    assert rows[1] == "9"
    named = said("head", made / "log.jsonl", "--origin", NAME)
    assert (made / "new.note").read_text().startswith(f"{named}\n")
    (made / "head").write_text(named)
    said("check-proof", made / "winner.proof", "--head", made / "head")


def test_witnesses_cosign_and_a_policy_asks_for_them(made: Path, tmp_path: Path) -> None:
    log, key = made / "log.jsonl", (made / "key.pub").read_text().strip()
    said("witness", tmp_path / "a", made / "old.note", "--key", made / "w1", "--log-key", key)
    error = said("witness", tmp_path / "a", made / "new.note", "--key", made / "w1", code=2)
    assert "prove LOG --from" in error
    (tmp_path / "heads.proof").write_text(
        said("prove", log, "--from", made / "old.note", "--to", made / "new.note")
    )
    assert "3 follow" in said("check-proof", tmp_path / "heads.proof", "--key", key)
    one = said("witness", tmp_path / "a", tmp_path / "heads.proof", "--key", made / "w1")
    words = ("--key", made / "w2", "--log-key", key, "--log", log, "--recompute")
    two = said("witness", tmp_path / "b", "-", *words, given=one)
    (tmp_path / "note").write_text(two)
    (tmp_path / "policy").write_text(
        f"log {key}\nwitness a {(made / 'w1.pub').read_text()}"
        f"witness b {(made / 'w2.pub').read_text()}group both all a b\nquorum both\n"
    )
    asked = ("--policy", tmp_path / "policy", "--note")
    shown = said("verify", log, "--replay", "none", *asked, tmp_path / "note")
    assert "w2.example/recomputes, a witness, at 20" in shown
    error = said("verify", log, "--replay", "none", *asked, made / "new.note", code=1)
    assert "too few witnesses: 2 of a, b must have signed, and nobody has" in error


def test_a_log_that_was_cut_is_found_by_its_note(made: Path, tmp_path: Path) -> None:
    with Log.open(made / "log.jsonl", write=False) as log:
        end = log.commits.row(7).end
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes((made / "log.jsonl").read_bytes()[:end])
    shutil.copyfile(made / "log.jsonl.genesis", tmp_path / "cut.jsonl.genesis")
    said("verify", cut, "--note", made / "old.note")
    assert "was cut" in said("verify", cut, "--note", made / "new.note", code=1)
    assert "was cut" in said("prove", cut, "m4.0", "--note", made / "new.note", code=1)
    assert "this key signed" in said("sign", cut, "--key", made / "key", code=1)


def test_a_log_of_format_1_has_heads_and_goes_on_in_them(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    shutil.copyfile(CORPUS / "format-1.jsonl", log)
    (tmp_path / "old").write_text(said("head", log))
    ran(log, 2)
    (tmp_path / "new").write_text(said("head", log))
    proof = said("prove", log, "--from", tmp_path / "old", "--to", tmp_path / "new")
    (tmp_path / "proof").write_text(proof)
    assert "2 follow" in said("check-proof", tmp_path / "proof", "--head", tmp_path / "new")
    with Log.open(log, write=False) as opened:
        name = f"line:{opened.commits.row(3).first_line}"
    assert "format 1" in said("prove", log, name, code=2)


def test_a_head_is_proved_to_the_log_as_it_stands_under_the_name_that_it_has(
    made: Path, tmp_path: Path
) -> None:
    log, key = made / "log.jsonl", (made / "key.pub").read_text().strip()
    (tmp_path / "proof").write_text(said("prove", log, "--from", made / "old.note"))
    (tmp_path / "head").write_text(said("head", log, "--origin", NAME))
    assert "3 follow" in said("check-proof", tmp_path / "proof", "--head", tmp_path / "head")
    assert "not signed by" in said("check-proof", tmp_path / "proof", "--key", key, code=1)
    (tmp_path / "other").write_text(said("head", log))
    words = ("prove", log, "--from", made / "old.note", "--to", tmp_path / "other")
    assert "of two logs" in said(*words, code=2)


def test_a_policy_that_asks_for_nobody_proves_nothing(made: Path, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("quorum none\n")
    words = ("check-proof", made / "winner.proof", "--policy", tmp_path / "policy")
    assert "asks for nobody's signature" in said(*words, code=2)


def test_a_public_key_is_printed_again_and_the_secret_one_never(made: Path) -> None:
    for name in ("key", "w1", "w2"):
        text = said("keygen", made / name, "--public")
        assert text == (made / f"{name}.pub").read_text()
        assert (made / name).read_text().strip().split("+", 4)[4] not in text
    assert "its name and kind" in said("keygen", made / "key", "--public", "--name", "x", code=2)


def test_no_proof_is_made_of_a_line_that_is_not_what_was_sealed(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 5)
    with Log.open(log, write=False) as opened:
        row = opened.commits.row(2)
        last = f"line:{row.first_line + row.lines - 1}"
    data = bytearray(log.read_bytes())
    data[row.commit_start - 3] ^= 1
    log.write_bytes(data)
    assert "not what commit 2 sealed" in said("prove", log, last, code=6)


def test_a_seal_beside_a_log_does_not_stand_for_the_log(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    said("seal", log, "--once")
    seal = Path(f"{log}.seal")
    ran(log, 3)
    data = log.read_bytes()
    log.write_bytes(data.replace(b'"normal":', b'"normal":1', 1))  # not what was computed
    for gone in ("log.jsonl.durable", "log.jsonl.genesis"):
        (tmp_path / gone).unlink()
        done = CliRunner().invoke(command_line, ["verify", str(log)])
        assert done.exit_code == 1
        assert f"{seal} was not looked at" in done.stderr
    assert "its own commits seal it" in said("seal", log, code=2)


def test_a_file_that_is_not_there_gets_no_seal(tmp_path: Path) -> None:
    said("seal", tmp_path / "app.jsonl", "--once", code=4)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_sealed_already_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "app.jsonl").write_bytes(b"{}\n{}\n")
    for _ in range(2):
        text = said("seal", tmp_path / "app.jsonl", "--once")
        assert text == "sealed 2 lines, byte 6, commit 1\n"


def test_a_log_without_commits_gets_no_index(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    said("head", log, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("prove", "log.jsonl"), 2, "give an ID"),
        (("prove", "log.jsonl", "m1.0", "--from", "old.note"), 2, "give an ID"),
        (("prove", "log.jsonl", "nobody"), 2, "no line with the id nobody"),
        (("prove", "log.jsonl", "line:0"), 2, "there is no line 0"),
        (("prove", "log.jsonl", "commit:9", "--note", "old.note"), 2, "is of tick 9"),
        (("prove", "log.jsonl", "m1.0", "--note", "key.pub"), 2, "no head of a log"),
        (("prove", "log.jsonl", "--from", "new.note", "--to", "old.note"), 2, "newer head"),
        (("check-proof", "winner.proof"), 2, "nothing to check it with"),
        (("check-proof", "winner.proof", "--key", "x"), 2, "no public key"),
        (("check-proof", "new.note", "--head", "new.note"), 1, "this is no proof"),
        (("check-proof", "nowhere", "--head", "new.note"), 4, "nowhere"),
        (("sign", "log.jsonl", "--key", "w1"), 4, "a witness's key"),
        (("sign", "log.jsonl", "--key", "key.pub"), 4, "others"),
        (("keygen", "key", "--name", "x"), 4, "exists"),
        (("keygen", "new", "--name", "two words"), 2, "cannot be called"),
        (("witness", "w", "new.note", "--key", "w1"), 2, "does not know"),
        (("witness", "w", "new.note", "--key", "w2"), 2, "--recompute"),
        (("witness", "w", "log.jsonl", "--key", "w1"), 2, "neither a note"),
        (("verify", "log.jsonl", "--policy", "key.pub"), 2, "give the note too"),
        (("head", "log.jsonl", "--origin", "a b"), 2, "no name of a log"),
        (("seal", "-"), 2, "belong together"),
        (("seal", "nowhere", "--once"), 4, "not there"),
        (("seal", "log.jsonl", "--once"), 2, "its own commits seal it"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_in_a_line(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...],
    code: int, why: str,
) -> None:  # fmt: skip
    for name in ("log.jsonl", "log.jsonl.genesis"):
        shutil.copyfile(made / name, tmp_path / name)
    for name in ("old.note", "new.note", "key.pub", "winner.proof", "key", "w1", "w2"):
        shutil.copy(made / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    error = said(*words, code=code)
    assert why in error
    assert error.count("error: ") == 1
