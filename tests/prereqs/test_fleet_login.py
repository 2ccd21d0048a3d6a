"""The fleet's identity logs in where the tunnels lead, and nobody else can use it."""

from collections.abc import Mapping

from fixtures import Case, Deferred, check
from fleetmesh.facts.answers import SshAnswer
from fleetmesh.facts.keys import FileMode, exposed
from fleetmesh.facts.logins import Logins, objection
from fleetmesh.facts.machines import Machine
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.pins import Pins
from fleetmesh.inventory import Inventory, Login


@check(
    "PRE-03.login",
    runbook="Prerequisites",
    step="install",
    hint="on {login.host}: ssh -v -i {login.key} -o IdentitiesOnly=yes -o BatchMode=yes -W "
    "{login:forward} {login:far_end} </dev/null",
)
def test_fleet_identity_logs_in(
    login: Login, inventory: Inventory, logins: Mapping[str, Logins], case: Case
) -> None:
    """The fleet identity logs in as the tunnels do, with only its own key, and may forward."""
    for attempt in logins[str(login)]:
        case.note(f"{attempt}")
    wrong = objection(logins[str(login)], login, inventory)
    assert wrong is None, wrong


@check(
    "PRE-04.private-key",
    runbook="Install",
    step="install",
    hint="on {carrier}: ls -ld ~/.ssh {carrier:keys}\n"
    "on {carrier}: sudo chown $USER ~/.ssh {carrier:keys} && chmod 700 ~/.ssh && chmod 600 "
    "{carrier:keys}\n"
    "A key that is gone is put there again by the runbook's installer.",
    mends=True,
)
def test_identity_is_private(
    carrier: str,
    inventory: Inventory,
    manager: Manager,
    modes: Mapping[str, dict[str, FileMode | None]],
    machines: Mapping[str, Machine],
) -> None:
    """The identity file and ~/.ssh belong to their user and are readable by nobody else."""
    user, home = machines[carrier].user, machines[carrier].home
    owners = manager.owners(inventory.tunnels_at(carrier), home)
    wrong = exposed(modes[carrier], carrier, user, owners)
    assert wrong is None, wrong


@check(
    "PRE-05.host-key",
    runbook="Prerequisites",
    step="install",
    hint="on {login.host}: ssh-keygen -F {login.via:pinned}\n"
    "Take the key from a machine that already trusts it, never from ssh-keyscan alone.",
)
def test_host_key_is_pinned(
    login: Login,
    known_hosts: Mapping[str, Pins],
    ssh_answers: Mapping[str, SshAnswer],
    logins: Mapping[str, Logins],
) -> None:
    """The tunnels' host has the far host's key pinned, and it is the key the suite itself sees."""
    for tunnel in login.tunnels:
        wrong = known_hosts[tunnel.id].objection(login, ssh_answers[login.via], logins)
        assert wrong is None, wrong


@check(
    "PRE-09.certificate",
    runbook="cert_command migration",
    hint="on {login.host}: ssh-keygen -L -f {login.key}-cert.pub\n"
    "The playbook is ops-warden/wiki/playbooks/ops-bridge-tunnel-cert.md.",
)
def test_certificate_readiness(
    login: Login, inventory: Inventory, logins: Mapping[str, Logins], case: Case
) -> None:
    """The fleet logs in with an atm-fleet-mesh certificate, or is known to do so later."""
    attempt = logins[str(login)][0]
    if inventory.identity == "static-key":
        works = "works" if attempt.own_key_opens else f"does not work: {attempt.said}"
        raise Deferred(f"the tunnels use a static key, which {works}")
    assert attempt.own_key_opens, f"the certificate does not open {login.via}: {attempt.said}"
    case.note("enforced in full by PROD-14")
