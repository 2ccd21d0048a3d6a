"""What on a tunnels' host runs by itself, so that it could renew the tunnels' certificate there."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import dropwhile, takewhile
from typing import Any

from fleetmesh.facts.fact import Fact, Inconclusive, NotUnderstood, blocks, succeeded
from fleetmesh.facts.workstation import Autostart
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login
from fleetmesh.text import strict_json
from fleetmesh.text.commands import QUOTED, acting, program, run
from fleetmesh.text.cron import Times
from fleetmesh.text.shell import quote


@dataclass(frozen=True)
class Scheduled:
    """Something that runs by itself: the lines that say what, and when a timer runs it next."""

    source: str
    """`crontab`, a file of cron's, or a unit."""
    lines: tuple[str, ...]
    result: str = "success"
    """How a unit's last run ended, in systemd's word."""
    timer: str | None = None
    starts: bool = True
    """Whether it, or its timer, is there after a boot."""
    next: datetime | None = None
    """When the timer elapses next; None where it does not, or there is none."""
    active: bool = False
    """Whether the unit runs now, and so may do again what it does at its start."""

    @property
    def cron(self) -> Autostart | None:
        """Its line of a crontab; None for a unit."""
        line = Autostart(self.source, self.lines[0]) if self.lines else None
        return line if line and line.is_of_cron else None

    @property
    def commands(self) -> tuple[str, ...]:
        """What it runs, as a shell would be given it."""
        if self.cron:
            return (self.cron.command, *self.lines[1:])
        return tuple(match[1] if (match := _ARGV.search(line)) else line for line in self.lines)


_ARGV = re.compile(r"argv\[\]=(.*?)(?: ; (?:ignore_errors=.*|\})|$)")
_ZONES = tuple(timedelta(minutes=15 * quarters) for quarters in range(-12 * 4, 14 * 4 + 1))
"""The clocks that a host may go by: nothing on it was asked for its time zone."""
_FARTHEST = timedelta(days=9 * 366)


_SCHEDULE = files(__package__).joinpath("renewals.sh").read_text()


def _schedules(inventory: Inventory) -> dict[str, Probe]:
    def command(login: Login) -> str:
        names = f"principal={quote(inventory.certificate.principal)} key={quote(_name(login.key))}"
        return f"{names}\n{_SCHEDULE}"

    return {
        str(login): Exec(login.host, command(login))
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


_EXEC = ("ExecCondition", "ExecStartPre", "ExecStart")


def parse_schedule(transcript: Transcript) -> tuple[Scheduled, ...]:
    """Read `source<TAB>line` lines, closed by `end`; `timers` and `units` are systemctl's own."""
    *lines, last = succeeded(transcript).splitlines() or [""]
    if last != "end":
        raise NotUnderstood("the listing does not end with its mark")
    found: dict[str, list[str]] = {}
    for line in lines:
        source, tab, what = line.partition("\t")
        if not tab:
            raise NotUnderstood(f"expected source and line, found {line!r}")
        found.setdefault(source, []).append(what)
    if "timers" not in found or "units" not in found:
        raise NotUnderstood("timers or units are missing")
    timers = _timers("".join(found.pop("timers")))
    shown = {block.get("Id", ""): block for block in blocks("\n".join(found.pop("units")))}
    scripts = {path: tuple(said) for path, said in found.items() if _is_script(path)}

    def with_scripts(said: tuple[str, ...]) -> tuple[str, ...]:
        run = [script for path, script in scripts.items() if any(path in line for line in said)]
        return said + tuple(line for script in run for line in script)

    scheduled = [
        Scheduled(source, with_scripts((line,)))
        for source, said in found.items()
        if source not in scripts
        for line in said
        if not line.startswith("@reboot")
    ]
    for name, block in shown.items():
        said = tuple(v for key, value in block.items() if key in _EXEC for v in value.splitlines())
        timer = next((t for t, (activates, _) in timers.items() if activates == name), None)
        if not name.endswith(".timer"):
            starter = shown.get(timer or name, {})
            scheduled.append(
                Scheduled(
                    source=name,
                    lines=with_scripts(said),
                    result=block.get("Result", "success"),
                    timer=timer,
                    starts=starter.get("UnitFileState") == "enabled",
                    next=timers[timer][1] if timer else None,
                    active=block.get("ActiveState") == "active",
                )
            )
    return tuple(scheduled)


SCHEDULES = Fact("schedules", _schedules, parse_schedule)


def _is_script(source: str) -> bool:
    return source.startswith("/") and not source.startswith("/etc/cron")


def _timers(text: str) -> dict[str, tuple[str, datetime | None]]:
    """`systemctl list-timers --output=json`: what each activates, and when in µs, 0 for never."""
    try:
        listed: list[dict[str, Any]] = strict_json.loads(text)
        return {
            entry["unit"]: (
                entry["activates"],
                datetime.fromtimestamp(entry["next"] / 1e6, UTC) if entry["next"] else None,
            )
            for entry in listed
        }
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise NotUnderstood(f"not the timers as systemctl lists them: {error!r}") from None


def unrenewed(
    scheduled: tuple[Scheduled, ...],
    login: Login,
    inventory: Inventory,
    cert_command: str,
    now: datetime,
    until: datetime,
) -> str | None:
    """Why nothing on the host renews the log-in's certificate before `until`; None where it does.

    What renews it runs `cert_command` up to its verb, and names the key or the principal.

    Raises Inconclusive where it may, and nobody can tell.
    """
    signing = Signing.of(cert_command, login, inventory)
    renewing = [one for one in scheduled if signing.is_run_by(one)]
    unknown = [
        one.source for one in scheduled if one not in renewing and signing.may_be_run_by(one)
    ]
    wrong = []
    for one in renewing:
        try:
            wrong.append(_unfit(one, login, inventory, now, until))
        except Inconclusive:
            unknown.append(one.source)
    if None in wrong:
        return None
    if unknown:
        raise Inconclusive(
            f"whether {' or '.join(dict.fromkeys(unknown))} on {login.host} renews "
            f"{login.key}-cert.pub in time is not known"
        )
    return "; ".join(filter(None, wrong)) or (
        f"nothing on {login.host} renews {login.key}-cert.pub: no timer, cron entry or unit of "
        f"its own runs `{signing}` for it"
    )


def renewed_at(
    scheduled: tuple[Scheduled, ...],
    login: Login,
    inventory: Inventory,
    cert_command: str,
    now: datetime,
    until: datetime,
) -> datetime | None:
    """When a timer next renews the log-in's certificate before `until`; None where none will."""
    signing = Signing.of(cert_command, login, inventory)
    fit = [
        one.next
        for one in scheduled
        if one.timer and one.next and signing.is_run_by(one)
        if _unfit(one, login, inventory, now, until) is None
    ]
    return min(fit, default=None)


@dataclass(frozen=True)
class Signing:
    """The command that renews a certificate: its program, what it is to do, and for whom."""

    program: str
    verbs: tuple[str, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.program, *self.verbs))

    @classmethod
    def of(cls, cert_command: str, login: Login, inventory: Inventory) -> "Signing":
        """Read it: the verbs are its first plain words, which are neither options nor names."""
        names = (_name(login.key), inventory.certificate.principal)
        first, *rest = next(run(cert_command), [cert_command])

        def other(word: str) -> bool:
            return word.startswith("-") or any(name in word for name in names)

        verbs = takewhile(lambda word: not other(word), dropwhile(other, rest))
        return cls(program(first), tuple(verbs), names)

    def is_run_by(self, one: Scheduled) -> bool:
        """Whether it certainly is a command there, or given to an ssh."""
        return self._is_named_by(one) and any(
            self._is(words) or (program(words[0]) == "ssh" and self._is_among(words))
            for line in one.commands
            for words in run(line)
        )

    def may_be_run_by(self, one: Scheduled) -> bool:
        """Whether its words stand there, for an unknown program, or for what a variable holds."""
        return any(
            self._is_among(words)
            and (self._is_named_by(one) or any(re.search(rf"[${QUOTED}]", word) for word in words))
            for line in one.commands
            for words in acting(line)
        )

    def _is_named_by(self, one: Scheduled) -> bool:
        return any(name in line for name in self.names for line in one.lines)

    def _is(self, words: list[str]) -> bool:
        rest = iter(words[1:])
        return program(words[0]) == self.program and all(verb in rest for verb in self.verbs)

    def _is_among(self, words: list[str]) -> bool:
        return any(self._is(words[at:]) for at in range(len(words)))


