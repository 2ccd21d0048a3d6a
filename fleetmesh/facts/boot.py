"""What decides whether production is there again after a boot: order, conditions, disks, services.

Linger and `enabled` say that a user's unit is to start. Whether it can is told by what its user's
manager waits for, by what comes before the unit, and by the disks that its files lie on.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fleetmesh.facts.fact import Fact, NotUnderstood, blocks, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join, quote

_VOLATILE = {"tmpfs", "ramfs", "devtmpfs"}
"""File systems whose content a reboot takes."""
_LONGEST_PAUSE = 600
"""Seconds for which production may be down because a tunnel waits to be started again."""
_HOLDING = re.compile(
    r"(ExecCondition|ExecStartPre|Condition\w+|Assert\w+|Requires|Requisite|BindsTo)=.+"
)
"""What in a drop-in can keep a unit from starting; systemd.unit(5), systemd.service(5)."""
_TRIFLES = "chmod|chown|echo|install|ln|logger|mkdir|modprobe|rm|sysctl|touch"
_HARMLESS = re.compile(
    r"ExecStartPre=(?:[@:+!-]*/\S*/true|[@:+!]*-[@:+!-]*/\S*/(?:" + _TRIFLES + r")) .*|"
    r"(?:Requires|BindsTo)=(?:(?:dbus|dbus-broker|systemd-(?!.*wait-online)[\w@-]+)"
    r"\.(?:service|socket) |[\w@\\.-]+\.slice |(?:basic|sysinit|local-fs|network)\.target )+"
)
"""What of that does not: it ends at once and may fail, or nothing at all would run without it."""
_NOD = re.compile(r"ExecStartPre=[@:+!-]*/\S*/(?:true|sleep \d{1,2}s?) ")
"""What is done soon, and does not fail."""
_LASTING = re.compile(
    r"(?:Condition|Assert)(?:(?:Architecture|CPUs|CPUFeature|Firmware|Group|Host|KernelVersion|"
    r"Memory|OSRelease|Security|User|Virtualization)=.*|\w+=\|?%h/\.ssh/\S+)"
)
"""A condition that holds at a boot where it holds now, as it does for a unit that runs."""


def _holds(line: str) -> bool:
    words = " ".join([*line.split(), ""])
    harmless = _HARMLESS.fullmatch(words) or _NOD.fullmatch(words)
    return _HOLDING.fullmatch(line) is not None and not harmless


def _holding(drop_ins: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{line} ({file})" for file, line in drop_ins if _holds(line)]


# drop_ins BEFORE FILE…: the settings of each drop-in that did not come with systemd.
_DROP_INS = r"""
drop_ins() {
  before=$1 && shift
  for f; do
    case $f in /usr/lib/systemd/*|/lib/systemd/*) continue;; esac
    [ -r "$f" ] || { echo "unreadable=$before$f"; continue; }
    sed -n '/^[A-Za-z]*=/!d; s|^|dropin='"$before$f"'\t|p' "$f"
  done
}
"""


@dataclass(frozen=True)
class Place:
    """A path that the tunnels need, and the file system that it lies on."""

    path: str
    mounted_at: str
    kind: str
    unit: str
    """The mount unit; `-.mount` is the root's."""

    @property
    def mounters(self) -> set[str]:
        """The units any of which brings it: an automount holds whoever looks until it is there."""
        return {
            self.unit,
            f"{self.unit.removesuffix('.mount')}.automount",
            *(("zfs-mount.service",) if self.kind == "zfs" else ()),
        }


@dataclass(frozen=True)
class UserBoot:
    """How a user's systemd manager comes up at boot."""

    manager: str
    after: frozenset[str]
    """Every unit that is ordered before it."""
    drop_ins: tuple[tuple[str, str], ...]
    """File and line of each drop-in that did not come with systemd."""
    unreadable: tuple[str, ...]
    places: tuple[Place, ...]

    @property
    def held_back(self) -> list[str]:
        """What in its drop-ins can keep it from starting, in words."""
        return _holding(self.drop_ins)

    @property
    def too_late(self) -> list[str]:
        """What is not there yet when it starts, or not there at all any more, in words."""
        late = []
        for place in self.places:
            if place.kind in _VOLATILE:
                late.append(f"{place.path} lies on {place.kind}, which a boot empties")
            elif place.unit != "-.mount" and not place.mounters & self.after:
                late.append(f"{place.path} lies on {place.mounted_at}, mounted whenever")
        return late


_USER_BOOT = r"""
unit=UNIT
echo "manager=$unit"
list() { systemctl list-dependencies --no-pager --plain --after "$1" | sed 's/^ *//'; }
after=$(list "$unit")
# Of what it waits for only targets are expanded. systemd's own barrier against log-ins is none, and
# has waited for the disks of the network.
barrier=systemd-user-sessions.service
case $after in *$barrier*) after="$after
$(list $barrier | grep '\.mount$')" ;; esac
# Of mounts count those that a boot makes, by a file; what somebody mounted by hand is none.
mounts=$(printf '%s\n' $after | grep '\.mount$' | sort -u)
made=$(systemctl show --no-pager -p Id -p FragmentPath -- ${mounts:--.mount} | awk -F = '
  $1 == "Id" { id = $2 } $1 == "FragmentPath" && $2 { file = 1 }
  !NF { if (file) print id; file = 0 } END { if (file) print id }')
for f in $after; do
  case $f in -.mount) ;; *.mount)
    case "
