"""The tunnels' identity is a short-lived certificate, once the migration is done."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fixtures import Case, Deferred, Inconclusive, check
from fleetmesh.facts.keys import CertificateTrust, UserCertificate
from fleetmesh.facts.logins import Logins
from fleetmesh.facts.machines import ClockOffset
from fleetmesh.facts.managers import Manager
from fleetmesh.facts.reference import ConfiguredTunnel
from fleetmesh.facts.renewals import Scheduled, renewed_at, unrenewed
from fleetmesh.inventory import Inventory, Login


@check(
    "PROD-14.certificate",
    runbook="cert_command migration",
    hint="on {login.host}: ssh-keygen -L -f {login.key}-cert.pub\n"
    "The playbook is ops-warden/wiki/playbooks/ops-bridge-tunnel-cert.md.",
)
def test_tunnels_use_a_valid_certificate(
    login: Login,
    inventory: Inventory,
    certificates: Mapping[str, UserCertificate | None],
    trust: Mapping[str, CertificateTrust],
    logins: Mapping[str, Logins],
    static_logins: Mapping[str, str | None],
    reference_tunnels: Mapping[str, dict[str, ConfiguredTunnel]],
    clocks: Mapping[str, ClockOffset],
    schedules: Mapping[str, tuple[Scheduled, ...]],
    manager: Manager,
    case: Case,
) -> None:
    """Fleet tunnels use a valid `atm-fleet-mesh` certificate that is renewed, and no static key.

    Deferred as long as the inventory says that the tunnels' identity is still the static key.
    """
    if inventory.identity == "static-key":
        works = "works" if logins[str(login)][0].own_key_opens else "does not work"
        raise Deferred(f"the tunnels use the static key {login.key}, which {works}")
    demanded, certificate = inventory.certificate, certificates[str(login)]
    assert certificate is not None, f"{login.host} has no certificate {login.key}-cert.pub"
    trusted = trust[login.via]
    assert demanded.principal in certificate.principals, (
        f"the certificate is for {', '.join(certificate.principals) or 'nobody'}, "
        f"not for {demanded.principal}"
    )
    assert demanded.principal in trusted.principals, (
        f"{demanded.principal} is not registered in {demanded.principals} on {login.via}"
    )
    assert certificate.ca_fingerprint in trusted.ca_fingerprints, (
        f"{login.via} does not know the CA {certificate.ca_fingerprint}"
    )
    assert certificate.valid_until is not None, "the certificate never expires"
    now = datetime.fromtimestamp(clocks[login.via].last, UTC)  # it is the far end that judges
    left = (certificate.valid_until - now).total_seconds()
    end = f"{certificate.valid_until:%Y-%m-%d %H:%M:%SZ}"
    assert left > 0, f"the certificate ended {end}, {-left:.0f} s ago"
    assert left >= demanded.min_lifetime, case.due(
        _renewal(login, inventory, reference_tunnels, schedules, now, certificate.valid_until),
        f"the certificate ends {end}, in {left:.0f} s; {demanded.min_lifetime} s must be left",
    )
    case.note(f"certificate {certificate.key_id} is valid for another {left:.0f} s")
    attempt = logins[str(login)][0]
    assert attempt.own_key_opens, f"the certificate does not open {login.via}: {attempt.said}"
    commands = {n: tunnel.cert_command for n, tunnel in reference_tunnels[login.host].items()}
    without = [name for name, command in commands.items() if not command]
    assert not without, f"no cert_command is configured for {', '.join(without)}"
    if not manager.renews_certificates:
        command = next(filter(None, commands.values()))
        ends = certificate.valid_until
        wrong = unrenewed(schedules[str(login)], login, inventory, command, now, ends)
        assert wrong is None, wrong
    static = static_logins[str(login)]
    assert static is None, f"{login.via} accepts the static key {static}, no certificate"


def _renewal(
    login: Login,
    inventory: Inventory,
    reference_tunnels: Mapping[str, dict[str, ConfiguredTunnel]],
    schedules: Mapping[str, tuple[Scheduled, ...]],
    now: datetime,
    ends: datetime,
) -> datetime | None:
    """When a timer renews the certificate before it ends; None where that is not known."""
    try:
        commands = [tunnel.cert_command for tunnel in reference_tunnels[login.host].values()]
        scheduled = schedules[str(login)]
    except Inconclusive:
        return None
    command = next(filter(None, commands), None)
    return renewed_at(scheduled, login, inventory, command, now, ends) if command else None
