"""Tells those whom the inventory names how a run began, and how it ended."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import urlsplit

from fleetmesh.evidence.age import ages, on_disk
from fleetmesh.evidence.history import History, update
from fleetmesh.evidence.outcomes import Verdict
from fleetmesh.evidence.run import Run
from fleetmesh.evidence.sums import Refused
from fleetmesh.inventory import Inventory, Monitoring, SecretUrl, Unset
from fleetmesh.monitoring import change
from fleetmesh.monitoring.errands import Courier, Errand, Notice, Ping
from fleetmesh.monitoring.outbox import Known, Notification, Outbox, open_outbox
from fleetmesh.text.legible import said

_START, _PING, _NOTIFY = 10, 12, 30
"""Seconds that a courier has for its errands."""


@dataclass(frozen=True)
class Delivery:
    """What one of those who watch was told, or could not be told."""

    to: str
    """As the inventory has it: `dead_man.production`, `notify.ops`, `textfile`."""
    what: str
    why: str | None = None
    """Why it did not arrive; None where it did."""
    kept: bool = False
    """Whether the next run tries again."""


class Monitor:
    """Tells of one run. `told` takes secrets out of what is said about a delivery."""

    def __init__(
        self,
        inventory: Inventory,
        monitoring: Monitoring,
        reports: Path,
        told: Callable[[str], str],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._inventory, self._monitoring, self._reports = inventory, monitoring, reports
        self._told, self._environment = told, environment
        self._first: Courier | None = None
        self._amiss: list[Delivery] = []

    def started(self, run: Run) -> None:
        """Ping that the run has begun, and try out the URLs of receivers; waits for nothing."""

        errands: list[Errand] = []
        text = f"{' + '.join(run.phases)} on {run.fleet}: {run.id}"
        for to, url in self._switches(run):
            if begun := self._resolved(to, url, "start"):
                errands.append(Ping(to, _at(begun, "/start"), text, attempts=1))
        for name, url in self._monitoring.notify.items():
            to = f"notify.{name}"
            if there := self._resolved(to, url, "its URL"):
                errands.append(Notice(to, there))
        try:
            self._first = Courier(errands, _START) if errands else None
        except OSError as error:
            self._amiss.append(Delivery("monitoring", "start", said(error)))

    def close(self) -> None:
        """Leave no courier behind, of a run whose end nobody tells."""
        if self._first:
            self._first.end()

    def ended(self, run: Run, evidence: Path) -> list[Delivery]:
        """Tell how the run has ended: everybody at once, by their deadlines."""
        found = self._begun()
        jobs = [partial(self._ping, to, url, run) for to, url in self._switches(run)]
        if self._monitoring.notify:
            jobs.append(partial(self._notify, run, evidence))
        with ThreadPoolExecutor(max(1, len(jobs))) as pool:
            found += [one for job in pool.map(_do, jobs) for one in job]
        undelivered = sum(one.why is not None for one in found)
        return found + [self._write(phase, run, undelivered) for phase in self._written(run)]

    def _begun(self) -> list[Delivery]:
        """What went wrong of the beginning."""
        found = list(self._amiss)
        for errand, why in self._first.heard() if self._first else ():
            if why is not None:
                what = "start" if isinstance(errand, Ping) else "its URL"
                found.append(Delivery(errand.to, what, self._told(why)))
        return found

    def _ping(self, to: str, url: SecretUrl, run: Run) -> list[Delivery]:
        ready = run.conclusion == Verdict.READY.value
        what = "success" if ready else "failure"
        text = f"{run.headline}\n{run.id}\nexit status {run.verdict.exit_status}"
        try:
            there = url.resolved(self._environment)
        except Unset as error:
            return [Delivery(to, what, str(error))]
        errand = Ping(to, there if ready else _at(there, "/fail"), text)
        return [Delivery(to, what, why) for why in self._carried([errand], _PING)]

    def _notify(self, run: Run, evidence: Path) -> list[Delivery]:
        try:
            with open_outbox(self._reports, run.fleet, run.kind) as outbox:
                self._note(outbox, run, evidence)
                receivers = self._monitoring.notify
                with ThreadPoolExecutor(len(receivers)) as pool:
                    jobs = [partial(self._send, outbox, name, run.id) for name in receivers]
                    found = [one for job in pool.map(_do, jobs) for one in job]
                if outbox.remark:
                    found.append(Delivery("notify", "outbox", self._told(outbox.remark)))
                return found
        except OSError as error:
            return [Delivery("notify", "outbox", f"{error.strerror or error}")]

    def _note(self, outbox: Outbox, run: Run, evidence: Path) -> None:
        """Keep a notification for each receiver if the verdict has changed."""
        phases = " + ".join(run.phases)
        before = outbox.known(phases) or self._last(run)
        receivers = list(self._monitoring.notify)
        fresh = []
        if change.changed(before, run):
            known = self._history.entries if before else ()
            earlier = next((entry for entry in known if before and entry.run == before.run), None)
            title = self._told(change.title(before, run))
            text = self._told(change.text(before, earlier, run, evidence))
            ended = run.finished or run.started
            fresh = [Notification(to, run.id, ended, title, text) for to in receivers]
        outbox.note(phases, Known(run.id, run.conclusion), fresh, receivers)

    def _send(self, outbox: Outbox, name: str, run: str) -> list[Delivery]:
        """Send what waits for a receiver, in order, up to the first that does not arrive."""
        to, waiting = f"notify.{name}", outbox.waiting(name)
        if not waiting:
            return []
        try:
            url = self._monitoring.notify[name].resolved(self._environment)
        except Unset as error:
            return [Delivery(to, kept.title, str(error), kept=True) for kept in waiting]
        now = datetime.now(UTC)
        notices = [Notice(to, url, kept.title, change.as_sent(kept, now, run)) for kept in waiting]
        found, queue = [], iter(waiting)
        for why in self._carried(notices, _NOTIFY):
            kept = next(queue)
            if why is None:
                outbox.delivered(kept)
            found.append(Delivery(to, kept.title, why, kept=why is not None))
        behind = "waits behind the one before"
        return found + [Delivery(to, kept.title, behind, kept=True) for kept in queue]

    def _carried(self, errands: Sequence[Errand], seconds: int) -> Iterator[str | None]:
        """For each errand in turn None if it was done; ends with why the first was not."""
        try:
            for _, why in Courier(errands, seconds).heard():
                yield None if why is None else self._told(why)
        except OSError as error:
            yield said(error)

    def _write(self, phase: str, run: Run, undelivered: int) -> Delivery:
        # Its library takes a fifth of a second, which runs without a textfile need not spend.
        from fleetmesh.monitoring.metrics import metrics, write  # noqa: PLC0415

        try:
            text = metrics(self._inventory, run, phase, self._last_ready(run, phase), undelivered)
            write(Path(str(self._monitoring.textfile)), phase, run, text)
        except OSError as error:
            return Delivery("textfile", phase, error.strerror or type(error).__name__)
        return Delivery("textfile", phase)

    def _last_ready(self, run: Run, phase: str) -> float:
        """When the phase's last READY run began, which may be this one; 0 if none is known."""
        if run.conclusion == Verdict.READY.value:
            return run.started.timestamp()
        named = {"fleet": run.fleet, "kind": run.kind}
        try:
            now, doubt = datetime.now(UTC), on_disk(self._reports)
            (age,) = ages(self._history, now, None, doubt, phases=[phase], **named)
        except Refused:  # it knows no run at all
            return 0.0
        return age.since.timestamp() if age.since else 0.0

    @cached_property
    def _history(self) -> History:
        try:
            return update(self._reports)
        except Refused:
            return History(())

    def _last(self, run: Run) -> Known | None:
        """The last run of the same phases that the history has; to a first outbox."""
        for entry in reversed(self._history.entries):
            same = (entry.fleet, entry.kind, entry.phases) == (run.fleet, run.kind, run.phases)
            whole = not (entry.replayed or entry.open or entry.verdict == "PASSED IN PART")
            if same and whole and entry.run != run.id:
                return Known(entry.run, entry.verdict)
        return None

    def _switches(self, run: Run) -> Iterator[tuple[str, SecretUrl]]:
        for phase, url in self._monitoring.dead_man.items():
            if phase in run.phases or phase in run.asked:
                yield f"dead_man.{phase}", url

    def _written(self, run: Run) -> tuple[str, ...]:
        return run.phases if self._monitoring.textfile else ()

    def _resolved(self, to: str, url: SecretUrl, what: str) -> str | None:
        try:
            return url.resolved(self._environment)
        except Unset as error:
            self._amiss.append(Delivery(to, what, str(error)))
            return None


def _do(job: Callable[[], list[Delivery]]) -> list[Delivery]:
    return job()


def _at(url: str, step: str) -> str:
    """The URL of a switch for a step: its path is extended, its query stays."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + step).geturl()
