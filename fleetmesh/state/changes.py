"""What differs between two moments: of each fact, what is there and what is not."""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetmesh.evidence.sums import Refused
from fleetmesh.state.moment import KINDS, Moment, Unseen
from fleetmesh.text.legible import cut

ABSENT = "absent"
NOT_SEEN = "not seen"
"""How a state begins that nobody knows; a change to or from it is one like any other."""
_LONGEST = 600


@dataclass(frozen=True)
class Change:
    """Something that is not as it was: `before` and `after` may be ABSENT, or NOT_SEEN and why."""

    fact: str
    subject: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        told = (cut(text, _LONGEST) for text in (self.before, self.after))
        what = f" {cut(self.what, _LONGEST)}" if self.what else ""
        return f"{self.fact}[{self.subject}]{what}: {' → '.join(told)}"


def changes(before: Moment, after: Moment) -> list[Change]:
    """Everything that differs, or of which nobody knows whether it does. Raises Refused."""
    for name in ("name", "kind"):
        one, other = (getattr(each.inventory, name) for each in (before, after))
        if one != other:
            raise Refused(f"these are different fleets: {one} and {other}")
    return [change for fact in KINDS for change in _of_fact(fact, before, after)]


def unasked(before: Moment, after: Moment) -> list[str]:
    """The facts that hold state, and for which neither asked."""
    return [fact for fact in KINDS if not before.asked(fact) and not after.asked(fact)]


def _of_fact(fact: str, before: Moment, after: Moment) -> Iterator[Change]:
    one, other = before.seen(fact), after.seen(fact)
    nobody = Unseen("it was not asked")
    for subject in dict.fromkeys((*one, *other)):
        was, now = one.get(subject, nobody), other.get(subject, nobody)
        if isinstance(was, Unseen) or isinstance(now, Unseen):
            told = [
                f"{NOT_SEEN}: {each.why}" if isinstance(each, Unseen) else "seen"
                for each in (was, now)
            ]
            yield Change(fact, subject, "", *told)
            continue
        for what in sorted(was.keys() | now.keys()):
            pair = was.get(what, ABSENT), now.get(what, ABSENT)
            if pair[0] != pair[1]:
                yield Change(fact, subject, what, *pair)
