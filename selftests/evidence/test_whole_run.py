"""Whole runs, in a process of their own: nothing secret on the disk, and no end that looks good.

Each judges a recording again; the record is written as it is on a fleet.
"""

import base64
import json
import lzma
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from fleetmesh.evidence.closing import close
from fleetmesh.evidence.folder import BrokenRecord, read, read_events
from fleetmesh.evidence.journal import EVENTS, PLAN
from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.gather import plain
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.redaction import remaining
from fleetmesh.sealing.derived import unlike
from rehearsal.matrix import recordings
from rehearsal.paths import PROJECT
from selftests.evidence.secrets import HARMLESS, SECRETS

RECORDING = Path(tempfile.gettempdir()) / f"fleetmesh-ground-{os.getpid()}"
ENVIRONMENT = "environment-of-the-suite-7"
INVENTORY = "inv3ntory-pass"


@pytest.fixture(scope="module", autouse=True)
def _recording() -> Iterator[None]:
    """The ground's recording, as a run that can be replayed."""
    RECORDING.mkdir()
    recordings.whole("ground-after").unpack(RECORDING)
    yield
    shutil.rmtree(RECORDING)


def command(recording: Path, reports: Path, *more: str) -> list[str]:
    given = [f"--replay={recording}", f"--reports={reports}", "-m", "not own", *more]
    return [sys.executable, "-m", "pytest", *given]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


def doctored(folder: Path) -> Path:
    """The recording, with every secret somewhere in what hosts, services and APIs said."""
    found = Snapshot.read(RECORDING / "transcripts.json.xz")
    transcripts = sorted(found, key=lambda t: (t.fact, t.subject))
    everything = [*(text for text, _ in SECRETS.values()), ENVIRONMENT, INVENTORY, *HARMLESS]
    everything += [base64.b64encode(text.encode()).decode() for text, _ in SECRETS.values()]
    everything += [quote(ENVIRONMENT, safe=""), json.dumps({"said": ENVIRONMENT})]
    for number, text in enumerate(everything):
        at = transcripts[number % len(transcripts)]
        place = ("stdout", "stderr")[number % 2]
        # A line between, which ends a key that was cut off: what follows is none of it.
        said = getattr(at, place) + f"\n(then)\n{text}\n".encode()
        transcripts[number % len(transcripts)] = replace(at, **{place: said})
    lost = replace(
        transcripts[0], lost=f"refused: {SECRETS['jwt'][0]}", details={"token": "t0ps3cr"}
    )
    transcripts[0] = lost
    for transcript in transcripts:
        found.add(transcript)
    # Over the limit: the secret stands astride the end of the head that an event holds.
    long = b"x" * 4080 + b"\nHUB_PASSWORD=astride-the-edge\n" + b"y\n" * 60_000
    found.add(replace(transcripts[1], stdout=long + transcripts[1].stdout))
    text = (RECORDING / "inventory.yaml").read_text()
    return left(found, folder, f"{text}# postgres://hub:{INVENTORY}@db/hub\n")


