"""systemd units of the tunnels' user, and what its manager boots."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, blocks, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.legible import brief
from fleetmesh.text.shell import join


@dataclass(frozen=True)
class Unit:
    """One unit as systemd has it loaded; the words are systemd's own."""

    name: str
    load: str
    active: str
    sub: str
    result: str
    file_state: str
    file: str
    drop_ins: tuple[str, ...]
    need_reload: bool
    main_pid: int
    started: float | None
    """Start of the main process, seconds since the epoch on the host's clock."""
    started_within: float
    """So many seconds after `started` it may have been: 0, or 1 where systemd tells whole ones."""
    restarts: int
    commands: tuple[str, ...]
    """The argument vectors of ExecStart, each joined by spaces as systemctl shows them."""
    user: str = ""
    """As whom the system's manager runs it; empty for root, and for a user's own unit."""

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the system, and nobody has changed it since."""
        return _SHIPPED.match(self.file) is not None and not self.changed_by

    @property
    def changed_by(self) -> tuple[str, ...]:
        """Its drop-ins, but for those that a distribution has for every service, as Fedora does."""
        return tuple(file for file in self.drop_ins if not _FOR_EVERY_SERVICE.fullmatch(file))

    @property
    def survives_reboot(self) -> bool:
        """Only the exact word `enabled` does; see systemctl(1), is-enabled."""
        return self.file_state == "enabled"

    @property
    def never_started(self) -> bool:
        """Whether its manager has not once tried to start it; also of a unit that is not there."""
        tried = (self.started, self.main_pid, self.restarts) != (None, 0, 0)
        return self.active == "inactive" and not tried


_SHIPPED = re.compile(r"(?:/usr)?/lib/systemd/(?:system|user)/")
_FOR_EVERY_SERVICE = re.compile(rf"{_SHIPPED.pattern}service\.d/[^/]+\.conf")
_PROPERTIES = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "MainPID",
    "ExecMainStartTimestamp",
    "NRestarts",
    "ExecStart",
]


_NO_SYSTEMD = "no-systemd"


def _units(inventory: Inventory) -> dict[str, Probe]:
    tunnels = [t for t in inventory.tunnels.values() if not t.by_system]
    retired = [t for t in inventory.workstation.retired.values() if t.scope == "user"]
    units = [unit for t in tunnels for unit in (t.unit, t.own_unit)]
    named = join(dict.fromkeys([*units, *(t.unit for t in retired if t.unit)]))
    command = f"command -v systemctl >/dev/null || {{ echo {_NO_SYSTEMD}; exit; }}\n"
    command += show(_PROPERTIES, f"{named} '*.service' '*.timer'")
    hosts = (*inventory.carriers, inventory.workstation.host)
    return {host: Exec(host, command) for host in hosts}


def show(properties: Iterable[str], units: str, systemctl: str = "systemctl --user") -> str:
    """The shell's command that shows these properties of units, with times as exact as can be."""
    wanted = " ".join(f"-p {name}" for name in properties)
    return (
        "exact=--timestamp=us+utc; systemctl $exact --version >/dev/null 2>&1 || exact=; "
        f"TZ=UTC {systemctl} show --all --no-pager $exact {wanted} -- {units}"
    )


def _system_units(inventory: Inventory) -> dict[str, Probe]:
    """Of the hosts where the system's manager runs a tunnel, or one that is retired."""
    return {
        host: Exec(host, show((*_PROPERTIES, "User"), f"{join(units)} '*.service'", "systemctl"))
        for host, units in inventory.system_units.items()
    }


def parse_units(transcript: Transcript) -> dict[str, Unit]:
    """Read `systemctl --user show --timestamp=us+utc`; systemctl(1).

    Before systemd 248 it tells whole seconds, and before 247 it does not know the option. A host
    without systemd has no units.
    """
    units: dict[str, Unit] = {}
    if succeeded(transcript).strip() == _NO_SYSTEMD:
        return units
    for block in blocks(succeeded(transcript)):
        missing = {"Id", "LoadState", "ActiveState", "SubState"} - block.keys()
        if missing:
            raise NotUnderstood(f"a unit without {', '.join(sorted(missing))}")
        unit = _unit(block)
        units[unit.name] = unit
    if not units:
        raise NotUnderstood("no unit in the output")
    return units


UNITS = Fact("units", _units, parse_units)
SYSTEM_UNITS = Fact("system_units", _system_units, parse_units)


def _unit(block: dict[str, str]) -> Unit:
    if repeated := [key for key in block if "\n" in block[key] and key != "ExecStart"]:
        raise NotUnderstood(f"{repeated[0]} is given more than once")
    try:
        started, started_within = _time(block.get("ExecMainStartTimestamp", ""))
        return Unit(
            name=block["Id"],
            load=block["LoadState"],
            active=block["ActiveState"],
            sub=block["SubState"],
            result=block.get("Result", ""),
            file_state=block.get("UnitFileState", ""),
            file=block.get("FragmentPath", ""),
            drop_ins=tuple(block.get("DropInPaths", "").split()),
            need_reload={"yes": True, "no": False}[block["NeedDaemonReload"]],
            main_pid=int(block.get("MainPID", "0")),
            started=started,
            started_within=started_within,
            restarts=int(block.get("NRestarts", "0")),
            commands=tuple(
                re.findall(r"argv\[\]=(.*?) ; ignore_errors=", block.get("ExecStart", ""))
            ),
            user=block.get("User", ""),
        )
    except (KeyError, ValueError) as error:
        raise NotUnderstood(f"{block['Id']}: {error}") from None


