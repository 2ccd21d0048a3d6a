"""What on a tunnels' host runs by itself, so that it could renew the tunnels' certificate there."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from fleetmesh.facts.fact import Fact, NotUnderstood, blocks, succeeded
from fleetmesh.facts.workstation import mentions
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login
from fleetmesh.text import strict_json
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
    until: datetime,
) -> str | None:
    """Why nothing on the host renews the log-in's certificate before `until`; None where it does.

    What renews it runs the program of `cert_command`, and names the key or the principal.
    """
    renewing = _renewing(scheduled, login, inventory, cert_command)
    if not renewing:
        return (
            f"nothing on {login.host} renews {login.key}-cert.pub: no timer, cron entry or unit of "
            f"its own runs `{_program(cert_command)}` for it"
        )
    wrong = [_unfit(one, inventory, until) for one in renewing]
    return None if None in wrong else "; ".join(filter(None, wrong))


def renewed_at(
    scheduled: tuple[Scheduled, ...],
    login: Login,
    inventory: Inventory,
    cert_command: str,
    until: datetime,
) -> datetime | None:
    """When a timer next renews the log-in's certificate before `until`; None where none will."""
    fit = [
        one
        for one in _renewing(scheduled, login, inventory, cert_command)
        if _unfit(one, inventory, until) is None
    ]
    return min((one.next for one in fit if one.timer and one.next), default=None)


def _renewing(
    scheduled: tuple[Scheduled, ...], login: Login, inventory: Inventory, cert_command: str
) -> list[Scheduled]:
    program = _program(cert_command)
    names = (_name(login.key), inventory.certificate.principal)
    return [
        one
        for one in scheduled
        if any(mentions(line, program) for line in one.lines)
        and any(name in line for name in names for line in one.lines)
    ]


def _program(cert_command: str) -> str:
    return _name(cert_command.split(maxsplit=1)[0])


def _unfit(one: Scheduled, inventory: Inventory, until: datetime) -> str | None:
    host = inventory.hosts[inventory.workstation.host]
    for place in (host.id, host.hostname, host.ssh, *host.addresses):
        if any(re.search(rf"(?<![\w.-]){re.escape(place)}(?![\w-])", line) for line in one.lines):
            return f"{one.source} renews the certificate by way of {host}"
    if one.result != "success":
        return f"{one.source} renews the certificate, and its last run ended in {one.result}"
    if not one.starts:
        starter = one.timer or one.source
        return f"{starter} renews the certificate, and does not start at boot"
    if one.timer is None:
        return None
    if one.next is None:
        return f"{one.timer} renews the certificate, and is not waiting for its time"
    if one.next >= until:
        return f"{one.timer} renews the certificate at {one.next:%Y-%m-%d %H:%M:%SZ}, after its end"
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]
