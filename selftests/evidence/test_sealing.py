"""From what a run leaves to a bundle that is believed, by the commands in docs/evidence.md."""

import json
import shutil
import tarfile
from collections.abc import Callable
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from fleetmesh.__main__ import main
from fleetmesh.evidence import sums
from fleetmesh.evidence.folder import read, read_events
from fleetmesh.evidence.journal import Journal
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.gather import plain
from fleetmesh.views.render import VIEWS
from fleetmesh.views.report import differences
from selftests.evidence.conftest import WHEN, result, transcript
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record
from selftests.report.replay import write_page


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_run_is_rendered_sealed_verified_and_remembered(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path, OTHER, started="2026-11-23T00:00:00Z")
    folder = record(tmp_path)
    status, out, _ = call(capsys, "seal", folder, "--sign", keys["operator"])
    assert status == 0
    bundle = tmp_path / f"{ID}.tar.gz"
    digest = sha256(bundle.read_bytes()).hexdigest()
    assert f"sha256: {digest}" in out
    assert "signed: by ED25519 SHA256:" in out
    workplan = (tmp_path / f"{ID}.workplan.md").read_text()
    assert digest in workplan
    assert "Nothing has changed since the last run." in workplan
    with tarfile.open(bundle) as archive:
        assert {f"{ID}/{name}" for name in VIEWS} < set(archive.getnames())
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0, out
    for part in ("container", "name", "signature", "files", "events", "run", "plan", "verdict"):
        assert f"holds    {part}: " in out
    for name in ("run.json", "results.json", "statement.json", "workplan.md", "evidence.html"):
        assert f"holds    {name}: says what the events say" in out
    history = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["sealed"] for line in history] == ["", "", "signed"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("evidence.html", "<title>READY", "<title>NOT READY"),
        ("workplan.md", "### Fleet mesh verification: READY", "### Fleet mesh verification: X"),
        ("statement.json", '"verdict": "READY"', '"verdict": "INCOMPLETE"'),
        ("results.json", '"verdict": "READY"', '"verdict": "INCOMPLETE"'),
        ("run.json", '"verdict": "READY"', '"verdict": "INCOMPLETE"'),
        ("run.json", '"kind": "rehearsal"', '"kind": "production"'),
        ("statement.json", "{", "["),
        ("results.json", "{", ""),
        ("evidence.html", "<title>", ""),
        ("report.html", '<title id="head-title">READY', '<title id="head-title">NOT READY'),
    ],
)
def test_a_view_that_says_otherwise_is_named_whoever_signed(
    rendered: Path, keys: Keys, capsys: pytest.CaptureFixture[str], name: str, old: str, new: str
) -> None:
    file = rendered / name
    whole = file.read_text()
    assert old in whole
    file.write_text(whole.replace(old, new, 1))
    try:
        bundle = forge(rendered, keys["operator"])
    finally:
        file.write_text(whole)
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 1
    refused = [line for line in out.splitlines() if line.startswith("REFUSED")]
    assert len(refused) == 1
    assert refused[0].startswith(f"REFUSED  {name}: ")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = record(tmp_path_factory.mktemp("rendered"))
    write_page(folder)
    assert main(["seal", str(folder)]) == 0
    return folder


def test_what_was_killed_is_sealed_as_incomplete(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path, verdict=None)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 5, "torn')
    status, _, _ = call(capsys, "seal", folder, "--sign", keys["operator"])
    assert status == 0
    assert json.loads((folder / "run.json").read_text())["verdict"] == "INCOMPLETE"
    assert "INCOMPLETE" in (tmp_path / f"{ID}.workplan.md").read_text().splitlines()[0]
    bundle = tmp_path / f"{ID}.tar.gz"
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0
    assert "verdict: by the events, INCOMPLETE" in out


def test_a_run_that_goes_on_is_not_sealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path, verdict=None)
    found = read_events(folder)
    with Journal(folder, seq=len(found.events), prev=found.chain):
        status, _, err = call(capsys, "seal", folder)
    assert status == 2
    assert err.startswith("fleetmesh: ")
    assert not (folder / sums.SUMS).exists()


def test_what_changed_stands_in_the_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path, OTHER, started="2026-11-23T00:00:00Z")
    results = [
        result("t.py::test_a", transcript(), outcome=Outcome.FAIL, reason="it is down"),
        result("t.py::test_b", transcript("b"), id="PRE-02"),
    ]
    folder = record(tmp_path, ID, results, verdict="NOT READY", started=plain.rfc3339(WHEN))
    assert call(capsys, "seal", folder)[0] == 0
    for file in (tmp_path / f"{ID}.workplan.md", folder / "workplan.md"):
        assert "PRE-01.a: pass → fail: it is down" in file.read_text()


