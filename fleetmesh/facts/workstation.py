"""What the workstation runs, and what would start there by itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import cron, ssh_settings
from fleetmesh.text.cron import Times
from fleetmesh.text.shell import quote
from fleetmesh.text.ssh_settings import SshSettings


@dataclass(frozen=True)
class Autostart:
    """A line that starts something without anybody asking: where it stands, and the line."""

    source: str
    line: str

    @property
    def is_for_root(self) -> bool:
        """Whether it stands where root alone may let somebody look, by its place.

        So it is with crontab(1) and at(1): cron.allow and at.allow shut users out.
        """
        system = ("/etc/", "/lib/", "/run/", "/usr/", "/var/", "at job", "crontab")
        return self.source.startswith(system) or self.source == "systemd --system"

    @property
    def times(self) -> Times | None:
        """When cron runs it; None at boot alone, and where it is not cron that does."""
        return self._of_cron[0]

    @property
    def command(self) -> str:
        """What is run, without what cron reads before it."""
        return self._of_cron[1]

    @property
    def is_of_cron(self) -> bool:
        """Whether it is a line of a crontab, of which each runs by itself."""
        return self.source == "crontab" or self._is_of_the_system

    @property
    def _is_of_the_system(self) -> bool:
        return self.source == "/etc/crontab" or self.source.startswith("/etc/cron.d/")

    @property
    def _of_cron(self) -> tuple[Times | None, str]:
        if not self.is_of_cron:
            return None, self.line
        return cron.read(self.line, with_user=self._is_of_the_system)


@dataclass(frozen=True)
class Autostarts:
    """What starts by itself, as far as it concerns a tunnel, and what of it could not be seen."""

    lines: tuple[Autostart, ...]
    unread: tuple[Autostart, ...]
    """What exists and could not be read: where it stands, and why."""
    aside: tuple[Autostart, ...]
    """What was not looked at: a tool that is not installed, or what no ordinary user can read."""
    passed_over: int
    """Lines that concern no tunnel."""
    settings: dict[str, SshSettings]
    """What ssh_config has for each destination that a line may log in to."""
    configured: tuple[Autostart, ...]
    """RemoteForward, wherever it stands in a configuration of ssh."""


_AUTOSTARTS = files(__package__).joinpath("autostarts.sh").read_text()


def _autostarts(inventory: Inventory) -> dict[str, Probe]:
    """On the workstation, what may start a retired tunnel; on a carrier, what may end its own."""
    # It asks systemd in several rounds: what one command may take is too little on a busy machine.
    seconds = 3 * inventory.limits.command

    def question(host: str, wanted: Iterable[object], ends: str) -> Exec:
        words = quote("\n".join(map(str, wanted)))
        return Exec(host, f"wanted={words} ends={ends}\n{_AUTOSTARTS}", seconds)

    workstation = inventory.workstation
    retired = [words for t in workstation.retired.values() for words in (t.id, t.listen.port)]
    if workstation.bridge.program != "bridge":  # by that name the script knows it
        retired.append(workstation.bridge.program)
    found: dict[str, Probe] = {workstation.host: question(workstation.host, retired, "")}
    for host in inventory.carriers:
        own = [tunnel for tunnel in inventory.tunnels.values() if tunnel.host == host]
        words = [word for t in own for word in (t.id, t.unit.removesuffix(".service"))]
        words += [t.unit_file.removesuffix(".service") for t in own if "@" in t.unit]
        ports = [t.listen.port for t in own]
        found[host] = question(host, dict.fromkeys([*words, *ports]), "yes")
    return found


_KINDS = ("starts", "unread", "absent", "aside", "passed", "settings", "config")


def parse_autostarts(transcript: Transcript) -> Autostarts:
    """Read what autostarts.sh prints: kind, source and text, and `end`, without which it broke."""
    lines = succeeded(transcript).splitlines()
    if not lines or lines[-1] != "end":
        raise NotUnderstood("the listing does not end with its mark")
    found: dict[str, list[Autostart]] = {kind: [] for kind in _KINDS}
    for line in lines[:-1]:
        kind, _, rest = line.partition("\t")
        source, tab, text = rest.partition("\t")
        if kind not in found or not tab:
            raise NotUnderstood(f"expected a kind, a source and a text, found {line!r}")
        found[kind].append(Autostart(source, text))
    if [entry.line.isdecimal() for entry in found["passed"]] != [True]:
        raise NotUnderstood("how many lines were passed over is not said once, as a number")
    settings: dict[str, list[str]] = {}
    for entry in found["settings"]:
        settings.setdefault(entry.source, []).append(entry.line)
    try:
        by_destination = {name: ssh_settings.parse(lines) for name, lines in settings.items()}
    except ValueError as error:
        raise NotUnderstood(str(error)) from None
    return Autostarts(
        lines=tuple(found["starts"]),
        unread=tuple(found["unread"]),
        aside=tuple(found["absent"] + found["aside"]),
        passed_over=int(found["passed"][0].line),
        settings=by_destination,
        configured=tuple(found["config"]),
    )


AUTOSTARTS = Fact("autostarts", _autostarts, parse_autostarts)


def mentions(line: str, name: str) -> bool:
    """Whether `name` stands in `line` as a word of its own; `name.service` and `name.sh` count."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", line) is not None
