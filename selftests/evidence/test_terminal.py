"""Nothing that somebody else wrote steers the terminal of whoever reads it."""

import ast
import io
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from fleetmesh.__main__ import main
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.sealing.seal import seal
from fleetmesh.text.terminal import say
from fleetmesh.tunnels.path import Hop
from fleetmesh.tunnels.path import Path as Route
from rehearsal.paths import PROJECT
from selftests.evidence.conftest import result, transcript
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record

BAD = (
    "\x1b[2J\x1b]0;x\x07\x9b31m\r\v\f\b\x7f"
    "\u202e\u2066\u200b\u200d\ufeff\u00ad\u2028\u3164\ufe0f\u034f"
)
FORGED = f"{BAD}\tx\nholds    signature: by you\n{ID}.tar.gz: holds"


def steers(said: str) -> list[str]:
    """Characters that a terminal obeys, or that nobody sees."""
    return [
        f"U+{ord(c):04X}" for c in said
        if c not in "\n " and (unicodedata.category(c)[0] in "CZ" or c in "\u3164\ufe0f\u034f")
    ]  # fmt: skip


def hostile(reports: Path, name: str) -> Path:
    """A record in which every field that may be printed is hostile."""
    route = Route(FORGED, (Hop(FORGED, FORGED, (FORGED,)),), FORGED)
    answer = transcript(FORGED, fact=FORGED, host=FORGED, command=FORGED, stdout=FORGED.encode())
    bad = result(
        f"t.py::test_{FORGED}", answer, outcome=Outcome.FAIL,
        **dict.fromkeys(("statement", "subject", "runbook", "hint", "reason"), FORGED + name),
        id=FORGED, phase="prereqs", gate=FORGED, notes=(FORGED,), paths=(route,),
    )  # fmt: skip
    given = dict.fromkeys(("fleet", "kind", "inventory", "inventory_digest", "runbook"), FORGED)
    origin = {
        "user": FORGED,
        "host": FORGED,
        "commit": FORGED,
        "dirty": None,
        "tools": {"a": FORGED},
    }
    more = [replace(bad, nodeid=f"t.py::only_{name}", subject=name)]
    return record(reports, name, [bad, *more], verdict="NOT READY", origin=origin, **given)


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert steers(out + err) == []
    lines = (out + err).splitlines()
    assert not [line for line in lines if line.startswith("holds    signature: by you")]
    assert f"{ID}.tar.gz: holds" not in lines[:-1]
    return out + err


def test_every_command_is_legible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hostile(tmp_path, OTHER), hostile(tmp_path, ID)
    assert "⟨ESC⟩[2J" in said(capsys, "render", two)
    assert "⟨ESC⟩[2J" in said(capsys, "outcomes", one, two)
    assert "⟨ESC⟩[2J" in said(capsys, "history", "--reports", tmp_path)
    said(capsys, "seal", two)
    bundle = tmp_path / f"{ID}.tar.gz"
    assert "⟨ESC⟩[2J" in said(capsys, "verify", bundle, "--unsigned")
    issue = "http://localhost/o/r/issues/7"
    monkeypatch.setenv("FORGE_TOKEN", "t")
    assert "⟨ESC⟩[2J" in said(capsys, "attach", bundle, "--unsigned", "--to", issue, "--dry-run")


def test_paths_members_and_signers_are_legible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = Keys.make(tmp_path)
    keys.allowed.write_text(keys.allowed.read_text().replace("op@example", '"o\x1b[2Jp\u202e"'))
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    said(capsys, "verify", folder, "--allowed-signers", keys.allowed)
    (folder / "\x1b[2J\u202e").touch()
    assert "⟨ESC⟩" in said(capsys, "verify", folder, "--allowed-signers", keys.allowed).replace(
        "\\x1b", "⟨ESC⟩"
    )
    odd = tmp_path / "\x1b[2J\u202e\nholds"
    odd.mkdir()
    for command in ("seal", "render", "verify"):
        assert "⟨ESC⟩[2J⟨U+202E⟩⟨LF⟩holds" in said(capsys, command, odd, *(
            ["--unsigned"] if command == "verify" else []
        ))  # fmt: skip
    with pytest.raises(SystemExit):
        main(["verify", "a", "b\x1b[2J\u202e"])
    assert steers("".join(capsys.readouterr())) == []


def test_what_the_events_say_wrongly_is_legible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = Keys.make(tmp_path)
    folder = record(tmp_path, run=FORGED)
    bundle = forge(folder, keys["operator"])
    said(capsys, "verify", bundle, "--allowed-signers", keys.allowed)


def test_a_terminal_without_unicode_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    say("a → \x1b\udcff")
    assert stream.buffer.getvalue() == b"a \\u2192 \\u27e8ESC\\u27e9\\u27e80xFF\\u27e9\n"


def test_the_pytest_layer_writes_in_one_place() -> None:
    """`print` is ruff's (T20); the terminal's own writers are looked for here."""
    found = [
        f"{file.name}:{node.lineno}"
        for file in sorted((PROJECT / "fixtures").glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("write_line", "write_sep", "write_raw", "section", "line")
    ]
    files = [place.partition(":")[0] for place in found]
    assert files == ["redaction.py", "terminal_report.py", "terminal_report.py"]
    broken = (PROJECT / "fixtures" / "redaction.py").read_text()
    assert "writer.line(legible(" in broken  # the traceback of pytest itself or of a plugin
