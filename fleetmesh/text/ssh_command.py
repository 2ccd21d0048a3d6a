"""The command line of an OpenSSH client, read as ssh(1) reads it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

# Options that take an argument: those of ssh(1), OpenSSH 10, and autossh(1), which has one more.
_SSH = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
_WITH_ARGUMENT = {"ssh": _SSH, "autossh": _SSH | {"M"}}

# What ssh_config(5) calls that which an option sets, as far as it has a name for it.
_KEYWORDS = {
    "D": "dynamicforward",
    "F": "configuration",
    "J": "proxyjump",
    "L": "localforward",
    "R": "remoteforward",
    "i": "identityfile",
    "l": "user",
    "p": "port",
}


@dataclass(frozen=True)
class Forward:
    """`[bind:]port:host:hostport` of -L or -R; where no bind is given, loopback or every address.

    The path of a Unix socket may stand on either side: as `port`, with an empty `bind`, or as
    `target`.
    """

    bind: str
    port: str
    target: str

    @property
    def listen(self) -> str:
        """Listen address as `ip:port`, or the path of a socket."""
        return f"{self.bind}:{self.port}" if self.bind else self.port

    @classmethod
    def parse(cls, specification: str, *, gateway: bool = False) -> "Forward":
        """Read a forwarding specification; a part that is absent stays empty.

        With `gateway`, ssh's -g, one that names no address listens on all of them.
        """
        unnamed = "*" if gateway else "127.0.0.1"
        match _split_brackets(specification):
            case [path, *target] if "/" in path:
                return cls("", path, ":".join(target))
            case [bind, port, path] if "/" in path:
                return cls(_loopback(bind), port, path)
            case [port, path] if "/" in path:
                return cls(unnamed, port, path)
            case [bind, port, host, hostport]:
                return cls(_loopback(bind), port, f"{host}:{hostport}")
            case [port, host, hostport]:
                return cls(unnamed, port, f"{host}:{hostport}")
            case [bind, port]:
                return cls(_loopback(bind), port, "")
            case _:
                return cls(unnamed, specification, "")


@dataclass(frozen=True)
class SshCommand:
    """What a running or configured ssh client was told on its command line."""

    local: tuple[Forward, ...]
    remote: tuple[Forward, ...]
    dynamic: tuple[Forward, ...]
    options: dict[str, str]
    keys: tuple[str, ...]
    destination: str | None
    """The word that says where to log in, as it was written."""
    user: str | None
    host: str | None
    jump: str | None

    @property
    def is_tunnel(self) -> bool:
        """Whether its arguments forward anything."""
        return bool(self.local or self.remote or self.dynamic)

    def option(self, name: str) -> str | None:
        """The value of `-o name=…`, in lower case; None if it is not given."""
        value = self.options.get(name.lower())
        return value.lower() if value is not None else None

    def switch(self, name: str) -> str | None:
        """Like `option`, for what is on or off: `yes` or `no`, whichever words were used."""
        return yes_or_no(self.option(name))


def parse(argv: Iterable[str]) -> SshCommand | None:
    """Read an argument vector; None if its program is not ssh or autossh.

    The first value of an option wins, as ssh_config(5) says.
    """
    return _parsed(tuple(argv))


@lru_cache(maxsize=2**14)
def _parsed(words: tuple[str, ...]) -> SshCommand | None:
    """As `parse`: the same processes are looked at about each tunnel of a fleet."""
    with_argument = _WITH_ARGUMENT.get(words[0].rpartition("/")[2]) if words else None
    if with_argument is None:
        return None
    forwards: dict[str, list[str]] = {
        "localforward": [], "remoteforward": [], "dynamicforward": []
    }  # fmt: skip
    options: dict[str, str] = {}
    keys: list[str] = []
    for keyword, value in _settings(words[1:], with_argument):
        if keyword in forwards:
            forwards[keyword].append(":".join(value.split()))
        elif keyword == "identityfile":
            keys.append(value)
        elif value:
            options.setdefault(keyword, value)
    destination, place = options.pop("destination", None), options.pop("place", None)
    options.pop("command", None)
    jumps = [value for key, value in options.items() if key in ("proxyjump", "proxycommand")]
    gateway = "-g" in options or yes_or_no(options.get("gatewayports")) == "yes"
    return SshCommand(
        local=tuple(Forward.parse(each, gateway=gateway) for each in forwards["localforward"]),
        remote=tuple(map(Forward.parse, forwards["remoteforward"])),
        dynamic=tuple(Forward.parse(each, gateway=gateway) for each in forwards["dynamicforward"]),
        options=options,
        keys=tuple(keys),
        destination=destination,
        user=options.get("user"),
        host=options.get("hostname", place),
        jump=jumps[0] if jumps and jumps[0].lower() != "none" else None,
    )


def unresolved(argv: Iterable[str]) -> tuple[str, ...]:
    """What a shell or systemd has yet to replace in ssh's words and could become a forward."""
    words = list(argv)
    with_argument = _WITH_ARGUMENT.get(words[0].rpartition("/")[2]) if words else None
    if with_argument is None:
        return ()
    telling = {"localforward", "remoteforward", "dynamicforward", "configuration", "destination"}
    return tuple(
        f"{keyword} {value}"
        for keyword, value in _settings(words[1:], with_argument)
        if ("$" in keyword or "`" in keyword)
        or (keyword in telling and ("$" in value or "`" in value))
        or (keyword == "command" and value.startswith("$"))
    )


