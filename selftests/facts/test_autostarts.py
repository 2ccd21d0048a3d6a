"""What the host's own shell finds that starts by itself, under a root directory of the test's."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.facts import FACTS
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.workstation import AUTOSTARTS, Autostart, Autostarts
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, load
from fleetmesh.inventory.bridging import Bridging
from fleetmesh.tunnels import ends, forwards
from rehearsal.paths import PROJECT

RETIRED = "state-hub-railiance01"
SCRIPT = PROJECT / "fleetmesh/facts/autostarts.sh"
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
NOBODY = 65534


class Machine:
    """A root directory, a home, and the commands that are installed."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.root, self.home, self.bin = folder / "root", folder / "root/home/op", folder / "bin"
        self.shell = shell
        for path in (self.root, self.home, self.bin):
            path.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        tools = "awk cat cut grep head id sed sort tail tr"
        for tool in (*tools.split(), shell[0]):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        if shell[0] == "busybox":
            for tool in ["awk", "cat", "cut", "grep", "head", "id", "sed", "sort", "tail", "tr"]:
                (self.bin / tool).unlink()
                (self.bin / tool).symlink_to(str(shutil.which("busybox")))

    def command(self, name: str, body: str) -> None:
        self.write(self.bin / name, f"#!/bin/sh\n{body}\n", 0o755)

    def write(self, path: Path | str, text: str, mode: int = 0o644) -> Path:
        file = self.root / str(path).lstrip("/") if isinstance(path, str) else path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def units(self, shown: str, listed: str = "") -> None:
        """What systemctl of the user's scope shows at first; the system's has nothing."""
        (self.bin / "listed").write_text(listed)
        (self.bin / "shown").write_text(shown)
        self.command(
            "systemctl",
            f'here={self.bin}; case "$*" in *--system*) exit 0 ;; '
            "*list-unit-files*) cat $here/listed ;; "
            '*" show "*default.target*) cat $here/shown ;; esac',
        )

    def found(self) -> Autostarts:
        environment = {
            "PATH": str(self.bin), "HOME": str(self.home), "root": str(self.root), "LC_ALL": "C",
            "wanted": f"{RETIRED}\n18000",
        }  # fmt: skip
        nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [*self.shell, SCRIPT], env=environment, capture_output=True, timeout=60, **nobody,
        )  # type: ignore[call-overload]  # fmt: skip
        assert done.stderr == b""
        return AUTOSTARTS.parse(
            Transcript(
                fact="autostarts", subject="w", host="w", command="", seconds=0.1,
                started=datetime(2026, 11, 24, tzinfo=UTC), exit_status=done.returncode,
                stdout=done.stdout, stderr=done.stderr,
            )
        )  # fmt: skip

    def has_own(self, tool: str) -> bool:
        """Whether the shell is a BusyBox that has been built with the tool in it."""
        if self.shell[0] != "busybox":
            return False
        listed = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
        return tool in listed.stdout.split()


@pytest.fixture(params=sorted(SHELLS))
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies where its owner alone may look
        yield Machine(Path(folder), SHELLS[request.param])


def lines(found: Autostarts) -> list[tuple[str, str]]:
    return [(entry.source, entry.line) for entry in found.lines]


def unread(found: Autostarts) -> list[tuple[str, str]]:
    # Debian's busybox runs its own crontab, whatever PATH says, which wants to be set-uid.
    said = [(entry.source, entry.line) for entry in found.unread]
    return [each for each in said if each[1] != "crontab: must be suid to work properly"]


UNREADABLE = "this user cannot read it"


def test_nothing_is_found_where_there_is_nothing(machine: Machine) -> None:
    machine.units("")
    machine.command("crontab", 'echo "no crontab for op" >&2; exit 1')
    machine.command("atq", "exit 0")
    found = machine.found()
    assert (lines(found), unread(found), found.passed_over) == ([], [], 0)
    assert [entry.source for entry in found.aside] == ["root and other users"]


def test_missing_tools_are_said(machine: Machine) -> None:
    said = {entry.source: entry.line for entry in machine.found().aside}
    if not machine.has_own("crontab"):
        assert said["crontab"] == "crontab is not installed"
    assert said["at jobs"] == "atq is not installed"
    assert said["systemd --user"] == said["systemd --system"] == "systemctl is not installed"


