"""`fleetmesh check` of several fleets: each a process, and one overview."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.side_by_side import gravest
from fleetmesh.__main__ import main
from rehearsal.matrix.recordings import whole

ROOT = Path(__file__).parents[2]
FAMILY = ("production", "--check", "PROD-07.linger")
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": str(ROOT)}

Check = Callable[..., subprocess.CompletedProcess[str]]


def renamed(folder: Path, **values: str) -> None:
    file = folder / "inventory.yaml"
    document = yaml.safe_load(file.read_text()) | values
    file.write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.fixture
def fleets(tmp_path: Path) -> Path:
    """What a sound fleet has left, and one on which linger is off."""
    for name, recording in (("eu", "ground-after"), ("us", "linger-off")):
        folder = tmp_path / name
        folder.mkdir()
        whole(recording).unpack(folder)
        renamed(folder, name=name)
    return tmp_path


@pytest.fixture
def check(fleets: Path) -> Check:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fleetmesh", "check", *words],
            cwd=fleets, capture_output=True, text=True, timeout=300, env=ENVIRONMENT,
        )  # fmt: skip

    return run


def test_each_is_told_whole_and_all_in_one_overview(check: Check, fleets: Path) -> None:
    done = check(*FAMILY, "--replay", "eu", "--replay", "us")
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    blocks = re.split(r"^=+ (eu|us|2 fleets) =+\n", done.stdout, flags=re.MULTILINE)
    told = dict(zip(blocks[1::2], blocks[2::2], strict=True))
    assert sorted(told) == ["2 fleets", "eu", "us"]
    for name, other in (("eu", "us"), ("us", "eu")):
        assert f"fleet: {name} (rehearsal" in told[name]
        assert f"fleet: {other} (" not in told[name]
        (run,) = (fleets / "reports").glob(f"*_{name}_production_*")
        assert f"    report: {run}\n" in told["2 fleets"]
    lines = told["2 fleets"].splitlines()
    assert lines[0].startswith("PASSED IN PART: production on eu (rehearsal, replayed): 1 pass")
    assert lines[2].startswith("NOT READY: production on us (rehearsal, replayed): 1 fail")

    assert main(["history", "--reports", str(fleets / "reports")]) == 0
    page = (fleets / "reports/index.html").read_text()
    assert all(page.count(run.name) for run in (fleets / "reports").glob("*_production_*"))


def test_what_cannot_be_used_is_said_first_and_stops_no_other(check: Check, fleets: Path) -> None:
    renamed(fleets / "us", kind="nonsense")
    done = check(*FAMILY, "--replay", "us", "--replay", "eu")
    assert done.returncode == 4, done.stdout + done.stderr
    first, second, *_ = done.stderr.splitlines()
    assert first == f"fleetmesh check: {fleets}/us/inventory.yaml cannot be used, and is left out:"
    assert "kind: 'nonsense' is not possible" in second
    overview = done.stdout.partition("= 2 fleets =")[2].splitlines()[1:]
    assert overview[0].startswith(f"{fleets}/us/inventory.yaml: not checked: ")
    assert overview[1].startswith("PASSED IN PART: production on eu")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--replay", "eu", "--replay", "../{here}/eu"], "eu is named twice; write it once"),
        (["--replay", "eu", "--replay", "same"], "both say `name: eu`"),
        (["--fleet", "eu/inventory.yaml", "--fleet", "./eu/inventory.yaml"], "is named twice"),
        (["--replay", "eu", "--fleet", "us/inventory.yaml"], "leave out --fleet"),
        (["--fleet", "eu/inventory.yaml", "--fleet", "nix"], "no fleet is called 'nix'"),
        (["--nagios", "--replay", "eu", "--replay", "us"], "start it once for each"),
    ],
    ids=["twice", "one name", "one file", "both", "unknown", "nagios"],
)
def test_wrong_usage_checks_none(check: Check, fleets: Path, words: list[str], says: str) -> None:
    (fleets / "same").symlink_to(fleets / "us")
    if "same" in words:
        renamed(fleets / "us", name="eu")
    done = check(*FAMILY, *(word.format(here=fleets.name) for word in words))
    assert done.returncode == (3 if "--nagios" in words else 4)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (fleets / "reports").exists()


@pytest.mark.parametrize(
    ("statuses", "whole_status"),
    [((0, 0), 0), ((0, 6), 6), ((6, 1), 1), ((6, 4), 4), ((4, 1), 1), ((5, 6), 5), ((0, 2), 2)],
)
def test_the_gravest_counts(statuses: tuple[int, ...], whole_status: int) -> None:
    assert gravest(statuses) == gravest(statuses[::-1]) == whole_status


def test_pytest_names_the_door_for_several() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fleet=a.yaml", "--fleet=b.yaml", str(ROOT / "tests")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 4
    assert "python -m fleetmesh check --fleet A --fleet B" in done.stderr


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """A port on which somebody accepts and says nothing, as ssh_config knows it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = tmp_path / "ssh_config"
        config.write_text(f"Host *\n  HostName 127.0.0.1\n  Port {listening.getsockname()[1]}\n")
        yield config


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_run_with_its_record(
    fleets: Path, silent: Path, number: signal.Signals
) -> None:
    document = yaml.safe_load((ROOT / "fleets/rehearsal.yaml").read_text())
    document |= {"kind": "production", "ssh_config": str(silent)}
    document["limits"] |= {"connect": 300}
    for name in ("one", "two"):
        (fleets / f"{name}.yaml").write_text(yaml.safe_dump(document | {"name": name}))
    command = [sys.executable, "-m", "fleetmesh", "check", "prereqs", "--fleet=one.yaml"]
    with subprocess.Popen(
        [*command, "--fleet=two.yaml"], cwd=fleets, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        until(lambda: len(list(fleets.glob("reports/*/events.jsonl"))) == 2)
        until(lambda: all('"snapshot"' in f.read_text() for f in fleets.glob("reports/*/events.*")))
        process.send_signal(number)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 6, printed
    overview = printed.partition("= 2 fleets =")[2]
    assert overview.count("INCOMPLETE: ") == 2, printed
    for run in fleets.glob("reports/*_prereqs_*"):
        assert '"event": "run-finished"' in (run / "events.jsonl").read_text()
        assert (run / "evidence.html").exists()


def test_a_terminal_shows_a_line_for_each_that_runs(fleets: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fleetmesh", "check", *FAMILY, "--replay=eu", "--replay=us"]
    environment = {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=fleets, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while chunk := read(ours):
            shown += chunk
    assert process.returncode == 1
    text = shown.decode()
    assert re.search(r"eu +runs, for \d+ s", text)
    assert re.search(r"us +runs, for \d+ s", text)
    assert "= 2 fleets =" in text


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # nobody has the terminal open any more
        return b""


def until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        signal.sigtimedwait([], 0.1)
    raise AssertionError("it never came to that")
