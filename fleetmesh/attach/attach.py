"""Bringing a bundle to an issue: checked first, uploaded once, told once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from fleetmesh.attach import forges
from fleetmesh.attach.forge_api import ForgeApi, patiently
from fleetmesh.attach.issue import Issue
from fleetmesh.evidence.files import MIB, content, json_object
from fleetmesh.evidence.outcomes import Verdict
from fleetmesh.evidence.sums import Refused
from fleetmesh.sealing.bundle import opened
from fleetmesh.sealing.sealed_run import DRILL, told
from fleetmesh.sealing.verify import verify
from fleetmesh.sealing.vouched import Trust

_LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""


@dataclass(frozen=True)
class Parcel:
    """What is sent: the bundle, and what the comment says about it."""

    bundle: Path
    content: bytes
    block: str

    @property
    def digest(self) -> str:
        """The bundle's SHA-256."""
        return sha256(self.content).hexdigest()

    @property
    def marker(self) -> str:
        """By which a comment about this very bundle is known again; no reader sees it."""
        return f"<!-- fleet-mesh evidence {self.digest} -->"

    def body(self, address: str) -> str:
        """The comment."""
        return f"{_cut(self.block)}\n[{self.bundle.name}]({address})\n\n{self.marker}\n"


def parcel(
    bundle: Path, allowed: Path | None = None, *, unsigned: bool = False, incomplete: bool = False
) -> Parcel:
    """What there is to send. Raises Refused for a bundle that does not hold or that nobody signed.

    `unsigned` and `incomplete` let pass what else is refused; `allowed` says who must have signed.
    """
    if not bundle.is_file():
        raise Refused(f"{bundle}: there is no such bundle; `seal` makes one of a folder")
    report = verify(bundle, Trust(allowed, datetime.now(UTC), unsigned=unsigned))
    if not report.holds:
        raise Refused(f"{bundle.name} does not hold: {'; '.join(report.amiss)}")
    if report.uncompared:
        raise Refused(
            f"{bundle.name} was made by another version of the suite, so that nobody here can say "
            f"what {', '.join(report.uncompared)} should be: attach it with that version"
        )
    if report.run and report.run.verdict is Verdict.INCOMPLETE and not incomplete:
        raise Refused(f"{bundle.name} is INCOMPLETE; say --incomplete to attach it all the same")
    packed = bundle.read_bytes()
    with opened(bundle) as inside:
        if not incomplete and (failed := _failed_drill(inside.folder)):
            raise Refused(f"{bundle.name}: {failed}; say --incomplete to attach it all the same")
        block = told(inside.folder, sha256(packed).hexdigest())
    return Parcel(bundle, packed, block)


def attach(parcel: Parcel, target: Issue, token: str) -> tuple[str, str]:
    """Upload and tell, each unless it is done; returns both addresses. Raises Refused."""
    place = forges.forge(target)
    with ForgeApi(token, place.headers(token), target.origins) as api:
        try:
            patiently(lambda: api.ask("GET", target.issue))
            address = patiently(lambda: place.upload(api, parcel.bundle, parcel.content))
            body = parcel.body(address)
            said = patiently(lambda: forges.comment(api, target, body, parcel.marker))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Refused(
                f"{target.api} answers otherwise than {target.forge} does: is that what it is?"
            ) from None
    return address, said


def _failed_drill(folder: Path) -> str | None:
    """Why the drill in `folder` does not hold; None where it does, or where there is none."""
    if not (folder / DRILL).exists():
        return None
    try:
        drill = json_object(content(folder / DRILL, MIB))
        return None if drill["holds"] is True else str(drill["conclusion"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"{DRILL} cannot be read"


def _cut(block: str) -> str:
    """A block that fits: its beginning, and its end, which tells how to verify it."""
    if len(block) <= _LONGEST:
        return block
    start, _, end = block.rpartition("\n**Evidence**\n")
    kept = start[: _LONGEST - len(end) - 200].rpartition("\n")[0]
    return f"{kept}\n\nThere is more; the bundle has all of it.\n\n**Evidence**\n{end}"