def test_what_cannot_be_read_is_not_nothing(machine: Machine) -> None:
    machine.command("crontab", 'echo "You (op) are not allowed to use this program" >&2; exit 1')
    machine.command("atq", 'echo "You do not have permission to use atq." >&2; exit 1')
    machine.command("systemctl", 'echo "Failed to connect to bus" >&2; exit 1')
    machine.write("/etc/cron.d/hub", f"@reboot op bridge up {RETIRED}\n", 0o600)
    machine.write("/etc/network/if-up.d/hub", "#!/bin/sh\n", 0o700)
    machine.write("/etc/cron.hourly/x", "", 0o755).parent.chmod(0o700)
    machine.write("/etc/rc.local", "#!/bin/sh\n", 0o700)
    machine.write("/etc/xdg/autostart/hub.desktop", "", 0o600)
    machine.write("/etc/pam.d/sshd", "", 0o600)
    said = sorted(unread(machine.found()))
    if not machine.has_own("crontab"):
        refusal = ("crontab", "You (op) are not allowed to use this program")
        assert refusal in said
        said.remove(refusal)
    assert said == [
        ("/etc/cron.d/hub", UNREADABLE),
        ("/etc/cron.hourly", UNREADABLE),
        ("/etc/network/if-up.d/hub", UNREADABLE),
        ("/etc/pam.d/sshd", UNREADABLE),
        ("/etc/rc.local", UNREADABLE),
        ("/etc/xdg/autostart/hub.desktop", UNREADABLE),
        ("at jobs", "You do not have permission to use atq."),
        ("systemd --system", "Failed to connect to bus"),
        ("systemd --user", "Failed to connect to bus"),
    ]


@pytest.mark.parametrize(
    "place",
    [
        "/etc/crontab", "/etc/anacrontab", "/etc/cron.d/hub", "/etc/cron.hourly/hub",
        "/etc/cron.weekly/hub", "/etc/rc.local", "/etc/inittab", "/etc/profile.d/hub.sh",
        "/etc/network/if-up.d/hub", "/etc/network/interfaces", "/etc/network/interfaces.d/hub",
        "/etc/NetworkManager/dispatcher.d/99-hub", "/etc/NetworkManager/dispatcher.d/pre-up.d/hub",
        "/etc/networkd-dispatcher/routable.d/hub", "/etc/ppp/ip-up", "/etc/ppp/ip-up.d/hub",
        "/etc/dhcp/dhclient-exit-hooks", "/etc/dhcp/dhclient-exit-hooks.d/hub", "/etc/ssh/sshrc",
        "/home/op/.ssh/rc", "/home/op/.profile", "/home/op/.bashrc", "/home/op/.config/i3/config",
        "/home/op/.config/fish/config.fish", "/etc/systemd/system-sleep/hub",
        "/etc/systemd/system-generators/hub", "/home/op/.config/autostart-scripts/hub",
        "/etc/X11/Xsession.d/99hub",
    ],
)  # fmt: skip
def test_every_place_is_looked_at_and_other_lines_stay(machine: Machine, place: str) -> None:
    text = f"# bridge up {RETIRED}\nmysqldump -pSECRET all\n\tbridge up {RETIRED}\n"
    machine.write(place, text, 0o755)
    found = machine.found()
    assert lines(found) == [(place, f"bridge up {RETIRED}")]
    assert (unread(found), found.passed_over) == ([], 1)


def test_udev_and_pam_run_things(machine: Machine) -> None:
    rule = f'ACTION=="add", SUBSYSTEM=="net", RUN+="/usr/local/bin/bridge up {RETIRED}"'
    machine.write("/etc/udev/rules.d/99-hub.rules", f'KERNEL=="ssh"\n{rule}\n')
    machine.write("/etc/pam.d/login", "session optional pam_exec.so /opt/hub.sh\nauth ssh\n")
    machine.write("/opt/hub.sh", f"#!/bin/sh\nexec bridge up {RETIRED}\n", 0o755)
    assert lines(machine.found()) == [
        ("/etc/udev/rules.d/99-hub.rules", rule),
        ("/opt/hub.sh, run by /etc/pam.d/login", f"exec bridge up {RETIRED}"),
    ]


def test_hook_that_is_not_executable_does_not_run(machine: Machine) -> None:
    machine.write("/etc/cron.hourly/hub", f"bridge up {RETIRED}\n", 0o644)
    assert lines(machine.found()) == []


def test_jobs_of_at_are_read(machine: Machine) -> None:
    machine.command("atq", r"printf '3\tThu Nov 26 02:00:00 2026 a op\n'")
    machine.command("at", f'[ "$*" = "-c 3" ] && echo "TOKEN=abc; bridge up {RETIRED}"')
    assert lines(machine.found()) == [("at job 3", f"TOKEN=abc; bridge up {RETIRED}")]


ENTRY = f"[Desktop Entry]\nType=Application\nExec=bridge up {RETIRED}\n"


