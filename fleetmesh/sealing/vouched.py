"""Who vouches for a sealed folder: the authority for its time, and the signer, as of that time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fleetmesh.evidence import sums
from fleetmesh.evidence.files import content
from fleetmesh.evidence.folder import Events
from fleetmesh.evidence.sums import SIGNATURE, STAMP, SUMS, Refused
from fleetmesh.gather import plain
from fleetmesh.sealing import signature, timestamp
from fleetmesh.sealing.timestamp import Stamp

_CLOCKS = timedelta(minutes=5)
"""By how much the clocks of an authority, a run and a verifier may differ."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `holds` is None for what could not be, or need not."""

    holds: bool | None
    what: str


@dataclass(frozen=True)
class Trust:
    """Whom a verifier believes: by which files, whom in them, and as of when."""

    allowed: Path | None
    at: datetime
    """Now, or when the verifier knows that the bundle existed; a token's time takes its place."""
    principal: str | None = None
    unsigned: bool = False
    """Whether a folder without a signature may hold."""
    roots: Path | None = None
    """Who vouches for authorities. Where this is given, there must be a token."""


def stamped(folder: Path, trust: Trust) -> tuple[Finding | None, Stamp | None]:
    """What is to be said of the folder's token, and the token, if the verifier trusts it."""
    if not (folder / STAMP).exists():
        told = "time stamp: there is none, so nobody vouches for when this was sealed"
        return (Finding(False, told) if trust.roots else None), None
    try:
        answer = content(folder / STAMP, timestamp.LARGEST)
        about = content(timestamp.covered(folder), sums.SUMS_MOST)
        if trust.roots is None:
            said = timestamp.read(answer, about)
            told = f"{said} says so; it counts only with --timestamp-roots FILE, which you trust"
            return Finding(None, f"time stamp: {told}"), None
        said = timestamp.trusted(answer, about, trust.roots)
    except Refused as error:
        return Finding(False, f"time stamp: {error}"), None
    except OSError as error:
        return Finding(False, f"time stamp: {error.filename}: {error.strerror}"), None
    if said.time - said.accuracy > trust.at + _CLOCKS:
        return Finding(False, f"time stamp: {said} lies in the future"), None
    ended = "expired since, and was valid then" if said.until <= trust.at else "is valid still"
    return (
        Finding(
            True,
            f"time stamp: {said}, for whom {said.root} vouches; "
            f"its certificate, until {said.until:%Y-%m-%dT%H:%M:%SZ}, {ended}",
        ),
        said,
    )


def signed(folder: Path, trust: Trust, stamp: Stamp | None) -> Finding:
    """Who signed, and whether the verifier believes it as of the stamp's time, or else of `at`."""
    if not (folder / SIGNATURE).exists():
        remark = "which is allowed here" if trust.unsigned else "so anybody can have made it"
        return Finding(None if trust.unsigned else False, f"signature: there is none, {remark}")
    if trust.allowed is None:
        return Finding(None, "signature: there is one, but no allowed signers were given")
    try:
        about, armored = (content(folder / name, sums.SUMS_MOST) for name in (SUMS, SIGNATURE))
        for moment in stamp.moments if stamp else (trust.at,):
            given = (about, armored, trust.allowed, trust.principal, moment)
            who, signer = signature.verify(*given)
    except Refused as error:
        return Finding(False, f"signature: {error}")
    except OSError as error:
        return Finding(False, f"signature: {error.filename}: {error.strerror}")
    when = f", as of {stamp.time:%Y-%m-%dT%H:%M:%SZ}, the stamp's time" if stamp else ""
    return Finding(True, f"signature: by {who}, {signer}{when}")


def timely(found: Events, stamp: Stamp) -> Iterator[Finding]:
    """Whether the record can have been there when the stamp says that it was."""
    try:
        last = plain.moment(str(found.events[-1]["time"]))
    except (KeyError, ValueError):
        yield Finding(False, "time: the record's last event does not say when it was")
        return
    told = f"time: the record ends at {last:%Y-%m-%dT%H:%M:%SZ} by its own clock"
    if last > stamp.time + stamp.accuracy + _CLOCKS:
        yield Finding(False, f"{told}, which is after it was stamped: that clock was wrong")
    else:
        between = max(stamp.time - last, timedelta())
        yield Finding(True, f"{told}, {_span(between)} before it was stamped")


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