$made
" in *"
$f
"*) ;; *) continue ;; esac ;;
  esac
  echo "after=$f"
done
drop_ins "" $(systemctl show --no-pager -p DropInPaths --value "$unit")
for f in PLACES; do
  [ -e "$f" ] || continue # whether it is there is for others to judge
  # Over an automount, the last one is what it has mounted.
  found=$(findmnt -nro TARGET,FSTYPE -T "$f" | tail -n 1)
  [ "$found" ] || { echo "unreadable=$f"; continue; }
  printf 'place=%s\t%s\t%s\n' "$f" "$found" "$(systemd-escape -p --suffix=mount "${found% *}")"
done
echo end
"""


def _user_boots(inventory: Inventory) -> dict[str, Probe]:
    def places(host: str) -> str:
        keys = dict.fromkeys(login.key for login in inventory.logins if login.host == host)
        needed = ("~/.config/systemd/user", "~/.ssh/known_hosts", *keys, "/var/lib/systemd/linger")
        return f"~ {join(needed)}"

    return {
        host: Exec(host, _boot_of("user@$(id -u).service", places(host)))
        for host in inventory.carriers
    }


def _boot_of(unit: str, places: str) -> str:
    """The shell's question what comes before a unit of the system, and what lies where."""
    return (_DROP_INS + _USER_BOOT).strip().replace("UNIT", unit, 1).replace("PLACES", places)


def parse_user_boot(transcript: Transcript) -> UserBoot:
    """Read `key=value` lines, closed by `end`; raises NotUnderstood for any other."""
    *lines, last = succeeded(transcript).splitlines() or [""]
    if last != "end":
        raise NotUnderstood("the account does not end with its mark")
    found: dict[str, list[str]] = {
        "manager": [],
        "after": [],
        "dropin": [],
        "unreadable": [],
        "place": [],
    }
    for line in lines:
        key, equals, value = line.partition("=")
        if not equals or key not in found:
            raise NotUnderstood(f"expected one of {', '.join(found)}, found {line!r}")
        found[key].append(value.strip() if key == "after" else value)
    if len(found["manager"]) != 1 or found["manager"][0] not in found["after"]:
        raise NotUnderstood("systemd does not know what comes before the user's manager")
    places = []
    for value in found["place"]:
        match = re.fullmatch(r"([^\t]+)\t(\S+) (\S+)\t(\S+\.mount)", value)
        if not match:
            raise NotUnderstood(f"expected a path, its mount and its unit, found {value!r}")
        places.append(Place(*match.groups()))
    if not places:
        raise NotUnderstood("no place in the account")
    return UserBoot(
        manager=found["manager"][0],
        after=frozenset(found["after"]) - {found["manager"][0]},
        drop_ins=tuple(
            (file, line) for file, _, line in (d.partition("\t") for d in found["dropin"])
        ),
        unreadable=tuple(dict.fromkeys(found["unreadable"])),
        places=tuple(places),
    )


