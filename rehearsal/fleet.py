"""The rehearsal fleet as a whole: up, down, and what a drill does to its machines."""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal import (
    access,
    assets,
    cgroup,
    host,
    keys,
    lock,
    network,
    states,
    variant,
    workstation,
)
from rehearsal import image as images
from rehearsal.cluster import ADMIN_KUBECONFIG
from rehearsal.errors import RehearsalError
from rehearsal.files import Files
from rehearsal.furnish import furnish
from rehearsal.image import SHELLS
from rehearsal.machine import NspawnMachine
from rehearsal.outfit import Outfit
from rehearsal.paths import MACHINES, RECORD, STATE
from rehearsal.signals import undisturbed

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

    from fleetmesh.inventory import Inventory, Tunnel

BOOT_DEADLINE = 30


def inventory() -> Inventory:
    """What is right for the fleet that is up, or for the one with this project's names.

    Raises RehearsalError with everything that is wrong with it.
    """
    return variant.inventory((record() or {}).get("variant", variant.OWN))


def machines() -> dict[str, NspawnMachine]:
    """The machines of the fleet by name, running or not."""
    hosts = variant.inventory(variant.OWN).hosts  # all variants have these addresses
    return {name: NspawnMachine(name, host.addresses[0]) for name, host in hosts.items()}


def machine(name: str) -> NspawnMachine:
    """One machine; raises RehearsalError, with the known names, if there is none called so."""
    try:
        return machines()[name]
    except KeyError:
        known = ", ".join(machines())
        raise RehearsalError(f"no machine is called {name!r}; known are: {known}") from None


def record() -> dict[str, Any] | None:
    """What is known of the fleet that is up: state, user, since, images. None if none is up."""
    try:
        read: dict[str, Any] = json.loads(RECORD.read_text())
    except FileNotFoundError:
        return None
    return read if read["boot"] == _boot_id() else None  # one that this machine's reboot ended


def is_up() -> bool:
    """Whether the fleet has reached a state and all its machines run."""
    reached = (record() or {}).get("state") is not None
    return reached and all(one.init is not None for one in machines().values())


def outfit(
    images: Sequence[str] | None = None, shell: str | None = None, names: str | None = None
) -> Outfit | None:
    """What the command line wants the machines to be; None if it leaves that open."""
    if not images and not shell and not names:
        return None
    return Outfit.chosen(machines(), images or (), shell or SHELLS[0], names or variant.OWN)


def up(
    state: str = "after", say: Callable[[str], None] = print, wanted: Outfit | None = None
) -> None:
    """Bring the fleet up, or a running fleet forward, to a state of `states.STATES`.

    Raises RehearsalError; what was begun from nothing is then taken down again.
    """
    host.require()
    with lock.held(f"rehearsal up --state {state}"):
        running = record()
        if running is None:
            _remove()  # whatever a crash left
            try:
                _boot(wanted or Outfit.chosen(machines(), (), SHELLS[0]), say)
                _advance(None, state, say)
            except BaseException:
                _remove()
                raise
        elif wanted and wanted != Outfit.recorded(running):
            raise RehearsalError(
                f"the fleet that is up is of {Outfit.recorded(running)}, not {wanted}: "
                "python -m rehearsal down"
            )
        elif states.rank(state) < states.rank(running["state"]):
            raise RehearsalError(
                f"the fleet is in state {running['state']} and goes back to {state} only by "
                f"starting over: python -m rehearsal reset --state {state}"
            )
        else:
            _power_on_all(running["state"], say)
            _advance(running["state"], state, say)


def down() -> None:
    """Remove every process, mount, namespace, interface and file of the fleet, whatever is left."""
    host.require()
    with lock.held("rehearsal down"):
        _remove()


def reset(state: str, say: Callable[[str], None] = print, wanted: Outfit | None = None) -> None:
    """Start over from untouched machines, of the same kind unless another one is wanted."""
    running = record()
    down()
    up(state, say, wanted or (Outfit.recorded(running) if running else None))


def run(
    name: str, command: str, *, user: str = "tegwick", deadline: float = 10, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a shell command inside a machine, by its namespaces: it needs neither network nor sshd.

    Raises RehearsalError when the machine is off, the command takes longer than `deadline`
    seconds or, with `check`, fails.
    """
    return machine(name).run(["sh", "-c", command], user=user, deadline=deadline, check=check)


def power_off(name: str) -> None:
    """Pull a machine's plug; its files remain."""
    machine(name).power_off()


def power_on(name: str) -> None:
    """Start a machine that is off, and wait until one can log in."""
    one = machine(name)
    one.power_on(image(name))
    wait_for_login(one)


def forgive() -> None:
    """Have every sshd forget whom it turns away for failed log-ins (PerSourcePenalties).

    Open sessions stay; an sshd that does not run stays stopped.
    """
    restart = "systemctl reset-failed ssh; systemctl try-restart ssh"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: run(name, restart, user="root", check=False), machines()))


def steady() -> bool:
    """Start every tunnel afresh that has restarted by itself; whether there was any.

    For a while after a restart of its own a unit does not count as steady, whatever was healed.
    """
    units: dict[str, list[str]] = defaultdict(list)
    for tunnel in inventory().tunnels.values():
        units[tunnel.host].append(tunnel.unit)
    again = (
        "export XDG_RUNTIME_DIR=/run/user/$(id -u); for unit in {}; do "
        "systemctl --user show -p NRestarts --value $unit | grep -qx 0 || "
        "{{ systemctl --user restart $unit; echo $unit; }}; done"
    )
    done = [run(host, again.format(" ".join(of)), check=False) for host, of in units.items()]
    return any(one.stdout for one in done)