@pytest.mark.parametrize(
    ("entry", "starts"),
    [
        (ENTRY, True),
        (f"{ENTRY}Hidden=false\n", True),
        (f"{ENTRY}Hidden=true\n", False),
        (f"{ENTRY}[Desktop Action x]\nHidden=true\n", True),
        (f"{ENTRY}X-GNOME-Autostart-enabled=false\n", False),
        (f"{ENTRY}TryExec=/nowhere/bridge\n", False),
        (f"{ENTRY}TryExec=cat\n", True),
        (f"{ENTRY}OnlyShowIn=KDE;\n", False),
        (f"{ENTRY}OnlyShowIn=KDE;GNOME;\n", True),
        ("[Desktop Entry]\nType=Link\n", False),
    ],
)
def test_desktop_entry_starts_or_not(machine: Machine, entry: str, starts: bool) -> None:
    machine.write("/usr/share/xsessions/gnome.desktop", "DesktopNames=GNOME-Flashback;GNOME;\n")
    machine.write("/home/op/.config/autostart/hub.desktop", entry)
    shown = ("/home/op/.config/autostart/hub.desktop", f"bridge up {RETIRED}")
    assert lines(machine.found()) == [shown][: 1 if starts else 0]


def test_entry_of_the_user_hides_the_systems(machine: Machine) -> None:
    machine.write("/etc/xdg/autostart/hub.desktop", ENTRY)
    assert len(lines(machine.found())) == 1
    machine.write("/home/op/.config/autostart/hub.desktop", f"{ENTRY}Hidden=true\n")
    assert lines(machine.found()) == []


def unit(name: str, command: str, *more: str) -> str:
    exec_start = f"ExecStart={{ path=/x ; argv[]={command} ; ignore_errors=no ; pid=0 }}"
    return "\n".join([*more, exec_start, f"Id={name}", "", ""])


@pytest.mark.parametrize(
    ("command", "more", "line"),
    [
        ("/usr/bin/ssh -N -R ${PORT}:h:1 r", ["Environment=PORT=18000"], "ssh -N -R 18000:h:1 r"),
        ("/usr/bin/ssh $OPTS r", ['Environment=A=b "OPTS=-N -R 18000:h:1"'],
         "ssh -N -R 18000:h:1 r"),
        ("/usr/bin/ssh $OPTS r", ["EnvironmentFiles=/etc/default/hub (ignore_errors=no)"],
         "ssh -N -R 18000:h:1 r"),
        ("/usr/bin/ssh $OPTS r", ["Environment=OPTS=-q",
                                  "EnvironmentFiles=/etc/default/hub (ignore_errors=no)"],
         "ssh -N -R 18000:h:1 r"),
        ("/usr/bin/ssh -N $UNSET r", [], "ssh -N  r"),
        ("/bin/sh -c ssh $UNSET r", [], "ssh $UNSET r"),
        ("/usr/bin/ssh -o User=$$x r", [], "ssh -o User=$x r"),
    ],
)  # fmt: skip
def test_variables_of_a_unit_are_replaced(
    machine: Machine, command: str, more: list[str], line: str
) -> None:
    machine.write("/etc/default/hub", "# x\nOPTS='-N -R 18000:h:1'\nSECRET=s\n")
    machine.units(unit("hub.service", command, *more))
    [(source, shown)] = lines(machine.found())
    assert (source, shown.rpartition("/")[2].removeprefix("sh -c ")) == ("hub.service", line)


def test_environment_file_that_cannot_be_read_resolves_nothing(machine: Machine) -> None:
    machine.write("/etc/default/hub", "OPTS='-N -R 18000:h:1'\n", 0o600)
    file = "EnvironmentFiles=/etc/default/hub (ignore_errors=yes)"
    machine.units(
        unit("hub.service", "/usr/bin/ssh $OPTS r", "Environment=OPTS=-q", file)
        + unit("shell.service", "/bin/sh -c $RUN", file)
        + unit("other.service", "/usr/bin/other $OPTS", file)
    )
    found = machine.found()
    assert lines(found) == [
        ("hub.service", "/usr/bin/ssh $OPTS r"), ("shell.service", "/bin/sh -c $RUN"),
    ]  # fmt: skip
    reason = "this user cannot read its EnvironmentFile /etc/default/hub"
    assert unread(found) == [("hub.service", reason), ("shell.service", reason)]


def test_units_that_are_pulled_in_or_triggered_are_asked_for_too(machine: Machine) -> None:
    machine.units("Id=default.target\nWants=a.service x.mount\n\nId=on.timer\nTriggers=b.service\n")
    (machine.bin / "more").write_text(
        unit("a.service", "/usr/bin/ssh a", r"Upholds=hub@18000\x2d.service")
        + unit("b.service", "/usr/bin/ssh b", "OnFailure=a.service")
    )
    (machine.bin / "last").write_text(
        unit(
            r"hub@18000\x2d.service", "/usr/bin/ssh -R 18000:h:1 c", r"Wants=hub@18000\x2d.service"
        )
    )
    body = (machine.bin / "systemctl").read_text()
    asked = f"*' show '*'-- a.service b.service') cat {machine.bin}/more ;;"
    asked += f" *' show '*'-- hub@18000\\x2d.service') cat {machine.bin}/last ;; esac"
    machine.write(machine.bin / "systemctl", body.replace("esac", asked), 0o755)
    assert [source for source, _ in lines(machine.found())] == [
        "a.service", "b.service", r"hub@18000\x2d.service",
    ]  # fmt: skip