def has_command(program: str, words: Iterable[str]) -> bool:
    """Take the words after ssh's or autossh's name that are its own, and one of a remote command.

    Whether there is one.
    """
    settings = _settings(words, _WITH_ARGUMENT[program])
    return any(keyword == "command" and value for keyword, value in settings)


def _settings(words: Iterable[str], with_argument: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Keywords and values in the order in which ssh reads them; options may follow the host.

    The first word of the remote command comes last, as `command`.
    """
    rest = iter(words)
    found = False
    for word in rest:
        if word == "--":
            if not found:
                yield from _destination(next(rest, ""))
            yield "command", next(rest, "")
            return
        if not word.startswith("-") or word == "-":
            if found:
                yield "command", word
                return
            found = True
            yield from _destination(word)
            continue
        for position, letter in enumerate(word[1:], 2):
            if letter not in with_argument:
                if letter == "g":
                    yield "-g", "yes"
                continue
            argument = word[position:] or next(rest, "")
            if letter == "o":
                yield _option(argument)
            elif letter in _KEYWORDS:
                yield _KEYWORDS[letter], argument
            break


def _destination(word: str) -> Iterator[tuple[str, str]]:
    """Read `[user@]host` or `ssh://[user@]host[:port]`."""
    yield "destination", word
    user, _, place = word.removeprefix("ssh://").rpartition("@")
    yield "user", user
    if word.startswith("ssh://"):
        place, *port = _split_brackets(place.rstrip("/"))
        yield "port", "".join(port)
    yield "place", place


def _option(argument: str) -> tuple[str, str]:
    """Read `keyword=value` or `keyword value`; the value may hold more of both."""
    keyword, *value = re.split(r"\s*=\s*|\s+", argument.strip(), maxsplit=1)
    return keyword.lower(), "".join(value).strip('"')


def yes_or_no(value: str | None) -> str | None:
    """What is on or off, in one word: ssh takes `yes` and `true` for the same, and no other."""
    value = value.lower() if value else value
    return {"true": "yes", "false": "no"}.get(value or "", value)


def seconds(time: str) -> int | None:
    """A time of sshd_config(5), such as `15` or `1m30s`; None where ssh takes it for none."""
    if not _TIME.fullmatch(time.lower()):
        return None
    parts = re.findall(r"(\d+)([smhdw]?)", time.lower())
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


_TIME = re.compile(r"([0-9]{1,9}[smhdw])*[0-9]{1,9}[smhdw]?")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


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
