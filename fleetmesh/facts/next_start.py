"""What a tunnel's ssh would do if it started now: by its arguments, ssh_config and defaults."""

import re
from dataclasses import dataclass

from fleetmesh.facts.as_tunnel import as_tunnel, clear, defined
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.managers import MANAGERS
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Tunnel
from fleetmesh.text import ssh_settings
from fleetmesh.text.ssh_command import Forward
from fleetmesh.text.ssh_settings import SshSettings


@dataclass(frozen=True)
class NextStart:
    """What the ssh of a tunnel would do: `refused` where it would not even begin."""

    source: str
    """Where its arguments were found: with the `process`, the `unit`, or in the `inventory`."""
    settings: SshSettings
    refused: str | None
    missing: tuple[str, ...]
    """Warnings of identity files that are not there."""
    commands: tuple[str, ...]
    """What ssh_config has run to decide (`Match exec`); another time it may decide otherwise."""

    def departures(self, tunnel: Tunnel, inventory: Inventory, home: str) -> list[str]:
        """What would be otherwise than the inventory has it, a sentence each."""
        if self.refused is not None:
            return [f"it would not start: {self.refused}"]
        service, via = inventory.services[tunnel.to], inventory.hosts[tunnel.via]
        found, key = self.settings, _path(tunnel.key, home)
        forward = [(str(tunnel.listen), f"{service.cluster_ip}:{service.port}")]
        wrong = list(self.missing)
        if found.jump:
            wrong.append(f"it would go through {found.jump}")
        hostname = found.one("hostname")
        if hostname not in (via.target, *via.addresses):
            wrong.append(f"it would go to {hostname}, not to {via.target}")
        if found.one("port") != str(via.port or 22):
            wrong.append(
                f"it would go to port {found.one('port')} of {tunnel.via}, not {via.port or 22}"
            )
        if tunnel.far_user and found.one("user") != tunnel.far_user:
            wrong.append(f"it would log in as {found.one('user')}, not as {tunnel.far_user}")
        local = [(one.listen, one.target) for one in found.local]
        if local != forward:
            wrong.append(f"it would forward {local}, not {forward}")
        if found.remote:
            wrong.append(f"it would also forward back: {_listens(found.remote)}")
        if found.dynamic:
            wrong.append(f"it would also be a proxy: {_listens(found.dynamic)}")
        keys = [_path(file, home) for file in found.all("identityfile")]
        if keys != [key] and not self.missing:
            wrong.append(f"it would offer {', '.join(keys)}, not {key} alone")
        wrong += [
            f"it would offer the certificate {file}"
            for file in found.all("certificatefile")
            if _path(file, home) not in (f"{key}-cert.pub", "none")
        ]
        if found.one("identityagent") not in (None, "SSH_AUTH_SOCK"):
            wrong.append(f"it would ask the agent {found.one('identityagent')} for keys")
        wrong += [f"it would have {k} {found.one(k)}" for k in _NOTHING if found.one(k)]
        if (
            found.switch("forkafterauthentication") == "yes"
            and not MANAGERS[inventory.manager].forks
        ):
            wrong.append("it would go to the background, which counts as its end")
        for keyword, wanted in _SWITCHES.items():
            value = found.switch(keyword)
            if value != wanted and not (value is None and keyword in _MAY_BE_UNKNOWN):
                wrong.append(
                    f"it would have {keyword} {value or '(not set)'}, not {wanted or 'none'}"
                )
        return wrong


_NOTHING = ("controlpath", "knownhostscommand", "pkcs11provider", "bindaddress", "bindinterface")
_SWITCHES = {
    "batchmode": "yes",
    "canonicalizehostname": "no",
    "clearallforwardings": "no",
    "controlmaster": "no",
    "exitonforwardfailure": "yes",
    "forwardagent": "no",
    "forwardx11": "no",
    "identitiesonly": "yes",
    "nohostauthenticationforlocalhost": "no",
    "permitlocalcommand": "no",
    "sessiontype": None,  # ssh prints `none`, for -N
    "stricthostkeychecking": "yes",
    "tunnel": "no",
    "verifyhostkeydns": "no",
}
_MAY_BE_UNKNOWN = {keyword for keyword, wanted in _SWITCHES.items() if wanted != "yes"}
"""A version of ssh that does not print a switch does not have what it would turn on."""


def _path(printed: str, home: str) -> str:
    """A path as ssh(1) opens it; it prints some as they stand in the file."""
    return re.sub("^(?:~|%d)(?=/)", home, printed)


def _listens(forwards: tuple[Forward, ...]) -> str:
    return ", ".join(one.listen for one in forwards)


_SETTINGS = r"""
settings() {
  told || return 0
  echo "source $source"; printf 'word %s\n' "$@"; echo; ssh -G -v "$@"
}
"""


def _settings(inventory: Inventory) -> dict[str, Probe]:
    return {
        tunnel.id: Exec(
            tunnel.host, defined(tunnel) + _SETTINGS + as_tunnel(inventory, tunnel, "settings")
        )
        for tunnel in inventory.tunnels.values()
    }


_EXECUTED = re.compile(r"debug1: Executing command: '(.*)'")


def parse_settings(transcript: Transcript) -> NextStart:
    """Read `source …`, `word …` lines, an empty line, and then what `ssh -G -v` printed."""
    head, _, printed = transcript.out.partition("\n\n")
    source, *words = head.splitlines() or [""]
    clear(source)
    if not re.fullmatch("source (process|unit|inventory)", source) or not words:
        raise NotUnderstood(f"expected `source …` and words, found {head[:80]!r}")
    err = [line.strip() for line in transcript.err.splitlines() if line.strip()]
    said = [line for line in err if not line.startswith(("debug", "OpenSSH_"))]
    try:
        settings = ssh_settings.parse(printed.splitlines())
    except ValueError as error:
        raise NotUnderstood(str(error)) from None
    refused = None
    if transcript.exit_status in (127, 255):  # the shell found no ssh, or ssh refuses
        refused = said[-1] if said else "ssh says nothing"
    elif not {"hostname", "user", "port"} <= settings.values.keys() or transcript.exit_status != 0:
        raise NotUnderstood("not what `ssh -G` prints")
    return NextStart(
        source=source.removeprefix("source "),
        settings=settings,
        refused=refused,
        missing=tuple(line.rstrip(".") for line in said if "not accessible" in line),
        commands=tuple(m[1] for line in err if (m := _EXECUTED.fullmatch(line))),
    )


NEXT_STARTS = Fact("next_starts", _settings, parse_settings)
