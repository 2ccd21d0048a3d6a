"""The copy of this environment: what is in it, and that it runs as it ships."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from fleetmesh.timer import environment
from fleetmesh.timer.environment import content, digest, interpreter, lying_in, make
from fleetmesh.timer.places import CannotInstall
from rehearsal.matrix.recordings import whole

SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@pytest.fixture(autouse=True)
def _any_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of these tests may be anybody's own."""
    monkeypatch.setattr(environment, "_UNSEEN", ())


@pytest.fixture(scope="module")
def given() -> dict[str, Path | bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_UNSEEN", ())
        return content()


def test_it_holds_what_a_run_takes_and_nothing_of_the_tests(
    given: dict[str, Path | bytes],
) -> None:
    tops = {Path(path).parts[3] for path in given if path.startswith(f"{SITE}/")}
    assert {"pytest", "pydantic", "kubernetes", "paramiko", "fleetmesh", "packaging"} <= tops
    assert not {"mypy", "playwright", "hypothesis", "xdist", "ruff", "selftests"} & tops
    suite = f"{SITE}/fleetmesh/_suite"
    wanted = ("conftest.py", "pytest.ini", "tests/own/test_example.py", "infra/verify/gate")
    assert {f"{suite}/{one}" for one in wanted} <= given.keys()
    version = [path for path in given if "/fleetmesh-" in path]
    assert len(version) == 1


def test_python_where_the_service_does_not_look_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "_UNSEEN", (Path(sys.base_prefix).resolve(),))
    with pytest.raises(CannotInstall, match=r"with the system's own python3$"):
        interpreter()


def test_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = metadata.distribution

    def without(name: str) -> metadata.Distribution:
        if name.lower() == "attrs":
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(metadata, "distribution", without)
    with pytest.raises(CannotInstall, match=r"^attrs is missing here; make the environment anew"):
        content()


@pytest.mark.root
def test_it_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    small: dict[str, Path | bytes] = {"pyvenv.cfg": b"home = x\n", "bin/fleetmesh": b"#!/bin/sh\n"}
    name = digest(small)
    folder = tmp_path / "environments" / name
    (tmp_path / "environments/.building/bin").mkdir(parents=True)
    (tmp_path / "environments/.building/bin/left").write_text("by one that broke off")
    make(small, folder)
    assert lying_in(folder) == name
    assert os.access(folder / "bin/fleetmesh", os.X_OK)
    assert [path.name for path in folder.parent.iterdir()] == [name]
    (folder / "pyvenv.cfg").write_text("home = y\n")
    assert lying_in(folder) != name
    make(small, folder)
    (folder / "bin/python").unlink()
    assert lying_in(folder) is None
    assert digest({**small, "more": b""}) != name


@pytest.mark.root
def test_it_runs_as_it_ships(given: dict[str, Path | bytes], tmp_path: Path) -> None:
    """From another folder, by a link, with nothing of this environment in sight."""
    folder = tmp_path / "an environment"
    make(given, folder)
    link, run = tmp_path / "current", tmp_path / "a run"
    link.symlink_to(folder.name)
    run.mkdir()
    whole("linger-off").unpack(run)
    done = subprocess.run(
        [link / "bin/fleetmesh", "check", "production", "--replay", run, "--reports", tmp_path],
        cwd="/", capture_output=True, text=True, timeout=500, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    (events,) = tmp_path.glob("*_production_*/events.jsonl")
    origin = json.loads(events.read_text().splitlines()[0])["origin"]
    assert f"{SITE}/fleetmesh-{origin['tools']['fleetmesh']}.dist-info/METADATA" in given
    shutil.rmtree(folder)
