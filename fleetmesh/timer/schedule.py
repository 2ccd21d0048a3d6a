"""How often the timer goes off, as systemd.timer(5) has it."""

import re

_SPAN = re.compile(r"([1-9]\d{0,3})([smhd])")
_UNITS = {"s": (1, 60), "m": (60, 60), "h": (3600, 24), "d": (86400, 1)}
"""Seconds of a unit, and how many of it there are in the next larger one."""
_CALENDAR = {
    "s": "*-*-* *:*:00/{count} UTC",
    "m": "*-*-* *:00/{count}:00 UTC",
    "h": "*-*-* 00/{count}:23:00 UTC",
    "d": "*-*-* 00:23:00 UTC",
}
_SHORTEST = 10  # seconds; a run takes some of them
DEFAULT = "4h"


def every(text: str) -> str:
    """A span that divides the next larger unit of time, as it was given. Raises ValueError."""
    match = _SPAN.fullmatch(text)
    if match:
        count, (seconds, larger) = int(match[1]), _UNITS[match[2]]
        if larger % count == 0 and (count < larger or larger == 1) and count * seconds >= _SHORTEST:
            return text
    raise ValueError("write a span of which a day has a whole number, such as 4h, 30m or 1d")


def timer(template: str, span: str) -> str:
    """The timer unit that goes off every `span`, made from the one that ships.

    The boxes of several fleets do not all ask at once, so each waits a random part of the span.
    """
    unit = span[-1]
    count = int(span[:-1])
    settings = {
        "Description": f"Verification of the fleet mesh, every {span}",
        "OnCalendar": _CALENDAR[unit].format(count=count),
        "RandomizedDelaySec": f"{count * _UNITS[unit][0] // 24}s",
    }
    for name, value in settings.items():
        template, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", template)
        if found != 1:
            raise ValueError(f"the timer has {found} lines {name}=")
    return template
