"""The times of a line in a crontab, as crontab(5) means them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMED = {
    "@annually": "0 0 1 1 *",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@midnight": "0 0 * * *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@yearly": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_LONGEST = 8 * 366 + 1
"""Days within which a day comes again, 29 February included."""


@dataclass(frozen=True)
class Times:
    """When cron runs something, by its host's own clock."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Whether a day of the month or one of the week is enough: neither field begins with `*`."""

    def between(self, moment: datetime, until: datetime) -> Iterator[datetime]:
        """Each time after `moment` and before `until`, by their own clock."""
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for ahead in range(min(_LONGEST, (until - start).days + 1)):
            day = start + timedelta(days=ahead)
            if not self._on(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    at = day.replace(hour=hour, minute=minute)
                    if moment < at < until:
                        yield at

    def _on(self, day: datetime) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        of_either = (of_month or of_week) if self.either else (of_month and of_week)
        return day.month in self.months and of_either


def read(line: str, *, with_user: bool) -> tuple[Times | None, str]:
    """When a line runs, and what; None where it has no times, or at boot alone.

    The tables of the system name a user before the command.
    """
    named = line.strip().startswith("@")
    *given, command = line.split(None, 1 if named else 5) or [""]
    if named and given:
        given = _NAMED.get(given[0], "").split()
    elif len(given) < len(_FIELDS):
        return None, line
    try:
        times = _times(given) if given else None
    except ValueError:
        return None, line
    return times, command.split(None, 1)[-1] if with_user else command


def _times(fields: list[str]) -> Times:
    minute, hour, day, month, weekday = fields
    return Times(
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        days=_numbers(day, 1, 31),
        months=_numbers(month, 1, 12, _MONTHS),
        weekdays=frozenset(number % 7 for number in _numbers(weekday, 0, 7, _DAYS)),
        either=not day.startswith("*") and not weekday.startswith("*"),
    )


def _numbers(
    field: str, least: int, most: int, names: Sequence[str] | None = None
) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
        if match is None:
            raise ValueError(part)
        first = _number(match[1], least, names) if match[1] else least
        last = _number(match[2], least, names) if match[2] else first
        if not match[1] or (match[3] and not match[2]):
            last = most
        step = int(match[3] or 1)
        if not least <= first <= last <= most or step == 0:
            raise ValueError(part)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, least: int, names: Sequence[str] | None) -> int:
    if names and text[:3].lower() in names:
        return names.index(text[:3].lower()) + least
    return int(text)