USER_BOOTS = Fact("user_boots", _user_boots, parse_user_boot)


def _unit_boots(inventory: Inventory) -> dict[str, Probe]:
    """The same of each tunnel that the system's manager runs: its own unit stands for a user's."""
    return {
        tunnel.id: Exec(
            tunnel.host,
            _boot_of(quote(tunnel.unit), f"{quote(tunnel.key)} ~/.ssh/known_hosts"),
        )
        for tunnel in inventory.tunnels.values()
        if tunnel.by_system
    }


UNIT_BOOTS = Fact("unit_boots", _unit_boots, parse_user_boot)


@dataclass(frozen=True)
class Starting:
    """How one unit of a user starts, and starts again; the words are systemd's own."""

    name: str
    type: str
    after: frozenset[str]
    requires: frozenset[str]
    conflicts: frozenset[str]
    restart: str = ""
    restart_after: float = 0.0
    """Seconds between an end and the next start."""
    limit_interval: float = 0.0
    limit_burst: int = 0
    never_after: str = ""
    """The exit statuses after which it is not started again."""
    successes: str = ""
    """Those that are no failure, beside 0 and the signals that ask for an end."""
    restart_steps: int = 0
    """The pause grows in so many steps; 0 where it does not, as before systemd 254."""
    restart_after_at_last: float = float("inf")
    """To so many seconds."""
    remains: bool = False
    """Whether it counts as active after a success, so that nothing starts it again."""
    wants: frozenset[str] = frozenset()
    """What its start pulls in, beside what it requires."""
    prepared_by: tuple[str, ...] = ()
    """What is run before it and may keep it waiting, as lines of its file."""
    conditions: tuple[str, ...] = ()
    """Without which a boot may not start it, as lines of its file; of the tunnels' units alone."""
    unread: bool = False
    """Whether those could not be read."""

    @property
    def stays_dead(self) -> str | None:
        """Why it would not be started again for ever, in words; None if it would.

        An ssh that loses its connection exits with 255, which is a failure.
        """
        if self.restart not in ("always", "on-failure"):
            return f"Restart={self.restart}"
        pauses = [self._pause(n) for n in range(1, max(self.limit_burst, self.restart_steps) + 2)]
        if max(pauses) > _LONGEST_PAUSE:
            setting = "RestartSec" if pauses[0] > _LONGEST_PAUSE else "RestartMaxDelaySec"
            return f"it is started again only after {max(pauses):.0f} s ({setting})"
        if self.never_after:
            return f"RestartPreventExitStatus={self.never_after}"
        if self.remains:
            return "RemainAfterExit=yes"
        if self.restart == "on-failure" and _ENDS_OF_SSH.intersection(self.successes.split()):
            return f"SuccessExitStatus={self.successes}, and Restart={self.restart}"
        # Nothing is limited to no start at all: systemd takes 0 for no limit.
        within = sum(pauses[: self.limit_burst])
        if self.limit_burst and within < self.limit_interval:
            return (
                f"it is given up after {self.limit_burst} starts within {self.limit_interval:g} s "
                "(StartLimitIntervalSec)"
            )
        return None

    def _pause(self, restarts: int) -> float:
        """Seconds before it is started again for this time; systemd.service(5), RestartSteps=."""
        first, last, steps = self.restart_after, self.restart_after_at_last, self.restart_steps
        if not 0 < first < last < float("inf") or not steps:
            return first
        return first * float((last / first) ** (min(restarts - 1, steps) / steps))


