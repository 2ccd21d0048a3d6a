"""Each state of the runbook, told by looking at the machines, in the order an operator has them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import fleet
from rehearsal.errors import RehearsalError
from rehearsal.paths import REHEARSAL_ASSETS

pytestmark = [pytest.mark.root, pytest.mark.fleet]
Reach = Callable[[str], None]

PORTS = (18000, 18765)
UNITS = ("fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore")
RETIRED = ("state-hub-railiance01", "issue-core-railiance01")
INTERACTIVE = ("state-hub-primary", "issue-core-coulombcore", "k3s-api-railiance01")
INSTALL = "cd ~/the-custodian && bash infra/fleet-mesh/install-railiance01.sh railiance01"
HEALTH = "curl -sf http://127.0.0.1:18000/state/health && curl -sf http://127.0.0.1:18765/healthz"


def on(name: str, command: str) -> str:
    return fleet.run(name, command).stdout.strip()


def holder(port: int) -> str:
    """The control group that listens on a port of railiance01."""
    line = on("railiance01", f"ss -Htlne 'sport = :{port}'")
    assert line.count("LISTEN") == 1
    assert f"127.0.0.1:{port}" in line
    return line.split("cgroup:")[1].split()[0]


def bridge_states() -> dict[str, str]:
    tunnels: list[dict[str, Any]] = json.loads(on("workstation", "bridge status --json"))
    for tunnel in tunnels:
        command = f"tr '\\0' ' ' </proc/{tunnel['pid']}/cmdline"
        if tunnel["state"] == "up":
            read = fleet.run("workstation", command, check=False)
            if read.returncode != 0:  # that process has ended since, and another is on its way
                return bridge_states()
            assert f"{tunnel['listen']}:{tunnel['target']}" in read.stdout
    return {tunnel["name"]: tunnel["state"] for tunnel in tunnels}


def unit_files() -> str:
    return on("railiance01", "stat -c '%n %a %Y %i' .ssh/* .config/*/* .config/*/*/* | sort")


def test_before(reach: Reach) -> None:
    reach("before")
    assert bridge_states() == dict.fromkeys((*INTERACTIVE, *RETIRED), "up")
    for port in PORTS:
        group = holder(port)
        session = group.rpartition("/session-")[2].removesuffix(".scope")
        came = on("railiance01", f"loginctl show-session {session} -p RemoteHost -p Service")
        assert came.splitlines() == ["RemoteHost=198.18.77.13", "Service=sshd"]
    assert on("railiance01", "loginctl show-user tegwick -p Linger") == "Linger=no"
    assert on("railiance01", "ls .ssh .config") == ".config:\nwarden\n\n.ssh:\nauthorized_keys"
    on("railiance01", HEALTH)


def test_machines_are_three(reach: Reach) -> None:
    reach("before")
    names = list(fleet.machines())
    assert [on(name, "hostname") for name in names] == names
    assert len({on(name, "cat /etc/machine-id") for name in names}) == 3
    assert len({on(name, "cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub") for name in names}) == 3
    for name in names:
        assert on(name, "getent hosts coulombcore").split() == ["198.18.77.12", "coulombcore"]
        assert on(name, "ip route show default") == ""
        assert on(name, "systemctl is-system-running") == "running"


def test_installed(reach: Reach) -> None:
    reach("installed")
    for unit in UNITS:
        reference = (REHEARSAL_ASSETS / "systemd" / f"{unit}.service").read_text().strip()
        assert on("railiance01", f"cat .config/systemd/user/{unit}.service") == reference
        assert on("railiance01", f"systemctl --user is-enabled {unit}") == "enabled"
        state = fleet.run("railiance01", f"systemctl --user is-active {unit}", check=False)
        assert state.stdout == "inactive\n"
    reference = (REHEARSAL_ASSETS / "railiance01-tunnels.yaml").read_text().strip()
    assert on("railiance01", "cat .config/bridge/tunnels.yaml") == reference
    assert on("railiance01", "stat -c '%a %U' .ssh/id_ops .ssh") == "600 tegwick\n700 tegwick"
    assert on("railiance01", "loginctl show-user tegwick -p Linger") == "Linger=yes"
    on("railiance01", "ssh -o BatchMode=yes -i ~/.ssh/id_ops tegwick@198.18.77.12 true")
    assert bridge_states() == dict.fromkeys((*INTERACTIVE, *RETIRED), "up")
    assert all("/session-" in holder(port) for port in PORTS)


def test_installer_changes_nothing_the_second_time(reach: Reach) -> None:
    reach("installed")
    before = unit_files()
    assert on("workstation", INSTALL) == "Nothing to do: railiance01 has it all."
    assert unit_files() == before


def test_installer_mends_what_differs_and_says_so(reach: Reach) -> None:
    reach("installed")
    unit = f".config/systemd/user/{UNITS[0]}.service"
    on("railiance01", f"echo '# edited' >>{unit}; chmod 644 .ssh/id_ops")
    said = on("workstation", INSTALL)
    assert f"changed: {unit}" in said
    assert "changed: .ssh/id_ops\n" in said
    assert "2 changes" in said
    assert on("workstation", INSTALL) == "Nothing to do: railiance01 has it all."


def test_installer_does_not_trust_another_host_key(reach: Reach) -> None:
    reach("installed")
    key = on("workstation", "cut -d' ' -f2 .ssh/id_ed25519.pub")
    on("railiance01", "cp .ssh/known_hosts .ssh/saved")
    on("railiance01", f"echo 198.18.77.12 ssh-ed25519 {key} >.ssh/known_hosts")
    refused = fleet.run("workstation", INSTALL, check=False)
    on("railiance01", "mv .ssh/saved .ssh/known_hosts")
    assert refused.returncode == 1
    assert "pins another host key of 198.18.77.12" in refused.stderr


def test_bridge_names_what_it_knows(reach: Reach) -> None:
    reach("installed")
    refused = fleet.run("workstation", "bridge down state-hub", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("bridge: unknown tunnel: state-hub; known are: issue-core-")
    assert on("workstation", "bridge --version").startswith("ops-bridge (rehearsal stand-in)")
    assert on("railiance01", "which bridge; bridge -V").startswith("/usr/sbin/bridge\nbridge util")


def test_after(reach: Reach) -> None:
    reach("after")
    expected = dict.fromkeys(INTERACTIVE, "up") | dict.fromkeys(RETIRED, "down")
    assert bridge_states() == expected
    for unit, port in zip(UNITS, PORTS, strict=True):
        assert holder(port).endswith(f"/user@1000.service/app.slice/{unit}.service")
    on("railiance01", HEALTH)
    pods = json.loads(on("railiance01", "kubectl -n activity-core get pods -o json"))["items"]
    ready = {
        pod["metadata"]["labels"]["app.kubernetes.io/name"]
        for pod in pods
        if all(status["ready"] for status in pod["status"]["containerStatuses"])
    }
    assert ready == {"actcore-api", "actcore-state-hub-bridge", "actcore-issue-core-bridge"}
    assert len(pods) == 3
    ask = "urllib.request.urlopen('http://actcore-state-hub-bridge:8000/state/health').read()"
    inside = f'python -c "import urllib.request; print({ask})"'
    answer = on("railiance01", f"kubectl -n activity-core exec deploy/actcore-api -- {inside}")
    assert '"service": "state-hub"' in answer


def test_users_kubeconfig_reads_and_does_not_write(reach: Reach) -> None:
    reach("after")
    for name, cluster in (("railiance01", "activity-core"), ("coulombcore", "state-hub")):
        on(name, f"kubectl get namespace kube-system && kubectl -n {cluster} get pods,services")
        delete = f"kubectl -n {cluster} delete pods --all"
        assert "cannot delete" in fleet.run(name, delete, check=False).stderr
        assert on(name, "stat -c '%a %U' .kube/config") == "600 tegwick"


def test_services_are_reached_through_cluster_ips(reach: Reach) -> None:
    reach("after")
    assert "state-hub" in on("coulombcore", "curl -sf http://198.19.43.94:8000/state/health")
    on("railiance01", "! curl -s --max-time 2 http://198.19.43.94:8000/state/health")


def test_going_back_needs_a_reset(reach: Reach) -> None:
    reach("after")
    with pytest.raises(RehearsalError, match="python -m rehearsal reset --state before"):
        fleet.up("before", lambda _: None)


def test_warden_signs_for_an_hour_and_a_principal_opens_the_door(reach: Reach) -> None:
    reach("after")
    key = ".ssh/id_fleet_mesh"
    sign = f"warden sign atm-fleet-mesh --pubkey {key}.pub >{key}-cert.pub"
    on("railiance01", f"ssh-keygen -q -t ed25519 -N '' -f {key} && {sign}")
    assert "atm-fleet-mesh" in on("railiance01", f"ssh-keygen -L -f {key}-cert.pub")
    login = f"ssh -o BatchMode=yes -o IdentitiesOnly=yes -i {key} tegwick@198.18.77.12 hostname"
    assert "Permission denied" in fleet.run("railiance01", login, check=False).stderr
    on("coulombcore", "echo atm-fleet-mesh | sudo tee /etc/ssh/auth_principals/tegwick")
    assert on("railiance01", login) == "coulombcore"
    on("coulombcore", "sudo rm /etc/ssh/auth_principals/tegwick")


@pytest.mark.parametrize("name", ["railiance01", "coulombcore"])
def test_tunnels_come_back_after_a_reboot(name: str, reach: Reach) -> None:
    reach("after")
    before = on(name, "cat /proc/sys/kernel/random/boot_id")
    fleet.reboot(name)
    assert on(name, "cat /proc/sys/kernel/random/boot_id") != before
    fleet.wait_until_ready()
    assert all("/user@1000.service/" in holder(port) for port in PORTS)


def test_workstation_without_power_is_not_missed(reach: Reach) -> None:
    reach("after")
    fleet.power_off("workstation")
    assert not fleet.is_up()
    with pytest.raises(RehearsalError, match="workstation is off"):
        fleet.run("workstation", "true")
    on("railiance01", HEALTH)
    fleet.power_on("workstation")
    assert fleet.is_up()
    wait = "until bridge status --json | grep -c '\"up\"' | grep -qx 3; do sleep 0.1; done"
    on("workstation", wait)
    assert bridge_states()["state-hub-primary"] == "up"


def test_a_machine_starts_again_while_the_kernel_still_holds_its_network(reach: Reach) -> None:
    reach("after")
    with Path(f"/proc/{fleet.machine('coulombcore').init}/ns/net").open():
        fleet.power_off("coulombcore")
        fleet.power_on("coulombcore")
    fleet.wait_until_ready()


def test_workstation_has_the_assets_of_the_reference(reach: Reach) -> None:
    reach("after")
    for asset in (path for path in Path(REHEARSAL_ASSETS).rglob("*") if path.is_file()):
        name = asset.relative_to(REHEARSAL_ASSETS)
        copy = on("workstation", f"cat the-custodian/infra/fleet-mesh/{name}")
        assert copy == asset.read_text().strip()
    config = yaml.safe_load(on("workstation", "cat .config/bridge/tunnels.yaml"))["tunnels"]
    assert [name for name in config if config[name]["autostart"]] == list(INTERACTIVE)
