"""`python -m fleetmesh`: check a fleet, and work with the evidence of runs."""

import os
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from fleetmesh.attach.attach import attach, parcel
from fleetmesh.attach.issue import target
from fleetmesh.discover import command as discover
from fleetmesh.discover.command import CannotDiscover
from fleetmesh.evidence.age import ages, on_disk, span
from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.folder import BrokenRecord, read
from fleetmesh.evidence.history import update
from fleetmesh.evidence.journal import CannotRecord
from fleetmesh.evidence.run import PHASES, RUNBOOK
from fleetmesh.evidence.since import since
from fleetmesh.evidence.sums import SUMS, Refused
from fleetmesh.inventory.suite import front_door
from fleetmesh.retention.prune import prune
from fleetmesh.sealing.sealed_run import seal_folder
from fleetmesh.sealing.verify import Report, verified, verify
from fleetmesh.sealing.vouched import Trust
from fleetmesh.state import expectation
from fleetmesh.state.changes import changes as state_changes
from fleetmesh.state.changes import unasked
from fleetmesh.state.judgement import judge
from fleetmesh.state.moment import moment
from fleetmesh.text.terminal import Parser, complain, say
from fleetmesh.timer import command as timer
from fleetmesh.timer.places import CannotInstall
from fleetmesh.views.history_page import write
from fleetmesh.views.render import NotRendered, render, views_of
from fleetmesh.watch import command as watch

TOKEN = "FORGE_TOKEN"  # noqa: S105 - the variable's name
_ROOTS = "demand a time stamp for which a certificate in FILE (PEM) vouches, and judge as of then"
_SAID = (
    *(Refused, BrokenRecord, CannotRecord, NotRendered),
    *(CannotDiscover, CannotInstall, watch.CannotWatch),
)
"""What ends a command with one line, and no traceback."""
_SIGNS = {True: "holds", False: "REFUSED", None: "note"}


def _check(arguments: list[str]) -> NoReturn:
    """Become the process that runs the checks."""
    command, environment = front_door(arguments)
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - there is no shell


def _seal(given: Namespace) -> int:
    sealed = seal_folder(given.folder, given.sign, given.timestamp)
    say(f"sealed: {sealed.bundle}")
    say(f"sha256: {sealed.digest}")
    if sealed.workplan:
        say(f"to paste: {sealed.workplan}")
    say(f"signed: {f'by {sealed.signer}' if sealed.signer else 'no; say --sign KEY to sign it'}")
    if sealed.stamp:
        say(f"stamped: {sealed.stamp}")
    return 0


def _render(given: Namespace) -> int:
    if os.path.lexists(given.folder / SUMS):
        raise Refused(f"{given.folder} is sealed: its views stay as they are; render a copy of it")
    run = render(given.folder, since(given.folder.resolve()))
    say(run.headline)
    for name in views_of(run):
        say(f"written: {given.folder / name}")
    return 0


def _verify(given: Namespace) -> int:
    if given.allowed_signers is None and not given.unsigned:
        raise Refused("say --allowed-signers FILE, or --unsigned where nobody need vouch for it")
    trust = Trust(
        given.allowed_signers,
        given.at or datetime.now(UTC),
        given.principal,
        given.unsigned,
        given.timestamp_roots,
    )
    report = verify(given.target, trust)
    for finding in report.findings:
        say(f"{_SIGNS[finding.holds]:<8} {finding.what}")
    status, told = _concluded(report, record_only=given.record_only)
    say(f"{given.target.name}: {told}")
    return status


def _concluded(report: Report, *, record_only: bool) -> tuple[int, str]:
    if not report.holds:
        return 1, "DOES NOT HOLD"
    if not report.uncompared:
        return 0, "holds"
    unseen = ", ".join(report.uncompared)
    if record_only:
        return 0, f"its record holds; believe no word of {unseen}"
    return 6, (
        f"NOT ALL COMPARED: its record holds, but nobody here can say what {unseen} should be. "
        "Verify with the version of the suite that sealed it, or hold the record alone: "
        "--record-only"
    )


