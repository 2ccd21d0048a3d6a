"""What the pages for people name is there, and what README shows of a run is what a run prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.catalogue import written
from fleetmesh.evidence.outcomes import Outcome
from rehearsal.matrix.recordings import whole
from selftests.checks.conftest import ROOT

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = "retired-hub-up"
"""The fault whose recording README shows."""
GAP = "…"


def named(pattern: str, page: Path) -> set[str]:
    return set(re.findall(pattern, page.read_text("utf-8"), re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    ids = {check.id for check in written(ROOT / "tests")}
    assert named(r"\b(?:PRE|CUT|PROD)-\d\d\.[a-z][a-z-]*[a-z]", page) <= ids
    for link in named(r"\]\(([^)#:]+)\)", page):
        assert (page.parent / link).exists(), link
    targets = named(r"^([.\w/-]+):(?!=)", ROOT / "Makefile") | {"packages", "run-packages"}
    assert named(r"^    make ([.\w/-]+)|`make ([.\w/-]+)", page) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_readme_explains_every_outcome_by_the_letter_that_the_terminal_shows() -> None:
    rows = re.findall(r"^\| (\w+) \| `(.)` \|", README.read_text("utf-8"), re.M)
    assert dict(rows) == {outcome.value: outcome.letter for outcome in Outcome}


def shown() -> list[list[str]]:
    """The failing result in README, in stretches of lines between which some are left out."""
    block = re.search(r"^    -+ NOT AS THE RUNBOOK.*?^    = .*?=$", README.read_text(), re.M | re.S)
    assert block
    stretches: list[list[str]] = [[]]
    for line in block[0].splitlines():
        if line.strip() == GAP:
            stretches.append([])
        else:
            stretches[-1].append(line.removeprefix("    "))
    return stretches


def told(text: str) -> str:
    """Without times, ids and counts, which change, and the rehearsal's own ssh configuration."""
    changes = r"session[ -]c\d+|\d+ (?=pass|deferred|fail)|\d{4}-\S+T\S+|\[\d+\]|ino:\d+ sk:\w+"
    return re.sub(changes, "#", text).replace("-F /var/lib/fleet-rehearsal/ssh/config ", "")


def test_readme_shows_a_failing_result_as_a_run_prints_it(tmp_path: Path) -> None:
    whole(SHOWN).unpack(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "production"),
            *(f"--replay={tmp_path}", f"--reports={tmp_path / 'reports'}"),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    rest = told(done.stdout)
    for stretch in shown():
        before, found, rest = rest.partition(told("\n".join(stretch)))
        assert found, f"not printed, or not in this order: {stretch}\n{before[-3000:]}"
