"""From Targets to Sessions."""

from collections.abc import Iterable
from queue import SimpleQueue
from threading import Thread

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
    found: SimpleQueue[tuple[str, Session | BaseException]] = SimpleQueue()

    def attempt(target: Target) -> None:
        try:
            found.put((target.name, connect(target)))
        except BaseException as error:  # noqa: BLE001 - raised again below
            found.put((target.name, error))

    for target in targets:
        Thread(target=attempt, args=(target,), name=f"connect {target.name}", daemon=True).start()
    sessions: dict[str, Session | Unreachable] = {}
    for name, session in (found.get() for _ in targets):
        if isinstance(session, BaseException) and not isinstance(session, Unreachable):
            raise session
        sessions[name] = session
    return {target.name: sessions[target.name] for target in targets}
