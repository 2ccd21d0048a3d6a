"""What docs/evidence.md has a stranger type, typed: it believes what holds, and nothing else."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetmesh.sealing.seal import seal
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


def block() -> str:
    """The function on the page, as it stands there."""
    match = re.search(r"^    verify\(\) \(.*?^    \)$", PAGE.read_text("utf-8"), re.M | re.S)
    assert match
    return "\n".join(line.removeprefix("    ") for line in match[0].splitlines())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module", params=["C", "en_US.UTF-8"], autouse=True)
def locale(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The locale of whoever types it: elsewhere than in C, `B` does not sort before `a`."""
    name: str = request.param
    place = tmp_path_factory.mktemp("locales")
    if name != "C":
        language = name.partition(".")[0]
        made = subprocess.run(
            ["localedef", "-i", language, "-f", "UTF-8", place / name], capture_output=True
        )
        if not (place / name).exists():
            pytest.skip(f"needs {name} (apt install locales): {made.stderr.decode()}")
    ENVIRONMENT.update({**os.environ, "LOCPATH": str(place), "LANG": name, "LC_ALL": name})


ENVIRONMENT: dict[str, str] = {}


def verified(bundle: Path, keys: Keys, who: str = "op@example") -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", f'{block()}\nverify "$@"', "bash", bundle, keys.allowed, who],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=60,
        env=ENVIRONMENT,
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


def test_the_locale_is_another_where_it_should_be() -> None:
    done = subprocess.run(
        ["sort"], input="a\nB\n", capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert done.stdout == ("B\na\n" if ENVIRONMENT["LC_ALL"] == "C" else "a\nB\n")


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
        (_added, "a file was added:  SHA256SUMS  SHA256SUMS.sig  raw/.hidden"),
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


def test_another_key_and_another_name_are_refused(tmp_path: Path, keys: Keys) -> None:
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


def packed(bundle: Path, *members: str | Path, of: Path, links: bool = True) -> Path:
    """A bundle as GNU tar makes it of whatever lies in a folder."""
    options = [] if links else ["--hard-dereference"]
    subprocess.run(
        ["tar", "-czPf", bundle, "--no-unquote", *options, "-C", of, "--", *members], check=True
    )
    return bundle


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(path.relative_to(folder.parent).as_posix() for path in found)


@pytest.fixture
def sealed(tmp_path: Path, keys: Keys) -> Path:
    """A sealed folder, whose bundle GNU tar can make, too."""
    folder = record(tmp_path)
    bundle = seal(folder, keys["operator"]).bundle
    assert verified(packed(bundle, *_files(folder), of=tmp_path), keys)[0] == 0
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "-n",
        "-e",
        "-",
        "a b",
        "a\nb",
        "\n",
        "a\\b",
        "\\",
        "raw/-n",
        ".dot",
        "ä",
        "\x1b[2J",
        "*",
        "a\tb",
    ],
)
def test_an_added_file_is_seen_whatever_its_name(sealed: Path, keys: Keys, name: str) -> None:
    (sealed / name).write_text("")
    bundle = packed(sealed.with_name(f"{ID}.tar.gz"), *_files(sealed), of=sealed.parent)
    status, told = verified(bundle, keys)
    assert status == 1
    assert "REFUSED: " in told
    assert "\x1b" not in told


def _symlink(folder: Path) -> None:
    (folder / "link").symlink_to("run.json")


def _in_place_of_a_file(folder: Path) -> None:
    (folder / "run.json").rename(folder.parent / "run.json")
    (folder / "run.json").symlink_to(folder.parent / "run.json")


def _hard_link(folder: Path) -> None:
    os.link(folder / "run.json", folder / "link")


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "fifo")


@pytest.mark.parametrize("change", [_symlink, _in_place_of_a_file, _hard_link, _fifo])
def test_what_is_no_plain_file_is_refused(
    sealed: Path, keys: Keys, change: Callable[[Path], None]
) -> None:
    change(sealed)
    bundle = packed(sealed.with_name(f"{ID}.tar.gz"), *_files(sealed), of=sealed.parent)
    status, told = verified(bundle, keys)
    assert (status, "it holds more than plain files" in told) == (1, True), told


def test_a_folder_a_link_to_a_run_and_a_linked_bundle_are_refused(sealed: Path, keys: Keys) -> None:
    bundle = sealed.with_name(f"{ID}.tar.gz")
    empty = sealed / "empty"
    empty.mkdir()
    packed(bundle, *_files(sealed), f"{ID}/empty", of=sealed.parent)
    assert "it holds more than plain files" in verified(bundle, keys)[1]
    empty.rmdir()
    place = sealed.parent / "links"
    place.mkdir()
    (place / ID).symlink_to(sealed)
    packed(bundle, ID, of=place)
    assert "it holds more than plain files" in verified(bundle, keys)[1]
    packed(sealed.with_name("elsewhere"), *_files(sealed), of=sealed.parent)
    bundle.unlink()
    bundle.symlink_to("elsewhere")
    assert "the bundle is no plain file" in verified(bundle, keys)[1]
    bundle.unlink()
    os.mkfifo(bundle)
    assert "the bundle is no plain file" in verified(bundle, keys)[1]


def test_names_that_lead_elsewhere_and_names_told_twice_are_refused(
    sealed: Path, keys: Keys
) -> None:
    bundle, outside = sealed.with_name(f"{ID}.tar.gz"), sealed.parent / "outside"
    outside.write_text("")
    for member in (str(outside), f"{ID}/../outside", "outside", f"{ID}/./run.json"):
        packed(bundle, *_files(sealed), member, of=sealed.parent, links=False)
        status, told = verified(bundle, keys)
        assert (status, "it does not unpack to" in told) == (1, True), told
        assert outside.read_text() == ""
    packed(bundle, *_files(sealed), f"{ID}/plan.json", of=sealed.parent, links=False)
    assert "a file was added:  SHA256SUMS  SHA256SUMS.sig  plan.json" in verified(bundle, keys)[1]


def test_nothing_that_a_signer_wrote_reaches_the_terminal_raw(sealed: Path, keys: Keys) -> None:
    events = sealed / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-2] + b', "x": "\x1b[2J\xc2\x9b31m"}\n')
    bundle = forge(sealed, keys["operator"])
    assert not {"\x1b", "\x9b"} & set(verified(bundle, keys)[1])
