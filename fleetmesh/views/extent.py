"""How much of a run a page shows whole: all of a small one, and of a large one what matters most.

What does not fit is counted, and named below its check. The record has every answer of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result, Run
from fleetmesh.views.text import HEAD, TAIL

_ROOM = 2 * 1024 * 1024
"""Characters of the results that a page shows whole; what marks them up comes on top."""
_FRAME, _ANSWER = 2000, 600
"""What is said of a result, and around each answer, whatever they are."""
PATHS = 40
"""Paths that a page draws and lists."""
LISTED = 10
"""Results of one check that a list of findings tells one by one."""


@dataclass(frozen=True)
class Extent:
    """Which results a page shows whole."""

    results: Sequence[Result]
    """Those results, in the run's order."""
    _shown: frozenset[int]

    def shows(self, result: Result) -> bool:
        """Whether the page shows this one whole."""
        return id(result) in self._shown

    def rest(self, results: Iterable[Result]) -> list[list[Result]]:
        """Those that it does not, the like ends of one check together."""
        return together(result for result in results if not self.shows(result))


def extent(run: Run) -> Extent:
    """The gravest first; of each outcome, one case of every check before the second of any."""
    rank = {outcome: place for place, outcome in enumerate(Outcome)}
    queue = [
        (rank[some[0].outcome], number, place, result)
        for place, some in enumerate(together(run.results))
        for number, result in enumerate(some)
    ]
    room, shown = _ROOM, set[int]()
    for _, _, _, result in sorted(queue, key=lambda one: one[:3]):
        takes = _takes(result)
        if takes > room and shown:
            continue  # what is long crowds out nothing
        room -= takes
        shown.add(id(result))
    return Extent([result for result in run.results if id(result) in shown], frozenset(shown))


def together(results: Iterable[Result]) -> list[list[Result]]:
    """The results by check and outcome, in the order in which the first of each came."""
    found: dict[tuple[str, Outcome], list[Result]] = {}
    for result in results:
        found.setdefault((result.id, result.outcome), []).append(result)
    return list(found.values())


def _takes(result: Result) -> int:
    answers = sum(
        _ANSWER + _cut(t.command) + _cut(t.stdout) + _cut(t.stderr) for t in result.transcripts
    )
    return _FRAME + _cut(result.reason) + _cut(result.hint) + answers


def _cut(text: str | bytes) -> int:
    return min(len(text), HEAD + TAIL)
