"""The fleet's identity logs in where the tunnels lead, and nobody else can use it."""

from collections.abc import Mapping

from fixtures import Case, Deferred, Inconclusive, check
from fleetmesh.facts.http import SshAnswer
from fleetmesh.facts.keys import FileMode, LoginAttempt
from fleetmesh.facts.machines import Machine
from fleetmesh.inventory import Inventory, Login


@check(
    "PRE-03.login",
    runbook="Prerequisites",
    hint="ssh {login.host} 'ssh -v -i {login.key} -o IdentitiesOnly=yes -o BatchMode=yes …'",
)
def test_fleet_identity_logs_in(login: Login, logins: Mapping[str, LoginAttempt]) -> None:
    """The fleet identity logs in with only its own key, non-interactively, to the pinned host."""
    attempt = logins[str(login)]
    assert attempt.succeeded, f"{login.key} does not open {login.via}: {attempt.said}"


@check(
    "PRE-04.private-key",
    runbook="Install",
    hint="ssh {carrier} 'chown -R $(id -un) ~/.ssh && chmod 700 ~/.ssh && chmod 600 ~/.ssh/id_*'",
)
def test_identity_is_private(
    carrier: str,
    modes: Mapping[str, dict[str, FileMode | None]],
    machines: Mapping[str, Machine],
) -> None:
    """The identity file and ~/.ssh belong to their user and are readable by nobody else."""
    user = machines[carrier].user
    for path, found in modes[carrier].items():
        assert found is not None, f"{path} does not exist on {carrier}"
        assert found.owner == user, f"{path} belongs to {found.owner}, not to {user}"
        assert found.private, f"{path} has mode {found.mode:04o}: others may get at it"


@check(
    "PRE-05.host-key",
    runbook="Prerequisites",
    hint="ssh {login.host} ssh-keygen -F {login.via}; "
    "take the key from a machine that already trusts it, never from ssh-keyscan alone",
)
def test_host_key_is_pinned(
    login: Login,
    known_hosts: Mapping[str, frozenset[str]],
    ssh_answers: Mapping[str, SshAnswer],
) -> None:
    """The tunnels' host has the far host's key pinned, and it is the key the suite itself sees."""
    seen = ssh_answers[login.via]
    if seen.refused:
        raise Inconclusive(seen.refused)
    pinned = known_hosts[str(login)]
    assert pinned, f"{login.host} has no key of {login.via} in its known_hosts"
    assert " ".join(seen.host_key.split()[:2]) in pinned, (
        f"{login.host} has another key of {login.via} pinned than the one it offers, "
        f"{seen.fingerprint}"
    )


@check(
    "PRE-09.certificate",
    runbook="cert_command migration",
    hint="ops-warden/wiki/playbooks/ops-bridge-tunnel-cert.md",
)
def test_certificate_readiness(
    login: Login, inventory: Inventory, logins: Mapping[str, LoginAttempt], case: Case
) -> None:
    """The fleet logs in with an atm-fleet-mesh certificate, or is known to do so later."""
    attempt = logins[str(login)]
    if inventory.identity == "static-key":
        works = "works" if attempt.succeeded else f"does not work: {attempt.said}"
        raise Deferred(f"the tunnels use a static key, which {works}")
    assert attempt.succeeded, f"the certificate does not open {login.via}: {attempt.said}"
    case.note("enforced in full by PROD-14")
