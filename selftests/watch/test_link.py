"""A failure is one only if the host itself was heard all the while."""

import threading
from typing import Any

import pytest

from fleetmesh.sessions import Target
from fleetmesh.sessions.target import ChannelRefused, NotAnswered, NotConnected
from fleetmesh.watch import link as links
from fleetmesh.watch.link import Link, NotYet, dialler
from fleetmesh.watch.sampler import NoAnswer, NotAsked, clock


class Silent:
    """A session that dials as it is told, and lives or not."""

    def __init__(self, raised: Exception, alive: bool = True) -> None:
        self.target = Target(name="node", ssh="node")
        self.raised = raised
        self.alive = alive

    def dial(self, *_: Any, **__: Any) -> Any:
        raise self.raised

    def answers(self, deadline: float) -> bool:  # noqa: ARG002
        return self.alive

    def close(self) -> None:
        pass


def linked(session: Silent, heard: float = 0.0) -> Link:
    stopped = threading.Event()
    stopped.set()
    one = Link(session.target, lambda _: None, stopped)
    one.join()
    one._session, one._heard = session, clock() - heard  # type: ignore[assignment]
    return one


@pytest.mark.parametrize(
    ("raised", "alive", "heard", "expected"),
    [
        (NotConnected("connect failed: Connection refused"), True, 9, NoAnswer),
        (NotAnswered("no answer within 1 s"), True, 0.1, TimeoutError),
        (NotAnswered("no answer within 1 s"), False, 0.1, NotAsked),
        (NotAnswered("no answer within 1 s"), True, 1.5, NotAsked),
        (ChannelRefused("administratively prohibited"), True, 0.1, NotAsked),
        (OSError("gone"), True, 0.1, NotAsked),
    ],
)
def test_who_is_to_blame(
    raised: Exception, alive: bool, heard: float, expected: type[Exception]
) -> None:
    dial = dialler(linked(Silent(raised, alive), heard), "127.0.0.1", 1)
    with pytest.raises(expected):
        dial(1.0)


def test_before_the_first_attempt_nothing_is_said() -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(NotYet):
        assert Link(Target(name="node", ssh="node"), lambda _: None, stopped).session


def test_a_host_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_AGAIN", 0.01)
    heard, told = threading.Event(), []

    def noted(why: str | None) -> None:
        told.append(why)
        heard.set()

    stopped = threading.Event()
    target = Target(name="node", ssh="nobody.invalid", ssh_config="/nonexistent")  # type: ignore[arg-type]
    one = Link(target, noted, stopped)
    assert heard.wait(10)
    stopped.set()
    one.join()
    assert told[0]
    with pytest.raises(NotAsked, match="node"):
        assert one.session