def left(found: Snapshot, folder: Path, inventory: str) -> Path:
    """A recording as nobody may leave it, secrets and all: what a fleet says, for a test."""
    listed = [plain.of_transcript(transcript) for transcript in found]
    text = json.dumps({"taken": found.taken.isoformat(), "transcripts": listed})
    folder.mkdir()
    (folder / "transcripts.json.xz").write_bytes(lzma.compress(text.encode()))
    (folder / "inventory.yaml").write_text(inventory)
    return folder


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    recording, reports = doctored(tmp_path / "doctored"), tmp_path / "reports"
    done = subprocess.run(
        command(recording, reports), cwd=PROJECT, env=environment(HUB_TOKEN=ENVIRONMENT),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode in (1, 6), done.stdout + done.stderr
    (folder,) = reports.glob("*_*")
    planted = [part for _, parts in SECRETS.values() for part in parts]
    planted += [ENVIRONMENT, INVENTORY, "astride-the-edge", "t0ps3cr"]
    forms = [
        *planted,
        *(quote(part, safe="") for part in planted),
        *(json.dumps(part)[1:-1] for part in planted),
        *(base64.b64encode(text.encode()).decode() for text, _ in SECRETS.values()),
    ]
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {EVENTS, PLAN, "run.json", "inventory.yaml"}
    for file in files:
        text = file.read_text("utf-8", "replace")
        assert not [form for form in forms if form in text], file
    assert remaining(folder) == []
    run = read(folder)
    assert sum(run.redactions.values()) > len(SECRETS)
    said = b"\n".join(t.stdout + t.stderr for t in _transcripts(folder))
    for text in HARMLESS:
        beside_a_secret = "data" in text  # in one text with a Secret, all data may be its
        assert beside_a_secret or text.encode() in said, text


def test_what_was_said_is_judged_and_what_was_recorded_is_not(tmp_path: Path) -> None:
    """A secret beside a tunnel hides the tunnel from nobody but a replay, which says so."""
    found = Snapshot.read(RECORDING / "transcripts.json.xz")
    said = found.of("processes")["workstation"]
    argv = ("ssh", "-N", "-o", "SetEnv=API_TOKEN=abcdef1", "-L", "127.0.0.1:18001:127.0.0.1:9090")
    rogue = "".join(f"{word}\0" for word in (*argv, "-o", "LogLevel QUIET", "railiance01"))
    found.add(replace(said, stdout=f"\n== 4711 own 9\n{rogue}\n".encode()))
    inventory = (RECORDING / "inventory.yaml").read_text()
    source, ended = left(found, tmp_path / "said", inventory), []
    for reports in (tmp_path / "first", tmp_path / "second"):
        subprocess.run(
            command(source, reports, "-q", "-m", "production"), cwd=PROJECT, env=environment(),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        )  # fmt: skip
        (source,) = reports.glob("*_*")
        assert b"abcdef1" not in (source / EVENTS).read_bytes()
        (result,) = (r for r in read(source).results if r.id == "PROD-06.interactive")
        ended.append((result.outcome, result.reason))
    (first, why), (second, cause) = ended
    assert first is Outcome.FAIL, why
    assert "SetEnv=API_TOKEN=[REDACTED:assignment] -L 127.0.0.1:18001:127.0.0.1:9090" in why
    assert second is Outcome.INCONCLUSIVE, cause
    assert "workstation: what `processes` says was recorded without a secret (assignment)" in cause


def _transcripts(folder: Path) -> Snapshot:
    from fleetmesh.evidence.folder import snapshot_of  # noqa: PLC0415

    return snapshot_of(read_events(folder))


def test_a_record_can_be_judged_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for recording, reports in ((RECORDING, first), (None, second)):
        source = recording or next(first.glob("*_*"))
        subprocess.run(
            command(source, reports, "-q"), cwd=PROJECT, env=environment(),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        )  # fmt: skip
    once, again = read(next(first.glob("*_*"))), read(next(second.glob("*_*")))
    assert [(r.nodeid, r.outcome, r.reason, r.transcripts) for r in once.results] == [
        (r.nodeid, r.outcome, r.reason, r.transcripts) for r in again.results
    ]
    assert once.verdict is again.verdict is Verdict.READY


def whole(tmp_path: Path) -> list[bytes]:
    subprocess.run(
        command(RECORDING, tmp_path / "whole", "-q"), cwd=PROJECT, env=environment(),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
    )  # fmt: skip
    (folder,) = (tmp_path / "whole").glob("*_*")
    return (folder / EVENTS).read_bytes().splitlines()


def signalled(
    folder: Path,
    *more: str,
    ending: signal.Signals,
    when: Callable[[bytes], bool],
    later: float = 0,
) -> tuple[int, str]:
    """Status and words of a run that gets a signal `later` seconds after its journal is so."""
    with subprocess.Popen(
        command(RECORDING, folder, *more), cwd=PROJECT, env=environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if any(when(file.read_bytes()) for file in folder.glob(f"*_*/{EVENTS}")):
                break
            time.sleep(0.001)
        time.sleep(later)
        process.send_signal(ending)
        said = process.communicate(timeout=60)[0]
    return process.returncode, said


def has_lines(count: int, journal: bytes) -> bool:
    return journal.count(b"\n") >= count


def has_an_outcome(journal: bytes) -> bool:
    return b'"outcome"' in journal


def has_ended(journal: bytes) -> bool:
    return b'"run-finished"' in journal


def test_killed_at_any_moment_a_run_is_incomplete(tmp_path: Path) -> None:
    events = len(whole(tmp_path))
    dice = random.Random(os.getpid())
    moments = [dice.randrange(1, events - 1) for _ in range(10)]
    killed = 0
    for number, moment in enumerate(moments):
        reports = tmp_path / str(number)
        signalled(reports, "-q", ending=signal.SIGKILL, when=partial(has_lines, moment))
        (folder,) = reports.glob("*_*")
        if not (folder / PLAN).exists():
            with pytest.raises(BrokenRecord, match="plan"):
                read(folder)
            continue
        found, run = read_events(folder), read(folder)
        assert len(found.events) >= moment, "readable up to the last event"
        assert len(run.results) == sum(1 for _ in found.of("outcome"))
        if found.ended:  # the run was quicker
            continue
        killed += 1
        assert not (folder / "report.html").exists(), "it would say nothing of the end"
        assert (run.verdict, run.verdict.exit_status) == (Verdict.INCOMPLETE, 6)
        assert close(folder).verdict is Verdict.INCOMPLETE
        assert json.loads((folder / "run.json").read_text())["verdict"] == "INCOMPLETE"
        if number % 3:
            continue
        rendered = subprocess.run(
            [sys.executable, "-m", "fleetmesh", "render", str(folder)], cwd=PROJECT,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert rendered.returncode == 0, rendered.stderr
        for view in ("evidence.html", "junit.xml", "workplan.md", "results.json"):
            text = (folder / view).read_text()
            assert "INCOMPLETE" in text, view
            assert "READY:" not in text.replace("NOT READY:", ""), view
    assert killed > len(moments) / 2


@pytest.mark.parametrize("value", ["production", "persistence", "next_start", "2026-11-27"])
def test_a_password_that_is_a_word_of_the_suite_costs_no_record(tmp_path: Path, value: str) -> None:
    done = subprocess.run(
        command(RECORDING, tmp_path), cwd=PROJECT, env=environment(APP_PASSWORD=value),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (folder,) = tmp_path.glob("*_*")
    assert read(folder).verdict is Verdict.READY


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_broken_off_a_run_is_incomplete_and_says_so(tmp_path: Path, ending: signal.Signals) -> None:
    dice = random.Random(os.getpid())
    for number, later in enumerate([0, *(dice.uniform(0, 0.02) for _ in range(3))]):
        reports = tmp_path / str(number)
        status, said = signalled(
            reports, "-q", when=has_an_outcome, ending=ending, later=later
        )  # fmt: skip
        assert status == 6, f"after {later} s: {said}"
        assert "INCOMPLETE: " in said, f"after {later} s: {said}"
        assert "Traceback" not in said, f"after {later} s: {said}"
        (folder,) = reports.glob("*_*")
        run = read(folder)
        assert (run.verdict, run.open) == (Verdict.INCOMPLETE, False)
        assert unlike(folder, run) == []


def test_what_all_checks_said_is_written_whoever_is_impatient(tmp_path: Path) -> None:
    status, said = signalled(tmp_path, "-q", when=has_ended, ending=signal.SIGINT)
    (folder,) = tmp_path.glob("*_*")
    run = read(folder)
    assert (status, run.verdict) == (0, Verdict.READY), said
    assert "READY" in (folder / "evidence.html").read_text()
    assert unlike(folder, run) == []
    assert "Traceback" not in said


@pytest.mark.root
@pytest.mark.parametrize("kilobytes", [64, 136])
def test_a_full_disk_ends_the_run(tmp_path: Path, kilobytes: int) -> None:
    script = (
        f"mount -t tmpfs -o size={kilobytes}k tmpfs {tmp_path} && cd {PROJECT} && "
        f"{shlex.join(command(RECORDING, tmp_path))}; status=$?; "
        f"mkdir -p {tmp_path}-kept && cp -a {tmp_path}/. {tmp_path}-kept; exit $status"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], env=environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 6, said
    assert "INCOMPLETE: " in said
    assert "the record breaks off: " in said
    assert "No space left on device" in said
    assert "Traceback" not in said
    (folder,) = Path(f"{tmp_path}-kept").glob("*_*")
    assert read(folder).verdict is Verdict.INCOMPLETE
    shutil.rmtree(f"{tmp_path}-kept")


def test_one_moment_is_not_shared_out(tmp_path: Path) -> None:
    done = subprocess.run(
        command(RECORDING, tmp_path / "reports", "--numprocesses=2"),
        cwd=PROJECT, env=environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 4
    assert "one run judges one snapshot of one moment" in done.stderr
