"""How often the timer goes off: what may be asked for, and what systemd makes of it."""

import re
import subprocess
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from fleetmesh.timer.places import ASSETS, TIMER
from fleetmesh.timer.schedule import DEFAULT, every, timer

TEMPLATE = (ASSETS / TIMER).read_text()
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@pytest.mark.parametrize("span", ["10s", "20s", "30s", "1m", "15m", "30m", "1h", "4h", "12h", "1d"])
def test_systemd_goes_off_as_often_as_was_asked(span: str) -> None:
    (calendar,) = re.findall(r"(?m)^OnCalendar=(.*)$", timer(TEMPLATE, every(span)))
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=30", calendar],
        capture_output=True, text=True, timeout=10, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    told = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", done.stdout)
    moments = sorted({datetime.fromisoformat(one) for one in told})
    asked = timedelta(**{UNITS[span[-1]]: int(span[:-1])})
    assert len(moments) == 30, done.stdout + done.stderr
    assert {after - before for before, after in pairwise(moments)} == {asked}


@pytest.mark.parametrize(
    "span",
    ["", "4", "h", "0h", "5h", "24h", "60m", "7m", "90m", "1s", "5s", "2d", "-4h", "4 h", "1w"],
)
def test_span_that_does_not_divide_a_day_evenly_is_refused(span: str) -> None:
    with pytest.raises(ValueError, match="such as 4h"):
        every(span)


def test_what_ships_is_the_default() -> None:
    assert timer(TEMPLATE, DEFAULT) == TEMPLATE


def test_template_without_a_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="0 lines OnCalendar="):
        timer(TEMPLATE.replace("OnCalendar", "#OnCalendar"), "1h")
