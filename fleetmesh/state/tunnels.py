"""Keys, pins and log-ins of the tunnels, and what the workstation's `bridge` has."""

from fleetmesh.facts.answers import (
    SERVICE_ANSWERS,
    SMOKE_PATHS,
    TUNNEL_ANSWERS,
    WRITES,
    Answer,
)
from fleetmesh.facts.bridge_status import BRIDGE_STATUS
from fleetmesh.facts.keys import (
    AUTHORIZATIONS,
    AUTHORIZED_KEYS,
    CERTIFICATES,
    MODES,
    TRUST,
    Authorizations,
    AuthorizedKey,
    CertificateTrust,
    FileMode,
    UserCertificate,
)
from fleetmesh.facts.logins import LOGINS, STATIC_LOGINS, LoginAttempt
from fleetmesh.facts.managers.ops_bridge import BridgeTunnel
from fleetmesh.facts.next_start import NEXT_STARTS, NextStart
from fleetmesh.facts.pins import KNOWN_HOSTS, Pins
from fleetmesh.facts.workstation import AUTOSTARTS, Autostarts
from fleetmesh.state.kind import Around, Kind, NoState, State, members, present, words


def _modes(found: dict[str, FileMode | None], _: Around) -> State:
    return {path: f"{mode.owner} {mode.mode:o}" for path, mode in found.items() if mode}


def _certificate(found: UserCertificate | None, _: Around) -> State:
    return (
        {"certificate": members(found, "principals", "ca_fingerprint", "key_id")} if found else {}
    )


def _trust(found: CertificateTrust, _: Around) -> State:
    return {
        **present((f"authority {one}" for one in found.ca_fingerprints), "trusted"),
        **present((f"principal {one}" for one in found.principals), "let in"),
    }


def _authorizations(found: Authorizations, _: Around) -> State:
    ends = {f"key {key}": f"until {until}" for key, until in found.until.items()}
    return {
        **ends,
        "account": found.account or "does not tell",
        "password": found.password or "does not tell",
    }


def _authorized_keys(found: tuple[AuthorizedKey, ...], _: Around) -> State:
    lines: dict[str, list[str]] = {}
    for key in found:
        lines.setdefault(key.fingerprint, []).append(key.digest)
    return {key: f"let in by line {words(sorted(digests))}" for key, digests in lines.items()}


def _next_start(found: NextStart, _: Around) -> State:
    settings = {f"ssh {key}": words(value) for key, value in found.settings.values.items()}
    refused = {"ssh": f"refuses: {found.refused}"} if found.refused else {}
    missing = present((f"warning: {one}" for one in found.missing), "said")
    return {**settings, **refused, **missing, **present(found.commands, "decides")}


def _logins(found: tuple[LoginAttempt, ...], _: Around) -> State:
    return {
        f"as {one.tunnel}": members(one, "own", "accepted", "opened", "authority") for one in found
    }


def _static_login(found: str | None, _: Around) -> State:
    return {"without a certificate": "nothing opens it" if found is None else f"{found} opens it"}


def _pins(found: Pins, _: Around) -> State:
    return {
        **present(found.files, "is read"),
        **present((f"key {key}" for key in found.keys), f"pinned for {found.name}"),
        "authority": words(found.authority),
    }


def _bridge_status(found: dict[str, BridgeTunnel], _: Around) -> State:
    return {
        name: f"{one.kind}, {'up' if one.up else 'down'}, {members(one, 'autostart')}"
        for name, one in found.items()
    }


def _autostarts(found: Autostarts, _: Around) -> State:
    settings = {f"ssh {name}": words(one.values) for name, one in found.settings.items()}
    return {
        **present((f"{one.source}: {one.line}" for one in found.lines), "starts by itself"),
        **present((f"{one.source}: {one.line}" for one in found.unread), "cannot be read"),
        **present((f"{one.source}: {one.line}" for one in found.aside), "is not looked at"),
        **present((f"{one.source}: {one.line}" for one in found.configured), "configured"),
        **settings,
    }


def _answer(found: Answer, _: Around) -> State:
    return {"answer": "none" if found.refused else str(found.status)}


STATES = (
    Kind(MODES, _modes),
    Kind(CERTIFICATES, _certificate, "until when it is valid, and its serial number"),
    Kind(TRUST, _trust),
    Kind(AUTHORIZATIONS, _authorizations),
    Kind(AUTHORIZED_KEYS, _authorized_keys),
    Kind(NEXT_STARTS, _next_start, "where its arguments were found"),
    Kind(LOGINS, _logins, "what ssh said meanwhile"),
    Kind(STATIC_LOGINS, _static_login),
    Kind(KNOWN_HOSTS, _pins),
    Kind(BRIDGE_STATUS, _bridge_status, "pids"),
    Kind(AUTOSTARTS, _autostarts, "how many lines concern no tunnel"),
    Kind(SERVICE_ANSWERS, _answer, "the body, bytes, why there is none"),
    Kind(SMOKE_PATHS, _answer, "the body, bytes, why there is none"),
    Kind(TUNNEL_ANSWERS, _answer, "the body, bytes, why there is none"),
    NoState(WRITES, "each run writes anew"),
)
