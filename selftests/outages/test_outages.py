"""What is said of outages holds for any samples whatever."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmesh.outages.incidents import Incident, Lane, incidents
from fleetmesh.outages.outages import Outage, outages, spent
from fleetmesh.outages.stretches import GAP, LONGEST, Sample, Stretch, folded, unseen

_STEPS = st.tuples(
    st.floats(0, 3 * GAP).map(lambda x: round(x, 3)),
    st.floats(0, 2 * LONGEST).map(lambda x: round(x, 3)),
    st.sampled_from([None, None, None, "refused", "no answer"]),
)


@st.composite
def rows(draw: st.DrawFn) -> list[Sample]:
    """Samples of one lane: some late, some long, some bad."""
    found, now = [], 0.0
    for pause, took, why in draw(st.lists(_STEPS, max_size=40)):
        begin = now + pause
        now = begin + took
        found.append(Sample(begin, now, why))
    return found


def end_of(samples: Sequence[Sample]) -> float:
    return max((sample.end for sample in samples), default=0.0)


@given(rows())
def test_every_sample_that_says_something_counts_once(samples: list[Sample]) -> None:
    counted = [sample for sample in samples if sample.end - sample.begin <= LONGEST]
    stretches = folded(samples)
    assert sum(stretch.count for stretch in stretches) == len(counted)
    for sample in counted:
        homes = [s for s in stretches if s.begin <= sample.begin <= s.last and s.why == sample.why]
        assert any(home.end >= sample.end for home in homes)


@given(rows())
def test_stretches_and_outages_never_overlap(samples: list[Sample]) -> None:
    stretches = folded(samples)
    for one, two in pairwise(stretches):
        assert one.end <= two.begin
    found = outages(stretches)
    for before, after in pairwise(found):
        assert before.ended is not None, "only the last goes on"
        assert before.ended[1] <= after.began[0] + 1e-9 or before.ended[0] <= after.began[0]
        assert before.ended[0] <= after.began[0]
    for outage in found:
        assert outage.began[0] <= outage.began[1]
        assert outage.ended is None or outage.began[0] <= outage.ended[0] <= outage.ended[1]
        assert 0 <= outage.certain <= outage.at_most + 1e-9


@given(rows(), st.floats(0, 5))
def test_what_nobody_saw_is_neither_up_nor_down(samples: list[Sample], longer: float) -> None:
    stretches, until = folded(samples), end_of(samples) + longer
    gaps = unseen(stretches, 0.0, until)
    for begin, end in gaps:
        assert 0 <= begin < end <= until
        assert not any(s.begin < end and begin < s.end for s in stretches), "seen after all"
    for one, two in pairwise(gaps):
        assert one[1] <= two[0]
    dark = sum(end - begin for begin, end in gaps)
    certain = sum(outage.certain for outage in outages(stretches))
    good = sum(s.end - s.begin for s in stretches if s.ok)
    assert dark + certain + good <= until + 1e-6


@given(rows())
def test_all_time_is_seen_or_unseen(samples: list[Sample]) -> None:
    """No moment is further than GAP from a sample, unless it is told as not looked at."""
    stretches, until = folded(samples), end_of(samples)
    gaps = unseen(stretches, 0.0, until)
    for step in range(int(until / 0.25)):
        moment = step * 0.25
        if any(begin <= moment <= end for begin, end in gaps):
            continue
        near = min((max(s.begin - moment, moment - s.end, 0.0) for s in stretches), default=GAP)
        assert near <= GAP


@given(rows())
def test_a_bad_sample_is_never_lost(samples: list[Sample]) -> None:
    found = outages(folded(samples))
    for sample in samples:
        if sample.ok or sample.end - sample.begin > LONGEST:
            continue
        assert any(o.began[0] <= sample.begin and sample.end <= o.seen for o in found)
    each = [outage.at_most for outage in found]
    assert max(each, default=0) <= spent(found) + 1e-6 <= sum(each) + 2e-6


def test_outages_of_several_lanes_count_once_where_they_overlap_and_each_where_they_do_not() -> (
    None
):
    def outage(begin: float, end: float) -> Outage:
        return Outage((begin, begin), (end, end), end, end - begin, 1, "no answer")

    assert spent([outage(30, 32), outage(1, 4), outage(2, 3), outage(3, 6)]) == pytest.approx(7)
    assert spent([]) == 0


@given(st.lists(rows(), min_size=6, max_size=6))
def test_each_outage_belongs_to_one_incident(six: list[list[Sample]]) -> None:
    named = [
        Lane("hub", hop, kept)
        for hop in ("service", "listener", "bridge")
        for kept in (False, True)
    ]
    lanes = {lane: folded(row) for lane, row in zip(named, six, strict=True)}
    until = max(map(end_of, six))
    found = incidents(lanes, until)
    listed = [entry for incident in found for entry in incident.outages]
    every = [(lane, outage) for lane, row in lanes.items() for outage in outages(row)]
    assert sorted(listed, key=str) == sorted(every, key=str)
    assert [i.began for i in found] == sorted(i.began for i in found)


def row(*parts: tuple[float, float, str | None]) -> list[Stretch]:
    """Stretches of samples every tenth of a second."""
    return [
        Stretch(begin, begin + 0.01, end - 0.01, end, round(10 * (end - begin)), why)
        for begin, end, why in parts
    ]


def test_the_bounds_are_those_of_the_samples_around_it() -> None:
    (outage,) = outages(row((0, 5, None), (5.1, 7.0, "refused"), (7.1, 9, None)))
    assert outage.ended is not None
    assert (*outage.began, *outage.ended) == pytest.approx((4.99, 5.11, 6.99, 7.11))
    assert outage.certain == pytest.approx(1.88)
    assert (outage.failed, outage.why, outage.from_the_start) == (19, "refused", False)
    assert round(outage.at_most, 3) == 2.12


def test_an_outage_that_was_there_before_and_one_that_goes_on() -> None:
    first, last = outages(row((0, 1, "refused"), (1.1, 2, None), (2.1, 3, "refused")))
    assert (first.from_the_start, first.ended is None) == (True, False)
    assert (last.from_the_start, last.ended) == (False, None)
    assert round(last.at_most, 3) == 1.01


def test_a_hole_in_an_outage_is_not_certain() -> None:
    (outage,) = outages(row((0, 1, None), (1.1, 2, "x"), (10, 11, "x"), (11.1, 12, None)))
    assert outage.at_most > 10
    assert outage.certain < 2


GOOD = row((0, 20, None))
BAD = row((0, 5, None), (5.1, 8, "refused"), (8.1, 20, None))


def only(**rows_of: list[Stretch]) -> Incident:
    (found,) = incidents({Lane("hub", hop, False): r for hop, r in rows_of.items()}, 20)
    return found


def test_the_hop_that_failed_is_the_first_from_the_service_on() -> None:
    assert only(service=GOOD, listener=GOOD, bridge=BAD).failed == "the bridge"
    assert only(service=GOOD, listener=BAD, bridge=BAD).failed == "the tunnel"
    assert only(service=BAD, listener=BAD, bridge=BAD).failed == "the service"


def test_a_hop_that_nobody_looked_at_is_not_called_sound() -> None:
    dark = row((0, 4, None), (9, 20, None))
    found = only(service=dark, listener=BAD, bridge=BAD)
    assert found.failed == "the tunnel, or the service, which nobody looked at"
    assert only(listener=BAD).blind == ("service",)


def test_outages_apart_are_incidents_of_their_own() -> None:
    late = row((0, 12, None), (12.1, 13, "reset"), (13.1, 20, None))
    lanes = {Lane("hub", "bridge", False): BAD, Lane("hub", "bridge", True): late}
    first, second = incidents(lanes, 20)
    assert (first.kept_alone, second.kept_alone) == (False, True)


def test_a_lane_is_read_as_it_is_written() -> None:
    lane = Lane("state-hub", "bridge", True)
    assert Lane.read(str(lane)) == lane