def test_units_that_udev_names_for_a_device_are_asked_for_too(machine: Machine) -> None:
    machine.write(
        machine.root / "etc/udev/rules.d/90-hub.rules",
        '# ENV{SYSTEMD_USER_WANTS}="no.service"\n'
        'SUBSYSTEM=="net", ENV{SYSTEMD_WANTS}+="system.service", '
        'ENV{SYSTEMD_USER_WANTS}="light@.service $name.service", '
        'ENV{SYSTEMD_USER_WANTS}+="hub.service"\n',
    )
    machine.units(unit("hub.service", "/usr/bin/ssh r"))
    systemctl = machine.bin / "systemctl"
    only = systemctl.read_text().replace("default.target*)", '"default.target hub.service")')
    machine.write(systemctl, only, 0o755)
    assert lines(machine.found()) == [("hub.service", "/usr/bin/ssh r")]


def test_scripts_are_read_through_two_levels(machine: Machine) -> None:
    machine.units(unit("hub.service", "/opt/one.sh start"))
    machine.write("/opt/one.sh", '#!/bin/sh\nDIR=/opt\nexec "$DIR/two.sh"\n', 0o755)
    machine.write("/opt/two.sh", "#!/bin/bash\n. /opt/three\n", 0o755)
    machine.write("/opt/three", f"PORT=18000\nssh -N \\\n  -R $PORT:h:1 r\necho {RETIRED}\n")
    machine.write("/opt/four", "#!/bin/sh\nssh -R 18000:h:1 r", 0o755)  # nobody runs it
    source = "/opt/two.sh, run by /opt/one.sh, run by hub.service"
    assert lines(machine.found()) == []
    machine.write("/opt/two.sh", "#!/bin/bash\nPORT=18000\nssh -N \\\n  -R $PORT:h:1 r\n", 0o755)
    assert lines(machine.found()) == [
        (source, "PORT=18000"), (source, "ssh -N    -R 18000:h:1 r"),
    ]  # fmt: skip


def test_scripts_are_found_where_people_keep_theirs(machine: Machine) -> None:
    machine.write("/etc/crontab", "@reboot op hub-up\n5 * * * * op ~/hub; sh ~/plain\n")
    machine.write("/home/op/.local/bin/hub-up", "#!/bin/sh\nssh a\n", 0o755)
    machine.write("/home/op/hub", "#!/usr/bin/env python3\n# ssh\nrun('ssh b')\n", 0o755)
    machine.write("/home/op/plain", "ssh c\n")
    machine.write("/usr/local/bin/bridge", "#!/bin/sh\nssh of ops-bridge itself\n", 0o755)
    assert {line for _, line in lines(machine.found())} == {"ssh a", "run('ssh b')", "ssh c"}


def test_script_that_cannot_be_read_is_said(machine: Machine) -> None:
    machine.write("/opt/hub.sh", "#!/bin/sh\n", 0o711)
    machine.write("/opt/data", "", 0o600)
    machine.write("/root/hub.sh", "#!/bin/sh\n", 0o755).parent.chmod(0o700)
    machine.write(
        "/etc/crontab",
        "PATH=/bin\n@daily root /root/hub.sh\n* * * * * op /opt/hub.sh /opt/data >/root/log\n"
        "@daily root tar cf /root/backup.tar /home\n",
    )
    assert unread(machine.found()) == [
        ("/root/hub.sh, run by /etc/crontab", UNREADABLE),
        ("/opt/hub.sh, run by /etc/crontab", UNREADABLE),
    ]


def test_variable_that_is_assigned_twice_is_not_resolved(machine: Machine) -> None:
    machine.write("/etc/rc.local", "P=1\nP=2\nfor Q in 1 2; do\nQ=3\nssh -R $P:h:$Q r\nssh $0\n")
    assert [line for _, line in lines(machine.found())] == ["ssh -R $P:h:$Q r", "ssh $0"]


def test_ssh_says_what_its_configuration_adds(machine: Machine) -> None:
    machine.command("ssh", 'shift 2; echo "hostname $1"; echo "port 22"; '
                           'echo "remoteforward 18000 [127.0.0.1]:8000"')  # fmt: skip
    machine.write("/home/op/.profile", "ssh -fN -i /key -o A=b op@backhaul\n")
    machine.write("/home/op/.ssh/config", "Include more\nHost backhaul\n")
    machine.write("/home/op/.ssh/more", " RemoteForward 18000 127.0.0.1:8000\n Secret x\n")
    found = machine.found()
    assert found.settings.keys() == {"op@backhaul"}
    assert found.settings["op@backhaul"].values == {
        "hostname": ("op@backhaul",), "remoteforward": ("18000 [127.0.0.1]:8000",),
    }  # fmt: skip
    assert [(entry.source, entry.line) for entry in found.configured] == [
        ("/home/op/.ssh/more", "RemoteForward 18000 127.0.0.1:8000")
    ]


