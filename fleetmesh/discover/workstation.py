"""How ops-bridge is called on the workstation, and how certificates are trusted on the far host."""

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Value
from fleetmesh.discover.questions import BRIDGE_CALLS, SSHD_TRUST
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.facts.workstation import parse_bridge_status
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.legible import brief


def bridge(inventory: Inventory, answers: Answers) -> Found:
    """The command whose status names the runbook's tunnels."""
    host = inventory.workstation.host
    place = ("workstation", "bridge")
    told = answers.of(BRIDGE_CALLS, host)
    if told is None:
        yield Finding(place, str(answers.cause(BRIDGE_CALLS, host)))
        return
    expected = {*inventory.workstation.retired, *inventory.workstation.interactive}
    for words, said in told.value.items():
        command, _, how = words.partition(" ")
        if how == "status --json" and expected & _listed(said, told.seen.command):
            yield Value(place, command, told.seen.like(words))
            return
    tried = ", ".join(f"`{words}`" for words in told.value)
    what = f"no status that can be read: {brief(tried) or f'no `bridge` on {host}'}"
    yield Finding(
        place,
        what,
        told.seen.like("command -v bridge"),
        f"the runbook calls {inventory.workstation.bridge}",
    )


def _listed(said: str, command: str) -> set[str]:
    from datetime import UTC, datetime  # noqa: PLC0415

    given = Transcript("", "", "", command, datetime.now(UTC), 0.0, 0, said.strip().encode())
    try:
        return set(parse_bridge_status(given))
    except NotUnderstood:
        return set()


_HELD = {"trustedusercakeys": "ca", "authorizedprincipalsfile": "principals"}


def certificates(inventory: Inventory, answers: Answers) -> Found:
    """Where sshd on the far host looks for the authority, as its configuration names it."""
    for told in answers.each(SSHD_TRUST):
        user = inventory.hosts[told.subject].user
        for keyword, key in _HELD.items():
            path = told.value.get(keyword)
            if path and user:
                path = path.replace("%u", user)
            if path and "%" not in path:
                seen = told.seen.like("grep -ri TrustedUserCAKeys /etc/ssh")
                yield Value(("certificate", key), path, seen)
