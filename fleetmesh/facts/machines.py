"""Who a machine is, what time it thinks it is, and what is installed on it."""

import re
from dataclasses import dataclass
from datetime import datetime

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.gather.commands import Clock, Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Cluster, Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief, last_line
from fleetmesh.text.shell import quote


@dataclass(frozen=True)
class Machine:
    """A machine's own account of itself."""

    hostname: str
    machine_id: str
    os: str
    user: str
    home: str
    addresses: tuple[str, ...]


_MACHINE = (
    'echo "hostname=$(uname -n)"; echo "machine_id=$(cat /etc/machine-id)"; '
    '. /etc/os-release; echo "os=$PRETTY_NAME"; echo "user=$(id -un)"; echo "home=$HOME"; '
    "ip -o addr show scope global | while read -r _ _ _ address _; do "
    'echo "address=${address%%/*}"; done'
)


def _machines(inventory: Inventory) -> dict[str, Probe]:
    return {host: Exec(host, _MACHINE) for host in inventory.hosts}


def parse_machine(transcript: Transcript) -> Machine:
    """Read the `key=value` lines of the command above; `address` may repeat or be absent."""
    found: dict[str, list[str]] = {}
    for line in succeeded(transcript).splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            raise NotUnderstood(f"expected key=value, found {line!r}")
        found.setdefault(key, []).append(value)
    missing = {"hostname", "machine_id", "os", "user", "home"} - found.keys()
    if missing or not re.fullmatch("[0-9a-f]{32}", found["machine_id"][0]):
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
    the width of the bounds is what the network took.
    """
    times = re.fullmatch(r"(\d{1,10}\.\d{1,9})\n(\d{1,10}\.\d{1,9})\n?", succeeded(transcript))
    if not times:
        raise NotUnderstood("expected two times as `date +%s.%N` prints them")
    first, last = float(times[1]), float(times[2])
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
        kubectl = f"kubectl --kubeconfig {quote(cluster.kubeconfig)} --request-timeout={seconds:g}s"
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
