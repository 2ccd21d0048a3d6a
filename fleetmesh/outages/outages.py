"""Outages, as intervals that say how exactly they are known.

An outage began after the last good sample was asked, and before the end of the first bad one was
known; it ended after the last bad one was asked, and before the first good one had its answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetmesh.outages.stretches import Interval, Stretch


@dataclass(frozen=True)
class Outage:
    """Samples that failed, and no good one among them."""

    began: Interval
    """The earliest and the latest moment at which it can have begun."""
    ended: Interval | None
    """The same of its end; None if no good sample has followed."""
    seen: float
    """When the end of its last bad sample was known."""
    certain: float
    """Seconds for which it surely lasted: between bad samples alone, without what nobody saw."""
    failed: int
    """Samples."""
    why: str
    """What the first of them said."""
    from_the_start: bool = False
    """Whether no good sample came before it, so that it may be older than all samples."""

    @property
    def at_most(self) -> float:
        """Seconds that it can have lasted; of one that goes on, until it was last seen."""
        return (self.ended[1] if self.ended else self.seen) - self.began[0]

    def during(self, since: float, until: float) -> bool:
        """Whether it may have lasted at some moment from `since` to `until`."""
        return self.began[0] <= until and (self.ended is None or self.ended[1] >= since)


def outages(stretches: Sequence[Stretch]) -> list[Outage]:
    """The outages of one lane, in order."""
    found: list[Outage] = []
    bad: list[Stretch] = []
    good: Stretch | None = None
    for stretch in stretches:
        if not stretch.ok:
            bad.append(stretch)
            continue
        if bad:
            found.append(_outage(good, bad, stretch))
        good, bad = stretch, []
    if bad:
        found.append(_outage(good, bad, None))
    return found


def _outage(before: Stretch | None, bad: Sequence[Stretch], after: Stretch | None) -> Outage:
    first, last = bad[0], bad[-1]
    return Outage(
        began=(before.last if before else first.begin, first.first),
        ended=(last.last, after.first) if after else None,
        seen=last.end,
        certain=sum(max(0.0, stretch.last - stretch.first) for stretch in bad),
        failed=sum(stretch.count for stretch in bad),
        why=first.why or "",
        from_the_start=before is None,
    )


def spent(found: Iterable[Outage]) -> float:
    """Seconds in which there can have been one of these outages, or several at once."""
    seconds, until = 0.0, float("-inf")
    for outage in sorted(found, key=lambda one: one.began):
        begin, end = max(outage.began[0], until), outage.began[0] + outage.at_most
        seconds += max(0.0, end - begin)
        until = max(until, end)
    return seconds
