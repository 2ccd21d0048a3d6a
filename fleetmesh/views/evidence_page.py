"""evidence.html: the whole run as one static page, without a script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePath

from fleetmesh.evidence.journal import INLINE
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import PHASES, HostSeen, Result, Run
from fleetmesh.gather.transcript import HERE
from fleetmesh.views import diagram, fragments, words
from fleetmesh.views.extent import extent, together
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


def page(run: Run, changes: Sequence[str] | None = None) -> str:
    """The page. The same run and `changes` (see workplan.block) always make the same page."""
    machines = _machines(run)
    places = {machine.name: place for place, machine in enumerate(machines, 1)}
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
    drawn = fragments.telling(observed)
    shown = extent(run)
    limit = fragments.fitting(shown.results, INLINE)
    return render(
        "evidence.html",
        run=run,
        words=words,
        **style(*map(files("fleetmesh.views").joinpath, _SHEETS), more=_filters(len(machines))),
        verdict=fragments.verdict(run),
        causes=run.causes(),
        failed=run.unexplained(),
        not_yet=run.not_yet(),
        shows=shown.shows,
        rest=shown.rest,
        findings=fragments.findings(run, with_failed=False),
        changes=changes,
        folded=_folded,
        on=lambda *some: " ".join(
            dict.fromkeys(f"on-{places[host]}" for result in some for host in result.hosts)
        ),
        inventory=PurePath(run.inventory).name,
        paths=drawn,
        more_paths=len(observed) - len(drawn),
        topology=diagram.topology(drawn, [m.name for m in machines if m.name != HERE], marks),
        machines=machines,
        here=HERE,
        phases=_phases(run),
        fragments=fragments,
        limit=limit,
        worst=worst,
        outcomes=[outcome for outcome in Outcome if run.counts[outcome]],
    )


def _filters(hosts: int) -> str:
    """What a browser hides of the checks where a box is not ticked, without a script."""
    rules = [
        f"body:has(#show-{outcome.value}:not(:checked)) "
        f":is(.check, .fold, .above).is-{outcome.value} {{ display: none; }}"
        for outcome in Outcome
    ]
    rules += [
        f"body:has(#only-{place}:checked) "
        f":is(.check, .fold, .above):not(.on-{place}) {{ display: none; }}"
        for place in range(1, hosts + 1)
    ]
    return "\n".join(["@media screen {", *rules, "}"])


def _folded(results: Iterable[Result]) -> list[list[Result]]:
    """The passes, those of one check together."""
    return together(result for result in results if result.outcome is Outcome.PASS)


def worst(results: tuple[Result, ...]) -> Outcome | None:
    """The gravest outcome of `results`."""
    return min((r.outcome for r in results), key=_GRAVITY.__getitem__, default=None)


def _told(machine: HostSection) -> str:
    gravest = machine.worst
    count = sum(result.outcome is gravest for result in machine.results)
    return f"{count} {gravest.value}" if gravest else ""


def _machines(run: Run) -> list[HostSection]:
    consulted: dict[str, list[Result]] = {name: [] for name in run.hosts}
    for result in sorted(run.results, key=lambda result: _GRAVITY[result.outcome]):
        for host in result.hosts:
            consulted.setdefault(host, []).append(result)
    return [
        HostSection(name, run.hosts.get(name, HostSeen()), tuple(results))
        for name, results in consulted.items()
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
