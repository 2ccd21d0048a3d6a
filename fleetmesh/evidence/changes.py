"""What is otherwise in one run than in another: outcomes, and what a check saw that ended alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetmesh.evidence.entry import CheckSeen, Entry


@dataclass(frozen=True)
class Change:
    """One check that is otherwise; `kind` is outcome, observation, new or gone."""

    kind: str
    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}"


def changes(before: Entry, after: Entry) -> list[Change]:
    """Everything that differs, in the order of the later run.

    Checks of a phase that only one of the two went through are no change.
    """
    phases = set(before.phases) & set(after.phases)
    earlier = {seen.check: seen for seen in before.checks if seen.phase in phases}
    later = {seen.check: seen for seen in after.checks if seen.phase in phases}
    found: list[Change] = []
    for name, seen in later.items():
        if earlier.get(name) is seen:
            continue  # the history knows it once
        if name in earlier:
            found += _compared(earlier[name], seen)
        else:
            found.append(Change("new", name, f"{seen.outcome}; it did not report before"))
    gone = (seen for name, seen in earlier.items() if name not in later)
    found += [Change("gone", seen.check, f"did not report; it was {seen.outcome}") for seen in gone]
    return found


def _compared(before: CheckSeen, after: CheckSeen) -> Iterator[Change]:
    if before.outcome != after.outcome:
        why = f": {after.reason}" if after.reason else ""
        yield Change("outcome", after.check, f"{before.outcome} → {after.outcome}{why}")
        return  # the reason says what is seen now
    if before.reason != after.reason:
        what = f"{after.outcome} as before, but now: {after.reason or 'without a reason'}"
        yield Change("observation", after.check, what)
    if before.saw != after.saw:
        lost = [line for line in before.saw if line not in after.saw]
        now = [line for line in after.saw if line not in before.saw]
        if lost or now:
            told = f"{'; '.join(lost) or 'nothing'} → {'; '.join(now) or 'nothing'}"
            yield Change("observation", after.check, f"{after.outcome}, but saw otherwise: {told}")