def test_a_text_cannot_pass_for_another(machine: Machine) -> None:
    machine.write("/home/op/.profile", "\1text\t/etc/passwd\nend\nstarts\tx\tssh y\n")
    assert lines(machine.found()) == [("/home/op/.profile", "starts\tx\tssh y")]


@pytest.fixture
def fleet() -> Inventory:
    return load(PROJECT / "fleets/rehearsal.yaml")


def test_a_megabyte_of_variables_takes_no_time_worth_telling(machine: Machine) -> None:
    machine.write("/home/op/.profile", "a $b " * 200_000 + "\nssh h\n" + "c ${d}\n" * 20_000)
    found = machine.found()  # within its deadline
    assert (lines(found), found.passed_over) == ([("/home/op/.profile", "ssh h")], 20_001)


LINES: list[tuple[str, bool, str | None]] = [
    (f"bridge up {RETIRED}", True, None),
    (f"bridge down {RETIRED}", False, None),
    (f"systemctl --user disable --now {RETIRED}.service", False, None),
    (f"bridge down {RETIRED} && sleep 1 && bridge up {RETIRED}", True, None),
    (f"systemctl --user start {RETIRED}.service", True, None),
    (f"for t in {RETIRED}; do bridge up $t; done", True, "not resolved: $t"),
    ("ssh -N -R 18000:127.0.0.1:8000 r", True, None),
    ("ssh -N -R 127.0.0.1:18000:127.0.0.1:8000 r", True, None),
    ("/usr/bin/ssh -N -o 'RemoteForward=18000 127.0.0.1:8000' r", True, None),
    ("ssh -N -o RemoteForward=18000:127.0.0.1:8000 r", True, None),
    ("ssh -N -oRemoteForward=18000\\ 127.0.0.1:8000 r", True, None),
    ("/bin/sh -c 'exec ssh -N -R 18000:127.0.0.1:8000 r'", True, None),
    ("/bin/sh -c exec ssh -N -R 18000:127.0.0.1:8000 r", True, None),
    ("while true; do ssh -N -R 18000:h:1 r; sleep 5; done", True, None),
    ("autossh -M 0 -f -N -R 18000:h:1 r", True, None),
    ("chisel client https://r R:18000:localhost:8000", True, None),
    ("subprocess.run(['ssh', '-N', '-R', '18000:h:1', 'r'])", True, None),
    ("ssh -N backhaul", True, None),
    ("ssh -N plain", False, None),
    ("ssh -N -L 127.0.0.1:18000:10.0.0.1:8000 plain", False, None),
    ("curl http://127.0.0.1:18000/health", False, None),
    ("ssh -N -R 118000:h:1 plain", False, None),
    ("ssh -N -R ${PORT}:h:1 plain", False, "not resolved: remoteforward ${PORT}:h:1"),
    ("ssh -N $OPTIONS", False, "not resolved: destination $OPTIONS"),
    ("ssh -N plain $OPTIONS", False, "not resolved: command $OPTIONS"),
    ("ssh -N `cat /host`", False, "not resolved: destination `cat"),
    ("ssh -i $KEY -l $USER -p $P plain uptime", False, None),
    ('ssh "$HOST" uptime', False, "what ssh_config has for $HOST is not known"),
    ('ssh plain "rm $FILE"', False, None),
    ("ssh -F /opt/config r", False, "its configuration is /opt/config"),
    ("ssh -F none r", False, None),
    ("ssh unknown", False, "what ssh_config has for unknown is not known"),
    ("bridge up --autostart", False, None),
    ("bridge up --all", False, "which tunnels are meant by --all is not known"),
    ('bridge up "$NAME"', False, "not resolved: $NAME"),
    ("bridge link set dev eth0", False, None),
    ("bridge -d link set dev $IF", False, None),
    ("ip link set bridge up", False, None),
    ("ip link add br0 type bridge $MORE", False, None),
    ("/usr/local/bin/bridge --config /etc/bridge.yaml up --all", False,
     "which tunnels are meant by --all is not known"),
    ("bridge up --config /etc/bridge.yaml --all", False,
     "which tunnels are meant by --config --all is not known"),
    ("bridge up {state-hub,issue-core}-railiance01", True, None),
    ("bridge up {issue-core,other}-railiance01", False, None),
    ("bridge list | xargs -n1 bridge up", False, "which tunnels xargs names is not known"),
    ("cat words | xargs bridge", False, "what xargs tells it is not known"),
    ("for t in state-hub; do bridge -q up $t-railiance01; done", False,
     "not resolved: $t-railiance01"),
    ("@reboot bridge $(cat /home/x/.bridge-args)", False, "not resolved: $"),
    ("bridge $ACTION", False, "not resolved: $ACTION"),
    ("@reboot bridge up", False, "which tunnels are meant where none is named is not known"),
    ("bridge up 'state-hub-*'", False, "which tunnels are meant by state-hub-* is not known"),
    ("bridge -q up issue-core-railiance01", False, None),
    (f"bridge --config /etc/bridge.yaml down {RETIRED}", False, None),
    (f"sh -c 'bridge down {RETIRED}'", False, None),
    (f"sh -c 'sleep 9; bridge up {RETIRED}'", True, None),
    ("sh -c 'bridge up --all'", False, "which tunnels are meant by --all is not known"),
    ("bridge list; bridge status $X", False, None),
    ("/bin/sh -c $RUN", False, "sh runs what $RUN holds"),
    ('sh -c "$RUN"', False, "sh runs what $RUN holds"),
    ('sh -c "$RUN now"', False, None),
    ("systemctl restart ssh", False, None),
    ("echo 'it is", False, None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "starts", "reason"), LINES, ids=[line for line, _, _ in LINES])
