"""Samples alike, one after the other, as a stretch; between stretches may lie what nobody saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

GAP = 0.5
"""Seconds between two samples beyond which nobody looked in between."""
LONGEST = 1.5
"""Seconds beyond which a sample says nothing: whoever took it was held up, and not the answer."""


@dataclass(frozen=True)
class Sample:
    """One question: when it was asked, when its end was known, and why it failed, if it did."""

    begin: float
    end: float
    why: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it was answered as it should be."""
        return self.why is None


@dataclass(frozen=True)
class Stretch:
    """Samples alike, of which no two lie further apart than GAP."""

    begin: float
    """When the first was asked."""
    first: float
    """When the end of the first was known."""
    last: float
    """When the last was asked."""
    end: float
    """When the end of the last was known."""
    count: int
    why: str | None = None
    """Why they failed; None where they were answered."""

    @property
    def ok(self) -> bool:
        """Whether they were answered."""
        return self.why is None

    @classmethod
    def of(cls, sample: Sample) -> "Stretch":
        """A single sample."""
        return cls(sample.begin, sample.end, sample.begin, sample.end, 1, sample.why)

    def takes(self, sample: Sample) -> bool:
        """Whether a later sample is one of this stretch."""
        return sample.why == self.why and sample.begin - self.end <= GAP

    def grown(self, sample: Sample) -> "Stretch":
        """The stretch with a later sample."""
        return replace(
            self,
            last=max(self.last, sample.begin),
            end=max(self.end, sample.end),
            count=self.count + 1,
        )


def extended(stretches: list[Stretch], sample: Sample) -> bool:
    """Add the next sample to its lane's stretches; returns whether that began another stretch.

    A sample that took longer than LONGEST is left out, so that its time counts as not looked at.
    """
    if sample.end - sample.begin > LONGEST:
        return False
    if stretches and stretches[-1].takes(sample):
        stretches[-1] = stretches[-1].grown(sample)
        return False
    stretches.append(Stretch.of(sample))
    return True


def folded(samples: Iterable[Sample]) -> list[Stretch]:
    """The stretches of all samples of a lane, which come in the order in which they were asked."""
    found: list[Stretch] = []
    for sample in samples:
        extended(found, sample)
    return found


Interval = tuple[float, float]


def unseen(stretches: Sequence[Stretch], since: float, until: float) -> list[Interval]:
    """When nobody looked, from `since` to `until`: whatever lies further than GAP from a sample."""
    found: list[Interval] = []
    seen = since
    for stretch in stretches:
        if stretch.begin - seen > GAP:
            found.append((seen, min(stretch.begin, until)))
        seen = max(seen, stretch.end)
    if until - seen > GAP:
        found.append((seen, until))
    return [(begin, end) for begin, end in found if begin < end]