def _outcomes(given: Namespace) -> int:
    """Like diff(1): 0 if nothing differs, 1 if something does."""
    before, after = (Entry.of(read(folder.resolve())) for folder in (given.before, given.after))
    say(f"- {before.run}: {before.headline}")
    say(f"+ {after.run}: {after.headline}")
    if (before.fleet, before.kind) != (after.fleet, after.kind):
        say(f"the fleets differ: {before.fleet} ({before.kind}), {after.fleet} ({after.kind})")
    if not set(before.phases) & set(after.phases):
        raise Refused("the two runs share no phase: there is nothing to compare")
    found = changes(before, after)
    for change in found:
        say(f"{change.kind:<12} {change}")
    return 1 if found or before.verdict != after.verdict else 0


def _state(given: Namespace) -> int:
    """Like diff(1): 0 if what was expected has changed, and nothing else; 1 otherwise."""
    before, after = moment(given.before.resolve()), moment(given.after.resolve())
    found = judge(state_changes(before, after), expectation.read(given.expect, after.inventory))
    say(f"- {before.name}")
    say(f"+ {after.name}")
    for change in found.as_expected:
        say(f"as expected: {change}")
    for finding in found.findings:
        say(finding)
    if nobody := unasked(before, after):
        say(f"neither was asked, so nothing is known: {', '.join(nobody)}")
    say(
        f"{given.expect}: {len(found.as_expected)} changes as expected, "
        f"{len(found.besides)} besides, {len(found.did_not)} did not happen"
    )
    return 1 if found.findings else 0


def _history(given: Namespace) -> int:
    now = datetime.now(UTC)
    history = update(given.reports)
    doubt = on_disk(given.reports)
    if given.allowed_signers:
        doubt = verified(
            given.reports, Trust(given.allowed_signers, now, roots=given.timestamp_roots)
        )
    elif given.timestamp_roots:
        raise Refused("--timestamp-roots says as of when a signature counts: say --allowed-signers")
    every = ages(history, now, given.max_age, doubt) if history.entries else []
    index = write(history, every, now, given.reports)
    for remark in history.remarks:
        say(f"remark: {remark}")
    asked = {"fleet": given.fleet, "kind": given.kind, "phases": given.phase or RUNBOOK}
    found = ages(history, now, given.max_age, doubt, **asked)
    for age in found:
        sign = "stale" if given.max_age and not age.fresh else "fresh" if given.max_age else ""
        say(f"{sign:<6}{age.phase} on {age.fleet} ({age.kind}): {age.why}")
    say(f"page: {index}")
    return 1 if given.max_age and not all(age.fresh for age in found) else 0


def _prune(given: Namespace) -> int:
    done = prune(given.reports, given.keep, datetime.now(UTC), dry_run=given.dry_run)
    for remark in done.remarks:
        say(f"remark: {remark}")
    for run, why in done.kept.items():
        say(f"stays: {run}: {why}")
    for run in done.removed:
        say(f"{'would remove' if given.dry_run else 'removed'}: {run}")
    for failure in done.failed:
        complain(f"fleetmesh: not removed: {failure}")
    say(
        f"{given.reports}: {len(done.removed)} old runs "
        f"{'would be removed' if given.dry_run else 'removed'}, {len(done.kept)} stay"
    )
    return 1 if done.failed else 0


def _attach(given: Namespace) -> int:
    place = target(given.to, given.forge)
    sent = parcel(
        given.bundle, given.allowed_signers, unsigned=given.unsigned, incomplete=given.incomplete
    )
    if given.dry_run:
        say(f"would upload {given.bundle} ({len(sent.content)} bytes) to {place.issue}")
        say("would say there:")
        for line in ("", *sent.body("ADDRESS").splitlines()):
            say(line)
        return 0
    token = os.environ.get(TOKEN)
    if not token:
        raise Refused(f"{TOKEN} is not in the environment: it holds the forge's token")
    address, said = attach(sent, place, token)
    say(f"bundle: {address}")
    say(f"comment: {said}")
    return 0


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as Z")
    return moment