def test_line_is_judged(line: str, starts: bool, reason: str | None, fleet: Inventory) -> None:
    text = (
        f"starts\ta\t{line}\npassed\t-\t0\nsettings\tplain\thostname plain\n"
        "settings\tbackhaul\thostname r\nsettings\tr\thostname r\n"
        "settings\tbackhaul\tremoteforward 18000 [127.0.0.1]:8000\n"
        "config\t~/.ssh/config\tRemoteForward 18000 127.0.0.1:8000\nend\n"
    )
    found = FACTS["autostarts"].parse(
        Transcript(
            fact="autostarts", subject="w", host="w", command="", seconds=0.1, exit_status=0,
            started=datetime(2026, 11, 24, tzinfo=UTC), stdout=text.encode(),
        )
    )  # fmt: skip
    retired = fleet.workstation.retired[RETIRED]
    [entry] = found.lines
    assert forwards.starts(entry, retired, found) is starts
    assert forwards.unresolved(entry, retired, found) == reason


@pytest.mark.parametrize(
    ("line", "starts", "reason"),
    [
        ("@reboot tunnelctl up --all", False, "which tunnels are meant by --all is not known"),
        (f"@reboot tunnelctl start {RETIRED}", True, None),
        (f"@daily tunnelctl stop {RETIRED}", False, None),
        (f"@daily tunnelctl --plain status {RETIRED}", False, None),
    ],
)
def test_the_bridge_may_have_another_name(
    line: str, starts: bool, reason: str | None, fleet: Inventory
) -> None:
    entry, retired = Autostart("crontab", line), fleet.workstation.retired[RETIRED]
    found = Autostarts((entry,), (), (), 0, {}, ())
    assert forwards.starts(entry, retired, found, "tunnelctl") is starts
    assert forwards.unresolved(entry, retired, found, "tunnelctl") == reason


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (("bridge",), "bridge"),
        (("sudo", "-u", "ops", "bridge", "--config", "/etc/bridge.yaml"), "bridge"),
        (("sudo", "-n", "/opt/bin/tunnelctl", "--plain"), "tunnelctl"),
        (("env", "LC_ALL=C", "tunnelctl"), "tunnelctl"),
        (("python3", "-m", "ops_bridge", "-v"), "ops_bridge"),
    ],
)
def test_the_host_is_asked_for_the_bridge_by_its_name(
    command: tuple[str, ...], program: str, fleet: Inventory
) -> None:
    bridge = Bridging(command=command)
    workstation = fleet.workstation.model_copy(update={"bridge": bridge})
    named = fleet.model_copy(update={"workstation": workstation})
    asked = AUTOSTARTS.probes(named)[workstation.host].command  # type: ignore[attr-defined]
    assert bridge.program == program
    assert (f"\n{program}' ends=" in asked) is (program != "bridge")


@pytest.mark.parametrize(
    ("configured", "reason"),
    [
        ("RemoteForward 18000 127.0.0.1:8000", "what ssh_config has for $H is not known"),
        ('RemoteForward="*:18000" 127.0.0.1:8000', "what ssh_config has for $H is not known"),
        ("remoteforward /run/hub.sock 127.0.0.1:8000", "what ssh_config has for $H is not known"),
        ("RemoteForward 9418 127.0.0.1:9418", None),
        ("RemoteForward 127.0.0.1:9418 127.0.0.1:18000", None),
    ],
)
def test_a_forward_from_another_port_makes_no_unknown_host_a_retired_tunnel(
    configured: str, reason: str | None, fleet: Inventory
) -> None:
    entry = Autostart("backup.sh", 'ssh "$H" uptime')
    found = Autostarts((entry,), (), (), 0, {}, (Autostart("~/.ssh/config", configured),))
    assert forwards.unresolved(entry, fleet.workstation.retired[RETIRED], found) == reason


