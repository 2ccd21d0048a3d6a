"""Production would be there again after its next start, not only now."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.answers import SshAnswer
from fleetmesh.facts.keys import Authorizations, FileMode, exposed
from fleetmesh.facts.logins import Logins, objection
from fleetmesh.facts.machines import Machine
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.next_start import NextStart
from fleetmesh.facts.pins import Pins
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.inventory import Inventory, Login, Tunnel
from fleetmesh.tunnels.attribution import Places, open_doors


@check(
    "PROD-17.login",
    runbook="Goal, Persist across reboot",
    step="install",
    hint="on {login.host}: ssh -v -i {login.key} -o IdentitiesOnly=yes -o BatchMode=yes -W "
    "{login:forward} {login:far_end} </dev/null",
)
def test_tunnels_could_log_in_anew(
    login: Login, inventory: Inventory, logins: Mapping[str, Logins], case: Case
) -> None:
    """If a tunnel started now, its own key alone would open the far host, and it could forward."""
    for attempt in logins[str(login)]:
        case.note(f"{attempt}")
    wrong = objection(logins[str(login)], login, inventory)
    assert wrong is None, wrong


@check(
    "PROD-17.key",
    runbook="Goal, Persist across reboot",
    step="install",
    hint="on {carrier}: ls -ld ~/.ssh {carrier:keys}\n"
    "on {carrier}: sudo chown $USER ~/.ssh {carrier:keys} && chmod 700 ~/.ssh && chmod 600 "
    "{carrier:keys}\n"
    "A key that is gone is put there again by the runbook's installer.",
    mends=True,
)
def test_key_is_there_for_the_next_start(
    carrier: str,
    inventory: Inventory,
    manager: Manager,
    modes: Mapping[str, dict[str, FileMode | None]],
    machines: Mapping[str, Machine],
) -> None:
    """The tunnels' key is there still, and belongs to their user alone."""
    user, home = machines[carrier].user, machines[carrier].home
    owners = manager.owners(inventory.tunnels_at(carrier), home)
    wrong = exposed(modes[carrier], carrier, user, owners)
    assert wrong is None, wrong


@check(
    "PROD-17.lasting",
    runbook="Goal, Persist across reboot",
    step="install",
    gate="warn",
    hint="on {login.via}: grep -n expiry-time ~/.ssh/authorized_keys*; chage -l $USER",
)
def test_tunnels_are_let_in_without_an_end(
    login: Login,
    authorizations: Mapping[str, Authorizations],
    logins: Mapping[str, Logins],
    case: Case,
) -> None:
    """The far host lets the tunnels' own key in for good, and their account has no last day."""
    found = authorizations[str(login)]
    for attempt in logins[str(login)]:
        if not attempt.own:
            raise Inconclusive(f"which key {login.key} is, {login.host} does not tell")
        until = found.until.get(attempt.own)
        assert until is None, f"{login.via} lets {login.key} in until {until} (expiry-time)"
    if found.account is None:
        case.note(f"{login.via} does not say whether the account has a last day")
    assert found.ends is None, f"the account on {login.via} {found.ends}"
    case.note("what the directory or sshd_config of the host has beside, root alone could tell")


@check(
    "PROD-17.host-key",
    runbook="Goal, Persist across reboot",
    step="install",
    hint="on {login.host}: ssh-keygen -F {login.via:pinned}\n"
    "Take the key from a machine that already trusts it, never from ssh-keyscan alone.",
)
def test_host_key_is_known_for_the_next_start(
    login: Login,
    known_hosts: Mapping[str, Pins],
    ssh_answers: Mapping[str, SshAnswer],
    logins: Mapping[str, Logins],
) -> None:
    """If a tunnel started now, its ssh would know the far host by the key that it really has."""
    for tunnel in login.tunnels:
        wrong = known_hosts[tunnel.id].objection(login, ssh_answers[login.via], logins)
        assert wrong is None, wrong


@check(
    "PROD-17.settings",
    runbook="Goal, Persist across reboot",
    step="install",
    hint="on {tunnel.host}: ssh -G {tunnel:far_end}\n"
    "It reads ~/.ssh/config and /etc/ssh/ssh_config.",
)
def test_next_start_does_what_the_inventory_says(
    tunnel: Tunnel,
    inventory: Inventory,
    next_starts: Mapping[str, NextStart],
    machines: Mapping[str, Machine],
    case: Case,
) -> None:
    """If the tunnel started now, its ssh would do what the inventory says, and nothing else."""
    start = next_starts[tunnel.id]
    for command in start.commands:
        case.note(f"ssh_config decides by a command, and may decide otherwise then: {command}")
    wrong = start.departures(tunnel, inventory, machines[tunnel.host].home)
    assert not wrong, f"{'; '.join(wrong)} (by the arguments of its {start.source})"


@check(
    "PROD-17.listeners",
    runbook="Goal",
    hint="on {tunnel.host}: ss -tlnpe; ssh -G {tunnel:far_end} | grep -i forward",
)
def test_tunnel_is_no_open_door(
    tunnel: Tunnel,
    inventory: Inventory,
    listeners: Mapping[str, tuple[Socket, ...]],
    sessions: Mapping[str, dict[str, LoginSession]],
    places: Places,
) -> None:
    """The fleet unit listens on its tunnel's address and nowhere else, whatever ssh_config adds."""
    doors = open_doors(tunnel, inventory, listeners[tunnel.host], sessions[tunnel.host], places)
    assert not doors, f"{tunnel.unit} also listens on {', '.join(doors)}"
