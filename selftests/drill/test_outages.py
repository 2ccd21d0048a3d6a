"""Outages are measured from the last answer before to the first one after."""

import pytest

from rehearsal.drill.prober import TimedRequest, _outage
from rehearsal.drill.stage import Measured


def asked(*oks: bool) -> list[TimedRequest]:
    """One request a second, each of which takes a tenth of one."""
    return [TimedRequest(second, second + 0.1, ok) for second, ok in enumerate(oks)]


@pytest.mark.parametrize(
    ("oks", "seconds", "begin"),
    [
        ((True, True, True), 0, 0),
        ((True, False, True), 2, 0.1),
        ((True, False, True, False, False, True), 3, 2.1),
        ((False, True), 1.1, 0),
        ((True, True, False), 1, 1.1),  # it had not come back when the traffic ended
    ],
)
def test_longest_outage(oks: tuple[bool, ...], seconds: float, begin: float) -> None:
    found = _outage("state-hub", asked(*oks))
    assert found.seconds == pytest.approx(seconds)
    if seconds:
        assert found.begin == pytest.approx(begin)
    assert (found.asked, found.failed) == (len(oks), oks.count(False))


def test_a_time_that_reaches_its_bound_does_not_hold() -> None:
    assert Measured("outage", 2.99, 3.0).holds
    assert not Measured("outage", 3.0, 3.0).holds
    assert Measured("back", 60.0).holds
