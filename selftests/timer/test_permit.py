"""What goes to a host, run by its own shell, any number of times; and what takes it away."""

import os
import subprocess
from pathlib import Path

import pytest

from fleetmesh.inventory import load
from fleetmesh.timer.access import Access
from fleetmesh.timer.permit import for_jump, scripts, to_put, to_take
from fleetmesh.timer.places import ASSETS, PERMITS
from rehearsal.paths import INVENTORY

HOSTS = ("railiance01", "coulombcore", "workstation")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIESUn8iGbD0VE5bM/JCJ/+Mg+EzilT6l+QplfHuLIgMy me@box"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther ada@home"
LINE = f'restrict,command="sh .config/fleetmesh/gate" {KEY}\n'
LIST = "0" * 64 + "  the command\n"
ACCESS = Access(users=dict.fromkeys(HOSTS, "relay"))
SHELLS = pytest.mark.parametrize(
    "shell", [["dash"], ["bash"], ["busybox", "sh"], ["mksh"]], ids=str
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "a home"
    made.mkdir()
    return made


def run(shell: list[str], home: Path, text: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        shell, input=text, capture_output=True, text=True, timeout=20,
        env={"HOME": str(home), "PATH": os.environ["PATH"]}, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def put(shell: list[str], home: Path, line: str = LINE, listed: str = LIST) -> None:
    (script,) = scripts({"railiance01": (listed, line)}, ACCESS).values()
    run(shell, home, script.decode())


def keys(home: Path) -> list[str]:
    return (home / ".ssh/authorized_keys").read_text().splitlines()


@SHELLS
def test_the_permit_arrives_byte_for_byte(shell: list[str], home: Path) -> None:
    put(shell, home)
    place = home / ".config/fleetmesh"
    assert (place / "gate").read_bytes() == (ASSETS / "gate").read_bytes()
    assert (place / "permitted").read_text() == LIST
    assert (home / ".ssh/authorized_keys").read_text() == LINE
    assert (home / ".ssh").stat().st_mode & 0o077 == 0
    assert {file.name for file in place.iterdir()} == {"gate", "permitted"}


@SHELLS
def test_other_keys_stay_and_a_new_permit_takes_the_place_of_the_old(
    shell: list[str], home: Path
) -> None:
    (home / ".ssh").mkdir()
    file = home / ".ssh/authorized_keys"
    file.write_text(OTHER)  # without a newline at its end
    file.chmod(0o600)
    put(shell, home)
    put(shell, home)
    assert keys(home) == [OTHER, LINE.strip()]
    narrower = LINE.replace("restrict,", "restrict,port-forwarding,")
    put(shell, home, narrower, "1" * 64 + "  the command\n")
    assert keys(home) == [OTHER, narrower.strip()]
    assert (home / ".config/fleetmesh/permitted").read_text().startswith("1")
    assert file.stat().st_mode & 0o777 == 0o600


@SHELLS
def test_it_is_taken_away(shell: list[str], home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh/authorized_keys").write_text(f"{OTHER}\n")
    put(shell, home)
    inventory = load(INVENTORY, text=INVENTORY.read_text().replace(
        "ssh: workstation", "ssh: workstation\n    transport: local"))  # fmt: skip
    run(shell, home, to_take(inventory, "workstation", KEY)[0])
    assert keys(home) == [OTHER]
    assert not (home / ".config/fleetmesh").exists()


def test_the_operator_types_what_his_ssh_understands() -> None:
    inventory = load(INVENTORY)
    first, second = to_put(inventory, "railiance01", ACCESS)
    ssh = f"ssh -F {inventory.ssh_config} tegwick@railiance01"
    assert first == f"cat {PERMITS}/railiance01.sh | {ssh} sh"
    drop_in = "/etc/ssh/sshd_config.d/fleet-verify.conf"
    assert second == (
        f"ssh -t -F {inventory.ssh_config} tegwick@railiance01 "
        f"'echo Match User relay | sudo tee {drop_in} && "
        f"echo AllowStreamLocalForwarding no | sudo tee -a {drop_in} && sudo systemctl reload ssh'"
    )


def test_key_on_a_jump_host_opens_what_lies_behind_it_alone() -> None:
    assert for_jump(["10.0.0.1:22", "10.0.0.2:22", "10.0.0.1:22"], KEY) == (
        'restrict,port-forwarding,permitlisten="127.0.0.1:1",permitopen="10.0.0.1:22",'
        f'permitopen="10.0.0.2:22" {KEY}'
    )