def reboot(name: str) -> None:
    """Reboot a machine from inside, and wait until one can log in again."""
    one = machine(name)
    before = one.started
    one.run(["systemctl", "reboot"])
    end = time.monotonic() + BOOT_DEADLINE
    while one.started in (before, None):
        if time.monotonic() > end:
            raise RehearsalError(f"{name} did not reboot within {BOOT_DEADLINE} s")
        time.sleep(0.02)
    wait_for_login(one)


def wait_until_ready(deadline: float = 30) -> None:
    """Wait until each service answers through its tunnel and all pods are ready.

    Raises RehearsalError when one of these takes longer than `deadline` seconds.
    """
    wait_until_served(deadline)
    wait_until_available(deadline)


def wait_until_served(deadline: float = 30) -> None:
    """Wait until each service answers on its production port on the node.

    Raises RehearsalError when one takes longer than `deadline` seconds.
    """
    asked: dict[str, list[str]] = defaultdict(list)
    for tunnel in inventory().tunnels.values():
        asked[tunnel.host].append(_asking(tunnel))
    for name, questions in asked.items():
        _wait(name, " && ".join(questions), deadline)


def wait_for_service(tunnel: Tunnel, deadline: float = 30) -> None:
    """Wait until the service of one tunnel answers on the node. Raises RehearsalError."""
    _wait(tunnel.host, _asking(tunnel), deadline)


def _asking(tunnel: Tunnel) -> str:
    url = f"http://{tunnel.listen}{inventory().services[tunnel.to].health.path}"
    return f"curl -sf --max-time 2 {url}"


def wait_until_available(deadline: float = 30) -> None:
    """Wait until every Deployment of every cluster has its pods ready.

    Raises RehearsalError when that takes longer than `deadline` seconds.
    """
    # kubectl itself gives up at once where the API does not answer yet.
    wait = f"kubectl --kubeconfig {ADMIN_KUBECONFIG} wait deployments --all -A"
    wait += " --for=condition=Available --timeout=5s 2>/dev/null"
    hosts = [cluster.host for cluster in inventory().clusters.values()]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: _wait(host, wait, deadline), hosts))


def _wait(name: str, condition: str, deadline: float) -> None:
    until = f"until {condition}; do sleep 0.05; done"
    # As root: for a user, PAM would open a session, and that start what linger must.
    run(name, f"timeout {deadline:g} sh -c '{until}'", user="root", deadline=deadline + 5)


def wait_for_login(one: NspawnMachine) -> None:
    """Wait until sshd accepts logins. Raises RehearsalError with the console's end."""
    one.wait_until(["systemctl", "is-active", "--quiet", "ssh.service"], BOOT_DEADLINE, "sshd")


def image(name: str) -> Path:
    """The root directory of the image that a machine stands on. Raises RehearsalError."""
    return Path(_required_record()["images"][name])


def generations() -> dict[str, str]:
    """The generation of Debian that each machine runs. Raises RehearsalError."""
    read: dict[str, str] = _required_record()["generations"]
    return read


def _required_record() -> dict[str, Any]:
    known = record()
    if known is None:
        raise RehearsalError("no rehearsal fleet is up: python -m rehearsal up")
    return known


def _boot(wanted: Outfit, say: Callable[[str], None]) -> None:
    network.check_free()
    roots = {name: images.ensure(kind, say) for name, kind in wanted.generations.items()}
    STATE.mkdir(mode=0o755)
    MACHINES.mkdir(mode=0o700)
    keys.generate(machines())
    right = variant.inventory(wanted.variant)
    access.write(right)
    assets.write(right)
    network.create()
    for one in machines().values():
        one.directory.mkdir()
        furnish(one, roots[one.name], right, wanted.shell)
        variant.dress(Files(one.files, roots[one.name]), wanted.variant)
        if wanted.generations[one.name] == images.BARE:
            workstation.strip(one.files, roots[one.name])
    say("the machines boot")
    for one in machines().values():
        one.power_on(roots[one.name])
    with ThreadPoolExecutor() as pool:
        list(pool.map(wait_for_login, machines().values()))
    since = datetime.now(UTC).isoformat(timespec="seconds")
    who = {"user": lock.caller(), "since": since, "boot": _boot_id()}
    made: dict[str, Any] = {"generations": dict(wanted.generations), "shell": wanted.shell}
    made["variant"] = wanted.variant
    made["images"] = {name: str(root) for name, root in roots.items()}
    _write_record({"state": None, **made, **who})


def _power_on_all(state: str | None, say: Callable[[str], None]) -> None:
    off = [one.name for one in machines().values() if one.init is None]
    if off and state != "after":
        raise RehearsalError(  # an operator's tunnels do not come back by themselves
            f"{', '.join(off)} lost power in state {state}: "
            f"start over with python -m rehearsal reset --state {state or states.STATES[0]}"
        )
    if off:
        say(f"power on: {', '.join(off)}")
        with ThreadPoolExecutor() as pool:
            list(pool.map(power_on, off))


def _advance(current: str | None, wanted: str, say: Callable[[str], None]) -> None:
    for state in states.STATES[states.rank(current) + 1 : states.rank(wanted) + 1]:
        states.forward(state, inventory(), say)
        wait_until_served()
        _write_record({**_required_record(), "state": state})
    wait_until_available()


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _write_record(content: dict[str, Any]) -> None:
    writing = RECORD.with_suffix(".new")
    writing.write_text(json.dumps(content, indent=2) + "\n")
    writing.replace(RECORD)


def _remove() -> None:
    with undisturbed():
        for group in (cgroup.fleet(), *cgroup.deserted()):
            cgroup.kill(group)
            cgroup.remove(group)
        network.remove()
        if STATE.exists():
            shutil.rmtree(STATE)