UNIT = ("fleet-hub.service", "fleet-hub")
ENDS = [
    ("systemctl --user stop fleet-hub", True),
    ("/usr/bin/systemctl --user disable --now fleet-hub.service", True),
    ("/bin/sh -c systemctl --user mask fleet-hub.service", True),
    ("*/5 * * * * sh -c 'sleep 9; systemctl --user --no-block stop fleet-hub'", True),
    ("0 3 * * * root systemctl --user -M tegwick@ stop fleet-*.service", True),
    ("systemctl stop user@1000.service", True),
    ("loginctl disable-linger", True),
    ("loginctl terminate-user tegwick", True),
    ("systemctl --user isolate rescue.target", True),
    ("rm -f /home/op/.config/systemd/user/fleet-hub.service", True),
    ("mv ~/.config/systemd/user/fleet-* /tmp", True),
    ("bridge down fleet-hub", True),
    ("bridge -q down fleet-hub", True),
    ("0 2 * * * systemctl --user exit", True),
    ("systemctl poweroff", True),
    ("systemctl --user start exit.target", True),
    ("systemctl --user stop app.slice", True),
    ("systemctl --user stop basic.target", True),
    ("sudo systemctl stop user-1000.slice", True),
    ("systemctl --user start --job-mode=isolate rescue.target", True),
    ("systemctl --user start --job-mode isolate rescue.target", True),
    ("systemctl --user freeze fleet-hub", True),
    ("systemctl --user kill --signal=SIGSTOP fleet-hub", True),
    ("systemctl --user stop {fleet-hub,backup}", True),
    ("rm -rf ~/.config/systemd/user/default.target.wants", True),
    ("rm -rf /home/op/.config/systemd/user/", True),
    ("rm -f /home/op/.config/systemd/user/*", True),
    ('for u in a b; do systemctl --user stop "$u"; done', None),
    ("systemctl --user list-units --plain | xargs systemctl --user stop", None),
    ("systemctl --user restart fleet-hub", False),
    ("systemctl --user isolate default.target", False),
    ("systemctl --user start --job-mode=replace fleet-hub", False),
    ("systemctl --user stop backup.slice", False),
    ("systemctl --user freeze backup", False),
    ("systemctl --user kill fleet-hub", False),
    ("systemctl --user exit-codes", False),
    ("rm -rf /tmp/*", False),
    ("rm -rf /var/log/fleet-hub", False),
    ("rm -rf /etc/systemd/system/multi-user.target.wants", False),
    ("mv fleet-hub.new ~/.config/systemd/user/fleet-hub.service", False),
    ("systemctl --user is-active fleet-hub || systemctl --user start fleet-hub", False),
    ("systemctl --user stop backup.service", False),
    ('systemctl stop "$service"', False),
    ("ssh coulombcore systemctl --user stop fleet-hub", False),
    ("systemctl --user -H coulombcore stop fleet-hub", False),
    ('rm -f "$HOME/.ssh/agent"', False),
    ("loginctl list-users", False),
    ("echo fleet-hub", False),
]


@pytest.mark.parametrize(("line", "ended"), ENDS, ids=[line for line, _ in ENDS])
def test_line_that_ends_a_unit_is_told(line: str, ended: bool | None) -> None:
    entry = Autostart("x", line)
    if ended is None:
        with pytest.raises(Inconclusive, match="which units it ends is not known"):
            ends.ends(entry, UNIT)
    else:
        assert ends.ends(entry, UNIT) is ended