_ENDS_OF_SSH = {"255", *("KILL", "SIGKILL", "ABRT", "SIGABRT", "SEGV", "SIGSEGV", "BUS", "SIGBUS")}
"""How an ssh ends that nobody asked to, as systemctl names it."""
_WAITED_FOR = ("oneshot", "notify", "notify-reload", "forking", "dbus")
"""The types of services that are waited for, not only started before; systemd.service(5)."""
_OF_THE_WHOLE_HOST = {
    *("basic.target", "sysinit.target", "local-fs.target", "network-pre.target", "network.target"),
}
"""What the system's manager has behind these, keeps sshd back as well as any tunnel."""


def pulled_in(known: Mapping[str, Starting], names: Iterable[str]) -> set[str]:
    """What is started with these units: `list-dependencies` follows targets alone."""
    found, left = set(names), list(names)
    while left:
        if unit := known.get(left.pop()):
            new = (unit.wants | unit.requires) - found
            found |= new
            left += new
    return found


def needed(unit: Starting, known: Mapping[str, Starting], shipped: Container[str]) -> list[str]:
    """Without which it does not start: conditions, units, and services that its targets need."""
    beyond, left = set[str](), list(unit.requires)
    while left:
        name = left.pop()
        if name.endswith(".target") and name in known:
            new = known[name].requires - beyond
            beyond |= new
            left += new
    services = {name for name in beyond if name.endswith(".service") and name not in shipped}
    own = {name for name in unit.requires if not name.endswith(_WITHOUT_WHICH_NOTHING)}
    return [*unit.conditions, *sorted(own | services - {unit.name})]


_WITHOUT_WHICH_NOTHING = (".target", ".slice", "-.mount")


def awaited(
    unit: Starting,
    known: Mapping[str, Starting],
    boots: Iterable[str],
    shipped: Container[str],
    *,
    by_system: bool,
) -> list[str]:
    """What must be done before a boot starts `unit`: what it is after, and what that is after.

    Only what a boot starts is waited for. What came with the system has its bounds: `shipped`.
    """
    started = pulled_in(known, (*boots, unit.name))
    passed = _OF_THE_WHOLE_HOST if by_system else set[str]()
    found, left = {unit.name}, [unit]
    while left:
        new = (left.pop().after & started & known.keys()) - found - passed
        found |= new
        left += [known[name] for name in new]
    own = sorted(name for name in found - {unit.name} if name not in shipped)
    waits = [name for name in own if known[name].type in _WAITED_FOR]
    waits += [f"{line} of {name}" for name in own for line in known[name].prepared_by]
    return [*unit.prepared_by, *waits]


_STARTING = (
    *("Id", "Type", "After", "Requires", "Requisite", "BindsTo", "Conflicts", "ConflictedBy"),
    *("Restart", "RestartUSec", "RestartPreventExitStatus"),
    *("StartLimitIntervalUSec", "StartLimitBurst"),
    *("SuccessExitStatus", "RestartSteps", "RestartMaxDelayUSec", "RemainAfterExit"),
    *("Wants", "Upholds", "ExecCondition", "ExecStartPre"),
)
# Conditions are in no property that systemctl prints.
_CONDITIONS = r"""
for unit in UNITS; do
  printf '\nUnit=%s\n' "$unit"
  text=$(SYSTEMCTL cat --no-pager -- "$unit" 2>/dev/null) || { echo Unread=yes; continue; }
  printf '%s\n' "$text" |
    sed -n -e 's/^[[:blank:]]*Condition/Told=&/p' -e 's/^[[:blank:]]*Assert/Told=&/p'
done"""


