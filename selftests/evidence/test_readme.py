"""What docs/evidence.md has a stranger type, typed: it believes what holds, and nothing else."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetmesh.evidence.sums import SIGNATURE, STAMP
from fleetmesh.sealing.seal import seal
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record
from selftests.evidence.tsa import Authority, der, number

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


def verified(bundle: Path, keys: Keys, who: str = "op@example", *roots: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", f'{block()}\nverify "$@"', "bash", bundle, keys.allowed, who, *roots],
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


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tsa") / "own", since=timedelta(days=-10))


def stamped(folder: Path, key: Path, answer: Callable[[bytes], bytes]) -> Path:
    """A bundle signed by `key`, with what somebody answers to its signature."""
    forge(folder, key)
    (folder / STAMP).write_bytes(answer((folder / SIGNATURE).read_bytes()))
    return forge(folder, None)


def test_a_stamp_is_verified_and_the_signer_is_judged_as_of_it(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    folder = record(tmp_path)
    seal(folder)
    then = datetime.now(UTC) - timedelta(days=2.5)
    bundle = stamped(
        folder, keys.certificate("ca", "-3d:-2d"), lambda about: tsa.token(about, then)
    )
    status, said = verified(bundle, keys, "her@example", tsa.roots)
    assert status == 0, said
    assert "Verification: OK" in said
    assert "REFUSED: the signature" in verified(bundle, keys, "her@example")[1]
    bundle = stamped(folder, keys["operator"], tsa.token)
    assert verified(bundle, keys)[0] == 0
    assert verified(bundle, keys, "op@example", tsa.roots)[0] == 0


def _of_another(tsa: Authority, about: bytes) -> bytes:
    return tsa.token(about + b"x")


def _dated_back(tsa: Authority, about: bytes) -> bytes:
    """What is said beside the token is signed by nobody."""
    told = f"\nTime stamp: {datetime.now(UTC) - timedelta(days=2.5):%b %d %H:%M:%S %Y} GMT\n"
    status = der(0x30, number(0), der(0x30, der(0x0C, told.encode())))
    token = tsa.token(about)
    return der(0x30, status, token[token.index(bytes.fromhex("3003020100")) + 5 :])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_of_another, "the time stamp"),
        (_dated_back, "the signature"),
        (lambda *_: b"", "there is no time stamp"),
        (lambda *_: b"<html>", "there is no time stamp"),
    ],
)
def test_a_stamp_that_proves_nothing_is_refused(
    tmp_path: Path, keys: Keys, tsa: Authority, answer: Callable[[Authority, bytes], bytes],
    said: str,
) -> None:  # fmt: skip
    folder = record(tmp_path)
    seal(folder)
    bundle = stamped(folder, keys.certificate("ca", "-3d:-2d"), lambda about: answer(tsa, about))
    status, told = verified(bundle, keys, "her@example", tsa.roots)
    assert (status, f"REFUSED: {said}" in told) == (1, True), told


def test_a_stamp_of_somebody_else_or_none_is_refused(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    other = Authority.make(tmp_path / "tsa")
    folder = record(tmp_path)
    seal(folder)
    bundle = stamped(folder, keys["operator"], other.token)
    assert "REFUSED: the time stamp" in verified(bundle, keys, "op@example", tsa.roots)[1]
    (folder / STAMP).unlink()
    bundle = forge(folder, None)
    assert "REFUSED: there is no time stamp" in verified(bundle, keys, "op@example", tsa.roots)[1]


def test_the_commands_by_hand_are_those_on_the_page(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    folder = record(tmp_path)
    seal(folder)
    stamped(folder, keys["operator"], tsa.token)
    typed = re.findall(r"^    (openssl ts .*)$", PAGE.read_text("utf-8"), re.M)
    assert len(typed) == 2
    shutil.copy(tsa.roots, folder / "ROOTS.pem")
    for line in typed:
        done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout
