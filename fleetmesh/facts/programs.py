"""What a container's text says of addresses: its command, arguments and environment.

The text is a witness to where a proxy leads, and not the only one: a program may read a file, or
nothing of what stands here. Values from ConfigMaps are read beside it, those from Secrets never.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
_ADDRESS = re.compile(
    r"(?<![\w.\]-])(?:(?P<kind>[A-Za-z0-9-]{1,32}):)?(?P<scheme>[a-z][a-z0-9+.-]{0,32}://)?(?:[^\s/@]{1,64}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|\*|[A-Za-z0-9][A-Za-z0-9_.-]{0,253}|):(?P<port>\d{1,5})(?![\w.:-])"
)
_URL = re.compile(
    r"(?P<scheme>https?)://(?:[^\s/@]{1,64}@)?(?P<host>[A-Za-z0-9_.-]{1,253})(?=[/?#\s]|$)"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LISTENS = re.compile(r"listen|bind|admin|metrics", re.IGNORECASE)
_ASIDE = re.compile(
    r"(?<![a-z])(?:trac(?:e|es|ing)|otel|otlp|opentelemetry|jaeger|zipkin|(?:sys)?logs?|logging|"
    r"loki|metrics?|statsd|prometheus|pushgateway|sentry|resolvers?|nameservers?|dns|ntp|istiod?|"
    r"linkerd|pilot|xds|discovery)(?![a-z])",
    re.IGNORECASE,
)
"""What a proxy talks to beside carrying requests: it reports there, or asks what to do."""
_LEADING = re.compile(r"(?:(?:^|\s)(?P<flag>-[\w.-]+)\s+)?(?P<start>[^\s,;]*)$")
_SOCAT = re.compile(r"(tcp|udp|sctp|ssl|openssl)[46]?(-[a-z]+)*", re.IGNORECASE)
_STEM = re.compile(
    r"(?P<stem>.*?)[-_.]?(?P<part>host|hostname|addr|address|ip|port)", re.IGNORECASE
)
_WILDCARDS = ("", "*", "0.0.0.0", "::")  # noqa: S104 - what others listen on
_PRIVILEGED = 1024  # a bare word before a smaller number is a user and a group, or a level
_HIGHEST = 65535


@dataclass(frozen=True)
class NamedAddress:
    """An address that a container's text names."""

    address: str
    """`127.0.0.1:18000`, `[fd00::1]:8000`, `hub.example:8000`."""
    where: str
    run: bool
    """Whether it stands in what is run; a variable that no argument uses proves nothing."""
    listens: bool
    """Whether the pod itself is to listen there."""
    aside: bool = False
    """Whether its flag, its variable or its host says that no request is carried there."""


@dataclass(frozen=True)
class Program:
    """What a container runs, as the kubelet expands it, and what it is told by variables."""

    container: str
    words: tuple[str, ...]
    variables: Mapping[str, str]
    unread: tuple[str, ...]
    """Where values come from that do not stand in the pod: `ConfigMap hub`, `Secret token`."""
    sources: tuple["FromConfigMap", ...] = ()
    """Those of them that are ConfigMaps."""
    unexpanded: tuple[str, ...] = ()
    """The words as they are written."""


@dataclass(frozen=True)
class FromConfigMap:
    """What a container has from a ConfigMap: a variable, all of it as variables, or as files."""

    name: str
    key: str | None = None
    """None means every key."""
    variable: str | None = None
    """By which name a variable has the one key."""
    prefix: str = ""
    """What stands before each key to make it the name of a variable."""
    file: bool = False

    def __str__(self) -> str:
        return f"ConfigMap {self.name}"

    def read(self, data: Mapping[str, str]) -> dict[str, str] | None:
        """What of the ConfigMap's data it has, by key; None where the key is missing."""
        if self.key is None:
            return dict(data)
        return {self.key: data[self.key]} if self.key in data else None


