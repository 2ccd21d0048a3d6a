"""Who a machine is, what time it thinks it is, and what is installed on it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.gather.commands import Clock, Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Cluster, Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief, last_line
from fleetmesh.text.shell import join


@dataclass(frozen=True)
class Machine:
    """A machine's own account of itself."""

    hostname: str
    machine_id: str
    """Empty where the machine has none, as without systemd."""
    os: str
    user: str
    home: str
    addresses: tuple[str, ...]


# A Mac has neither of the two files, and no `ip`.
_MACHINE = """
id=$(cat /etc/machine-id 2>/dev/null || ioreg -rd1 -c IOPlatformExpertDevice 2>/dev/null |
  sed -n 's/.*"IOPlatformUUID" = "\\(.*\\)".*/\\1/p' | tr -d - | tr ABCDEF abcdef)
PRETTY_NAME=
[ ! -r /etc/os-release ] || . /etc/os-release
[ "$PRETTY_NAME" ] || PRETTY_NAME=$(sw_vers 2>/dev/null |
  sed -n 's/^Product[NV][a-z]*:[[:blank:]]*//p' | tr '\\n' ' ')
[ "$PRETTY_NAME" ] || PRETTY_NAME=$(uname -sr)
echo "hostname=$(uname -n)"
echo "machine_id=$id"
echo "os=${PRETTY_NAME% }"
echo "user=$(id -un)"
echo "home=$HOME"
if command -v ip >/dev/null; then
  ip -o addr show scope global | while read -r _ _ _ address _; do
    echo "address=${address%%/*}"
  done
else
  ifconfig | while read -r kind address _; do
    case $kind:$address in
      inet*:127.* | inet*:::1 | inet*:fe80:*) ;;
      inet:* | inet6:*) echo "address=${address%%/*}" ;;
    esac
  done
fi
"""


def _machines(inventory: Inventory) -> dict[str, Probe]:
    return {host: Exec(host, _MACHINE.strip()) for host in inventory.hosts}


def parse_machine(transcript: Transcript) -> Machine:
    """Read the `key=value` lines of the command above; `address` may repeat or be absent."""
    found: dict[str, list[str]] = {}
    for line in succeeded(transcript).splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            raise NotUnderstood(f"expected key=value, found {line!r}")
        found.setdefault(key, []).append(value)
    missing = {"hostname", "machine_id", "os", "user", "home"} - found.keys()
    if missing or not re.fullmatch("[0-9a-f]{32}|", found["machine_id"][0]):
        raise NotUnderstood(f"no {', '.join(sorted(missing)) or 'valid machine_id'}")
    return Machine(
        hostname=found["hostname"][0],
        machine_id=found["machine_id"][0],
        os=found["os"][0],
        user=found["user"][0],
        home=found["home"][0],
        addresses=tuple(found.get("address", ())),
    )


MACHINES = Fact("machines", _machines, parse_machine)


@dataclass(frozen=True)
class ClockOffset:
    """Bounds of a host's clock minus the suite's, in seconds."""

    earliest: float
    latest: float
    last: float
    """The host's own last reading of its clock, after it has answered all: seconds since the epoch.

    What the host says has happened, has happened before; so ages are told by it.
    """


def _clocks(inventory: Inventory) -> dict[str, Probe]:
    return {host: Clock(host) for host in inventory.hosts}


def parse_clock(transcript: Transcript) -> ClockOffset:
    """Bound the offset by the exchange that carried the two remote times.

    The host read its clock first after the question was sent, and last before the answer arrived;
    the width of the bounds is what the network took, and a second where the clock tells whole ones.
    """
    times = re.fullmatch(
        r"(\d{1,10})(\.\d{1,9})?\n(\d{1,10})(\.\d{1,9})?\n?", succeeded(transcript)
    )
    if not times or (times[2] is None) != (times[4] is None):
        raise NotUnderstood("expected two times as `date +%s.%N` prints them, or `date +%s`")
    first = float(times[1]) + (float(times[2]) if times[2] else 1)
    last = float(times[3]) + float(times[4] or 0)
    if transcript.sent is None or transcript.received is None:
        raise NotUnderstood("the exchange was not timed")

    def since(remote: float, local: datetime) -> float:
        return remote - local.timestamp()

    return ClockOffset(since(last, transcript.received), since(first, transcript.sent), last)