def test_a_sealed_run_is_not_rendered_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    assert call(capsys, "seal", folder)[0] == 0
    assert "is sealed" in call(capsys, "render", folder)[2]


def test_a_drill_is_sealed_and_verified(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "0a1b2c_drill_2026-11-24T024134Z"
    folder.mkdir()
    (folder / "drill.json").write_text("{}")
    (folder / "drill.html").write_text("<!DOCTYPE html>")
    assert call(capsys, "seal", folder, "--sign", keys["operator"])[0] == 0
    bundle = tmp_path / f"{folder.name}.tar.gz"
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0
    assert "note     record: the folder is none of a run" in out


@pytest.mark.parametrize("kind", ["run", "drill", "sealed before"])
def test_a_secret_that_is_left_is_named_and_nothing_is_sealed(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    folder = tmp_path / ID
    if kind == "drill":
        folder.mkdir()
        (folder / "drill.json").write_text("{}")
    else:
        record(tmp_path)
    (folder / "left.txt").write_text("DB_PASSWORD=hunter2-hunter2\n")
    if kind == "sealed before":
        forge(folder, keys["stranger"]).unlink()
    status, _, err = call(capsys, "seal", folder, "--sign", keys["operator"])
    assert status == 2
    assert "left.txt" in err
    assert "hunter2" not in err
    assert not (tmp_path / f"{ID}.tar.gz").exists()


def test_a_sealed_run_is_signed_later(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    for options in ((), ("--sign", keys["stranger"]), ("--sign", keys["operator"])):
        assert call(capsys, "seal", folder, *options)[0] == 0
    bundle = tmp_path / f"{ID}.tar.gz"
    assert call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)[0] == 0


@pytest.mark.parametrize("what", ["nothing", "empty", "no plan", "broken", "renamed"])
def test_what_cannot_be_sealed_is_said_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    folder = tmp_path / ID
    if what == "empty":
        folder.mkdir()
    elif what != "nothing":
        record(tmp_path)
    if what == "no plan":
        (folder / "plan.json").unlink()
    if what == "broken":
        (folder / "events.jsonl").write_bytes(b"")
    if what == "renamed":
        folder = folder.rename(tmp_path / OTHER)
    status, _, err = call(capsys, "seal", folder)
    assert status == 2
    assert err.startswith("fleetmesh: ")
    assert not (folder / sums.SUMS).exists()


def refused(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("REFUSED")]


@pytest.mark.parametrize("name", [*VIEWS, "run.json"])
def test_a_view_rewritten_anywhere_is_named_whoever_signed(
    rendered: Path, keys: Keys, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """One byte that says nothing about the verdict is enough."""
    file = rendered / name
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"railiance01", b"railiance02") + b"\n")
    try:
        bundle = forge(rendered, keys["operator"])
        said = call(capsys, "seal", rendered, "--sign", keys["operator"])
    finally:
        file.write_bytes(whole)
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert (status, refused(out)) == (1, [f"REFUSED  {name}: it is not what the record gives"])
    assert said[0] == 2
    assert f"not what the record says: {name}. " in said[2]


Rows = list[Any]


def _rewritten(page: str, change: Callable[[Rows], Rows]) -> str:
    """The page, with other rows in pytest-html's data."""
    before, _, rest = page.partition('data-jsonblob="')
    blob, _, after = rest.partition('"')
    data = json.loads(unescape(blob))
    rows = change([row for (row,) in data["tests"].values()])
    data["tests"] = {str(number): [row] for number, row in enumerate(rows)}
    return f'{before}data-jsonblob="{escape(json.dumps(data))}"{after}'


def _fails(rows: Rows) -> Rows:
    """The outcome alone, where the script filters by it."""
    return [{**rows[0], "result": "Error"}, *rows[1:]]


def _shows(old: str, new: str) -> Callable[[Rows], Rows]:
    """What the first row shows."""

    def change(rows: Rows) -> Rows:
        shown = [cell.replace(old, new) for cell in rows[0]["resultsTableRow"]]
        assert shown != rows[0]["resultsTableRow"]
        return [{**rows[0], "resultsTableRow": shown}, *rows[1:]]

    return change


ROWS: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "nothing": (lambda rows: rows, ""),
    "another outcome": (_fails, "its row PRE-01a-"),
    "another outcome shown": (_shows("is-pass", "is-fail"), "its row PRE-01a-"),
    "another check shown": (_shows("PRE-01.a", "PRE-09.z"), "its row PRE-01a-"),
    "another statement": (_shows("It is.", "It is not."), "its row PRE-01a-"),
    "other evidence": (lambda rows: [{**rows[0], "log": ""}, *rows[1:]], "its row PRE-01a-"),
    "one too few": (lambda rows: rows[1:], "its row PRE-01a-"),
    "none": (lambda rows: rows[:0], "its row PRE-01a-"),
    "one twice": (lambda rows: [*rows, rows[0]], "its rows"),
    "one in the place of another": (lambda rows: [rows[0], rows[0]], "its row PRE-02-"),
    "one too many": (lambda rows: [*rows, {**rows[0], "testId": "PRE-03-0"}], "its rows"),
    "another order": (lambda rows: rows[::-1], "its rows"),
}


