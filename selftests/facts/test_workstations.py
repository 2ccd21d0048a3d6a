"""Questions to a workstation that is no Debian: a Mac's programs answer, or BusyBox's alone."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.facts import FACTS, NotUnderstood
from fleetmesh.facts.sockets import Process, Socket
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import load
from fleetmesh.tunnels import forwards

ROOT = Path(__file__).parents[2]
MACOS = ROOT / "selftests" / "macos"
EVERYWHERE = ("sh", "awk", "cat", "sed", "tr", "grep", "uname", "head", "printf")
INVENTORY = load(ROOT / "fleets" / "rehearsal.yaml")


@pytest.fixture
def mac(tmp_path: Path) -> dict[str, str]:
    """The environment of a Mac: its programs, and no /proc."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in EVERYWHERE:
        (programs / name).symlink_to(shutil.which(name) or name)
    for file in MACOS.iterdir():
        _program(programs / file.name, f"cat {file}")
    _program(programs / "id", "case $1 in -un) echo tegwick ;; *) echo 501 ;; esac")
    return {"PATH": str(programs), "HOME": "/Users/tegwick", "root": str(tmp_path)}


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def asked(fact: str, environment: dict[str, str], shell: str = "sh") -> Any:
    """What the parser of a fact makes of the workstation's answer."""
    probe = FACTS[fact].probes(INVENTORY)["workstation"]
    assert isinstance(probe, Exec)
    done = subprocess.run(
        [
            *shell.split(),
            "-c",
            probe.command.replace("/etc/", f"{environment.get('root', '')}/etc/"),
        ],
        capture_output=True,
        env=environment,
        timeout=20,
        check=False,
    )
    return FACTS[fact].parse(
        Transcript(
            fact=fact,
            subject="workstation",
            host="workstation",
            command=probe.command,
            started=datetime.now(UTC),
            seconds=0.1,
            exit_status=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
        )
    )


def test_mac_says_who_it_is(mac: dict[str, str]) -> None:
    machine = asked("machines", mac)
    assert machine.machine_id == "9e1f1c7a5b7d5a0e8a6b6c2c0c5d0f11"
    assert machine.os == "macOS 14.5"
    assert machine.addresses == ("192.168.64.7",)


def test_mac_says_which_network_cards_it_has(mac: dict[str, str]) -> None:
    assert asked("links", mac) == {"3c:06:30:11:22:33"}


def test_sockets_of_a_mac_name_its_users_own_processes_alone(mac: dict[str, str]) -> None:
    assert [(s.local, s.uid, s.processes) for s in asked("listeners", mac)] == [
        ("127.0.0.1:8000", 501, (("ssh", 812),)),
        ("[::1]:8000", 501, (("ssh", 812),)),
        ("*:5000", 501, (("ControlCenter", 390),)),
        ("0.0.0.0:22", -1, ()),
        ("[fe80::1%lo0]:1024", -1, ()),
    ]
    (connection,) = asked("connections", mac)
    assert (connection.far, connection.processes) == (("198.18.77.12", 22), (("ssh", 812),))


def test_socket_of_nobody_known_may_be_anybodys() -> None:
    socket = Socket("127.0.0.1:18000", "0.0.0.0:*", uid=-1, cgroup=None)
    assert Process(977, own=False, argv=("ssh",), uid=502).may_hold(socket)


def test_processes_of_a_mac_are_read_word_by_word(mac: dict[str, str]) -> None:
    found = {process.pid: process for process in asked("processes", mac)}
    assert found.keys() == {812, 977}
    assert found[812].own
    assert found[812].argv[-2:] == ("127.0.0.1:8000:198.19.43.94:8000", "tegwick@coulombcore")
    assert (found[977].own, found[977].uid) == (False, 502)


def test_mac_without_netstat_is_not_taken_for_one_without_sockets(mac: dict[str, str]) -> None:
    (Path(mac["PATH"]) / "netstat").unlink()
    with pytest.raises(NotUnderstood, match="neither ss nor /proc/net nor netstat"):
        asked("listeners", mac)


def test_busybox_shows_the_sockets_that_ss_does(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if not busybox:
        assert "CI" not in os.environ
        pytest.skip("needs busybox")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        (tmp_path / name).symlink_to(busybox)
    with subprocess.Popen(
        ["python3", "-c", "import socket; s = socket.create_server(('127.0.0.1', 0)); "
         "print(s.getsockname()[1], flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        port = int(server.stdout.readline())
        (found,) = [
            s
            for s in asked("listeners", {"PATH": str(tmp_path)}, f"{busybox} sh")
            if s.port == port
        ]
        server.communicate("\n")
    assert (found.local, found.peer) == (f"127.0.0.1:{port}", "0.0.0.0:*")
    assert (found.uid, found.processes) == (os.getuid(), (("python3", server.pid),))


AGENT = """<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>hub</string>
  <key>ProgramArguments</key>
  <array>
    <string>/usr/bin/ssh</string>
    <string>-N</string>
    <string>-R</string>
    <string>127.0.0.1:18000:127.0.0.1:8000</string>
    <string>railiance01</string>
  </array>
</dict>
</plist>
"""


def test_what_launchd_starts_is_found_and_what_nobody_lists_is_said(
    mac: dict[str, str], tmp_path: Path
) -> None:
    daemons = tmp_path / "Library" / "LaunchDaemons"
    daemons.mkdir(parents=True)
    (daemons / "hub.plist").write_text(AGENT)
    found = asked("autostarts", _with_tools_of_posix(mac))
    (entry,) = found.lines
    assert entry.source == "/Library/LaunchDaemons/hub.plist"
    assert forwards.starts(entry, INVENTORY.workstation.retired["state-hub-railiance01"], found)
    assert {"systemd --user", "systemd --system", "log-in items"} <= {e.source for e in found.aside}
    assert not found.unread


def test_systemd_that_cannot_be_asked_is_not_passed_over(
    mac: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    found = asked("autostarts", _with_tools_of_posix(mac))
    assert [entry.source for entry in found.unread] == ["systemd --user", "systemd --system"]


def _with_tools_of_posix(mac: dict[str, str]) -> dict[str, str]:
    for name in ("env", "ls", "mkdir", "rm", "sort", "cut", "tail", "wc", "uniq", "dirname"):
        (Path(mac["PATH"]) / name).symlink_to(shutil.which(name) or name)
    return mac