def _shown(units: Iterable[str], systemctl: str) -> str:
    """The shell's question how units start, and all that may come before.

    With --all: else a pattern finds no unit that does not run, as one that a boot starts.
    """
    properties = " ".join(f"-p {name}" for name in _STARTING)
    named = join(units)
    patterns = "'*.service' '*.target' '*.socket'"
    shown = f"{systemctl} show --all --no-pager {properties} -- {f'{named} {patterns}'.strip()}"
    conditions = _CONDITIONS.replace("UNITS", named).replace("SYSTEMCTL", systemctl)
    return f"{shown} || exit{conditions}" if named else shown


def _starting(inventory: Inventory) -> dict[str, Probe]:
    return {
        host: Exec(
            host,
            _shown(
                dict.fromkeys(t.unit for t in inventory.tunnels_at(host, by_system=False)),
                "systemctl --user",
            ),
        )
        for host in inventory.carriers
    }


def _system_starting(inventory: Inventory) -> dict[str, Probe]:
    return {
        host: Exec(host, _shown(units, "systemctl"))
        for host, units in inventory.system_units.items()
        if host in inventory.carriers
    }


def parse_starting(transcript: Transcript) -> dict[str, Starting]:
    """Read `systemctl --user show` of these properties, in blocks; by unit.

    An older systemd does not print what it does not know; that has its default then. Behind them
    are blocks of a `Unit` and the lines of its files that are `Told`.
    """
    found: dict[str, Starting] = {}
    told = []
    for block in blocks(succeeded(transcript)):
        try:
            if "Unit" in block:
                told.append(block)
                continue
            found[block["Id"]] = Starting(
                name=block["Id"],
                type=block.get("Type", ""),
                after=frozenset(block["After"].split()),
                requires=frozenset(
                    word
                    for key in ("Requires", "Requisite", "BindsTo")
                    for word in block[key].split()
                ),
                conflicts=frozenset(
                    word for key in ("Conflicts", "ConflictedBy") for word in block[key].split()
                ),
                **_starts_again(block),
                wants=frozenset(f"{block.get('Wants', '')} {block.get('Upholds', '')}".split()),
                prepared_by=tuple(
                    line
                    for key in ("ExecCondition", "ExecStartPre")
                    for argv, ignored in _COMMAND.findall(block.get(key, ""))
                    if _holds(line := f"{key}={'-' if ignored == 'yes' else ''}{argv}")
                ),
            )
        except (KeyError, ValueError) as error:
            raise NotUnderstood(f"a unit without a usable {error}") from None
    if not found:
        raise NotUnderstood("no unit in the output")
    for block in told:
        if unit := found.get(block["Unit"]):
            lines = _conditions(block.get("Told", "").splitlines())
            found[unit.name] = replace(unit, conditions=lines, unread="Unread" in block)
    return found


_COMMAND = re.compile(r"argv\[\]=(.*?) ; ignore_errors=(yes|no)")


def _starts_again(block: dict[str, str]) -> dict[str, Any]:
    """What of a unit says how it starts again; a target or a socket has none of it."""
    if not block["Id"].endswith(".service"):
        return {}
    return {
        "restart": block["Restart"],
        "restart_after": _span(block["RestartUSec"]),
        "limit_interval": _span(block["StartLimitIntervalUSec"]),
        "limit_burst": int(block["StartLimitBurst"]),
        "never_after": block["RestartPreventExitStatus"],
        "successes": block.get("SuccessExitStatus", ""),
        "restart_steps": int(block.get("RestartSteps", "0")),
        "restart_after_at_last": _span(block.get("RestartMaxDelayUSec", "infinity")),
        "remains": block.get("RemainAfterExit") == "yes",
    }


def _conditions(lines: Iterable[str]) -> tuple[str, ...]:
    """Those that may not hold at a boot; an empty one takes back all of its kind before it."""
    found: list[str] = []
    for line in map(str.strip, lines):
        kind = "Assert" if line.startswith("Assert") else "Condition"
        if line.endswith("="):
            found = [one for one in found if not one.startswith(kind)]
        elif _holds(line) and not _LASTING.fullmatch(line):
            found.append(line)
    return tuple(found)


