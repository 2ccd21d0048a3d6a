"""What changed since the run before: what a run's own views say of it."""

from pathlib import Path

from fleetmesh.evidence.changes import changes
from fleetmesh.evidence.history import update
from fleetmesh.evidence.run import Run


def since(folder: Path, run: Run | None = None) -> list[str] | None:
    """One sentence for each change since the last comparable run beside `folder`; None without one.

    The run is written down in the history, if it has ended; `run` is what its record has been read
    as, if it has ended and was read. Raises Refused.
    """
    history = update(folder.parent, run)
    own = next((entry for entry in history.entries if entry.run == folder.name), None)
    before = history.before(own) if own else None
    return [str(change) for change in changes(before, own)] if own and before else None
