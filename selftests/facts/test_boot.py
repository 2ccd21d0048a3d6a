"""What comes before a tunnel at a boot, whether it is started again, and what a boot brings."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.facts.boot import (
    Place,
    Starting,
    SystemBoot,
    UserBoot,
    awaited,
    needed,
    parse_starting,
)
from fleetmesh.facts.units import parse_units
from fleetmesh.gather.commands import Exec
from fleetmesh.inventory import load
from rehearsal.paths import INVENTORY
from selftests.facts import cases

HUB = "fleet-state-hub-coulombcore.service"
PRINTED = cases.read("starting", "debian13_after").given["stdout"]
OWN = PRINTED.split("\n\n")[0]
WAIT = "wait-for-workstation.service"
BOOTS = {"default.target", "basic.target", HUB}


def starting(printed: str) -> dict[str, Starting]:
    case = cases.read("starting", "debian13_after")
    return parse_starting(replace(case, given=case.given | {"stdout": printed}).transcript)


def unit(
    name: str, kind: str = "simple", *, after: str = "", requires: str = "", wants: str = ""
) -> Starting:
    own = parse_starting(cases.read("starting", "debian13_after").transcript)[HUB]
    before, needs, pulls = (frozenset(words.split()) for words in (after, requires, wants))
    return replace(own, name=name, type=kind, after=before, requires=needs, wants=pulls)


BASIC = unit("basic.target", "", after=f"paths.target {WAIT}")
ONESHOT = unit(WAIT, "oneshot")


@pytest.mark.parametrize(
    ("after", "others", "boots", "told"),
    [
        ("basic.target", [], [], []),
        (WAIT, [ONESHOT], [WAIT], [WAIT]),
        (WAIT, [ONESHOT], [], []),  # disabled, and nothing pulls it in
        ("basic.target", [BASIC, ONESHOT], [WAIT], [WAIT]),
        ("mid.service", [unit("mid.service", after=WAIT), ONESHOT], [WAIT, "mid.service"], [WAIT]),
        ("mid.service", [unit("mid.service", after=WAIT), ONESHOT], [WAIT], []),
        (
            "mid.service",
            [unit("mid.service", after=WAIT, wants=WAIT), ONESHOT],
            ["mid.service"],
            [WAIT],
        ),
        ("dbus.service", [unit("dbus.service", "notify")], ["dbus.service"], []),
        ("own.service", [unit("own.service", "notify")], ["own.service"], ["own.service"]),
        (
            "mid.service",
            [replace(unit("mid.service"), prepared_by=("ExecStartPre=/bin/x",))],
            ["mid.service"],
            ["ExecStartPre=/bin/x of mid.service"],
        ),
        ("ring.service", [unit("ring.service", after=HUB)], ["ring.service"], []),
    ],
)
def test_what_a_boot_has_the_tunnel_wait_for(
    after: str, others: list[Starting], boots: list[str], told: list[str]
) -> None:
    own = unit(HUB, after=after)
    known = {one.name: one for one in (own, *others)}
    found = awaited(own, known, BOOTS | {*boots}, {"dbus.service"}, by_system=False)
    assert found == told


def test_what_keeps_back_the_whole_host_keeps_back_no_tunnel_alone() -> None:
    own = unit(HUB, after="basic.target network-online.target")
    online = unit("network-online.target", "", after="network.target")
    network = unit("network.target", "", after="firewall.service")
    firewall = unit("firewall.service", "oneshot")
    known = {one.name: one for one in (own, BASIC, ONESHOT, online, network, firewall)}
    assert awaited(own, known, known, (), by_system=True) == []
    known[online.name] = unit(online.name, "", after=WAIT)
    assert awaited(own, known, known, (), by_system=True) == [WAIT]


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        ("basic.target app.slice -.mount", []),
        ("basic.target dbus.service", ["dbus.service"]),
        ("home.mount", ["home.mount"]),
        ("held.target", [WAIT]),
        ("shipped.target", []),
    ],
)
def test_what_the_tunnel_does_not_start_without(requires: str, told: list[str]) -> None:
    held = unit("held.target", "", requires=f"{WAIT} {HUB}")
    shipped = unit("shipped.target", "", requires="dbus.service held.slice")
    own = unit(HUB, requires=requires)
    known = {one.name: one for one in (own, held, shipped, ONESHOT)}
    assert needed(own, known, {"dbus.service"}) == told


COMMAND = "{{ path={0} ; argv[]={0} ; ignore_errors={1} ; start_time=[n/a] ; status=0/0 }}\n"


@pytest.mark.parametrize(
    ("key", "argv", "ignored", "told"),
    [
        ("ExecStartPre", "/usr/bin/ssh workstation true", "no", True),
        ("ExecStartPre", "/usr/bin/ssh workstation true", "yes", True),  # it may never end
        ("ExecCondition", "/usr/bin/test -e /mnt/go", "no", True),
        ("ExecStartPre", "/bin/mkdir -p /home/tegwick/x", "no", True),
        ("ExecStartPre", "/bin/mkdir -p /home/tegwick/x", "yes", False),
        ("ExecStartPre", "/bin/true", "no", False),
        ("ExecStartPre", "/usr/bin/sleep 10", "no", False),
        ("ExecStartPre", "/usr/bin/sleep 1d", "no", True),
    ],
)
def test_what_is_run_before_it(key: str, argv: str, ignored: str, told: bool) -> None:
    printed = f"{key}={COMMAND.format(argv, ignored)}"
    found = starting(f"{printed}{OWN}")
    assert bool(found[HUB].prepared_by) is told


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("Told=ConditionPathExists=/mnt/ws/go\n", ["ConditionPathExists=/mnt/ws/go"]),
        ("Told=  AssertPathIsMountPoint=/mnt\n", ["AssertPathIsMountPoint=/mnt"]),
        ("Told=ConditionPathExists=/mnt/go\nTold=ConditionPathExists=\n", []),
        ("Told=AssertPathExists=/mnt/go\nTold=ConditionUser=\n", ["AssertPathExists=/mnt/go"]),
        ("Told=ConditionUser=!root\nTold=ConditionPathExists=%h/.ssh/id_ops\n", []),
        ("", []),
    ],
)  # fmt: skip
def test_conditions_that_may_not_hold_at_a_boot(lines: str, told: list[str]) -> None:
    found = starting(f"{PRINTED}\nUnit={HUB}\n{lines}\nUnit=gone.service\nUnread=yes\n")
    assert needed(found[HUB], found, ()) == told
    assert not found[HUB].unread
    assert starting(f"{PRINTED}\nUnit={HUB}\nUnread=yes\n")[HUB].unread


def test_the_lines_of_a_units_files_are_asked_for(tmp_path: Path) -> None:
    probe = FACTS["starting"].probes(load(INVENTORY))["railiance01"]
    assert isinstance(probe, Exec)
    program = tmp_path / "systemctl"
    shown = tmp_path / "shown"
    shown.write_text(PRINTED)
    program.write_text(
        f"#!/bin/sh\ncase $*:$2 in *state*:show) cat {shown} ;; *state*:cat)\n"
        "printf '# x\\n[Unit]\\n ConditionHost=a\\nConditionPathExists=/go\\n' ;;\n"
        "*) exit 1 ;; esac\n"
    )
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", probe.command], capture_output=True, text=True, check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    found = starting(done.stdout)
    assert found[HUB].conditions == ("ConditionPathExists=/go",)
    assert found["fleet-issue-core-coulombcore.service"].unread


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, None),
        ({"Restart": "on-failure"}, None),
        ({"Restart": "on-failure", "SuccessExitStatus": "255"}, "SuccessExitStatus=255, and"),
        ({"Restart": "on-failure", "SuccessExitStatus": "1 KILL"}, "SuccessExitStatus=1 KILL"),
        ({"Restart": "on-failure", "SuccessExitStatus": "143 TERM"}, None),
        ({"SuccessExitStatus": "255"}, None),
        ({"RemainAfterExit": "yes"}, "RemainAfterExit=yes"),
        (
            {"RestartSteps": "6", "RestartMaxDelayUSec": "1d"},
            "only after 86400 s (RestartMaxDelaySec)",
        ),
        ({"RestartSteps": "6", "RestartMaxDelayUSec": "1min"}, None),
        ({"RestartSteps": "6", "RestartMaxDelayUSec": "infinity"}, None),
        ({"RestartSteps": "0", "RestartMaxDelayUSec": "1d"}, None),
        ({"RestartUSec": "0", "RestartSteps": "6", "RestartMaxDelayUSec": "1d"}, None),
        ({"RestartUSec": "1d", "RestartSteps": "2", "RestartMaxDelayUSec": "1s"}, "(RestartSec)"),
        ({"StartLimitIntervalUSec": "10s"}, None),
        ({"StartLimitIntervalUSec": "11s"}, "given up after 5 starts within 11 s"),
        ({"StartLimitIntervalUSec": "11s", "StartLimitBurst": "0"}, None),
        (
            {
                "StartLimitIntervalUSec": "1min",
                "RestartSteps": "4",
                "RestartMaxDelayUSec": "1min",
            },
            None,
        ),
    ],
)
def test_whether_a_dead_tunnel_is_started_again(settings: dict[str, str], told: str | None) -> None:
    block = dict(line.split("=", 1) for line in OWN.splitlines())
    printed = "\n".join(f"{key}={value}" for key, value in {**block, **settings}.items())
    found = starting(printed)[HUB].stays_dead
    assert (found is None) if told is None else (found is not None and told in found)


@pytest.mark.parametrize(
    ("kind", "after", "late"),
    [
        ("ext4", "home.mount", False),
        ("ext4", "home.automount", False),
        ("zfs", "zfs-mount.service", False),
        ("ext4", "zfs-mount.service", True),
        ("zfs", "zfs.target", True),
        ("tmpfs", "home.mount", True),
    ],
)
def test_a_disk_is_there_in_time_however_it_is_mounted(kind: str, after: str, late: bool) -> None:
    place = Place("/home/tegwick", "/home", kind, "home.mount")
    boot = UserBoot("user@1000.service", frozenset({after}), (), (), (place,))
    assert bool(boot.too_late) is late


@pytest.mark.parametrize(
    ("states", "starts", "unit", "objection"),
    [
        ({"sshd.service": "disabled", "sshd.socket": "enabled"}, "sshd.socket", "sshd", None),
        ({"ssh.service": "disabled", "ssh.socket": "enabled"}, "ssh.socket", "ssh", None),
        ({"ssh.service": "enabled", "sshd.service": "alias"}, "ssh.service", "ssh", None),
        ({"ssh.service": "disabled", "sshd.service": "enabled"}, "sshd.service", "sshd", None),
        ({"sshd.service": "disabled"}, "", "sshd", "sshd.service is disabled"),
        ({}, "", "ssh", "ssh.service has no unit file"),
    ],
)
def test_the_sshd_that_a_host_has(
    states: dict[str, str], starts: str, unit: str, objection: str | None
) -> None:
    line = "ConditionPathExists=/go"
    drop_in = (f"{unit}.socket", "/etc/x.conf", line)
    boot = SystemBoot(frozenset({starts}), states, (drop_in,))
    assert boot.sshd == f"{unit}.service"
    assert boot.objection(boot.sshd) == objection
    assert bool(boot.held_back(boot.sshd)) is starts.endswith(".socket")


@pytest.mark.parametrize(
    ("file", "drop_ins", "changed", "shipped"),
    [
        ("/etc/systemd/user/x.service", [], [], False),
        ("/usr/lib/systemd/user/x.service", [], [], True),
        ("/lib/systemd/system/x.service", [], [], True),
        ("/usr/lib/systemd/user/x.service", ["/etc/systemd/user/x.service.d/a.conf"], [0], False),
        (
            "/home/tegwick/.config/systemd/user/x.service",
            ["/usr/lib/systemd/user/service.d/10-timeout-abort.conf"],
            [],
            False,
        ),
        # No distribution knows a tunnel by its name.
        ("/etc/x.service", ["/usr/lib/systemd/user/x.service.d/a.conf"], [0], False),
        ("/etc/x.service", ["/etc/systemd/user/service.d/a.conf"], [0], False),
    ],
)
def test_what_has_been_changed_by_somebody(
    file: str, drop_ins: list[str], changed: list[int], shipped: bool
) -> None:
    known = parse_units(cases.read("units", "debian13_after").transcript)[HUB]
    found = replace(known, file=file, drop_ins=tuple(drop_ins))
    assert found.changed_by == tuple(drop_ins[n] for n in changed)
    assert found.is_shipped is shipped
