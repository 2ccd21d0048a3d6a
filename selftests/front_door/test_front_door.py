"""`fleetmesh check`, installed from the wheel into an environment of its own."""

import json
import os
import site
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.matrix.recordings import whole

ROOT = Path(__file__).parents[2]
SUITE = "fleetmesh/_suite"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-w", folder)
    pip("wheel", "--quiet", *options, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fleetmesh` in an environment with a blank in its path; its dependencies are ours."""
    environment = tmp_path_factory.mktemp("installed") / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    pip("--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (packages,) = environment.glob("lib/*/site-packages")
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()))
    return environment / "bin/fleetmesh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command is started: empty, and with a blank in its path."""
    made = tmp_path / "an empty folder"
    made.mkdir()
    return made


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """What a fleet answered on which linger is off."""
    made = tmp_path / "a run"
    made.mkdir()
    whole("linger-off").unpack(made)
    return made


Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def check(program: Path, folder: Path) -> Check:
    def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "check", *words], cwd=folder, capture_output=True, text=True, timeout=120,
            env={"PATH": os.environ["PATH"], "HOME": "/nowhere", **environment},
        )  # fmt: skip

    return run


def pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def verdict(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = (line.strip("= ") for line in done.stdout.splitlines() if " on rehearsal (" in line)
    return line


def test_the_wheel_has_everything_that_a_run_takes(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in ("conftest.py", "pytest.ini", "tests/**/*.py", "fixtures/*.py", "infra/**/*"):
        files = [file for file in ROOT.glob(wanted) if file.is_file() and ".pyc" not in file.name]
        assert files
        assert {f"{SUITE}/{file.relative_to(ROOT).as_posix()}" for file in files} <= names
    code = {
        f.relative_to(ROOT).as_posix() for f in (ROOT / "fleetmesh").rglob("*.*") if f.is_file()
    }
    assert {name for name in code if "__pycache__" not in name} <= names
    assert {name.partition("/")[0] for name in names} == {"fleetmesh", "fleetmesh-0.1.0.dist-info"}


def test_it_depends_on_what_the_suite_runs_on(wheel: Path) -> None:
    read = zipfile.ZipFile(wheel).read("fleetmesh-0.1.0.dist-info/METADATA").decode()
    needs = {line.removeprefix("Requires-Dist: ") for line in read.splitlines() if "-Dist:" in line}
    lines = (ROOT / "requirements.in").read_text().splitlines()
    named = (line.partition("#")[0].strip() for line in lines)
    assert needs == {name.lower().replace(".", "-") for name in named if name}


def test_a_phase_is_whole_from_an_empty_folder(check: Check, folder: Path, recorded: Path) -> None:
    done = check("prereqs", "--replay", "../a run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict(done).startswith("READY: prereqs on rehearsal (rehearsal, replayed): ")
    (run,) = (folder / "reports").glob("*_rehearsal_prereqs_*")
    assert f"report: {run}/evidence.html" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["reports"]
    assert "tests/prereqs/test_hosts.py ." in done.stdout
    assert recorded.name in done.stdout


def test_the_record_says_which_version_it_was(check: Check, folder: Path, recorded: Path) -> None:
    subprocess.run(["git", "init", "-q", folder], check=True)
    assert check("prereqs", "--replay", recorded).returncode == 0
    (events,) = folder.glob("reports/*/events.jsonl")
    entries = map(json.loads, events.read_text().splitlines())
    origin = next(entry["origin"] for entry in entries if "origin" in entry)
    assert (origin["commit"], origin["dirty"]) == (None, None)
    assert origin["tools"]["fleetmesh"] == "0.1.0"


def test_nothing_in_the_caller_s_folder_has_a_say(
    check: Check, folder: Path, recorded: Path
) -> None:
    for name in ("conftest.py", "pytest.py", "fixtures.py", "json.py", "sitecustomize.py"):
        (folder / name).write_text("raise SystemExit('a stray file was loaded')\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n")
    (folder / "tests/prereqs").mkdir(parents=True)
    (folder / "tests/prereqs/test_it.py").write_text("def test_it(): raise SystemExit(3)\n")
    stray = {"PYTEST_ADDOPTS": "-k nothing", "PYTEST_PLUGINS": "nonsense"}
    done = check("prereqs", "--replay", recorded, **stray)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict(done).startswith("READY: prereqs on rehearsal")
    assert "stray" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", ["{option} {path}", "{option}={path}"])
def test_paths_may_follow_a_space_or_an_equals_sign(
    check: Check, folder: Path, recorded: Path, form: str
) -> None:
    def given(option: str, path: str) -> list[str]:
        return [path if w == "{path}" else w.format(option=option, path=path) for w in form.split()]

    done = check(
        *given("--replay", f"../{recorded.name}"), *given("--reports", "../my reports/of today"),
        *given("--check", "PROD-07.linger"), "production",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert list(folder.glob("../my reports/of today/*_rehearsal_production_*/results.json"))
    assert not (folder / "reports").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which fleet? Write --fleet FILE, or --fleet NAME with one of: production (in "),
        (["--fleet", ""], "which fleet?"),
        (["prod", "--fleet", "production"], "no phase is called 'prod'; write one of: prereqs, "),
        (["--fleet", "nix"], "no fleet is called 'nix'; write the path of an inventory file"),
        (["--fleet", "rehearsal"], "no fleet is called 'rehearsal'"),
        (["--fleet", "nix.yaml"], "an empty folder/nix.yaml is no file; "),
        (["--fleet"], "argument --fleet: expected one argument"),
        (["--fleets", "production"], "unrecognized arguments: --fleets"),
        (["--replay", "nix"], "an empty folder/nix is no folder; name the folder of a run"),
        (["--replay", "."], "an empty folder/inventory.yaml: no such file"),
        (["--replay", "../a run", "--fleet", "production"], "leave out --fleet: what is replayed"),
        (["--replay", "../a run", "--check", "NIX-1"], "'NIX-1' is no check"),
        (["--replay", "../a run", "--reports", "/proc/x"], "no report can be written there"),
        (["--replay", "../a run", "--wait", "5m"], "what is replayed does not change"),
        (["--replay", "../a run", "--steady", "5s"], "it needs --wait"),
        (["--replay", "../a run", "--", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("recorded")
def test_wrong_usage_is_one_clear_complaint(check: Check, words: list[str], says: str) -> None:
    done = check(*words)
    assert done.returncode == 4, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "READY" not in done.stdout
    nagios = check("--nagios", *words)
    assert nagios.returncode == 3
    assert nagios.stdout.splitlines()[-1].startswith("FLEET UNKNOWN - ")


def test_nagios_gets_one_line(check: Check, recorded: Path) -> None:
    done = check("production", "--nagios", "--replay", recorded)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (2, 1, "")
    assert done.stdout.startswith("FLEET CRITICAL - NOT READY: production on rehearsal")


def test_a_name_is_looked_for_beside_the_caller_first(check: Check, folder: Path) -> None:
    (folder / "fleets").mkdir()
    for name in ("production", "lab"):
        (folder / f"fleets/{name}.yaml").write_text("nonsense\n")
        for given in (["--fleet", name], []):
            done = check(*given, **({} if given else {"FLEET": name}))
            assert done.returncode == 4
            assert f"{folder}/fleets/{name}.yaml: must be a mapping" in done.stderr


def test_what_follows_two_dashes_is_pytest_s(check: Check, recorded: Path) -> None:
    done = check("own", "--replay", recorded, "--", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/own/test_example.py::test_no_reboot_is_pending[workstation]" in done.stdout


def test_the_checkout_has_the_same_door(folder: Path, recorded: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fleetmesh", "check", "prereqs", "--replay", recorded],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict(done).startswith("READY: prereqs on rehearsal")


@pytest.mark.root
def test_a_timer_takes_along_what_is_installed(program: Path, folder: Path, recorded: Path) -> None:
    """And runs it with nothing of the caller's environment in sight."""
    make = (
        "import sys; from pathlib import Path; from fleetmesh.timer import environment as e; "
        "e._UNSEEN = (); e.make(e.content(), Path(sys.argv[1]))"
    )
    made = folder.parent / "of a timer"
    subprocess.run([program.with_name("python"), "-P", "-c", make, made], check=True, timeout=300)
    words = [str(made / "bin/fleetmesh"), "check", "prereqs", "--replay", str(recorded)]
    done = subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict(done).startswith("READY: prereqs on rehearsal (rehearsal, replayed): ")
