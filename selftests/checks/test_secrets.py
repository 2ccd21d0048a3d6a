"""Whatever a check does with what a host has said, pytest writes no secret anywhere."""

from html import unescape
from pathlib import Path

import pytest

from selftests.checks.conftest import ROOT, Suite, annotated
from selftests.evidence.secrets import SECRETS

SNAPSHOT = """
import sys
sys.path.insert(0, {root!r})

@pytest.fixture(scope="session")
def snapshot():
    from dataclasses import replace
    from datetime import UTC, datetime
    from fleetmesh.gather.snapshot import Snapshot
    from fleetmesh.gather.transcript import Transcript
    from selftests.evidence.secrets import SECRETS

    said = "\\n".join(printed for printed, _ in SECRETS.values()).encode()
    found = Snapshot()
    one = Transcript(
        fact="linger", subject="railiance01", host="railiance01", exit_status=0, stdout=said,
        stderr=said, started=datetime.now(UTC), seconds=0.01, command="loginctl " + said.decode(),
        details={{"password": "t0ps3cr", "said": said.decode()}},
    )
    found.add(one)
    found.add(replace(one, subject="coulombcore", host="coulombcore", lost=said.decode()))
    return found

@pytest.fixture
def said(linger):
    return linger.transcript("railiance01").out
"""
CHECKS = """
import logging, sys, warnings

@pytest.fixture
def breaking(said):
    yield
    raise RuntimeError(said)

@pytest.fixture
def broken(said):
    password_of_mine = said
    raise RuntimeError(said)

{checks}
"""
ENDS = {
    "passes": ("linger, case", "case.note(said); [case.note(line) for line in said.splitlines()]"),
    "is_not_understood": ("linger", "linger['railiance01']"),
    "is_lost": ("linger", "linger['coulombcore']"),
    "fails": ("", "assert not said, said"),
    "fails_without_words": ("", "assert said == said.upper()"),
    "fails_line_by_line": ("", "assert not said, [line[:13] for line in said.splitlines()]"),
    "breaks": ("", "inner = {'said': said}; raise RuntimeError(inner)"),
    "breaks_with_a_key": ("", "{}[said]"),
    "is_inconclusive": ("", "raise Inconclusive(said)"),
    "is_deferred": ("", "raise Deferred(said)"),
    "is_skipped": ("", "pytest.skip(said)"),
    "prints": ("", "print(said); print(said, file=sys.stderr); logging.getLogger('x').error(said)"),
    "logs_a_traceback": (
        "",
        "\n    try: raise ValueError(said)\n"
        "    except ValueError: logging.getLogger('x').exception('?')",
    ),
    "warns": ("", "warnings.warn(said)"),
    "says_a_property": ("record_property", "record_property('said', said)"),
    "breaks_before": ("broken", "pass"),
    "breaks_afterwards": ("breaking", "print(said)"),
    "fails_in_a_subtest": (
        "subtests",
        "\n    with subtests.test(said, said=said): assert 0, said",
    ),
    "exits": ("", "raise SystemExit(said)"),
}


def source() -> str:
    checks = [
        f'@check("PROD-90.{name.replace("_", "-")}", runbook="Goal", hint="Mend it.")\n'
        f"def test_{name}({annotated(f'said, {more}')}):\n"
        f'    """It {name}."""\n    {body}\n'
        for name, (more, body) in ENDS.items()
    ]
    return CHECKS.format(checks="\n".join(checks))


@pytest.mark.timeout(120)
def test_no_secret_leaves_by_any_way(suite: Suite) -> None:
    suite.write("tests/conftest.py", SNAPSHOT.format(root=str(ROOT)))
    suite.write("tests/production/test_secrets.py", source())
    written = suite.folder / "written"
    ran = suite.run(
        *(
            "-vv",
            "--tb=long",
            "-l",
            "-rA",
            "-W",
            "default",
            "-o",
            "junit_logging=all",
            f"--junitxml={written}/junit.xml",
        ),
        *(f"--html={written}/report.html", f"--log-file={written}/log", "--log-level=DEBUG"),
    )
    assert ran.exit_status == 6, ran.terminal
    assert len(ran.record["results"]) >= len(ENDS), ran.terminal
    files = [*written.rglob("*"), *(suite.folder / "reports").rglob("*")]
    texts = {str(file): file.read_text("utf-8", "replace") for file in files if file.is_file()}
    texts["terminal"] = ran.terminal
    for name in ("junit.xml", "report.html", "log", "events.jsonl", "results.json", "terminal"):
        assert all("[REDACTED:" in texts[file] for file in texts if Path(file).name == name), name
    planted = {part for _, parts in SECRETS.values() for part in parts if len(part) > 4}
    left = {
        (name.rpartition("/")[2], part)
        for name, text in texts.items()
        for shown in (text, unescape(unescape(text)))
        for part in planted
        if part in shown
    }
    assert not left


INTERNAL = """
def pytest_runtest_logfinish():
    password_of_mine = "swordfish"
    raise RuntimeError("TOKEN=zz9plural")
"""


def test_nor_where_pytest_itself_breaks(suite: Suite) -> None:
    suite.write("tests/conftest.py", INTERNAL)
    suite.write("tests/production/test_secrets.py", "def test_one(): pass\n")
    junit = suite.folder / "junit.xml"
    ran = suite.run("--showlocals", "--full-trace", f"--junitxml={junit}")
    for text in (ran.terminal, junit.read_text()):
        assert "TOKEN=[REDACTED:assignment]" in text
        assert "zz9plural" not in text.replace('RuntimeError("TOKEN=zz9plural")', "")
