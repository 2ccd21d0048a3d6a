"""The command line of an OpenSSH client, read as ssh(1) reads it."""

from collections.abc import Iterable
from dataclasses import dataclass

# Options of ssh(1), OpenSSH 10, that take an argument.
_WITH_ARGUMENT = frozenset("BbcDEeFIiJLlmOoPpQRSWw")


@dataclass(frozen=True)
class Forward:
    """`[bind:]port:host:hostport` of -L or -R; bind is loopback where none is given."""

    bind: str
    port: str
    target: str

    @property
    def listen(self) -> str:
        """Listen address as `ip:port`."""
        return f"{self.bind}:{self.port}"

    @classmethod
    def parse(cls, specification: str) -> "Forward":
        """Read a forwarding specification; a part that is absent stays empty."""
        listen, _, target = specification.partition("/") if "/" in specification else ("", "", "")
        if listen:  # a Unix socket on either side: kept as written
            return cls("", listen, target)
        parts = _split_brackets(specification)
        match parts:
            case [bind, port, host, hostport]:
                return cls(_loopback(bind), port, f"{host}:{hostport}")
            case [port, host, hostport]:
                return cls("127.0.0.1", port, f"{host}:{hostport}")
            case [bind, port]:
                return cls(_loopback(bind), port, "")
            case _:
                return cls("127.0.0.1", specification, "")


@dataclass(frozen=True)
class SshCommand:
    """What a running or configured ssh client was told on its command line."""

    argv: tuple[str, ...]
    local: tuple[Forward, ...]
    remote: tuple[Forward, ...]
    dynamic: tuple[Forward, ...]
    options: dict[str, str]
    keys: tuple[str, ...]
    user: str | None
    host: str | None
    port: int
    jump: str | None

    @property
    def is_tunnel(self) -> bool:
        """Whether it forwards anything."""
        return bool(self.local or self.remote or self.dynamic)

    def option(self, name: str) -> str | None:
        """Value of `-o name=…`, in lower case, or None where it is not given."""
        value = self.options.get(name.lower())
        return value.lower() if value is not None else None


def parse(argv: Iterable[str]) -> SshCommand | None:
    """Read an argument vector; None where its program is not ssh or autossh.

    The first value of an option wins, as ssh_config(5) says.
    """
    words = list(argv)
    if not words or words[0].rpartition("/")[2] not in ("ssh", "autossh"):
        return None
    forwards: dict[str, list[Forward]] = {"L": [], "R": [], "D": []}
    options: dict[str, str] = {}
    keys: list[str] = []
    values: dict[str, str] = {}
    destination: str | None = None
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith("-") or word == "-":
            if destination is not None:
                break  # what follows the destination is the remote command
            destination = word
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in _WITH_ARGUMENT:
                continue
            argument = letters or next(rest, "")
            letters = ""
            if letter in forwards:
                forwards[letter].append(Forward.parse(argument))
            elif letter == "o":
                key, value = _option(argument)
                if key == "identityfile":
                    keys.append(value)
                elif key in ("localforward", "remoteforward", "dynamicforward"):
                    forwards[key[0].upper()].append(Forward.parse(value.replace(" ", ":")))
                else:
                    options.setdefault(key, value)
            elif letter == "i":
                keys.append(argument)
            else:
                values.setdefault(letter, argument)
    user, _, host = (destination or "").removeprefix("ssh://").rpartition("@")
    port = values.get("p") or options.get("port") or "22"
    return SshCommand(
        argv=tuple(words),
        local=tuple(forwards["L"]),
        remote=tuple(forwards["R"]),
        dynamic=tuple(forwards["D"]),
        options=options,
        keys=tuple(keys),
        user=user or values.get("l") or options.get("user"),
        host=host or None,
        port=int(port) if port.isdigit() else 22,
        jump=values.get("J") or options.get("proxyjump") or options.get("proxycommand"),
    )


def _option(argument: str) -> tuple[str, str]:
    key, separator, value = argument.partition("=")
    if not separator:
        key, _, value = argument.partition(" ")
    return key.strip().lower(), value.strip().strip('"')


def _loopback(bind: str) -> str:
    return {"localhost": "127.0.0.1", "": "*"}.get(bind, bind)


def _split_brackets(specification: str) -> list[str]:
    parts, depth, part = [], 0, ""
    for character in specification:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == ":" and not depth:
            parts.append(part.strip("[]"))
            part = ""
        else:
            part += character
    return [*parts, part.strip("[]")]
