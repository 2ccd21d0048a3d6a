"""What README says a stranger can type, typed: it believes what holds, and nothing else."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetmesh.evidence.seal import seal
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record

README = Path(__file__).parents[2] / "README.md"


def block() -> str:
    """The function in README, as it stands there."""
    match = re.search(r"^    verify\(\) \(.*?^    \)$", README.read_text(), re.M | re.S)
    assert match
    return "\n".join(line.removeprefix("    ") for line in match[0].splitlines())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


def verified(bundle: Path, keys: Keys, who: str = "op@example") -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", f'{block()}\nverify "$@"', "bash", bundle, keys.allowed, who],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_sound_bash() -> None:
    subprocess.run(["shellcheck", "-s", "bash", "-"], input=block(), text=True, check=True)


def test_what_holds_is_believed(tmp_path: Path, keys: Keys) -> None:
    status, said = verified(seal(record(tmp_path), keys["operator"]).bundle, keys)
    assert status == 0, said
    assert 'holds: 6 events, "run-finished", "verdict": "READY"' in said
    certificate = keys.certificate("ca", "-5m:+5m")
    bundle = seal(record(tmp_path, OTHER), certificate).bundle
    assert verified(bundle, keys, "her@example")[0] == 0
    assert verified(bundle, keys, "op@example")[0] == 1


def _altered(folder: Path) -> None:
    (folder / "run.json").write_text("{}")


def _removed(folder: Path) -> None:
    (folder / "run.json").unlink()


def _added(folder: Path) -> None:
    (folder / "raw/.hidden").touch()


def _drop_event(folder: Path) -> None:
    file = folder / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2] + lines[3:]))


def _cut_short(folder: Path) -> None:
    file = folder / "events.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def _tear(folder: Path) -> None:
    file = folder / "events.jsonl"
    file.write_bytes(file.read_bytes()[:-20])


def _unsign(folder: Path) -> None:
    (folder / "SHA256SUMS.sig").unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_altered, "a file was altered or is missing"),
        (_removed, "a file was altered or is missing"),
        (_added, "a file was added: SHA256SUMS SHA256SUMS.sig raw/.hidden"),
        (_unsign, "the signature"),
    ],
)
def test_a_change_is_refused(
    tmp_path: Path, keys: Keys, change: Callable[[Path], None], said: str
) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    change(folder)
    status, told = verified(forge(folder, None), keys)
    assert status == 1
    assert f"REFUSED: {said}" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop_event, "event 2 breaks the chain"),
        (_cut_short, "the run did not finish"),
        (_tear, "run.json is of other events"),
    ],
)
def test_a_broken_chain_is_refused_whoever_signed(
    tmp_path: Path, keys: Keys, change: Callable[[Path], None], said: str
) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    change(folder)
    status, told = verified(forge(folder, keys["operator"]), keys)
    assert status == 1
    assert f"REFUSED: {said}" in told


def test_another_key_another_name_and_a_link_are_refused(tmp_path: Path, keys: Keys) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    for key in ("stranger", keys.certificate("ca", "-2h:-1h")):
        bundle = forge(folder, keys[key] if isinstance(key, str) else key)
        assert "REFUSED: the signature" in verified(bundle, keys, "her@example")[1]
    bundle = forge(folder, keys["operator"])
    swapped = Path(shutil.copy(bundle, tmp_path / f"{OTHER}.tar.gz"))
    assert f"REFUSED: it does not unpack to {OTHER}" in verified(swapped, keys)[1]
    renamed = folder.rename(tmp_path / OTHER)
    assert "the plan is of another run" in verified(forge(renamed, keys["operator"]), keys)[1]
    renamed.rename(folder)
    (folder / "link").symlink_to("run.json")
    subprocess.run(["tar", "-czf", bundle, "-C", tmp_path, ID], check=True)
    assert "a file was added: SHA256SUMS SHA256SUMS.sig link" in verified(bundle, keys)[1]
