"""The steps from any state of a machine to the one that is wanted, without a machine."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from fleetmesh.timer.places import SETTINGS, TIMER, UNITS, CannotInstall
from fleetmesh.timer.plan import (
    File,
    Found,
    MakeAccount,
    MakeEnvironment,
    Remove,
    StartTimer,
    Step,
    UseEnvironment,
    Wanted,
    Write,
    no_foreign,
    to_install,
)

FLEET, UNIT = SETTINGS / "fleet.yaml", UNITS / TIMER
WANTED = Wanted({FLEET: File(b"name: lab\n"), UNIT: File(b"[Timer]\n")}, "new")


def recorded(found: Found, wanted: Wanted) -> Found:
    """As it is once an installation has written down what it is about to write."""
    written = {path: {*digests} for path, digests in found.written.items()}
    for path, file in wanted.files.items():
        written.setdefault(path, set()).add(file.digest)
    return replace(found, written={path: frozenset(digests) for path, digests in written.items()})


def done(found: Found, steps: Iterable[Step]) -> Found:
    """As it is after these steps."""
    files, made = dict(found.files), set(found.environments)
    account, current, timer = found.account, found.current, found.timer
    for step in steps:
        match step:
            case MakeAccount():
                account = True
            case MakeEnvironment():
                made.add(step.digest)
            case Write():
                files[step.path] = step.file
            case Remove():
                del files[step.path]
            case UseEnvironment():
                current = step.digest
            case StartTimer():
                timer = True
    return replace(
        found, files=files, environments=frozenset(made), account=account, current=current,
        timer=timer,
    )  # fmt: skip


def installed(wanted: Wanted = WANTED) -> Found:
    return done(recorded(Found(), wanted), to_install(wanted, Found()))


def kinds(steps: Iterable[Step]) -> list[type[Step]]:
    return [type(step) for step in steps]


def test_from_nothing_everything_is_made_and_the_timer_starts_last() -> None:
    steps = to_install(WANTED, Found())
    expected = [MakeAccount, MakeEnvironment, Write, Write, UseEnvironment, StartTimer]
    assert kinds(steps) == expected


def test_the_second_time_nothing_is_left() -> None:
    assert to_install(WANTED, installed()) == []


@pytest.mark.parametrize("count", range(6))
def test_what_broke_off_is_mended(count: int) -> None:
    broken = done(recorded(Found(), WANTED), to_install(WANTED, Found())[:count])
    rest = to_install(WANTED, broken)
    assert kinds(rest) == kinds(to_install(WANTED, Found())[count:])
    assert to_install(WANTED, done(broken, rest)) == []


def test_another_inventory_changes_what_follows_from_it() -> None:
    other = replace(WANTED, files={**WANTED.files, FLEET: File(b"name: other\n")})
    (step,) = to_install(other, installed())
    assert isinstance(step, Write)
    assert step.path == FLEET


def test_another_unit_is_read_by_systemd() -> None:
    other = replace(WANTED, files={**WANTED.files, UNIT: File(b"[Timer]\nPersistent=yes\n")})
    assert kinds(to_install(other, installed())) == [Write, StartTimer]


def test_another_version_is_made_before_it_is_used() -> None:
    steps = to_install(replace(WANTED, environment="newer"), installed())
    assert kinds(steps) == [MakeEnvironment, UseEnvironment]
    assert steps[-1] == UseEnvironment(steps[-1].what, "newer", "new")


@pytest.mark.parametrize("file", [File(b"name: lab\n", 0o666), File(b"name: lab\n", owner="ada")])
def test_rights_are_put_right(file: File) -> None:
    found = installed()
    steps = to_install(WANTED, replace(found, files={**found.files, FLEET: file}))
    assert kinds(steps) == [Write]


def test_what_is_no_longer_wanted_is_removed() -> None:
    old = replace(WANTED, files={**WANTED.files, SETTINGS / "old": File(b"old")})
    (step,) = to_install(WANTED, installed(old))
    assert isinstance(step, Remove)
    assert step.path == SETTINGS / "old"


@pytest.mark.parametrize("there", [File(b"somebody else's"), None])
@pytest.mark.parametrize("found", [Found(), installed()], ids=["before", "since"])
def test_foreign_file_stays_and_is_named(found: Found, there: File | None) -> None:
    foreign = replace(found, files={**found.files, UNIT: there})
    with pytest.raises(CannotInstall, match=rf"^{UNIT}: not as `install-timer` wrote it; move"):
        to_install(WANTED, foreign)


def test_foreign_file_stays_when_all_is_removed() -> None:
    found = installed()
    no_foreign({}, found)
    with pytest.raises(CannotInstall, match=str(UNIT)):
        no_foreign({}, replace(found, files={**found.files, UNIT: File(b"edited")}))


def test_file_that_already_is_as_wanted_is_taken_over() -> None:
    assert Write not in kinds(to_install(WANTED, Found(files=WANTED.files)))