STARTING = Fact("starting", _starting, parse_starting)
SYSTEM_STARTING = Fact("system_starting", _system_starting, parse_starting)

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_SECONDS |= {"month": 2629800, "y": 31557600}


def _span(printed: str) -> float:
    """Seconds of a time span as systemctl prints it, `1min 30s`; systemd.time(7)."""
    if printed == "infinity":
        return float("inf")
    parts = [re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]*)", part) for part in printed.split()]
    if not parts or not all(part and (part[2] in _SECONDS or part[0] == "0") for part in parts):
        raise NotUnderstood(f"expected a time span such as 1min 30s, found {printed!r}")
    return sum(float(part[1]) * _SECONDS.get(part[2], 0) for part in parts if part)


def _socket(unit: str) -> str:
    """The socket unit that starts `unit`, or one of it for each connection."""
    return f"{unit.removesuffix('.service').removesuffix('.socket')}.socket"


@dataclass(frozen=True)
class SystemBoot:
    """What the system's manager starts at boot."""

    pulled_in: frozenset[str]
    states: dict[str, str] = field(default_factory=dict)
    """Services and sockets by what `list-unit-files` calls them, as they lie on the disk."""
    drop_ins: tuple[tuple[str, str, str], ...] = ()
    """Unit, file and line, of sshd's and Kubernetes' units."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Unit and drop-in."""
    newer: tuple[tuple[str, str], ...] = ()
    """Unit and file of its configuration that was changed after it was last told to read it."""
    sockets: dict[str, str] = field(default_factory=dict)
    """What each socket unit that is known to systemd listens on, as `127.0.0.1:22 (Stream)`."""

    @property
    def sshd(self) -> str:
        """The unit of its sshd where none is seen to serve: one that a boot starts, if any is."""
        known = [unit for unit in SSHD if unit in self.states or _socket(unit) in self.states]
        return next((u for u in known if self.objection(u) is None), (known or SSHD)[0])

    def held_back(self, unit: str) -> list[str]:
        """What in its drop-ins, or its socket's, can keep a unit from starting, in words."""
        own = self._starts(unit)
        return _holding((file, line) for name, file, line in self.drop_ins if name in own)

    def untold(self, unit: str) -> list[str]:
        """What of a unit nobody can tell: files that cannot be read, or that it has not read."""
        own = self._starts(unit)
        return [
            *(f"{file} cannot be read" for name, file in self.unreadable if name in own),
            *(f"{file} is newer than what runs" for name, file in self.newer if name == unit),
        ]

    def _starts(self, unit: str) -> set[str]:
        """What a boot starts so that `unit` is there: itself, and its socket if it has one."""
        return {unit, *({_socket(unit)} & self.pulled_in)}

    def takers(self, port: int) -> list[str]:
        """The socket units that a boot starts and that listen on `port`."""
        return sorted(
            unit
            for unit, listens in self.sockets.items()
            if re.search(rf"(?:^|:){port} \(Stream\)", listens, re.MULTILINE)
            and self.objection(unit) is None
        )

    def objection(self, unit: str) -> str | None:
        """Why a boot would not start `unit`, in words; None if it would.

        A unit of another name that is an alias, or a socket of its own, starts it as well.
        """
        told = [self._objection(name) for name in (unit, _socket(unit)) if name in self.states]
        if not told:
            return f"{unit} has no unit file"
        return None if None in told else told[0]

    def masked_for(self, manager: str) -> list[str]:
        """What is masked of that by which `manager`, as user@1000.service, starts at boot.

        See user@.service(5); it is logind that starts it for a user who lingers. What is masked
        at run time only, a boot forgets.
        """
        template = f"{manager.partition('@')[0]}@.service"
        starting = [
            name
            for unit in (template, manager)
            for name in (unit, unit.replace("user@", "user-runtime-dir@"))
        ]
        return [
            unit
            for unit in ("systemd-logind.service", *starting)
            if self.states.get(unit) == "masked"
        ]

    def _objection(self, unit: str) -> str | None:
        state = self.states[unit]
        if state in ("disabled", "masked", "bad") or state.endswith("-runtime"):
            return f"{unit} is {state}"
        return (
            None
            if unit in self.pulled_in
            else f"{unit} is {state}, but default.target does not pull it in"
        )


