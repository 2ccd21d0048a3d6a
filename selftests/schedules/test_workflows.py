"""The workflows that an operator copies: sound by actionlint, and the same on both forges."""

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
IDS = ["github", "forgejo"]
FILES = [ROOT / f".{forge}/workflows/rehearsal.yml" for forge in IDS]
REAL = [ROOT / f".{forge}/workflows/fleets.yml" for forge in IDS]
EVERY = {f"{file.parts[-3][1:]}-{file.stem}": file for file in (*FILES, *REAL)}


def lint(text: str) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("actionlint")
    config = ROOT / ".github/actionlint.yaml"
    return subprocess.run(
        [linter, "-config-file", config, "-no-color", "-"],
        input=text, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def steps(file: Path) -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    return list(job["steps"])


@pytest.mark.parametrize("file", EVERY.values(), ids=EVERY)
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


@pytest.mark.parametrize("files", [FILES, REAL], ids=["rehearsal", "fleets"])
def test_both_do_the_same(files: list[Path]) -> None:
    github, forgejo = (steps(file) for file in files)
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


@pytest.mark.parametrize("file", EVERY.values(), ids=EVERY)
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


@pytest.mark.parametrize("file", REAL, ids=IDS)
def test_each_real_fleet_has_a_job_and_the_verdict_is_its_own(file: Path, tmp_path: Path) -> None:
    """On a fleet whose hosts cannot be reached: 6, and the evidence lies where it is uploaded."""
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    assert job["env"]["FLEET"] == "${{ matrix.fleet }}"
    assert not job["strategy"]["fail-fast"]
    assert all(
        (ROOT / f"fleets/{name}.yaml").exists() for name in job["strategy"]["matrix"]["fleet"]
    )
    named = {step.get("name"): step for step in steps(file)}
    assert named["Install"]["run"] == "make .venv/run"
    assert named["Evidence"]["if"] == "${{ always() }}"

    lab = yaml.safe_load((ROOT / "fleets/rehearsal.yaml").read_text())
    (tmp_path / "ssh_config").write_text("Host *\n  HostName 127.0.0.1\n  Port 1\n")
    lab |= {"name": "lab", "kind": "production", "ssh_config": str(tmp_path / "ssh_config")}
    (tmp_path / "fleets").mkdir()
    (tmp_path / "fleets/lab.yaml").write_text(yaml.safe_dump(lab))
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    done = subprocess.run(
        ["bash", "-e", "-c", named["Verify"]["run"]],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FLEET": "lab"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 6, done.stdout + done.stderr
    assert "INCONCLUSIVE: production on lab (production): " in done.stdout
    assert named["Evidence"]["with"]["path"] == "reports/"
    assert list(tmp_path.glob("reports/lab/*_lab_production_*/evidence.html"))