CLOCKS = Fact("clocks", _clocks, parse_clock)


@dataclass(frozen=True)
class Tools:
    """Where each command that the checks and tunnels stand on was found; None where it was not."""

    paths: dict[str, str | None]


_TOOLS = ("ss", "ssh", "curl", "kubectl", "systemctl", "loginctl", "timeout", "ssh-keygen")


def _tools(inventory: Inventory) -> dict[str, Probe]:
    command = f'for c in {" ".join(_TOOLS)}; do echo "$c=$(command -v "$c")"; done'
    return {host: Exec(host, command) for host in inventory.carriers}


def parse_tools(transcript: Transcript) -> Tools:
    """Read `name=path` lines; an empty path means that the command is missing."""
    paths: dict[str, str | None] = {}
    for line in succeeded(transcript).splitlines():
        name, equals, path = line.partition("=")
        if not equals:
            raise NotUnderstood(f"expected name=path, found {line!r}")
        paths[name] = path or None
    if set(paths) != set(_TOOLS):
        raise NotUnderstood(f"expected {len(_TOOLS)} commands, found {len(paths)}")
    return Tools(paths)


TOOLS = Fact("tools", _tools, parse_tools)


@dataclass(frozen=True)
class Version:
    """What a program says of its version; `number` is empty where it is of no such kind."""

    kind: str
    number: tuple[int, ...]
    said: str


Versions = Mapping[str, Version]
"""By the command that was asked."""
_KINDS = {
    "systemctl": ("systemd", r"systemd (\d+)\b"),
    "ssh": ("OpenSSH", r"OpenSSH_(\d+\.\d+)"),
    "sshd": ("OpenSSH", r"OpenSSH_(\d+\.\d+)"),
    "ss": ("iproute2", r"\biproute2-(\d+\.\d+)"),
}
# sshd tells its version among its complaints; iproute2 complains before it tells it.
_VERSIONS = """
for c in COMMANDS; do
  case $c in systemctl) v=--version ;; *) v=-V ;; esac
  echo "$c=$($c $v 2>&1 | grep -E 'systemd [0-9]|OpenSSH|iproute2' | head -n 1)"
done
"""


def _versions(inventory: Inventory) -> dict[str, Probe]:
    """What starts the tunnels, what they are on either end, and what tells their sockets."""

    def command(host: str) -> str:
        ssh = ["ssh"] if host in inventory.carriers else []
        sshd = ["sshd"] if host in {login.via for login in inventory.logins} else []
        return _VERSIONS.strip().replace("COMMANDS", " ".join(["systemctl", "ss", *ssh, *sshd]))

    return {host: Exec(host, command(host)) for host in inventory.fleet_hosts}


def parse_versions(transcript: Transcript) -> Versions:
    """Read `command=what it says of its version`; nothing stands there of one that is missing."""
    found = {}
    for line in succeeded(transcript).splitlines():
        command, equals, said = line.partition("=")
        if not equals or command not in _KINDS:
            raise NotUnderstood(f"expected a command and its version, found {line!r}")
        kind, form = _KINDS[command]
        number = re.search(form, said)
        found[command] = Version(
            kind, tuple(map(int, number[1].split("."))) if number else (), said
        )
    if not {"systemctl", "ss"} <= found.keys():
        raise NotUnderstood("not every command was asked for its version")
    return found


VERSIONS = Fact("versions", _versions, parse_versions)


@dataclass(frozen=True)
class BridgeTool:
    """What the command `bridge` is on a host: absent, iproute2 or ops-bridge."""

    kind: str
    path: str | None


def _bridge_tools(inventory: Inventory) -> dict[str, Probe]:
    command = (
        "command -v bridge || { echo absent; exit 0; }; "
        "bridge -V 2>&1 || true; bridge --version 2>&1 || true"
    )
    return {host: Exec(host, command) for host in inventory.carriers}


def parse_bridge_tool(transcript: Transcript) -> BridgeTool:
    """Tell iproute2's `bridge` from ops-bridge's by what -V and --version print."""
    path, *said = succeeded(transcript).splitlines() or [""]
    if path == "absent":
        return BridgeTool("absent", None)
    if not path.startswith("/"):
        raise NotUnderstood(f"expected a path or `absent`, found {path!r}")
    if any(line.startswith("bridge utility,") for line in said):
        return BridgeTool("iproute2", path)
    if any(line.startswith("ops-bridge") for line in said):
        return BridgeTool("ops-bridge", path)
    words = next((line for line in said if line.strip()), None)
    raise NotUnderstood(f"{path} is neither iproute2's bridge nor ops-bridge: {words!r}")