def _unfit(
    one: Scheduled, login: Login, inventory: Inventory, now: datetime, until: datetime
) -> str | None:
    """Why something renews the certificate too late; None if in time. Raises Inconclusive."""
    host = inventory.hosts[inventory.workstation.host]
    for place in (host.id, host.hostname, host.ssh, *host.addresses):
        if any(re.search(rf"(?<![\w.-]){re.escape(place)}(?![\w-])", line) for line in one.lines):
            return f"{one.source} renews the certificate by way of {host}"
    if one.result != "success":
        return f"{one.source} renews the certificate, and its last run ended in {one.result}"
    if not one.starts:
        starter = one.timer or one.source
        return f"{starter} renews the certificate, and does not start at boot"
    if one.cron:
        return _late(one, one.cron.times, now, until)
    if one.timer is None:
        # A tunnel's own unit does so before each log-in, which is when it is needed.
        own = {
            unit
            for tunnel in inventory.tunnels.values()
            if tunnel.host == login.host
            for unit in (tunnel.unit, tunnel.own_unit)
        }
        if one.source in own:
            return None
        if one.active:
            raise Inconclusive(f"what {one.source} does after its start is not known")
        return f"{one.source} renews the certificate at its start alone"
    if one.next is None:
        return f"{one.timer} renews the certificate, and is not waiting for its time"
    if one.next >= until:
        return f"{one.timer} renews the certificate at {one.next:%Y-%m-%d %H:%M:%SZ}, after its end"
    return None


def _late(one: Scheduled, times: Times | None, now: datetime, until: datetime) -> str | None:
    """Why cron runs something too late, by whatever clock the host goes. Raises Inconclusive."""
    if times is None:
        return f"when {one.source} renews the certificate is not understood: {one.lines[0]}"
    last = min(until, now + _FARTHEST)
    in_time = {any(True for _ in times.between(now + zone, last + zone)) for zone in _ZONES}
    if in_time == {False}:
        return f"{one.source} renews the certificate only after its end: {one.lines[0]}"
    if in_time != {True}:
        raise Inconclusive(f"when {one.source} runs depends on the host's time zone")
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]
