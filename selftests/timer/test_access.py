"""How the operator reaches the hosts, as OpenSSH understands it before and after."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetmesh.inventory import Inventory, load
from fleetmesh.timer.access import Access, access
from fleetmesh.timer.places import KEY, KNOWN_HOSTS, CannotInstall
from rehearsal.paths import INVENTORY

_HEAD = b"\0\0\0\x0bssh-ed25519\0\0\0 "
KEYS = [
    f"ssh-ed25519 {base64.b64encode(_HEAD + bytes([number]) * 32).decode()}" for number in range(4)
]
CONFIG = """
Host railiance01
    HostName 10.0.0.1
    Port 2222
    Ciphers aes256-ctr
    ForwardAgent yes
    LocalForward 9000 127.0.0.1:9000
    IdentityFile ~/.ssh/mine
Host coulombcore
    HostName 10.0.0.2
    ProxyJump ops@bastion:2200
Host workstation
    HostName 10.0.0.3
    HostKeyAlias my-desk
Host bastion
    HostName 10.0.0.9
Host *
    User ada
    UserKnownHostsFile {known_hosts}
    GlobalKnownHostsFile none
"""
KNOWN = f"""[10.0.0.1]:2222 {KEYS[0]}
10.0.0.2 {KEYS[1]}
@cert-authority 10.0.0.2 {KEYS[3]}
my-desk {KEYS[2]}
[10.0.0.9]:2200 {KEYS[3]}
"""
Look = Callable[..., Access]


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text(KNOWN)
    return file


@pytest.fixture
def config(tmp_path: Path, known_hosts: Path) -> Path:
    file = tmp_path / "config"
    file.write_text(CONFIG.format(known_hosts=known_hosts))
    return file


def fleet(config: Path, changed: tuple[str, str] = ("", "")) -> Inventory:
    text = INVENTORY.read_text().replace("/var/lib/fleet-rehearsal/ssh/config", str(config))
    return load(INVENTORY, text=text.replace(*changed) if changed[0] else text)


def asked(config: Path, name: str) -> dict[str, str]:
    done = subprocess.run(
        ["ssh", "-G", "-F", config, name], capture_output=True, text=True, timeout=10, check=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_ssh_goes_the_same_way_with_the_key_of_the_account(config: Path, tmp_path: Path) -> None:
    written = tmp_path / "written"
    written.write_text(access(fleet(config), "fleet-verify").config)
    for name in ("railiance01", "coulombcore", "workstation"):
        before, after = asked(config, name), asked(written, name)
        for option in ("hostname", "port", "ciphers", "hostkeyalgorithms"):
            assert after[option] == before[option], (name, option)
        assert after.get("proxyjump") == before.get("proxyjump")
        assert after.get("hostkeyalias") == before.get("hostkeyalias")
        assert after["user"] == "tegwick", "the inventory's"
        assert after["identityfile"] == str(KEY)
        assert after["userknownhostsfile"] == str(KNOWN_HOSTS)
        assert after["stricthostkeychecking"] in ("true", "yes")
        assert after["forwardagent"] == "no"
        assert "localforward" not in after
    jump = asked(written, "bastion")
    assert (jump["hostname"], jump["port"], jump["user"]) == ("10.0.0.9", "2200", "ops")


def test_what_the_operator_trusts_is_pinned_and_nothing_else(config: Path) -> None:
    made = access(fleet(config), "fleet-verify")
    lines = [line for line in made.known_hosts.splitlines() if not line.startswith("#")]
    assert sorted(lines) == sorted(KNOWN.splitlines())
    assert made.users == dict.fromkeys(("railiance01", "coulombcore", "workstation"), "tegwick")
    assert made.jumps == {"ops@bastion:2200": ["10.0.0.2:22"]}


def test_names_that_are_hashed_are_found(config: Path, known_hosts: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", known_hosts], check=True, timeout=10, capture_output=True
    )
    made = access(fleet(config), "fleet-verify")
    assert f"[10.0.0.1]:2222 {KEYS[0]}\n" in made.known_hosts


def test_keys_of_the_inventory_count_instead(config: Path, known_hosts: Path) -> None:
    known_hosts.write_text(KNOWN.replace(KEYS[0], KEYS[3]))
    one = ("addresses: [198.18.77.11]\n    host_keys: known_hosts", f"host_keys: [{KEYS[0]}]")
    made = access(fleet(config, one), "fleet-verify")
    assert f"[10.0.0.1]:2222 {KEYS[0]}\n" in made.known_hosts


def test_every_host_that_nobody_knows_is_named(config: Path, known_hosts: Path) -> None:
    known_hosts.write_text(f"10.0.0.2 {KEYS[1]}\n[10.0.0.9]:2200 {KEYS[3]}\n")
    with pytest.raises(CannotInstall) as refused:
        access(fleet(config), "fleet-verify")
    first, second = str(refused.value).split("; log in once with ssh, ", 2)[:2]
    assert first.endswith("knows no key of [10.0.0.1]:2222")
    assert second.endswith("knows no key of my-desk")


@pytest.mark.parametrize("wrong", ["Port 0x", "NoSuchOption yes", "CertificateFile %q"])
def test_what_ssh_refuses_is_said_with_its_host(config: Path, wrong: str) -> None:
    config.write_text(f"Host workstation\n    {wrong}\n{config.read_text()}")
    with pytest.raises(CannotInstall, match=r"^(workstation|railiance01): "):
        access(fleet(config), "fleet-verify")


def test_key_that_is_revoked_is_refused(config: Path, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked"
    revoked.write_text(f"{KEYS[2]}\n")
    config.write_text(f"{config.read_text()}    RevokedHostKeys {revoked}\n")
    with pytest.raises(CannotInstall, match=r"workstation: .* is revoked for you"):
        access(fleet(config), "fleet-verify")
