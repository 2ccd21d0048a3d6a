"""How ops-bridge is called on a host, and in which form it tells how its tunnels are."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PlainValidator, TypeAdapter, model_validator

from fleetmesh.inventory.section import Model
from fleetmesh.inventory.values import Command, Line, RemotePath, Words, shown
from fleetmesh.text.commands import from_program, program
from fleetmesh.text.shell import join

TUNNEL = "{tunnel}"
"""Stands for a tunnel's name in the command that is asked for each."""


def _exit_status(value: Any) -> Any:
    """From 124 on they are those of `timeout`, of the shell and of signals."""
    if type(value) is not int or not 0 <= value <= 123:
        raise ValueError(f"{shown(value)} is none that a program chooses; write one of 0 to 123")
    return value


def _said(value: Any) -> Any:
    if not isinstance(value, str):
        return _exit_status(value)
    if not value.isprintable() or not value.strip():
        raise ValueError(f"{shown(value)} is no word; write one, in quotes")
    return value


ExitStatus = Annotated[int, PlainValidator(_exit_status)]
Said = Annotated[str | int, PlainValidator(_said)]
"""What a `bridge` answers: a word, or an exit status."""


class Columns(Model):
    """Under which names `bridge status` prints what it knows of a tunnel.

    They are a table's headings, or the members of a JSON object.
    """

    name: Line
    state: Line
    kind: Line | None = None
    autostart: Line | None = None
    pid: Line | None = None


class Bridging(Model):
    """How ops-bridge is called on a host, and how what it says of its tunnels is read.

    `status` is the form of the answer: `json`, a `table` whose first line has the headings, the
    `exit` status of one command for each tunnel, or `absent` where there is no ops-bridge. `up`,
    `down` and `unknown` are words or exit statuses; any other is not understood.
    """

    command: Command = ("bridge",)
    status: Literal["json", "table", "exit", "absent"] = "json"
    arguments: Words = ()
    columns: Columns | None = None
    up: tuple[Said, ...] = ()
    down: tuple[Said, ...] = ()
    unknown: tuple[ExitStatus, ...] = ()
    """By these it says that it knows no such tunnel."""
    forward: tuple[Line, ...] = ("forward",)
    """What the column `kind` has for a tunnel that listens here, and leads away."""
    enabled: Words = ()
    """With `status: exit`, the arguments that ask whether a tunnel starts by itself."""
    autostart: tuple[Said, ...] = ()
    """What the column `autostart`, or `enabled`, has for a tunnel that starts by itself."""
    manual: tuple[Said, ...] = ()
    """What it has for one that does not."""

    def __str__(self) -> str:
        return join(self.command)

    @property
    def program(self) -> str:
        """What the command is known by in a line: its program's name, or its Python module's."""
        called = from_program(self.command) or list(self.command)
        module = called[called.index("-m") + 1 :] if "-m" in called else []
        return program((module or called)[0])

    def asks(self, tunnel: str = "") -> str:
        """The shell's command that asks for the status, of one tunnel with `status: exit`."""
        arguments = self.arguments or {"json": ("status", "--json")}.get(self.status, ("status",))
        return join((*self.command, *(word.replace(TUNNEL, tunnel) for word in arguments)))

    def asks_enabled(self, tunnel: str) -> str:
        """The shell's command that asks whether a tunnel starts by itself."""
        return join((*self.command, *(word.replace(TUNNEL, tunnel) for word in self.enabled)))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if wrong := next(self._contradictions(), None):
            raise ValueError(wrong)
        return self

    def _contradictions(self) -> Iterator[str]:
        given = self.model_fields_set - {"command", "status"}
        useless = {
            "json": {"unknown", "enabled"},
            "table": {"unknown", "enabled"},
            "exit": {"columns", "forward"},
            "absent": given,
        }[self.status] & given
        if useless:
            yield f"`{min(useless)}` says nothing with `status: {self.status}`; delete it"
        needed = {"table": ("columns", "up", "down"), "exit": ("arguments", "up", "down")}
        for key in needed.get(self.status, ()):
            if key not in given:
                yield f"`status: {self.status}` needs `{key}`; write what `bridge` uses"
        numbers = self.status == "exit"
        for key in ("up", "down", "autostart", "manual"):
            for word in getattr(self, key):
                if isinstance(word, int) != numbers:
                    kind = "numbers, without quotes" if numbers else "words, in quotes"
                    yield f"`{key}` has {shown(word)}; write {kind}"
        for one, other in (("up", "down"), ("up", "unknown"), ("down", "unknown"),
                           ("autostart", "manual")):  # fmt: skip
            both = [w for w in getattr(self, one) if w in getattr(self, other)]
            if both:
                yield f"{shown(both[0])} stands for both `{one}` and `{other}`; delete one"
        for words in (self.command, self.arguments, self.enabled):
            wanted = bool(words) and words is not self.command and numbers
            if sum(TUNNEL in word for word in words) != wanted:
                what = "once, in the arguments" if numbers else "only with `status: exit`"
                yield f"{TUNNEL} stands for a tunnel's name; write it {what}"
        column = self.columns is not None and self.columns.autostart is not None
        told = bool(self.enabled) if numbers else column
        if self.status in ("table", "exit") and told != bool(self.autostart and self.manual):
            by = "`enabled`" if numbers else "column `autostart`"
            yield f"{by} needs `autostart` and `manual`, what it says; write all three or none"


def _by_name(value: Any) -> Any:
    """A bare command is one whose status is JSON."""
    if isinstance(value, str):
        return {"command": [TypeAdapter(RemotePath).validate_python(value)]}
    return value


BridgeCall = Annotated[Bridging, BeforeValidator(_by_name)]
