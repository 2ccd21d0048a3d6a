"""What a fleet could leave on this machine."""

import json
import re
import subprocess
from pathlib import Path

from rehearsal import cgroup
from rehearsal.paths import NETWORK_NAMESPACE, STATE
from selftests.processes import started


def processes() -> dict[int, str]:
    """Every process of the running fleet with its start time, which tells it from a later one.

    They are found by their network: the fleet's namespace and those made inside the machines; and
    by their control group. Those of fleets that this one's matrix runs on are among them.
    """
    own = Path("/proc/self/ns/net").stat().st_ino
    found: dict[int, str] = {}
    for process in Path("/proc").iterdir():
        try:
            group = (process / "cgroup").read_text()
            command = (process / "cmdline").read_bytes()
            if ":/../" in group:
                continue  # outside of this control group namespace: of another container
            away = (process / "ns/net").stat().st_ino != own and cgroup.name().encode() in command
            if re.search(rf"/{cgroup.name()}(-\d+-\d+)?/", group) or away:
                pid = int(process.name)
                found |= {pid: start} if (start := started(pid)) else {}
        except (OSError, ValueError):
            continue  # not a process, or one that has just ended
    return found


def footprint() -> dict[str, object]:
    """Mounts, interfaces, namespaces in use, control groups and the state directory."""
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True).stdout)
    # Not below them: groups of other fleets come and go there.
    groups = (Path("/sys/fs/cgroup").glob(f"{at}{cgroup.name()}*") for at in ("", "*/"))
    return {
        "mounts": sorted(_mounts()),
        "links": sorted(link["ifname"] for link in links),
        "namespaces": sorted(path.name for path in Path("/run/netns").glob("*")),
        "groups": sorted(str(path) for found in groups for path in found),
        "state": STATE.exists(),
        "namespace file": NETWORK_NAMESPACE.exists(),
    }


def _mounts() -> set[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line for line in lines if "overlay" in line or "nsfs" in line or "fleet" in line}
