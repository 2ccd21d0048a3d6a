"""The copy of the inventory: the same fleet, with its paths led to where the service looks."""

from pathlib import Path

import pytest
import yaml

from fleetmesh.inventory.document import read
from fleetmesh.timer.fleet import copy, fit, reference
from fleetmesh.timer.places import INVENTORY, REFERENCE, SSH_CONFIG, CannotInstall
from rehearsal.paths import INVENTORY as REHEARSAL

TEXT = REHEARSAL.read_text().replace("kind: rehearsal", "kind: production")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "lab.yaml"
    made.write_text(TEXT.replace("/var/lib/fleet-rehearsal/infra/fleet-mesh", "mine"))
    return made


def led(file: Path) -> dict[str, object]:
    return {**read(file).data, "reference": str(REFERENCE), "ssh_config": str(SSH_CONFIG)}


def test_only_the_paths_differ_and_comments_stay(file: Path) -> None:
    text = copy(file).decode()
    assert read(INVENTORY, text).data == led(file)
    lines = text.splitlines()
    assert lines[0] == f"# A copy of {file}: change that, and run `fleetmesh install-timer` again."
    other = [line for line in file.read_text().splitlines() if line not in lines]
    assert len(other) == 2
    assert len(lines) == len(file.read_text().splitlines()) + 1


def test_what_has_no_ssh_config_gets_one(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("ssh_config:")).strip())
    assert read(INVENTORY, copy(file).decode()).data == led(file)


@pytest.mark.parametrize("value", ["'mine'  # a comment", '"mine"', "mine"])
def test_value_may_be_written_in_any_way_of_one_line(file: Path, value: str) -> None:
    file.write_text(file.read_text().replace("reference: mine", f'"reference": {value}'))
    assert read(INVENTORY, copy(file).decode()).data == led(file)


def test_value_over_several_lines_is_refused(file: Path) -> None:
    file.write_text(file.read_text().replace("reference: mine", "reference: >-\n  mine\n"))
    with pytest.raises(CannotInstall, match="on a line of their own"):
        copy(file)


def test_inventory_in_braces_is_refused(file: Path) -> None:
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()), default_flow_style=True))
    with pytest.raises(CannotInstall, match="on a line of their own"):
        copy(file)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("kind: production", "kind: rehearsal", "a timer is for a real fleet"),
        ("ssh: workstation", "ssh: workstation\n    transport: local", "workstation has `trans"),
        ("name: rehearsal", "name: [", "lab.yaml:"),
        ("via: coulombcore", "via: nowhere", "nowhere"),
    ],
)
def test_fleet_that_cannot_be_verified_from_here_is_refused(
    file: Path, old: str, new: str, why: str
) -> None:
    fit(file)
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(CannotInstall, match=why):
        fit(file)


def test_no_inventory_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CannotInstall, match="no such file"):
        fit(tmp_path / "none.yaml")


def test_reference_comes_along_and_an_empty_one_is_refused(file: Path) -> None:
    with pytest.raises(CannotInstall, match="mine holds no file"):
        reference(fit(file))
    folder = file.parent / "mine/systemd"
    folder.mkdir(parents=True)
    (folder / "one.service").write_text("[Unit]\n")
    assert reference(fit(file)) == {REFERENCE / "systemd/one.service": b"[Unit]\n"}
    for number in range(500):
        (folder / str(number)).touch()
    with pytest.raises(CannotInstall, match="more than 500 files"):
        reference(fit(file))


def test_path_is_a_comment_whatever_is_in_it(file: Path) -> None:
    odd = file.with_name("a\nname: b.yaml")
    file.rename(odd)
    assert read(INVENTORY, copy(odd).decode()).data == led(odd)
