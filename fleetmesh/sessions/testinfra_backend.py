"""testinfra's `host` on our sessions: strict, bounded, recorded, and never run a second time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fleetmesh.sessions.command import Completed, Lost
from fleetmesh.sessions.session import Session

if TYPE_CHECKING:
    from testinfra.host import Host


def testinfra_host(
    session: Session,
    *,
    deadline: float = 10.0,  # noqa: PT028 - no test, in spite of its name
    record: Callable[[Completed], None] = lambda _: None,  # noqa: PT028
) -> "Host":
    """A testinfra Host whose commands run on `session`, each within `deadline` seconds.

    `host.run` raises Lost for a command that did not run to its end. What ran is kept in
    `host.backend.transcripts` and handed to `record`.
    """
    from testinfra.backend.base import BaseBackend, CommandResult  # noqa: PLC0415 - heavy
    from testinfra.host import Host  # noqa: PLC0415

    class Backend(BaseBackend):  # type: ignore[misc]
        NAME = "fleetmesh"

        def __init__(self) -> None:
            super().__init__(session.target.name)
            self.transcripts: list[Completed] = []
            # testinfra would ask the host for its encoding with a command of its own.
            self._encoding = "utf-8"

        def run(self, command: str, *args: str, **_: Any) -> CommandResult:
            completed = session.run(self.get_command(command, *args), deadline=deadline)
            self.transcripts.append(completed)
            record(completed)
            if completed.lost or completed.exit_status is None:
                raise Lost(session.target.name, completed)
            return self.result(
                completed.exit_status,
                completed.command.encode(),
                completed.stdout,
                completed.stderr,
            )

    backend = Backend()
    host = Host(backend)
    backend.set_host(host)
    return host


setattr(testinfra_host, "__test__", False)  # noqa: B010 - pytest goes by the name otherwise
