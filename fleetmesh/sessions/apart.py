"""Jobs that wait for others, in threads for which nobody has to wait."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def results(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """What each job returns, all done at once. Raises what the first that fails has raised.

    Whoever is interrupted here waits for none of them any longer.
    """
    ended = [_begun(job) for job in jobs]
    return [each.result() for each in ended]


def _begun(job: Callable[[], T]) -> "Future[T]":
    ended: Future[T] = Future()

    def do() -> None:
        try:
            ended.set_result(job())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            ended.set_exception(error)

    Thread(target=do, daemon=True).start()
    return ended
