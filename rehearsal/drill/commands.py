"""The runbook's own commands, in its own words, and which stage of the drill runs each."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Command:
    """A command as the runbook prints it, with production's addresses, and where it stands."""

    name: str
    section: str
    """The runbook's heading under which it stands."""
    stages: tuple[str, ...]
    """The stages of the drill that run it, by their names; see `rehearsal.drill.stages`."""
    text: str
    host: str = "workstation"
    """Where the runbook means it to be typed."""
    meant: str = ""
    """What is run instead, where the runbook leaves a gap in its text."""


_COMMANDS = (
    Command("which-bridge", "Prerequisites", ("before",), "which bridge", host="railiance01"),
    Command(
        "fleet-login",
        "Prerequisites",
        ("before", "install"),
        "ssh -i ~/.ssh/id_ops tegwick@92.205.130.254 true",
        host="railiance01",
    ),
    Command(
        "install",
        "Install (railiance01)",
        ("install", "install-again"),
        "bash infra/fleet-mesh/install-railiance01.sh railiance01",
    ),
    Command(
        "linger",
        "Install (railiance01)",
        ("install", "install-again"),
        "ssh railiance01 'sudo loginctl enable-linger tegwick'",
    ),
    Command(
        "down-state-hub",
        "Cutover",
        ("cutover", "cutover-again"),
        "bridge down state-hub-railiance01",
    ),
    Command(
        "down-issue-core",
        "Cutover",
        ("cutover", "cutover-again"),
        "bridge down issue-core-railiance01",
    ),
    Command(
        "start",
        "Cutover",
        ("cutover", "cutover-again"),
        "ssh railiance01 'systemctl --user enable --now fleet-state-hub-coulombcore "
        "fleet-issue-core-coulombcore'",
    ),
    Command(
        "smoke",
        "Cutover",
        ("cutover", "cutover-again"),
        "ssh railiance01 'curl -sf http://127.0.0.1:18000/state/health && "
        "curl -sf http://127.0.0.1:18765/healthz'",
    ),
    Command(
        "bridge-pods",
        "Verify production (partial T10 rehearsal)",
        ("verify",),
        "ssh railiance01 'kubectl -n activity-core get pods "
        "-l app.kubernetes.io/part-of=activity-core | grep bridge'",
    ),
    Command(
        "inside-state-hub",
        "Verify production (partial T10 rehearsal)",
        ("verify",),
        dedent("""\
            ssh railiance01 'kubectl -n activity-core exec deploy/actcore-api -- python -c "
            import urllib.request
            print(urllib.request.urlopen(\\"http://actcore-state-hub-bridge:8000/state/health\\").read().decode())
            "'"""),
    ),
    Command(
        "inside-issue-core",
        "Verify production (partial T10 rehearsal)",
        ("verify",),
        dedent("""\
            ssh railiance01 'kubectl -n activity-core exec deploy/actcore-api -- python -c "
            import urllib.request
            print(urllib.request.urlopen(\\"http://actcore-issue-core-bridge:8765/healthz\\").read().decode())
            "'"""),
    ),
    Command(
        "confirm-persistence",
        "Persist across reboot",
        ("verify",),
        "ssh railiance01 'loginctl show-user tegwick -p Linger; systemctl --user is-enabled "
        "fleet-state-hub-coulombcore fleet-issue-core-coulombcore'",
    ),
    Command(
        "rollback-fleet",
        "Rollback",
        ("rollback",),
        "ssh railiance01 'bridge down fleet-state-hub-coulombcore fleet-issue-core-coulombcore'",
    ),
    Command(
        "rollback-workstation",
        "Rollback",
        ("rollback", "back-to-the-start"),
        "bridge up state-hub-railiance01 issue-core-railiance01",
    ),
    Command(
        "sign",
        "cert_command migration (follow-on)",
        ("migrate",),
        "warden sign atm-fleet-mesh --pubkey ...",
        host="railiance01",
        meant="warden sign atm-fleet-mesh --pubkey ~/.ssh/id_fleet_mesh.pub",
    ),
)
COMMANDS = {command.name: command for command in _COMMANDS}
