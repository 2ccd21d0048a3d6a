"""What the workstation runs, and what would start there by itself."""

import re
from dataclasses import dataclass

from fleetmesh import strict_json
from fleetmesh.facts.fact import Fact, NotUnderstood, blocks, succeeded
from fleetmesh.facts.probe import Exec, Probe
from fleetmesh.inventory import Inventory
from fleetmesh.shell import quote
from fleetmesh.transcript import Transcript


@dataclass(frozen=True)
class BridgeTunnel:
    """One tunnel as ops-bridge's own status has it."""

    name: str
    kind: str
    up: bool
    autostart: bool
    pid: int | None = None


def parse_bridge_status(transcript: Transcript) -> dict[str, BridgeTunnel]:
    """Read `bridge status --json`: an array of objects with name, kind, state, autostart."""
    try:
        listed = strict_json.loads(succeeded(transcript))
        tunnels = {
            entry["name"]: BridgeTunnel(
                name=entry["name"],
                kind=entry["kind"],
                up={"up": True, "down": False}[entry["state"]],
                autostart={True: True, False: False}[entry["autostart"]],
                pid=entry.get("pid"),
            )
            for entry in listed
        }
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"not the status that ops-bridge prints: {error!r}") from None
    return tunnels


@dataclass(frozen=True)
class Autostart:
    """A line that starts something without anybody asking: where it stands, and the line."""

    source: str
    line: str


def parse_autostarts(transcript: Transcript) -> tuple[Autostart, ...]:
    """Read `source<TAB>line` lines, closed by `end`, which tells "none" from "not read".

    The lines of the source `systemd` are `Id=` and `Exec…=` of the units that start by themselves
    or are triggered by one that does, in blocks parted by an empty line.
    """
    lines = succeeded(transcript).splitlines()
    if not lines or lines[-1] != "end":
        raise NotUnderstood("the listing does not end with its mark")
    found, shown = [], []
    for line in lines[:-1]:
        source, tab, what = line.partition("\t")
        if not tab:
            raise NotUnderstood(f"expected source and line, found {line!r}")
        if source == "systemd":
            shown.append(what)
        else:
            found.append(Autostart(source, what))
    for unit in blocks("\n".join(shown)):
        if "Id" not in unit:
            raise NotUnderstood("a unit without Id")
        lines = [line for key in unit if key != "Id" for line in unit[key].splitlines()]
        found += [Autostart(unit["Id"], line) for line in lines]
    return tuple(found)


# crontab(1) exits 1 where a user has none. Units are asked for by name, since an enabled one need
# not be loaded; of a template's instances, only the dependencies of default.target know. What
# a shell or a session reads when it begins may hold secrets: of it, only lines about a retired
# tunnel are shown; and an alias starts nothing.
_AUTOSTARTS = r"""
list() { sed "s|^|$1\t|"; }
crontab -l 2>/dev/null | grep -v '^ *#' | list crontab
for f in /etc/crontab /etc/cron.d/*; do [ -r "$f" ] && grep -v '^ *#' "$f" | list "$f"; done
for f in ~/.config/autostart/*.desktop /etc/xdg/autostart/*.desktop; do
  [ -r "$f" ] && grep '^Exec=' "$f" | list "$f"
done
for f in /etc/rc.local /etc/profile /etc/profile.d/*.sh /etc/bash.bashrc /etc/zsh/z* \
    ~/.profile ~/.bash_profile ~/.bash_login ~/.bashrc ~/.zshenv ~/.zprofile ~/.zshrc ~/.zlogin \
    ~/.config/fish/config.fish ~/.xprofile ~/.xsession ~/.xsessionrc; do
  [ -n "$retired" ] && [ -r "$f" ] &&
    grep -v '^ *\(#\|alias \)' "$f" | grep -F "$retired" | list "$f"
done
for scope in --user --system; do
  listed=$(systemctl $scope list-unit-files --no-pager --no-legend \
    --state=enabled,enabled-runtime '*.service' '*.timer' '*.path' '*.socket') || exit
  instances=$(systemctl $scope list-dependencies --no-pager --plain default.target) || exit
  enabled=$({ echo "$listed"; echo "$instances" | grep '@[^.]'; } \
    | while read -r unit _; do case $unit in *@.*) ;; *) echo "$unit";; esac; done)
  [ -n "$enabled" ] || continue
  triggered=$(systemctl $scope show --no-pager -p Triggers --value $enabled)
  systemctl $scope show --no-pager -p Id -p ExecCondition -p ExecStartPre -p ExecStart \
    -p ExecStartPost $enabled $triggered | list systemd
  printf 'systemd\t\n'
done
echo end
"""


def _bridge_status(inventory: Inventory) -> dict[str, Probe]:
    workstation = inventory.workstation
    asked: dict[str, Probe] = {
        workstation.host: Exec(workstation.host, f"{quote(workstation.bridge)} status --json")
    }
    if inventory.manager == "ops-bridge":
        asked |= {host: Exec(host, "bridge status --json") for host in inventory.carriers}
    return asked


def _autostarts(inventory: Inventory) -> dict[str, Probe]:
    workstation = inventory.workstation
    retired = [words for t in workstation.retired.values() for words in (t.id, f"{t.listen.port}:")]
    command = f"retired={quote(chr(10).join(retired))}{_AUTOSTARTS.rstrip()}"
    return {workstation.host: Exec(workstation.host, command)}


def mentions(line: str, name: str) -> bool:
    """Whether `name` stands in `line` as a word of its own; `name.service` and `name.sh` count."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", line) is not None


BRIDGE_STATUS = Fact("bridge_status", _bridge_status, parse_bridge_status)
AUTOSTARTS = Fact("autostarts", _autostarts, parse_autostarts)
