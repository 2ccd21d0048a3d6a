"""The tunnels' log-in, as their ssh makes it, and whether a key would do without a certificate."""

import re
from dataclasses import dataclass
from importlib.resources import files

from fleetmesh.facts.as_tunnel import as_tunnel, clear, defined, destination
from fleetmesh.facts.fact import Fact, Inconclusive, NotUnderstood, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Login
from fleetmesh.text.legible import brief
from fleetmesh.text.shell import quote

_LOGIN = files(__package__).joinpath("login.sh").read_text()
# What a question may not do although the tunnel may: wait for an answer, write, or ride on a
# connection that is there already.
HARMLESS = (
    "-o LogLevel=DEBUG1 -o ClearAllForwardings=yes -o BatchMode=yes -o StrictHostKeyChecking=yes "
    "-o UpdateHostKeys=no -o ControlMaster=no -o ControlPath=none -o PermitLocalCommand=no "
    "-o Tunnel=no -o AddKeysToAgent=no -o ConnectionAttempts=1 -o ConnectTimeout={connect:.0f}"
)


@dataclass(frozen=True)
class LoginAttempt:
    """A log-in as the ssh of a tunnel makes it, and what came back through the tunnel's forward."""

    tunnel: str
    source: str
    own: str
    """Fingerprint of the log-in's own key; empty where the key cannot be read."""
    accepted: str
    """File and fingerprint of the key by which the far end lets it in; empty where by none."""
    opened: bool
    authority: bool
    """Whether the far end showed a certificate that known_hosts' authority has signed."""
    answer: str
    """First line of what the service answered."""
    said: str
    """ssh's own last words."""

    @property
    def own_key_opens(self) -> bool:
        """Whether the log-in succeeds, and by its own key."""
        return self.opened and bool(self.own) and self.accepted.endswith(f" {self.own}")

    def __str__(self) -> str:
        came = self.answer or self.said
        return f"{self.tunnel}, by the arguments of its {self.source}: {came}"

    def objection(self, login: Login, target: str) -> str | None:
        """Why the tunnel could not be opened so, in one sentence; None where it could.

        That nothing listens at the target is no objection: sshd permits before it connects. Raises
        Inconclusive where nothing tells whether it permits.
        """
        if not self.opened:
            return f"{login.key} does not open {login.via}: {self.said}"
        if not self.own_key_opens:
            by = self.accepted or "another way than by a key"
            return f"{login.via} lets in {by}, not {login.key} {self.own}".rstrip()
        if "prohibited" in self.said:
            return f"{login.key} opens {login.via}, but may not forward to {target}: {self.said}"
        if not self.answer and "open failed" not in self.said:
            raise Inconclusive(
                f"{login.key} opens {login.via}; whether it may forward to {target} is not known, "
                "since nothing came back"
            )
        return None


Logins = tuple[LoginAttempt, ...]
"""The attempts of one log-in: a tunnel's each, until one fails."""


def objection(attempts: Logins, login: Login, inventory: Inventory) -> str | None:
    """The first objection to any of a log-in's attempts; None where all would do."""
    for attempt in attempts:
        service = inventory.services[inventory.tunnels[attempt.tunnel].to]
        wrong = attempt.objection(login, f"{service.cluster_ip}:{service.port}")
        if wrong is not None:
            return wrong
    return None


def _logins(inventory: Inventory) -> dict[str, Probe]:
    limits = inventory.limits
    seconds = limits.connect + limits.http
    options = HARMLESS.format(connect=limits.connect)

    def command(login: Login) -> str:
        own = (
            f'echo "own $(ssh-keygen -y -P "" -f {quote(login.key)} 2>/dev/null | '
            'ssh-keygen -l -f - 2>/dev/null)"\n'
        )
        script = defined(login.tunnels[0]) + _LOGIN.replace("OPTIONS", options)
        script += f"seconds={seconds:g}\n{own}"
        for before, tunnel in zip(login.tunnels[:1] + login.tunnels, login.tunnels, strict=False):
            if before.by_system != tunnel.by_system:
                script += defined(tunnel)
            service = inventory.services[tunnel.to]
            to = f"{service.cluster_ip}:{service.port}"
            asked = (
                rf"GET {service.health.path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"
            )
            script += f"tunnel={quote(tunnel.id)} to={quote(to)} asked={quote(asked)}\n"
            script += f"{as_tunnel(inventory, tunnel, 'login')}\n"
        return script

    return {
        str(login): Exec(login.host, command(login), len(login.tunnels) * seconds + limits.command)
        for login in inventory.logins
    }


def parse_logins(transcript: Transcript) -> Logins:
    """Read `own …`, then for each tunnel `tunnel …`, `source …` and ssh's words, marked `| `."""
    first, *lines = succeeded(transcript).splitlines() or [""]
    if not first.startswith("own"):
        raise NotUnderstood(f"expected the key's fingerprint, found {first!r}")
    own = _FINGERPRINT.search(first)
    tried: list[tuple[str, str, list[str]]] = []
    for line in lines:
        clear(line)
        kind, _, value = line.rstrip().partition(" ")
        if kind == "tunnel":
            tried.append((value, "", []))
        elif kind == "source" and tried:
            tried[-1] = (tried[-1][0], value, tried[-1][2])
        elif kind == "|" and tried:
            tried[-1][2].append(value)
        elif line:
            raise NotUnderstood(f"expected ssh's words, found {line!r}")
    if not tried:
        raise NotUnderstood("no log-in was tried")
    return tuple(
        _attempt(name, source, own[0] if own else "", said) for name, source, said in tried
    )