BRIDGE_TOOLS = Fact("bridge_tools", _bridge_tools, parse_bridge_tool)


@dataclass(frozen=True)
class KubectlAnswer:
    """The API server's version as kubectl has it, or kubectl's last words about why it has none."""

    version: str | None
    refused: str | None


def _kubectl(inventory: Inventory) -> dict[str, Probe]:
    # A server without its store still tells its version, and is not ready.
    def command(cluster: Cluster) -> str:
        seconds = inventory.limits.command
        kubectl = f"{join(cluster.typed_kubectl)} --request-timeout={seconds:g}s"
        return f"{kubectl} get --raw=/readyz >/dev/null && {kubectl} version -o json"

    return {
        cluster.host: Exec(cluster.host, command(cluster))
        for cluster in inventory.clusters.values()
        if cluster.host in inventory.carriers
    }


def parse_kubectl(transcript: Transcript) -> KubectlAnswer:
    """Read `kubectl version -o json`; with an exit status other than 0, what it said instead.

    Of a server that is not ready, the parts that are not: `[-]etcd failed`.
    """
    if transcript.exit_status and (said := last_line(transcript.stderr)):
        failed = re.findall(r"\[-\][^\\\n]*", transcript.err)  # kubectl shows its lines as one
        return KubectlAnswer(None, brief("; ".join(failed)) or said)
    try:
        version = strict_json.loads(succeeded(transcript))["serverVersion"]["gitVersion"]
    except (ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, str) or not version:
        raise NotUnderstood("no serverVersion in the answer of `kubectl version`")
    return KubectlAnswer(version, None)


KUBECTL = Fact("kubectl", _kubectl, parse_kubectl)


@dataclass(frozen=True)
class Home:
    """Whether the user may write to its home, and how many bytes are free to it there."""

    writable: bool
    free: int


def _homes(inventory: Inventory) -> dict[str, Probe]:
    command = 'if [ -w ~ ]; then echo writable; else echo read-only; fi; stat -f -c "%a %S" ~'
    return {host: Exec(host, command) for host in inventory.carriers}


def parse_home(transcript: Transcript) -> Home:
    """Read `writable` or `read-only`, then free blocks and their size as stat(1) prints them."""
    match = re.fullmatch(r"(writable|read-only)\n(\d+) (\d+)\n?", succeeded(transcript))
    if not match:
        raise NotUnderstood("expected `writable` or `read-only`, then two numbers")
    return Home(match[1] == "writable", int(match[2]) * int(match[3]))


HOMES = Fact("homes", _homes, parse_home)


# Of each ssh of this user its PID, and behind it every program and library that it has in memory
# and nobody has on disk any more; see proc_pid_maps(5).
_REPLACED = r"""
for d in /proc/[0-9]*; do
  { read -r name <"$d/comm"; } 2>/dev/null && [ "$name" = ssh ] && [ -O "$d" ] || continue
  pid=${d#/proc/}
  echo "$pid"
  sed -n "s|^[^ ]* r-xp [^/]*\(/.*\) (deleted)$|$pid \1|p" "$d/maps" || [ ! -e "$d" ] || exit
done
echo end"""


def _replaced(inventory: Inventory) -> dict[str, Probe]:
    return {host: Exec(host, _REPLACED) for host in inventory.carriers}


def parse_replaced(transcript: Transcript) -> dict[int, tuple[str, ...]]:
    """Read PIDs, and files behind some of them, a line each, until `end`."""
    *lines, end = succeeded(transcript).splitlines() or [""]
    found: dict[int, tuple[str, ...]] = {}
    for line in lines:
        match = re.fullmatch(r"(\d+)(?: (/.*))?", line)
        if not match:
            raise NotUnderstood(f"expected a PID, or one and a path, found {brief(repr(line))}")
        found[int(match[1])] = found.get(int(match[1]), ()) + ((match[2],) if match[2] else ())
    if end != "end":
        raise NotUnderstood("the list was cut off")
    return found


REPLACED = Fact("replaced", _replaced, parse_replaced)