@pytest.mark.parametrize(("change", "named"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_page_that_differs_is_named_whoever_signed(
    rendered: Path, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    change: Callable[[Rows], Rows], named: str,
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(rendered, tmp_path / ID))
    page = folder / "report.html"
    page.write_text(_rewritten(page.read_text(), change))
    bundle = forge(folder, keys["operator"])
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == (1 if named else 0), out
    told = [f"REFUSED  report.html: not as the events have it: {named}"] if named else []
    assert [line[: len(told[0])] for line in refused(out)] == told
    (folder / sums.SUMS).unlink()
    status, _, err = call(capsys, "seal", folder)
    assert status == (2 if named else 0)
    assert not named or f"report.html: not as the record has it: {named}" in err
    page.unlink()
    assert call(capsys, "seal", folder)[0] == (0 if named else 2), "sealed before, it is missed"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("</h1>", " or not</h1>", "its verdict or findings"),
        (" 2 pass</label>", " 3 pass</label>", "its count of pass"),
        ('<div id="data-container"', '<div data-jsonblob="{}"></div><div id="data-container"',
         "its rows"),
        ('data-jsonblob="', 'DATA-jsonblob="', "its rows"),
    ],
)  # fmt: skip
def test_what_else_the_page_says_of_the_run_is_held_to_the_record(
    rendered: Path, old: str, new: str, named: str
) -> None:
    page, run = (rendered / "report.html").read_text(), read(rendered)
    assert differences(page, run) == []
    at = page.rindex(old)
    assert differences(page[:at] + new + page[at + len(old) :], run) == [named]


