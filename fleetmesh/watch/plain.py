"""One line for each change: for a log, for a screen reader, and for whatever is no terminal."""

from fleetmesh.text.terminal import say
from fleetmesh.watch.view import View, changes


class Plain:
    """Prints what has changed since it was last shown something."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, view: View) -> None:
        """Print each change, with its time."""
        told = dict(view.told)
        if view.begun:
            told["begin"] = "all hops are watched"
        for line in changes(self._said, told):
            say(f"{view.at:%H:%M:%S}Z {line}")
        self._said = told