def configured(
    given: Program, own: Mapping[str, frozenset[int]], maps: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[NamedAddress, ...], tuple[str, ...]]:
    """As `addresses`, with what the program has from ConfigMaps; and what is still unread.

    What stands in a ConfigMap is no more than a variable: a program may read it, or may not.
    """
    variables, found, read = dict(given.variables), [], set()
    for source in given.sources:
        held = source.read(maps.get(source.name, {})) if source.name in maps else None
        if held is None:
            continue
        read.add(source)
        if source.file:
            for key, text in held.items():
                where = f"{key} of {source}"
                found += [each for each in _in_file(text, where, own) if not each.aside]
        else:
            variables |= {source.variable or f"{source.prefix}{k}": v for k, v in held.items()}
    words = tuple(expand(word, variables) for word in given.unexpanded or given.words)
    known = Program(given.container, words, variables, ())
    left = [str(source) for source in given.sources if source not in read]
    others = [place for place in given.unread if place not in map(str, given.sources)]
    unread = tuple(dict.fromkeys((*left, *others)))
    return (*addresses(known, own), *found), unread


_REMARKS = ("#", ";", "//", "--")
_TWO_LINES = re.compile(
    r"\b(?:address|host|hostname)[\"']?\s*[:=]\s*[\"']?(?P<host>[A-Za-z0-9_.:-]{1,253}?)[\"']?,?\s+"
    r"[\"']?(?:port|port_value)[\"']?\s*[:=]\s*[\"']?(?P<port>\d{1,5})\b"
)
"""Host and port as two settings beside each other, as Envoy's files have them."""


def _in_file(text: str, where: str, own: Mapping[str, frozenset[int]]) -> Iterator[NamedAddress]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(_REMARKS)]
    for line in lines:
        for lead, host, port in _in_text(line):
            yield _named(host, port, where, f"{line.split(maxsplit=1)[0]} {lead}", own, run=False)
    for pair in _TWO_LINES.finditer("\n".join(lines)):
        if _is_port(pair["port"]):
            yield _named(pair["host"], int(pair["port"]), where, "", own, run=False)


def program(container: Mapping[str, Any], fields: Mapping[str, str]) -> Program:
    """Read a container; `fields` are the values of the pod's own fields, as `fieldRef` names them.

    Raises as reading a JSON value of an unexpected shape does.
    """
    variables: dict[str, str] = {}
    unread = [_source(each) for each in container.get("envFrom") or ()]
    sources = [
        FromConfigMap(each["configMapRef"]["name"], prefix=each.get("prefix") or "")
        for each in container.get("envFrom") or ()
        if "configMapRef" in each
    ]
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if not source:
            variables[variable["name"]] = expand(variable.get("value") or "", variables)
        elif "fieldRef" not in source:
            unread.append(_source(source))
            if held := source.get("configMapKeyRef"):
                sources.append(FromConfigMap(held["name"], held["key"], variable["name"]))
        elif (path := str(source["fieldRef"]["fieldPath"])) in fields:
            variables[variable["name"]] = fields[path]
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    expanded = tuple(expand(word, variables) for word in words)
    unread = list(dict.fromkeys(unread))
    return Program(
        container["name"], expanded, variables, tuple(unread), tuple(sources), tuple(words)
    )


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Expand `$(NAME)` as the kubelet does: `$$` is a dollar sign, unknown names stay."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[2] is None else variables.get(found[2], found[0])

    return _REFERENCE.sub(value, text)


def addresses(given: Program, own: Mapping[str, frozenset[int]]) -> tuple[NamedAddress, ...]:
    """Every address that the program's text names.

    `own` are the pod's own addresses, each with the ports on which its containers say that they
    listen.
    """
    found = []
    for at, word in enumerate(given.words):
        before = given.words[at - 1] if at else ""
        where = f"argument {word!r} of {given.container}"
        for lead, host, port in _in_text(word):
            flag = before if before.startswith("-") else ""
            found.append(_named(host, port, where, flag + lead, own, run=True))
        if _is_ip(before) and _is_port(word):
            found.append(_named(before, int(word), where, "", own, run=True))
    for stem, host, port in _pairs(_flags(given.words)):
        where = f"arguments --{stem}… of {given.container}"
        found.append(_named(host, port, where, stem, own, run=True))
    for name, text in given.variables.items():
        where = f"variable {name} of {given.container}"
        for lead, host, port in _in_text(text):
            found.append(_named(host, port, where, name + lead, own, run=False))
    for stem, host, port in _pairs(given.variables.items()):
        where = f"variables {stem.upper()}… of {given.container}"
        found.append(_named(host, port, where, stem, own, run=False))
    return tuple(found)


