"""The workflows that an operator copies: sound by actionlint, and both the same rehearsal."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.image import DEFAULT, GENERATIONS

ROOT = Path(__file__).parents[2]
FILES = [ROOT / f".{forge}/workflows/rehearsal.yml" for forge in ("github", "forgejo")]
IDS = ["github", "forgejo"]


def lint(text: str) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("actionlint")
    config = ROOT / ".github/actionlint.yaml"
    return subprocess.run(
        [linter, "-config-file", config, "-no-color", "-"],
        input=text, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def steps(file: Path) -> list[dict[str, Any]]:
    job = yaml.safe_load(file.read_text())["jobs"]["rehearsal"]
    return list(job["steps"])


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_is_sound(file: Path) -> None:
    done = lint(file.read_text())
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("sound", "broken", "rule"),
    [
        ("17 2 * * *", "17 25 * * *", "events"),
        ("runs-on:", "run-on:", "syntax-check"),
        ("always()", "allways()", "expression"),
        ("!cancelled()", "!cancelled(", "expression"),
        ('"$(id -u)"', "$(id -u)", "shellcheck"),
        ("concurrency:", "concurency:", "syntax-check"),
        ("rehearsal:\n    runs", "rehearsal:\n    needs: build\n    runs", "job-needs"),
    ],
)
@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_what_is_broken_is_noticed(file: Path, sound: str, broken: str, rule: str) -> None:
    assert sound in file.read_text()
    done = lint(file.read_text().replace(sound, broken))
    assert done.returncode == 1
    assert f"[{rule}]" in done.stdout


def test_both_do_the_same() -> None:
    github, forgejo = (steps(file) for file in FILES)
    assert [step.get("run") for step in github] == [step.get("run") for step in forgejo]
    assert [step.get("if") for step in github] == [step.get("if") for step in forgejo]


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_evidence_and_verdict_come_whatever_failed(file: Path) -> None:
    named = {step.get("name"): step for step in steps(file)}
    for name in ("Evidence belongs to whoever uploads it", "Evidence", "Verdict"):
        assert named[name]["if"] == "${{ always() }}"
    assert named["Evidence"]["with"]["path"] == "reports/"
    assert named["Drill"]["run"] == "make drill"
    assert named["Faults"]["run"] == "make faults"
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"drill", "faults"} <= set(targets)
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    assert job["env"]["IMAGE"] == "${{ matrix.image }}"
    assert set(job["strategy"]["matrix"]["image"]) >= {GENERATIONS[0], DEFAULT, GENERATIONS[-1]}
    assert not any("continue-on-error" in step for step in steps(file))


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_knows_no_secret_and_pins_every_action(file: Path) -> None:
    assert "secrets." not in file.read_text()
    for step in steps(file):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})", step["uses"])


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_verdict_step_fails_without_evidence(file: Path, tmp_path: Path) -> None:
    """As on a runner where not even the installation came to its end."""
    command = next(step["run"] for step in steps(file) if step.get("name") == "Verdict")
    job = tmp_path / "summary.md"
    done = subprocess.run(
        ["sh", "-c", command.replace(" reports ", f" {tmp_path} ")],
        cwd=ROOT, env={**os.environ, "GITHUB_STEP_SUMMARY": str(job)},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 6, done.stdout + done.stderr
    assert "::warning title=INCOMPLETE::" in done.stdout
    assert job.read_text().startswith("## INCOMPLETE")