STOP, START = "systemctl --user stop fleet-hub", "systemctl --user start fleet-hub"
NIGHTLY = f"0 2 * * * {STOP}"
AGAIN = [
    ("renew.sh", [STOP, "sleep 2", START], True),
    ("renew.sh", [START, STOP], False),
    ("renew.sh", [STOP, f"echo {START}"], False),
    ("renew.sh", [STOP, f"ssh coulombcore {START}"], False),
    ("renew.sh", [STOP, "systemctl start fleet-hub"], False),
    ("renew.sh", [STOP, "systemctl --user -H coulombcore start fleet-hub"], False),
    ("renew.sh", [STOP, START, "systemctl --user mask fleet-hub"], False),
    ("renew.sh", ["systemctl --user freeze fleet-hub", "systemctl --user thaw fleet-hub"], True),
    ("renew.sh", [f"{STOP} && tar czf b.tgz . ; {START}"], True),
    ("renew.sh", [f"{STOP}; sleep 5m; {START}"], True),
    ("renew.sh", [f"{STOP}; sleep 6h; {START}"], False),
    ("renew.sh", [f"sleep 6h; {STOP}; {START}"], True),
    ("renew.sh", [f"{START}; {STOP}"], False),
    ("crontab", [NIGHTLY, f"10 2 * * * {START}"], True),
    ("crontab", [f"10 2 * * * {START}", NIGHTLY], True),
    ("crontab", [NIGHTLY, f"*/5 * * * * {START}"], True),
    ("crontab", [NIGHTLY, f"5 2 * * * systemctl --user is-active fleet-hub || {START}"], True),
    ("crontab", [f"{NIGHTLY} x.service", "9 2 * * * systemctl --user start x fleet-hub"], True),
    ("crontab", ["0 2 * * * systemctl --user stop 'fleet-*'",
                 "10 2 * * * systemctl --user start 'fleet-*'"], True),
    ("crontab", ["58 23 31 12 * " + STOP, f"@yearly {START}"], True),
    ("/etc/cron.d/x", [f"0 2 * * * op {STOP}", f"5 2 * * * op {START}"], True),
    ("crontab", [NIGHTLY, f"0 2 * * * {START}"], False),
    ("crontab", [NIGHTLY, f"11 2 * * * {START}"], False),
    ("crontab", [NIGHTLY, f"@reboot {START}"], False),
    ("crontab", [NIGHTLY, f"0 6 * * 1 {START}"], False),
    ("crontab", [NIGHTLY, f"5 2 * * 1-6 {START}"], False),
    ("crontab", [NIGHTLY, "5 2 * * * echo will restart fleet-hub"], False),
    ("crontab", [NIGHTLY, "5 2 * * * systemctl --user start fleet-other"], False),
    ("crontab", [f"@reboot {STOP}", f"* * * * * {START}"], False),
    ("crontab", ["0 2 * * * systemctl --user disable --now fleet-hub", f"5 2 * * * {START}"],
     False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "given", "again"), AGAIN, ids=[" ;; ".join(given) for _, given, _ in AGAIN]
)
def test_what_is_started_again_soon_is_not_ended(
    source: str, given: list[str], again: bool
) -> None:
    entries = tuple(Autostart(source, line) for line in given)
    found = Autostarts(entries, (), (), 0, {}, ())
    ended = next(entry for entry in entries if ends.ends(entry, UNIT))
    assert ends.starts_again(ended, UNIT, found) is again
    elsewhere = Autostarts((ended, *(Autostart("y", line) for line in given)), (), (), 0, {}, ())
    if not any(entry is not ended for entry in entries):
        return
    assert not ends.starts_again(ended, UNIT, elsewhere)


FUNCTIONS = {
    "uplink() { ssh -N -R 18000:h:1 r; }": False,
    "uplink() { ssh -N -R 18000:h:1 r; }; uplink": True,
    "uplink() {\n  ssh -N -R 18000:h:1 r\n}\nuplink &": True,
    "function uplink {\n  ssh -N -R 18000:h:1 r\n}": False,
    "function uplink\n{\n  ssh -N -R 18000:h:1 r\n}\nexport EDITOR=vi": False,
    "uplink() {\n  if true; then { ssh -N -R 18000:h:1 r; } fi\n}\n[ -t 0 ] || uplink": True,
    "one() { ssh -N -R 18000:h:1 r; }\ntwo() { one; }": False,
    "one() { ssh -N -R 18000:h:1 r; }\ntwo() { one; }\ntrap two EXIT": True,
    "say() { echo '{'; }\nssh -N -R 18000:h:1 r\nend() { echo '}'; }": True,
    "say() {\n  cat <<E\n{\nE\n}\nssh -N -R 18000:h:1 r": True,
    "say() { echo \"it's\nssh -N -R 18000:h:1 r": True,
    "open() { true\nssh -N -R 18000:h:1 r": True,
    "PROMPT_COMMAND=uplink\nuplink() { ssh -N -R 18000:h:1 r; }": True,
    "function uplink\n  ssh -N -R 18000:h:1 r\nend\nset -x EDITOR vi": False,
    "function uplink\n  ssh -N -R 18000:h:1 r\nend\nuplink": True,
}


@pytest.mark.parametrize(("text", "seen"), FUNCTIONS.items(), ids=FUNCTIONS)
def test_a_function_counts_where_somebody_calls_it(machine: Machine, text: str, seen: bool) -> None:
    machine.write(machine.home / ".profile", f"{text}\n")
    assert any("ssh -N" in line for _, line in lines(machine.found())) is seen


def test_a_function_is_called_from_another_file(machine: Machine) -> None:
    machine.write(machine.home / ".bashrc", "uplink() {\n  ssh -N -R 18000:h:1 r\n}\n")
    assert lines(machine.found()) == []
    machine.write(machine.home / ".profile", "uplink\n")
    assert lines(machine.found()) == [("/home/op/.bashrc", "ssh -N -R 18000:h:1 r")]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([line for line, _, _ in LINES]) | st.text(max_size=9), max_size=4))
def test_any_line_is_judged(parts: list[str]) -> None:
    entry = Autostart("a", " ".join(parts))
    found = Autostarts((entry,), (), (), 0, {}, (entry,))
    retired = load(PROJECT / "fleets/rehearsal.yaml").workstation.retired[RETIRED]
    assert forwards.starts(entry, retired, found) in (True, False)
    forwards.unresolved(entry, retired, found)