def test_the_frame_of_the_page_is_held_by_the_seal_alone(
    rendered: Path, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `verify` says so: who seals and signs vouches for it."""
    folder = Path(shutil.copytree(rendered, tmp_path / ID))
    page = folder / "report.html"
    page.write_text(page.read_text().replace("</body>", "<script>alert(1)</script></body>"))
    status, out, _ = call(capsys, "verify", folder, "--unsigned")
    assert status == 1
    assert "REFUSED  files: report.html was altered: its digest is another" in refused(out)
    bundle = forge(folder, keys["operator"])
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0
    assert "holds    report.html: written by the run, not made from the record: " in out
    assert "the rest of the page is held by SHA256SUMS alone" in out


def test_views_that_were_altered_are_not_sealed(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    assert call(capsys, "render", folder)[0] == 0
    page = folder / "evidence.html"
    page.write_text(page.read_text().replace("railiance01", "railiance02"))
    status, _, err = call(capsys, "seal", folder, "--sign", keys["operator"])
    assert status == 2
    assert "not what the record says: evidence.html. " in err
    assert call(capsys, "render", folder)[0] == 0
    assert call(capsys, "seal", folder, "--sign", keys["operator"])[0] == 0


def test_what_another_version_made_is_neither_believed_nor_blamed(
    rendered: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    page, made_by = rendered / "evidence.html", rendered / "seal.json"
    texts = {file: file.read_text() for file in (page, made_by)}
    told = json.loads(texts[made_by])
    verify = ("verify", rendered.with_name(f"{ID}.tar.gz"), "--allowed-signers", keys.allowed)
    try:
        made_by.write_text(json.dumps({**told, "views": {**told["views"], "suite": "another"}}))
        forge(rendered, keys["operator"])
        assert call(capsys, *verify)[0] == 0  # another version that makes the same
        page.write_text(texts[page].replace("railiance01", "railiance02"))
        forge(rendered, keys["operator"])
        status, out, _ = call(capsys, *verify)
        assert status == 6
        assert (
            "note     views: made by another version of the suite, NOT compared: evidence.html"
            in out
        )
        assert f"{ID}.tar.gz: NOT ALL COMPARED: its record holds, but nobody here can say" in out
        status, out, _ = call(capsys, *verify, "--record-only")
        assert status == 0
        assert out.endswith("its record holds; believe no word of evidence.html\n")
    finally:
        for file, text in texts.items():
            file.write_text(text)


def test_what_nothing_vouches_for_is_listed(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    (folder / "raw" / "note").write_text("more")
    (folder / "inventory.yaml").write_text("hosts: {}")
    assert call(capsys, "seal", folder, "--sign", keys["operator"])[0] == 0
    bundle = tmp_path / f"{ID}.tar.gz"
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0
    assert (
        "note     beside the record, and nothing says what it should be: inventory.yaml, raw/note"
    ) in out


def test_a_plan_of_one_check_is_no_evidence_of_its_phase(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [f"t.py::test_{number}" for number in range(27)]
    results = [result("t.py::test_a", transcript())]
    folder = record(tmp_path, results=results, left_out=others, verdict="PASSED IN PART")
    assert call(capsys, "seal", folder, "--sign", keys["operator"])[0] == 0
    bundle = tmp_path / f"{ID}.tar.gz"
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 0
    assert "27 of 28 checks of prereqs are not in the plan: t.py::test_0, t.py::test_1," in out
    assert "verdict: by the events, PASSED IN PART: " in out
    assert "READY" not in out
    gate = ("history", "--reports", tmp_path, "--max-age", "9999d", "--phase", "prereqs")
    assert call(capsys, *gate)[0] == 1


def _replan(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the plan, and make the chain and run.json whole again, as a forger would."""
    plan = json.loads((folder / "plan.json").read_text())
    change(plan)
    (folder / "plan.json").write_text(json.dumps(plan))
    prev, lines = sha256((folder / "plan.json").read_bytes()).hexdigest(), []
    for line in (folder / "events.jsonl").read_text().splitlines():
        lines.append(json.dumps({**json.loads(line), "prev": prev}))
        prev = sha256(lines[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines))
    told = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**told, "chain": prev}))
    for name in ("seal.json", "results.json", "SHA256SUMS"):
        (folder / name).unlink(missing_ok=True)


def _forget(plan: dict[str, Any]) -> None:
    plan["catalogue"].append({**plan["catalogue"][0], "check": "t.py::test_left_out"})


def _fewer_cases(plan: dict[str, Any]) -> None:
    plan["catalogue"][0]["cases"] = 2


def _never_offered(plan: dict[str, Any]) -> None:
    plan["catalogue"].append({**plan["catalogue"][0], "check": "x::y", "cases": None})


@pytest.mark.parametrize("change", [_forget, _fewer_cases, _never_offered])
def test_a_claim_that_nothing_was_left_out_is_not_believed(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    folder = record(tmp_path)
    _replan(folder, change)
    bundle = forge(folder, keys["operator"])
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 1
    assert "it says READY, the events say PASSED IN PART" in refused(out)[0]


@pytest.mark.parametrize(
    "catalogue",
    [
        *([], [{}], {}, 5),
        [{"check": "t.py::test_a", "cases": "1"}],
        [{"check": "t.py::test_a", "cases": 1e9}],
        [{"check": "t.py::test_b", "cases": 1}],
    ],
)
def test_a_catalogue_that_is_none_is_refused(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str], catalogue: object
) -> None:
    folder = record(tmp_path)
    _replan(folder, lambda plan: plan.update(catalogue=catalogue))
    bundle = forge(folder, keys["operator"])
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert status == 1
    assert refused(out)[0].startswith("REFUSED  record: ")


def test_a_record_of_before_catalogues_is_passed_in_part_at_most(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    _replan(folder, lambda plan: plan.pop("catalogue"))
    bundle = forge(folder, keys["operator"])
    status, out, _ = call(capsys, "verify", bundle, "--allowed-signers", keys.allowed)
    assert "note     catalogue: the plan does not say which checks its phases have" in out
    assert "verdict: by the events, PASSED IN PART: " in out
    assert status == 6  # what it says of READY was made by another version
    assert refused(out) == []