def _time(printed: str) -> tuple[float | None, float]:
    """Seconds since the epoch, and how many later it may have been.

    To the microsecond, where systemd tells it: an edit may follow a start within a second.
    """
    if printed in ("", "n/a"):
        return None, 0.0
    match = re.fullmatch(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{6})? UTC", printed)
    if not match:
        example = "Tue 2026-11-24 02:32:15.123456 UTC"
        raise NotUnderstood(f"expected a time such as {example}, found {printed!r}")
    time = datetime.fromisoformat(f"{match[1]}{match[2] or ''}+00:00").timestamp()
    return time, 0.0 if match[2] else 1.0


@dataclass(frozen=True)
class UserManager:
    """The systemd instance of the tunnels' user."""

    version: str
    state: str


def _user_managers(inventory: Inventory) -> dict[str, Probe]:
    command = "systemctl --user show --no-pager -p Version -p SystemState"
    return {host: Exec(host, command) for host in inventory.carriers}


def parse_user_manager(transcript: Transcript) -> UserManager:
    """Read `systemctl --user show -p Version -p SystemState`.

    A bus at which nobody listens, or which is not there, is that of a dead instance.
    """
    if re.search("Failed to connect to .*(Connection refused|No such file)", transcript.err):
        return UserManager("", f"dead: {brief(transcript.err.strip())}")
    found = blocks(succeeded(transcript))
    if len(found) != 1 or not {"Version", "SystemState"} <= found[0].keys():
        raise NotUnderstood("expected Version and SystemState")
    return UserManager(found[0]["Version"], found[0]["SystemState"])


USER_MANAGERS = Fact("user_managers", _user_managers, parse_user_manager)


@dataclass(frozen=True)
class BootUnits:
    """What a boot starts of a user's units."""

    names: frozenset[str]
    """Every unit that default.target pulls in, now or once its link is followed."""
    leads_to: str = "default.target"
    """The target that the next boot starts; why there is none, where a blank stands in it."""

    def __contains__(self, unit: str) -> bool:
        return unit in self.names

    @property
    def objection(self) -> str | None:
        """Why the user's manager would start nothing, or end at once; None where it would not."""
        if " " in self.leads_to:
            return f"default.target leads nowhere: {self.leads_to}"
        if ends := self.names & _ENDS:
            return f"default.target leads to {self.leads_to}, which brings {min(ends)}"
        return None


_ENDS = {"systemd-exit.service", "shutdown.target"}
"""By these a user's manager ends itself; systemd.special(7)."""
# A link or a mask in the place of default.target counts at the next boot, whatever is loaded now.
_BOOT_UNITS = """
list() { systemctl --user list-dependencies --no-pager --plain "$1"; }
list default.target || exit
case $(systemctl --user is-enabled default.target 2>/dev/null) in
  masked*) target="it is masked" ;;
  *) if target=$(systemctl --user get-default 2>&1) && [ "$target" != default.target ]; then
      list "$target"
    fi ;;
esac
echo "leads-to=$target"
"""


def _boot_units(inventory: Inventory) -> dict[str, Probe]:
    return {host: Exec(host, _BOOT_UNITS.strip()) for host in inventory.carriers}


_LEADS_TO = "leads-to="


def parse_boot_units(transcript: Transcript) -> BootUnits:
    """Read `list-dependencies --plain`, one unit a line, and `leads-to=…`."""
    lines = [line.strip() for line in succeeded(transcript).splitlines() if line.strip()]
    told = [line.removeprefix(_LEADS_TO) for line in lines if line.startswith(_LEADS_TO)]
    names = {line for line in lines if not line.startswith(_LEADS_TO)}
    if strange := [name for name in names if " " in name]:
        raise NotUnderstood(f"expected the name of a unit, found {strange[0]!r}")
    if "default.target" not in names:
        raise NotUnderstood("default.target itself is not in the output")
    return BootUnits(frozenset(names), *told[:1])


BOOT_UNITS = Fact("boot_units", _boot_units, parse_boot_units)


def _linger(inventory: Inventory) -> dict[str, Probe]:
    command = 'loginctl show-user "$(id -un)" -p Linger'
    return {host: Exec(host, command) for host in inventory.carriers}


def parse_linger(transcript: Transcript) -> str:
    """The value of logind's Linger property: exactly `yes` keeps user units over log-outs."""
    match = re.fullmatch(r"Linger=(yes|no)\n?", succeeded(transcript))
    if not match:
        raise NotUnderstood(f"expected Linger=yes or Linger=no, found {transcript.out!r}")
    return match[1]


LINGER = Fact("linger", _linger, parse_linger)
