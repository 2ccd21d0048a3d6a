"""evidence.html: the whole run as one static page, without a script."""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePath

from fleetmesh.evidence.journal import INLINE
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import PHASES, HostSeen, Result, Run
from fleetmesh.gather.transcript import HERE
from fleetmesh.views import diagram, fragments, words
from fleetmesh.views.page import render, style

_SHEETS = ("common.css", "evidence.css")
_GRAVITY = {outcome: place for place, outcome in enumerate(Outcome)}


@dataclass(frozen=True)
class HostSection:
    """A host, what was seen of it, and the results that consulted it."""

    name: str
    seen: HostSeen
    results: tuple[Result, ...]

    @property
    def worst(self) -> Outcome | None:
        """The gravest outcome that it has a part in."""
        return worst(self.results)

    @property
    def anchor(self) -> str:
        """An id for the host's place on the page."""
        return f"host-{sha256(self.name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def page(run: Run) -> str:
    """The page. The same run always makes the same page."""
    machines = _machines(run)
    marks = {
        machine.name: diagram.Mark(
            machine.worst.value,
            f"{machine.worst.sign} {_told(machine)}",
            f"#{machine.anchor}",
        )
        for machine in machines
        if machine.worst
    }
    observed = fragments.paths(run)
    limit = fragments.fitting(run, INLINE)
    return render(
        "evidence.html",
        run=run,
        words=words,
        **style(*map(files("fleetmesh.views").joinpath, _SHEETS)),
        verdict=fragments.verdict(run),
        findings=fragments.findings(run),
        inventory=PurePath(run.inventory).name,
        paths=observed,
        topology=diagram.topology(observed, [m.name for m in machines if m.name != HERE], marks),
        machines=machines,
        here=HERE,
        phases=_phases(run),
        fragments=fragments,
        limit=limit,
        worst=worst,
        outcomes=[outcome for outcome in Outcome if run.counts[outcome]],
    )


def worst(results: tuple[Result, ...]) -> Outcome | None:
    """The gravest outcome of `results`."""
    return min((r.outcome for r in results), key=_GRAVITY.__getitem__, default=None)


def _told(machine: HostSection) -> str:
    count = sum(result.outcome is machine.worst for result in machine.results)
    return f"{count} {machine.worst.value}" if machine.worst else ""


def _machines(run: Run) -> list[HostSection]:
    consulted = (host for result in run.results for host in result.hosts)
    names = dict.fromkeys([*run.hosts, *consulted])
    return [
        HostSection(
            name,
            run.hosts.get(name, HostSeen()),
            tuple(
                sorted(
                    (result for result in run.results if name in result.hosts),
                    key=lambda result: _GRAVITY[result.outcome],
                )
            ),
        )
        for name in names
    ]


def _phases(run: Run) -> list[tuple[str, list[tuple[str, tuple[Result, ...]]]]]:
    """Phases in the runbook's order, in each its sections, in each its results as they came."""
    found = []
    for phase in (*PHASES, *sorted({r.phase for r in run.results} - {*PHASES})):
        results = [result for result in run.results if result.phase == phase]
        sections: dict[str, list[Result]] = {}
        for result in results:
            sections.setdefault(result.runbook, []).append(result)
        if results:
            found.append((phase, [(name, tuple(some)) for name, some in sections.items()]))
    return found
