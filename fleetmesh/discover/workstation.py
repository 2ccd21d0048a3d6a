"""How ops-bridge is called on the workstation, and how certificates are trusted on the far host."""

from typing import Any

from pydantic import TypeAdapter

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.dialect import dialect
from fleetmesh.discover.found import Finding, Found, Settled, Value
from fleetmesh.discover.questions import BRIDGE_CALLS, SSHD_TRUST
from fleetmesh.facts.bridge_status import read_status
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.inventory import Inventory
from fleetmesh.inventory.bridging import BridgeCall, Bridging
from fleetmesh.text.legible import brief


def bridge(inventory: Inventory, answers: Answers) -> Found:
    """The command whose status names the runbook's tunnels."""
    host = inventory.workstation.host
    place = ("workstation", "bridge")
    told = answers.of(BRIDGE_CALLS, host)
    if told is None:
        yield Finding(place, str(answers.cause(BRIDGE_CALLS, host)))
        return
    own = inventory.workstation.bridge
    if own.status in ("exit", "absent"):
        return  # somebody has looked closer than this can
    expected = {*inventory.workstation.retired, *inventory.workstation.interactive}
    for words, said in told.value.items():
        form = dialect(said, expected)
        if form is None:
            continue
        value = _written(words, form)
        seen = told.seen.like(words)
        call = _CALL.validate_python(value)
        try:
            read_status(said, call)
        except NotUnderstood:
            continue  # a run would not understand it either
        if call == own:
            yield Settled(place, seen)
        else:
            yield Value(place, value, seen)
        return
    tried = ", ".join(f"`{words}`" for words in told.value)
    what = f"no status that can be read: {brief(tried) or f'no ops-bridge on {host}'}"
    advice = "write how it is called and read, or `status: absent` if there is none"
    yield Finding(place, what, told.seen.like("command -v bridge ops-bridge"), advice)


_CALL: TypeAdapter[Bridging] = TypeAdapter(BridgeCall)


def _written(words: str, form: dict[str, Any]) -> str | dict[str, Any]:
    """As an inventory has it: the command alone, where nothing else is to be said."""
    command, _, arguments = words.partition(" ")
    usual = "status --json" if form["status"] == "json" else "status"
    if form == {"status": "json"} and arguments == usual:
        return command
    more = {} if arguments == usual else {"arguments": arguments.split()}
    return {"command": [command], **form, **more}


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
