"""What a run waits for stands on a terminal while it lasts, and nowhere else."""

import io
import re
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _pytest._io import TerminalWriter

from fixtures.waited_for import waited_for
from fleetmesh.gather.awaited import Awaited


class Screen(io.StringIO):
    """Where pytest writes; a terminal, or a file."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def written(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool = True, seconds: float = 1.3, **option: bool
) -> str:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(terminal=terminal)
    writer = TerminalWriter(screen)
    writer.fullwidth = 80
    writer.write("tests/test_paths.py ")
    reporter = SimpleNamespace(isatty=terminal, _tw=writer)
    plugins = SimpleNamespace(getplugin=lambda _: reporter)
    options = SimpleNamespace(nagios=option.get("nagios", False))
    awaited = Awaited()
    with (
        waited_for(cast("Any", SimpleNamespace(pluginmanager=plugins, option=options)), awaited),
        awaited.of("railiance01", 9),
        awaited.of("coulombcore", 0.5),
        awaited.of("coulombcore", 4.2),
    ):
        time.sleep(seconds)
    writer.write("..")
    return screen.getvalue()


def test_each_host_and_what_it_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    said = written(monkeypatch)
    assert re.search(r"\rtests/test_paths.py coulombcore: 3 s left, railiance01: 8 s left", said)
    *_, line = said.split("\r")
    assert line == "tests/test_paths.py ..", "the line goes on where it was"
    before = said.split("\r")[-2]
    assert len(before) <= 80
    assert before.strip() == "tests/test_paths.py", "nothing of it stays"


def test_nothing_in_a_file_or_where_one_line_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, terminal=False) == "tests/test_paths.py .."
    assert written(monkeypatch, nagios=True) == "tests/test_paths.py .."


def test_nothing_of_what_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, seconds=0.1) == "tests/test_paths.py .."


def test_a_host_that_answered_is_awaited_no_more() -> None:
    awaited = Awaited()
    with awaited.of("a", 5):
        with awaited.of("b", 0):
            assert awaited.left.keys() == {"a", "b"}
            assert awaited.left["b"] == 0.0
        assert awaited.left.keys() == {"a"}
    assert awaited.left == {}
