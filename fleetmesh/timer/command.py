"""`python -m fleetmesh install-timer`: says what it does, and what is left to do on the hosts."""

import argparse
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fleetmesh.inventory import Inventory
from fleetmesh.text.terminal import say
from fleetmesh.timer import environment, fleet, permit, schedule, watchers
from fleetmesh.timer.access import Access, access
from fleetmesh.timer.machine import Record, alone, carry_out, look, may_write, remove, run
from fleetmesh.timer.places import (
    ACCOUNT,
    ASSETS,
    ENVIRONMENTS,
    EVIDENCE,
    INVENTORY,
    KEY,
    KNOWN_HOSTS,
    PERMITS,
    SECRETS,
    SERVICE,
    SETTINGS,
    SSH_CONFIG,
    TIMER,
    UNITS,
    CannotInstall,
)
from fleetmesh.timer.plan import File, MakeAccount, Step, Wanted, Write, no_foreign, to_install

_AGAIN = "run it again: it goes on where it was"
SYSTEMD = Path("/run/systemd/system")
"""There if systemd runs the machine: sd_booted(3)."""
_PUBLIC = KEY.with_suffix(".pub")
_TO_PUT, _TO_TAKE = PERMITS / "to-put.txt", PERMITS / "to-take.txt"


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser(
        "install-timer",
        help="have this machine verify a fleet by itself, every few hours",
        description="Makes an account, a key, an environment and a timer, as root, and says what "
        "is to be put on each host. A second time, it changes what is not so, and nothing else.",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--fleet", type=Path, metavar="FILE", help="the inventory")
    which.add_argument(
        "--uninstall",
        action="store_true",
        help=f"take all of it away, except for the evidence in {EVIDENCE}",
    )
    command.add_argument(
        "--every",
        type=_span,
        default=schedule.DEFAULT,
        metavar="SPAN",
        help=f"how often: 30m, 4h, 1d (default: {schedule.DEFAULT})",
    )
    command.add_argument(
        "--permit-api",
        metavar="ADDRESS:PORT",
        help="where the hosts' kubeconfigs lead, if not to 127.0.0.1:6443",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command.set_defaults(do=_do)


def _span(text: str) -> str:
    try:
        return schedule.every(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def _do(given: Namespace) -> int:
    if os.geteuid() != 0:
        raise CannotInstall("install-timer changes this machine, which needs root: use sudo")
    if not SYSTEMD.is_dir():
        raise CannotInstall("systemd does not run this machine, and a timer is systemd's")
    os.umask(0o022)  # what is written is read by the account
    try:
        with alone():
            return _uninstall(given) if given.uninstall else _install(given)
    except KeyboardInterrupt:
        raise CannotInstall(f"interrupted; {_AGAIN}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CannotInstall(f"{where}{error.strerror}; mend that and {_AGAIN}") from None


def _install(given: Namespace) -> int:
    inventory = fleet.fit(given.fleet)
    known = access(inventory, ACCOUNT)
    record = Record.read()
    files = _files(given, inventory, known, record)
    content = environment.content()
    wanted = Wanted(files, environment.digest(content))
    found = look(files, record)
    steps = to_install(wanted, found)
    if given.dry_run:
        _say_all("would be there", steps)
        return 0
    if steps:
        _keep(record, wanted, steps, both=True)
        for step in steps:
            carry_out(step, content)
            say(f"done: {step.what}")
        _keep(record, wanted, steps, both=False)
    _conclude(inventory, known, steps)
    return 0


def _files(
    given: Namespace, inventory: Inventory, known: Access, record: Record
) -> dict[Path, File]:
    """Every file that is wanted."""
    private, public = _key(record)
    allowed = permit.permits(given.fleet, public, given.permit_api)
    put = _by_hand(inventory, lambda host: permit.to_put(inventory, host, known))
    take = _by_hand(inventory, lambda host: permit.to_take(inventory, host, public))
    for hop, destinations in known.jumps.items():
        line = permit.for_jump(destinations, public)
        put += f"# {hop}, a jump host: add this line to ~/.ssh/authorized_keys there\n# {line}\n"
        take += f"# {hop}, a jump host: take the key's line out of ~/.ssh/authorized_keys there\n"
    timer = schedule.timer((ASSETS / TIMER).read_text("utf-8"), given.every)
    texts = {
        INVENTORY: fleet.copy(given.fleet),
        **fleet.reference(inventory),
        SSH_CONFIG: known.config.encode(),
        KNOWN_HOSTS: known.known_hosts.encode(),
        _PUBLIC: public.encode(),
        **permit.scripts(allowed, known),
        _TO_PUT: put.encode(),
        _TO_TAKE: take.encode(),
        UNITS / SERVICE: (ASSETS / SERVICE).read_bytes(),
        UNITS / TIMER: timer.encode(),
        **watchers.drop_in(inventory),
    }
    files = {path: File(text) for path, text in texts.items()}
    return {KEY: File(private, 0o400, ACCOUNT), **files}


def _key(record: Record) -> tuple[bytes, str]:
    """The private and the public key: those that are there, or new ones."""
    if str(KEY) in record.files and KEY.is_file() and _PUBLIC.is_file():
        return KEY.read_bytes(), _PUBLIC.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "key")
        comment = f"{ACCOUNT}@{os.uname().nodename}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(made))
        return made.read_bytes(), made.with_suffix(".pub").read_text("utf-8")


def _by_hand(inventory: Inventory, typed: Callable[[str], Iterable[str]]) -> str:
    return "".join("\n".join((f"# {host}", *typed(host), "")) for host in inventory.hosts)


def _keep(record: Record, wanted: Wanted, steps: list[Step], *, both: bool) -> None:
    """Write down what is ours: before the steps what is and is to be, afterwards what is."""
    files = {str(path): [file.digest] for path, file in wanted.files.items()}
    if both:
        for path, digests in record.files.items():
            files[path] = list(dict.fromkeys([*digests, *files.get(path, [])]))
    record.files = files
    record.made_account |= any(isinstance(step, MakeAccount) for step in steps)
    record.write()


def _say_all(title: str, steps: list[Step]) -> None:
    for step in steps:
        say(f"{title}: {step.what}")
    if not steps:
        say("nothing would change")


def _conclude(inventory: Inventory, known: Access, steps: list[Step]) -> None:
    """What is left to the operator, if anything."""
    written = {step.path for step in steps if isinstance(step, Write)}
    hosts = [host for host in inventory.hosts if permit.script(host) in written]
    if not steps:
        say(f"nothing to do: {TIMER} is installed as wanted")
    if hosts:
        say(f"the key has a new permit on {', '.join(hosts)}; put it there, from this machine:")
        for host in hosts:
            for line in permit.to_put(inventory, host, known):
                say(f"    {line}")
    for hop in known.jumps if _PUBLIC in written else ():
        say(f"    {hop}, a jump host, needs a line that is in {_TO_PUT}")
    told = inventory.monitoring
    secrets = SECRETS.read_text("utf-8", "replace") if SECRETS.is_file() else ""
    writable = not (told and told.textfile) or may_write(Path(told.textfile))
    if typed := watchers.left_to_do(inventory, secrets, writable=writable):
        say("so that the service can tell those whom the inventory names:")
        for line in typed:
            say(f"    {line}")
    say(f"all that each host needs: {_TO_PUT}")
    say(f"to try it: sudo systemctl start {SERVICE}; evidence: {EVIDENCE}")


def _uninstall(given: Namespace) -> int:
    record = Record.read()
    if not record.files:
        say(f"nothing to do: {SETTINGS} says of no timer that was installed")
        return 0
    found = look((), record)
    no_foreign({}, found)
    if _TO_TAKE in found.files:
        say("to take the key off the hosts, from this machine:")
        for line in _TO_TAKE.read_text("utf-8").splitlines():
            say(f"    {line}")
    if given.dry_run:
        for path in sorted(found.files):
            say(f"would be removed: {path}")
        return 0
    remove(record)
    say(f"removed: {TIMER}, {SERVICE}, the account, its key and its environments")
    for left in (path for path in (SETTINGS, ENVIRONMENTS) if path.exists()):
        say(f"kept: what else is in {left}")
    runs = sum(1 for _ in EVIDENCE.glob("*/plan.json"))
    say(f"kept: {EVIDENCE}, with the evidence of {runs} runs; only root reads it now")
    return 0