def elsewhere(
    named: Iterable[NamedAddress], expected: str, *, unread: bool = False
) -> list[NamedAddress]:
    """The addresses by which the text leads elsewhere than to `expected`, beyond doubt.

    Where `expected` is named, or something is `unread` that may name it, another address that only
    stands in a variable may be anything. Where `expected` is run, one that is `aside` is no matter.
    """
    named = tuple(named)
    others = [each for each in named if not each.listens and each.address != expected]
    told = unread or any(each.address == expected for each in named)
    run = any(each.run and each.address == expected for each in named)
    return [each for each in others if (each.run or not told) and not (run and each.aside)]


def _in_text(text: str) -> Iterator[tuple[str, str, int]]:
    """What stands before each address of a text, its host and its port."""
    for found in _ADDRESS.finditer(text):
        host, port, before = found["host"].strip("[]"), int(found["port"]), text[: found.start()]
        certain = bool(found["kind"] or found["scheme"])
        if not 0 < port <= _HIGHEST or not _is_host(host, port, before, certain=certain):
            continue
        yield _lead(text[: found.start("host")]), host, port
    for found in _URL.finditer(text):
        yield _lead(text[: found.start()]), found["host"], _DEFAULT_PORTS[found["scheme"]]


def _is_host(host: str, port: int, before: str, *, certain: bool) -> bool:
    if not host:
        return not certain and before[-1:] in ("", "=", " ")
    if "." in host or host == "*" or _is_ip(host):
        return True
    # 12:30 is a time, tcp-listen:8000 an address of socat's, nobody:100 a user and a group.
    word = any(map(str.isalpha, host)) and not _SOCAT.fullmatch(host)
    return word and (certain or port >= _PRIVILEGED)


def _lead(text: str) -> str:
    found = _LEADING.search(text)
    return f"{found['flag'] or ''} {found['start']}" if found else ""


def _flags(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            yield name.lstrip("-"), value if equals else "".join(words[at + 1 : at + 2])


def _pairs(settings: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, int]]:
    """Host and port in two settings of one stem: UPSTREAM_HOST and UPSTREAM_PORT."""
    hosts: dict[str, str] = {}
    ports: dict[str, int] = {}
    for name, value in settings:
        found = _STEM.fullmatch(name)
        if found and found["part"].lower() != "port" and value:
            hosts[found["stem"].lower()] = value.strip("[]")
        elif found and _is_port(value):
            ports[found["stem"].lower()] = int(value)
    for stem in hosts.keys() & ports.keys():
        yield stem, hosts[stem], ports[stem]


def _named(
    host: str, port: int, where: str, lead: str, own: Mapping[str, frozenset[int]], *, run: bool
) -> NamedAddress:
    host = "127.0.0.1" if host.lower() == "localhost" else host.lower()
    declared: frozenset[int] = frozenset().union(*own.values())
    listens = (
        port in own.get(host, ())
        or (host in _WILDCARDS and (not declared or port in declared))
        or bool(_LISTENS.search(lead))
    )
    shown = f"[{host}]" if ":" in host else host or "*"
    return NamedAddress(
        f"{shown}:{port}", where, run, listens, bool(_ASIDE.search(f"{lead} {host}"))
    )


def _source(given: Mapping[str, Any]) -> str:
    for key, kind in (
        ("configMapKeyRef", "ConfigMap"),
        ("configMapRef", "ConfigMap"),
        ("secretKeyRef", "Secret"),
        ("secretRef", "Secret"),
    ):
        if key in given:
            return f"{kind} {given[key].get('name', '')}"
    return ", ".join(given) or "elsewhere"


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return text == "localhost"
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST
