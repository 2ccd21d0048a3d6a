"""Where a signal may end a run; selftests/evidence has whole runs that are ended."""

import signal

import pytest

from fixtures.interrupts import Interrupts, pytest_keyboard_interrupt


def interrupted() -> None:
    raise KeyboardInterrupt


def test_it_is_told_where_a_run_was_cut_if_that_has_a_line() -> None:
    with pytest.raises(KeyboardInterrupt) as excinfo:
        interrupted()
    interrupted.__code__ = interrupted.__code__.replace(co_linetable=b"")
    with pytest.raises(KeyboardInterrupt) as lineless:
        interrupted()
    with pytest.raises(TypeError):
        lineless.getrepr(funcargs=True)
    for cut in (excinfo, lineless):
        pytest_keyboard_interrupt(cut)
        assert cut.getrepr(funcargs=True)
    assert [len(cut.traceback) for cut in (excinfo, lineless)] == [2, 1]


def test_a_signal_waits_for_the_step_and_a_second_one_does_not() -> None:
    interrupts = Interrupts()
    with interrupts.during(at_once=False):
        interrupts.handle(signal.SIGTERM, None)
        with pytest.raises(KeyboardInterrupt), interrupts.during(at_once=True):
            pytest.fail("what waits for a machine does not begin any more")
        with pytest.raises(KeyboardInterrupt):
            interrupts.handle(signal.SIGTERM, None)


def test_a_signal_ends_at_once_what_may_wait_for_long() -> None:
    interrupts = Interrupts()
    with (
        interrupts.during(at_once=False),
        pytest.raises(KeyboardInterrupt),
        interrupts.during(at_once=True),
    ):
        interrupts.handle(signal.SIGINT, None)
    assert interrupts.at_once
    assert interrupts.came is None
