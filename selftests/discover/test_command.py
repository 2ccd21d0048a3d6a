"""`python -m fleetmesh discover` without a fleet: what it says, what it writes, how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleetmesh.discover.command import at
from fleetmesh.inventory import load
from fleetmesh.inventory.suite import TEMPLATE
from selftests.discover.answers import PRODUCTION

ROOT = Path(__file__).parents[2]
THREE = ("railiance01=rail", "coulombcore=cc", "workstation=desk")


def discover(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run it as an operator does."""
    return subprocess.run(
        [sys.executable, "-m", "fleetmesh", "discover", *words], cwd=cwd, capture_output=True,
        text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The runbook's inventory, whose hosts nobody reaches from here."""
    config = tmp_path / "ssh_config"
    config.write_text("Host *\n    ProxyCommand false\n    UserKnownHostsFile /dev/null\n")
    file = tmp_path / "template.yaml"
    text = PRODUCTION.read_text().replace("\nhosts:\n", f"\nssh_config: {config}\n\nhosts:\n")
    file.write_text(text.replace("../../infra", str(ROOT / "infra")))
    return file


def test_a_fleet_that_cannot_be_reached_leaves_an_inventory_that_loads(
    template: Path, tmp_path: Path
) -> None:
    new = tmp_path / "Our Fleet.yaml"
    done = discover(f"--template={template}", f"--fleet={new}", *THREE, "--write")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for host in ("railiance01", "coulombcore", "workstation"):
        assert f"finding: hosts.{host}.ssh: " in done.stdout
    assert f"try: ssh -v -F {template.with_name('ssh_config')} tegwick@rail true" in done.stdout
    loaded = load(new)
    assert loaded.name == "our-fleet"
    assert [host.ssh for host in loaded.hosts.values()] == ["rail", "cc", "desk"]
    assert loaded.reference == ROOT / "infra" / "fleet-mesh"
    assert new.read_text().count("# OPEN") > 10, "nothing of it was told"


def test_without_write_nothing_is_written(template: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    done = discover(f"--template={template}", f"--fleet={new}", *THREE)
    assert not new.exists()
    assert "+++ " in done.stdout
    assert "nothing is written yet: --write does that" in done.stdout


def test_a_name_is_a_file_in_fleets(template: Path, tmp_path: Path) -> None:
    discover(f"--template={template}", "--fleet=mine", *THREE, "--write", cwd=tmp_path)
    assert load(tmp_path / "fleets" / "mine.yaml").name == "mine"


def test_this_machine_can_be_the_workstation(template: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    discover(f"--template={template}", f"--fleet={new}", "workstation=local", "--write")
    assert load(new).hosts["workstation"].transport == "local"


@pytest.mark.parametrize("beside", ["    transport: local\n", "    transport: local  # OPEN\n"])
def test_a_name_is_asked_though_the_host_was_this_machine(
    beside: str, template: Path, tmp_path: Path
) -> None:
    file = tmp_path / "old.yaml"
    host = "    ssh: workstation               # OPEN: or `transport: local` when run on the"
    text = template.read_text()
    assert host in text
    file.write_text(text.replace(host, beside + host))
    done = discover(f"--fleet={file}", "workstation=desk", "--write")
    found = load(file).hosts["workstation"]
    assert (found.ssh, found.transport) == ("desk", "ssh")
    assert "finding: hosts.workstation.ssh: " in done.stdout, "it was asked by that name"
    assert "    transport: ssh\n" in file.read_text()


def test_a_user_in_the_name_is_the_inventory_s_or_none(template: Path, tmp_path: Path) -> None:
    words = (f"--template={template}", f"--fleet={tmp_path / 'new.yaml'}", "--write")
    done = discover(*words, "railiance01=admin@10.0.0.1")
    assert done.returncode == 2
    assert (
        "railiance01=admin@10.0.0.1: logs in as admin, and `user` is tegwick; write one of them"
    ) in done.stderr
    assert not (tmp_path / "new.yaml").exists()
    discover(*words, "railiance01=tegwick@10.0.0.1", "workstation=me@desk")
    hosts = load(tmp_path / "new.yaml").hosts
    assert [hosts[each].ssh for each in ("railiance01", "workstation")] == [
        "tegwick@10.0.0.1", "me@desk",
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["fleet", "template"])
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero"])
def test_only_a_regular_file_is_read(option: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "strange.yaml"
    if kind == "fifo":
        os.mkfifo(file)
    else:
        file.symlink_to(kind)
    new = tmp_path / "new.yaml"
    done = discover(*([f"--fleet={new}"] if option == "template" else []), f"--{option}={file}")
    assert done.returncode == 2
    assert "strange.yaml cannot be read: is no regular file; give a readable" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ("nuc=x",),
            "nuc is no host of the inventory; write one of: railiance01, coulombcore, workstation",
        ),
        (("workstation=-oProxyCommand=x",), "is no name of a host or user"),
        (("workstation",), "as HOST=NAME"),
        (("--template=/nowhere.yaml",), "/nowhere.yaml cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    words: tuple[str, ...], why: str, template: Path, tmp_path: Path
) -> None:
    done = discover(f"--template={template}", f"--fleet={tmp_path / 'new.yaml'}", *words)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_inventory_is_not_edited(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: x\nhosts: 7\n")
    done = discover(f"--fleet={file}", "--write")
    assert done.returncode == 2
    assert "mine.yaml:2: hosts" in done.stderr
    assert file.read_text() == "name: x\nhosts: 7\n"


def test_the_template_is_what_is_shipped_as_production() -> None:
    first, ours = (file.read_text().partition("name: ")[2] for file in (TEMPLATE, PRODUCTION))
    assert first.replace("../infra", "../../infra", 1) == ours


@pytest.mark.parametrize("folder", ["fleets", "elsewhere"])
def test_what_a_new_one_refers_to_is_there(folder: str, tmp_path: Path) -> None:
    new = (ROOT if folder == "fleets" else tmp_path) / folder / "never-written.yaml"
    made = at(new, TEMPLATE, TEMPLATE.read_text())
    assert load(new, text=made).reference.samefile(ROOT / "infra" / "fleet-mesh")
    if folder == "fleets":
        assert "\nreference: ../infra/fleet-mesh " in made


@pytest.mark.parametrize("name", ["2026", "true", "null", "1e3", "on", "10.0", "a" * 99])
def test_a_fleet_may_have_any_file_s_name(name: str, tmp_path: Path) -> None:
    new = tmp_path / f"{name}.yaml"
    assert load(new, text=at(new, TEMPLATE, TEMPLATE.read_text())).name == name[:63]


def test_of_a_template_only_name_and_paths_change(tmp_path: Path) -> None:
    template, new = tmp_path / "a" / "template.yaml", tmp_path / "b" / "deep" / "new.yaml"
    text = "\ufeff" + PRODUCTION.read_text().replace("\n", "\r\n")
    theirs = text.replace("name: production\r", "name: 'production'  # ours\r")
    theirs = theirs.replace("reference: ../../infra/fleet-mesh ", 'reference: "assets"')
    assert at(new, template, theirs) == theirs.replace("'production'", "new").replace(
        '"assets"', str(tmp_path / "a" / "assets")
    )


def test_what_is_wrong_with_a_template_is_said_of_it(template: Path, tmp_path: Path) -> None:
    template.write_text(template.read_text().replace("kind: production", "kind: x", 1))
    done = discover(f"--template={template}", f"--fleet={tmp_path / 'new.yaml'}")
    assert done.returncode == 2
    assert f"{template}:" in done.stderr
    assert "new.yaml" not in done.stderr
