"""`python -m fleetmesh outcomes`, `history` and `prune`: the runs before."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetmesh.evidence.age import ages, on_disk, span
from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.entry import Entry
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.history import update
from fleetmesh.evidence.run import PHASES, RUNBOOK
from fleetmesh.evidence.sums import Refused
from fleetmesh.history.prune import prune
from fleetmesh.sealing.command import ROOTS
from fleetmesh.sealing.verify import verified
from fleetmesh.sealing.vouched import Trust
from fleetmesh.text.terminal import complain, say
from fleetmesh.views.history_page import write


def add(commands: Any) -> None:
    """Add the commands to those of `python -m fleetmesh`."""
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
    command.add_argument("--timestamp-roots", type=Path, metavar="FILE", help=ROOTS)
    command.set_defaults(do=_history)

    command = commands.add_parser("prune", help="remove old runs, but none that tells something")
    command.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR")
    command.add_argument(
        "--keep", type=span, required=True, metavar="SPAN", help="how long each run is kept (90d)"
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    command.set_defaults(do=_prune)


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