def _arguments() -> Parser:
    parser = Parser("python -m fleetmesh", description=__doc__.split(": ", 1)[1])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    commands.add_parser("check", help="check a fleet: `check --help` says how")

    command = commands.add_parser("seal", help="seal a run's folder, so that later changes show")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--sign", type=Path, metavar="KEY", help="an OpenSSH key or certificate")
    command.add_argument(
        "--timestamp",
        metavar="URL",
        help="a time stamping authority (RFC 3161) that vouches for when",
    )
    command.set_defaults(do=_seal)

    command = commands.add_parser("render", help="write the views of a run again, from its record")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(do=_render)

    command = commands.add_parser("verify", help="say what holds in a bundle, and what does not")
    command.add_argument("target", type=Path, metavar="BUNDLE|DIR")
    command.add_argument("--allowed-signers", type=Path, metavar="FILE", help="see ssh-keygen(1)")
    command.add_argument("--principal", help="which of them must have signed (default: any)")
    command.add_argument("--unsigned", action="store_true", help="accept it without a signature")
    command.add_argument(
        "--record-only",
        action="store_true",
        help="judge the record alone if another version made its views",
    )
    when = command.add_mutually_exclusive_group()
    when.add_argument(
        "--at", type=_time, metavar="TIME", help="judge certificates as of then (RFC 3339)"
    )
    when.add_argument("--timestamp-roots", type=Path, metavar="FILE", help=_ROOTS)
    command.set_defaults(do=_verify)

    command = commands.add_parser(
        "diff", help="say what is otherwise on the fleet at B than at A, and was not expected to be"
    )
    command.add_argument("before", type=Path, metavar="A", help="the folder of a run")
    command.add_argument("after", type=Path, metavar="B", help="that of a later one")
    command.add_argument(
        "--expect",
        default="nothing",
        metavar="NAME|FILE",
        help=f"what changes in between: {', '.join(expectation.known())}, or a file of your own "
        "(default: nothing)",
    )
    command.set_defaults(do=_state)

    command = commands.add_parser("outcomes", help="say which checks ended otherwise")
    command.add_argument("before", type=Path, metavar="A")
    command.add_argument("after", type=Path, metavar="B")
    command.set_defaults(do=_outcomes)

    command = commands.add_parser(
        "history", help="write reports/index.html; say the age of the last evidence"
    )
    command.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR")
    command.add_argument(
        "--max-age", type=span, metavar="SPAN", help="fail if the last READY run is older (36h, 7d)"
    )
    command.add_argument("--fleet", help="only this fleet, which must have run")
    command.add_argument(
        "--kind", choices=("production", "rehearsal"), help="only fleets of this kind"
    )
    command.add_argument(
        "--phase", action="append", choices=PHASES, help="only this phase; can be repeated"
    )
    command.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="count only runs that they signed"
    )
    command.add_argument("--timestamp-roots", type=Path, metavar="FILE", help=_ROOTS)
    command.set_defaults(do=_history)

    command = commands.add_parser("prune", help="remove old runs, but none that tells something")
    command.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR")
    command.add_argument(
        "--keep", type=span, required=True, metavar="SPAN", help="how long each run is kept (90d)"
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    command.set_defaults(do=_prune)

    command = commands.add_parser(
        "attach", help="attach a bundle to an issue", description=f"The token comes from {TOKEN}."
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE")
    command.add_argument("--to", required=True, metavar="URL", help="the issue's address")
    command.add_argument("--forge", choices=("forgejo", "github"), help="forgejo also means Gitea")
    command.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="who must have signed"
    )
    command.add_argument(
        "--unsigned", action="store_true", help="attach it even if nobody signed it"
    )
    command.add_argument("--incomplete", action="store_true", help="attach it even if INCOMPLETE")
    command.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    command.set_defaults(do=_attach)

    discover.add(commands)
    watch.add(commands)
    timer.add(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command and return the exit status, which is 2 for wrong usage.

    It is also 2 if nobody reads the output to its end.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:
        _check(words[1:])
    given = _arguments().parse_args(words)
    try:
        done: int = given.do(given)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return 2
    except _SAID as error:
        complain(f"fleetmesh: {error}")
        return 2
    return done


if __name__ == "__main__":
    sys.exit(main())