KUBERNETES = (
    *("k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service"),
    *("kubelet.service", "k0scontroller.service", "k0sworker.service"),
    "snap.microk8s.daemon-kubelite.service",
)
"""The units that are known to run Kubernetes."""
SSHD = ("ssh.service", "sshd.service")
"""What distributions call the unit of their sshd."""
# A file's time counts where it is two seconds later: systemctl tells whole ones.
_SYSTEM_BOOT = r"""
systemctl list-dependencies --no-pager --plain default.target | sed 's/^ */pulled=/' || exit
systemctl list-unit-files --no-pager --no-legend '*.service' '*.socket' |
  while read -r unit state _; do echo "state=$unit $state"; done
systemctl show --all --no-pager -p Id -p Listen '*.socket' | sed 's/^/socket /'
told() {
  drop_ins "$unit " $paths
  case $unit in ssh.service|sshd.service)
    [ -z "$since" ] || find /etc/ssh/sshd_config /etc/ssh/sshd_config.d \
      /etc/ssh/ssh_host_*_key.pub -newermt "$since 2 seconds" 2>/dev/null |
      sed "s/^/newer=$unit /";;
  esac
  unit='' paths='' since=''
}
{ TZ=UTC systemctl show --no-pager -p Id -p DropInPaths -p StateChangeTimestamp -- NEEDED; echo; } |
  while IFS= read -r line; do
    case $line in
      Id=*) unit=${line#*=};;
      DropInPaths=*) paths=${line#*=};;
      StateChangeTimestamp=*) since=${line#*=};;
      '') told;;
    esac
  done
echo end
"""


def _system_boots(inventory: Inventory) -> dict[str, Probe]:
    needed = join((*SSHD, *map(_socket, SSHD), *KUBERNETES))
    command = (_DROP_INS + _SYSTEM_BOOT).strip().replace("NEEDED", needed)
    return {host: Exec(host, command) for host in inventory.fleet_hosts}


_LINES = {
    "pulled": re.compile(r"(\S+)"),
    "state": re.compile(r"(\S+) (\S+)"),
    "dropin": re.compile(r"(\S+) ([^\t]+)\t(.+)"),
    "unreadable": re.compile(r"(\S+) (.+)"),
    "newer": re.compile(r"(\S+) (.+)"),
}


def parse_system_boot(transcript: Transcript) -> SystemBoot:
    """Read lines that begin with what they are, closed by `end`."""
    *lines, last = succeeded(transcript).splitlines() or [""]
    if last != "end":
        raise NotUnderstood("the listing does not end with its mark")
    found: dict[str, list[Any]] = {kind: [] for kind in _LINES}
    sockets = []
    for line in lines:
        kind, equals, value = line.partition("=")
        if line == "socket" or line.startswith("socket "):
            sockets.append(line.removeprefix("socket").strip())
        elif equals and kind in _LINES and (match := _LINES[kind].fullmatch(value)):
            found[kind].append(match.groups())
        else:
            raise NotUnderstood(f"expected one of {', '.join(_LINES)} or socket, found {line!r}")
    pulled = frozenset(unit for (unit,) in found["pulled"])
    if "default.target" not in pulled or not found["state"]:
        raise NotUnderstood("default.target, or every unit file, is missing")
    return SystemBoot(
        pulled_in=pulled,
        states=dict(found["state"]),
        drop_ins=tuple(dict.fromkeys(found["dropin"])),
        unreadable=tuple(dict.fromkeys(found["unreadable"])),
        newer=tuple(dict.fromkeys(found["newer"])),
        sockets={b["Id"]: b.get("Listen", "") for b in blocks("\n".join(sockets)) if "Id" in b},
    )


