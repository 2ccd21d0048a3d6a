"""What helps if a check fails: commands, each on its own machine, and sentences.

A hint is written in lines. Each is a step or a sentence:

    on {tunnel.host}: systemctl --user status {tunnel.unit}
    in {bridge.cluster}: -n {bridge.namespace} get pods
    here: cat {inventory.file}
    here: cat FILE | on {carrier}: cat >FILE
    A sentence begins with a capital letter and ends with a full stop.

`on` names a host and `in` a cluster, whose host then runs kubectl; `here` is the machine of the
suite. All that follows the colon is for one shell there. `{…}` names the case, as in str.format;
what is put in its place is quoted. `{host:units}` and its like are in _MORE.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from fleetmesh.by_hand.command import at, destination, in_cluster, log_in, on
from fleetmesh.inventory import Inventory, Login, Workstation
from fleetmesh.text.legible import one_line
from fleetmesh.text.shell import join, quote

_STEP = re.compile(r"(on|in) (\S+): (\S.*)|here: (\S.*?)(?: \| on (\S+): (\S.*))?")
_SENTENCE = re.compile(r"[A-Z`].*\.")
_ENDLESS = re.compile("…|\\.\\.\\.")


@dataclass(frozen=True)
class Hint:
    """A hint as it is written. One that `mends` changes something, by which the check passes."""

    text: str
    mends: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if a line is neither a step nor a sentence."""
        lines = self.text.splitlines()
        for line in lines or [""]:
            if _ENDLESS.search(line) or not (_STEP.fullmatch(line) or _SENTENCE.fullmatch(line)):
                raise ValueError(
                    f"{line!r} is no line of a hint; write `on HOST: COMMAND`, "
                    "`in CLUSTER: KUBECTL ARGUMENTS`, `here: COMMAND`, or a whole sentence"
                )
        if self.mends and not any(map(_STEP.fullmatch, lines)):
            raise ValueError(f"{self.text!r} mends nothing: it has no command")

    def of(self, inventory: Inventory, case: Mapping[str, Any]) -> str:
        """The hint for a case: lines that bash runs, in which a sentence is a comment.

        Raises LookupError or AttributeError if it names what the case or the inventory has not.
        """
        return "\n".join(_line(line, inventory, case) for line in self.text.splitlines())


def _line(line: str, inventory: Inventory, case: Mapping[str, Any]) -> str:
    plain, quoted = _Filled(inventory, one_line), _Filled(inventory, quote)
    step = _STEP.fullmatch(line)
    if step is None:
        return f"# {plain.filled(line, case)}"
    kind, place, words, here, far, then = step.groups()
    if far:
        there = at(inventory, plain.filled(far, case), quoted.filled(then, case))
        return f"{quoted.filled(here, case)} | {there}"
    if here:
        return quoted.filled(here, case)
    run = on if kind == "on" else in_cluster
    return run(inventory, plain.filled(place, case), quoted.filled(words, case))


class _Filled(Formatter):
    """Puts values into a template, each `written` in a way of its own."""

    def __init__(self, inventory: Inventory, written: Callable[[str], str]) -> None:
        self._inventory = inventory
        self._written = written

    def filled(self, template: str, case: Mapping[str, Any]) -> str:
        return self.vformat(template, (), {"inventory": self._inventory, **case})

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec:
            return _MORE[format_spec](self._inventory, value)
        if value is None:
            raise LookupError("the inventory does not say it")
        return self._written(str(value))


def _units(inventory: Inventory, host: str) -> str:
    found = (tunnel.unit for tunnel in inventory.tunnels.values() if tunnel.host == host)
    return join(dict.fromkeys(found))


def _keys(inventory: Inventory, host: str) -> str:
    return join(dict.fromkeys(login.key for login in inventory.logins if login.host == host))


def _far_end(inventory: Inventory, host: str) -> str:
    one = inventory.hosts[host]
    return join(destination(one.target, one.user, one.port))


def _pinned(inventory: Inventory, host: str) -> str:
    one = inventory.hosts[host]
    return quote(one.target if one.port in (None, 22) else f"[{one.target}]:{one.port}")


def _forward(inventory: Inventory, login: Login) -> str:
    service = inventory.services[inventory.tunnels_of(login)[0].to]
    return quote(f"{service.cluster_ip}:{service.port}")


def _retired(_: Inventory, workstation: Workstation) -> str:
    return join(workstation.retired)


_MORE: Mapping[str, Callable[[Inventory, Any], str]] = {
    "units": _units,
    "keys": _keys,
    "far end": _far_end,
    "pinned": _pinned,
    "forward": _forward,
    "retired": _retired,
    "log-in": log_in,
}
"""More about a host: the units and keys of its tunnels; how their ssh reaches it, and the name by
which that looks up its host key; how the suite logs in. Of a log-in: where its first tunnel leads.
Of the workstation: its retired tunnels."""
