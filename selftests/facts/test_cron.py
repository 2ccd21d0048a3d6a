"""When cron runs a line, by crontab(5)."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetmesh.text import cron

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("line", "next_time"),
    [
        ("*/20 * * * * x", "2026-11-24 12:20"),
        ("5/20 * * * * x", "2026-11-24 12:05"),
        ("0 12 * * * x", "2026-11-25 12:00"),
        ("  1-3,58\t13 * * * x", "2026-11-24 13:01"),
        ("0 0 * * mon-fri x", "2026-11-25 00:00"),
        ("0 0 * * 7 x", "2026-11-29 00:00"),
        ("0 0 * * Sunday x", "2026-11-29 00:00"),
        ("0 0 1 * * x", "2026-12-01 00:00"),
        ("0 0 1 * 5 x", "2026-11-27 00:00"),
        ("0 0 */2 * 5 x", "2026-11-27 00:00"),
        ("0 0 29 feb * x", "2028-02-29 00:00"),
        ("@hourly x", "2026-11-24 13:00"),
        ("@weekly x", "2026-11-29 00:00"),
        ("@yearly x", "2027-01-01 00:00"),
        ("0 0 31 2 * x", None),
    ],
)
def test_next_time(line: str, next_time: str | None) -> None:
    times, command = cron.read(line, with_user=False)
    assert command == "x"
    assert times is not None
    found = next(times.between(NOW, NOW + timedelta(days=3660)), None)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == next_time


@pytest.mark.parametrize(
    ("line", "with_user", "command"),
    [
        ("@reboot x y", False, "x y"),
        ("@reboot op x y", True, "x y"),
        ("0 0 * * * op x y", True, "x y"),
    ],
)
def test_what_is_run(line: str, with_user: bool, command: str) -> None:
    assert cron.read(line, with_user=with_user)[1] == command


@pytest.mark.parametrize(
    "line", ["", "bridge up x", "a b c d e f", "60 * * * * x", "5-1 * * * * x", "*/0 * * * * x"]
)
def test_what_has_no_times(line: str) -> None:
    assert cron.read(line, with_user=False) == (None, line)