SYSTEM_BOOTS = Fact("system_boots", _system_boots, parse_system_boot)


@dataclass(frozen=True)
class Route:
    """How packets to another host leave this one; None is what the kernel does not say."""

    device: str
    gateway: str | None
    mac: str | None
    """The link-layer address to which they are sent."""
    peer: str | None = None
    """The far end of a device that is a tunnel itself, as far as its link tells."""
    tunnelled: bool = False
    """Whether the device has one far end alone, as a tunnel has."""


def _routes(inventory: Inventory) -> dict[str, Probe]:
    """The route of the tunnels' own packets: a rule may know their port, see ip-rule(8)."""

    def command(address: str, end: str, port: int) -> str:
        # By its number: a host without /etc/protocols need not know the protocol's name.
        packet = f"{quote(address)} ipproto 6 {end} {port}"
        return (
            f"route=$(ip -o route get {packet}) || exit; printf '%s\\n' \"$route\"; "
            'set -- $route; next=$1; [ "$2" != via ] || next=$3; ip -o neigh show to "$next"; '
            'device=${route##* dev }; ip -o link show dev "${device%% *}"'
        )

    return {
        f"{here}-{there}": Exec(
            here,
            command(inventory.hosts[there].target, end, inventory.hosts[login.via].port or 22),
        )
        for login in inventory.logins
        for here, there, end in (
            (login.host, login.via, "dport"),
            (login.via, login.host, "sport"),
        )
        if inventory.hosts[there].addresses
    }


def parse_route(transcript: Transcript) -> Route:
    """Read `ip -o route get ADDRESS`, then its device's link, and its next hop's neighbour."""
    first, _, rest = succeeded(transcript).partition("\n")
    device = re.search(r" dev (\S+)", first)
    gateway = re.search(r" via (?:inet6? )?(\S+)", first)
    if not device:
        raise NotUnderstood(f"expected a route with its device, found {first!r}")
    mac = re.search(r" lladdr (\S+)", rest)
    peer = re.search(r" link/\S+ \S+ peer (\S+)", rest)
    return Route(
        device[1],
        gateway[1] if gateway else None,
        mac[1].lower() if mac else None,
        peer[1] if peer else None,
        tunnelled=re.search(r": <[^>]*POINTOPOINT", rest) is not None,
    )


ROUTES = Fact("routes", _routes, parse_route)


# A Mac has no `ip`; its `ifconfig` has more lines of an interface, which begin with a blank.
_LINK = re.compile(r"\d+: \S+: <|\S+: flags=|\S+ +Link encap:")


def _links(inventory: Inventory) -> dict[str, Probe]:
    host = inventory.workstation.host
    command = "if command -v ip >/dev/null; then ip -o link show; else ifconfig -a; fi"
    return {host: Exec(host, command)}


def parse_links(transcript: Transcript) -> frozenset[str]:
    """The link-layer addresses of a host's interfaces, from `ip -o link show` or `ifconfig -a`."""
    lines = succeeded(transcript).splitlines()
    heads = [line for line in lines if not re.match(r"\s|$", line)]
    if lines[:1] != heads[:1] or not heads or not all(map(_LINK.match, heads)):
        raise NotUnderstood("expected a line for each interface, lo at least")
    address = r"(?:\blink/ether|\bether|\bHWaddr) ([0-9a-fA-F:]{17})\b"
    found = (re.search(address, line) for line in lines)
    return frozenset(mac[1].lower() for mac in found if mac)


LINKS = Fact("links", _links, parse_links)
