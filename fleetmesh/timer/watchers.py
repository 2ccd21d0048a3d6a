"""What the service must be given so that it can tell those whom the inventory has it tell."""

import re
from pathlib import Path

from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import quote
from fleetmesh.timer.places import ACCOUNT, SECRETS, SERVICE, UNITS

_DROP_IN = UNITS / f"{SERVICE}.d" / "textfile.conf"


def drop_in(inventory: Inventory) -> dict[Path, bytes]:
    """What opens the folder of metrics to the service, which may write nowhere else."""
    folder = inventory.monitoring.textfile if inventory.monitoring else None
    return {_DROP_IN: f"[Service]\nReadWritePaths=-{folder}\n".encode()} if folder else {}


def left_to_do(inventory: Inventory, secrets: str, *, writable: bool) -> list[str]:
    """What the operator types besides.

    `secrets` is what stands in SECRETS; `writable` says whether the account may write metrics.
    """
    told, typed = inventory.monitoring, []
    if told and told.textfile and not writable:
        typed.append(f"sudo install -d -m 2775 -g {ACCOUNT} {quote(told.textfile)}")
    urls = (*told.dead_man.values(), *told.notify.values()) if told else ()
    there = set(re.findall(r"(?m)^[ \t]*(\w+)=", secrets))
    lacking = dict.fromkeys(name for url in urls for name in url.names if name not in there)
    if lacking:
        edit = f"sudo touch {SECRETS} && sudo chmod 600 {SECRETS} && sudoedit {SECRETS}"
        typed.append(f"{edit}   # {', '.join(f'{name}=…' for name in lacking)}")
    return typed