LOGINS = Fact("logins", _logins, parse_logins)


def _attempt(tunnel: str, source: str, own: str, lines: list[str]) -> LoginAttempt:
    text = "\n".join(lines)
    opened = _AUTHENTICATED.search(text) is not None
    if not opened:
        _judged(text)
    accepted = _ACCEPTED.findall(text)
    answers = [line for line in lines if line.startswith("answer ")]
    answer = answers[0].removeprefix("answer ") if answers else ""
    return LoginAttempt(
        tunnel=tunnel,
        source=source,
        own=own,
        accepted=" ".join(accepted[-1]) if opened and accepted else "",
        opened=opened,
        authority="host certificate." in text,
        answer="" if re.fullmatch(r"exit \d+", answer) else answer,
        said=_words(lines),
    )


def _words(lines: list[str]) -> str:
    """What ssh said last and does not say always."""
    refusals = [line for line in lines if "open failed" in line]
    own = (line for line in lines if not line.startswith(("debug", "answer ", "OpenSSH_")))
    spoken = [line for line in own if line.strip() and not line.startswith("Authenticated to ")]
    return brief((refusals or spoken or ["ssh says nothing"])[-1].strip())


def _judged(text: str) -> None:
    """Raise NotUnderstood where the far end hung up before it judged any key."""
    judged = "Permission denied (" in text or _ACCEPTED.search(text)
    if judged or not _CLOSED.search(text):
        return
    for words, meant in _TURNED_AWAY.items():
        if words in text:
            raise NotUnderstood(f"the far end turns this host away, {meant}: {words}")
    raise NotUnderstood(
        "the far end closed the connection before it judged any key, as sshd does for a while "
        "after failed log-ins (PerSourcePenalties) or where too many are under way (MaxStartups): "
        f"{_words(text.splitlines())}"
    )


_TURNED_AWAY = {
    "Not allowed at this time": "for a while after failed log-ins (PerSourcePenalties)",
    "Exceeded MaxStartups": "since too many log-ins are under way (MaxStartups)",
}
"""What sshd of OpenSSH 9.8 and later says before it hangs up; sshd_config(5)."""
_CLOSED = re.compile(
    r"^(?:kex_exchange_identification: .*)?Connection (?:closed|reset) by ", re.MULTILINE
)
_FINGERPRINT = re.compile(r"SHA256:\S+")
_AUTHENTICATED = re.compile(r"^Authenticated to .*(?: using |\)\.$)", re.MULTILINE)
"""OpenSSH 8.4 does not say here by which method."""
_ACCEPTED = re.compile(r"^debug1: Server accepts key: (.+) \S+ (SHA256:\S+)", re.MULTILINE)
_OFFERED = re.compile(r"^debug1: Offering public key: .+ \S+ SHA256:\S+", re.MULTILINE)


def _static_logins(inventory: Inventory) -> dict[str, Probe]:
    limits = inventory.limits

    def command(login: Login) -> str:
        keys = dict.fromkeys((inventory.certificate.retired_key, login.key))
        port = inventory.hosts[login.via].port
        # ssh would offer KEY-cert.pub with KEY; see PubkeyAcceptedAlgorithms in ssh_config(5),
        # which is what this is called since OpenSSH 8.5.
        return (
            f"ssh {HARMLESS.format(connect=limits.connect)} -o IdentitiesOnly=yes "
            "-o IdentityAgent=none -o 'PubkeyAcceptedKeyTypes=-*-cert-*' "
            f"{' '.join(f'-i {quote(key)}' for key in keys)} {f'-p {port} ' if port else ''}"
            f"{quote(destination(inventory, login))} true"
        )

    return {
        str(login): Exec(login.host, command(login), limits.connect + limits.command)
        for login in inventory.logins
        if inventory.identity == "certificate"
    }


def parse_static_logins(transcript: Transcript) -> str | None:
    """The key that opens the far end without a certificate, by `ssh -v` with several; or None.

    Only the far end's own refusal tells that none does.
    """
    text = transcript.err.replace("\r", "")
    if "not accessible" in text:
        gone = next(line for line in text.splitlines() if "not accessible" in line)
        raise NotUnderstood(f"a key was not offered: {gone}")
    accepted = _ACCEPTED.findall(text)
    if _AUTHENTICATED.search(text) and accepted:
        return str(accepted[-1][0])
    _judged(text)
    if "Permission denied (" not in text or not _OFFERED.search(text):
        said = [line for line in text.splitlines() if line.strip() and not line.startswith("debug")]
        raise NotUnderstood(
            f"the far end did not judge the keys: {(said or ['it says nothing'])[-1]}"
        )
    return None


STATIC_LOGINS = Fact("static_logins", _static_logins, parse_static_logins)
