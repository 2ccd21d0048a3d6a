"""From Targets to Sessions."""

from collections.abc import Iterable
from functools import partial

from fleetmesh.sessions import apart
from fleetmesh.sessions.local import LocalSession
from fleetmesh.sessions.session import Session
from fleetmesh.sessions.target import Target, Unreachable


def connect(target: Target) -> Session:
    """Open the one session of a host.

    Raises Unreachable, or one of its subclasses, within `connect_deadline` whatever the host does.
    """
    if target.transport == "local":
        return LocalSession(target)
    from fleetmesh.sessions.way import open_session  # noqa: PLC0415 - paramiko is heavy

    return open_session(target)


def connect_all(targets: Iterable[Target]) -> dict[str, Session | Unreachable]:
    """Connect to all targets at once; a host that cannot be reached stands there with its cause.

    Who is interrupted here waits for none of them any longer.
    """
    targets = list(targets)

    def attempt(target: Target) -> Session | Unreachable:
        try:
            return connect(target)
        except Unreachable as unreachable:
            return unreachable

    found = apart.results(partial(attempt, target) for target in targets)
    return dict(zip((target.name for target in targets), found, strict=True))
