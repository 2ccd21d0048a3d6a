"""The workstation as hub, and the installation that does not touch it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.drill import footing
from rehearsal.drill.stage import Stage
from rehearsal.faults.fault import Turn, fail, warn

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen

HUB: dict[str, Turn] = {
    "retired_tunnel_is_down": fail("`bridge` on workstation says that"),
    "retired_tunnel_has_no_connection": fail("from workstation"),
    "port_is_held_by_its_own_unit": fail("from workstation"),
    "running_ssh_forwards_what_it_should": fail("runs no ssh"),
    "live_path_leads_over_the_fleet": fail("the path is railiance01 → workstation ✕"),
    "no_production_port_is_held_from_the_workstation[railiance01]": fail("from workstation"),
    "retired_tunnel_neither_runs_nor_would_start": fail("`bridge` on workstation says that"),
    "only_interactive_tunnels_run": fail("which is not on the interactive list"),
    "nothing_listens_from_the_workstation[railiance01]": fail("from workstation"),
    "running_is_what_would_start": fail("runs no ssh"),
}
"""What the checks must say while the workstation serves: it, and nothing else, is in the way."""

NOT_INSTALLED: dict[str, Turn] = {
    "fleet_identity_logs_in": fail("~/.ssh/id_ops does not open coulombcore"),
    "identity_is_private": fail("id_ops does not exist on railiance01"),
    "host_key_is_pinned": fail("railiance01 has no key of coulombcore"),
    "installed_files_equal_the_reference": fail("is not installed on railiance01"),
    "systemd_has_loaded_it": fail("is not-found"),
    "fleet_tunnel_can_be_stopped": warn("is not-found on railiance01"),
    "unit_is_running_and_steady": fail("is not installed"),
    "linger_is_on": fail("Linger=no on railiance01"),
    "unit_is_enabled": fail("is not-found, and only `enabled` survives a reboot"),
    "unit_restarts_rarely": warn("is not-found"),
}
NOT_STARTED = {"unit_is_running_and_steady": fail("is inactive (dead)")}


class Before(Stage):
    """The workstation hub serves both services; production is not ready, because of it."""

    turns = {**HUB, **NOT_INSTALLED}

    def act(self, seen: Seen) -> None:
        which = seen.runbook("which-bridge")
        seen.expect("sbin/bridge" in which.output, f"`which bridge` answered {which.output}")
        seen.findings.append(
            f"`which bridge` succeeds on railiance01 without ops-bridge: it finds {which.output}, "
            "which is iproute2's. As a check of the prerequisite it cannot fail."
        )
        login = seen.runbook("fleet-login", check=False)
        seen.expect(login.exit_status != 0, "the fleet's key logs in before it is installed")
        seen.findings.append(
            "The prerequisite `ssh -i ~/.ssh/id_ops …` from railiance01 cannot hold before the "
            "installation: that is what copies the key and pins coulombcore's host key "
            f"(exit status {login.exit_status}: {login.output.splitlines()[-1]})."
        )


class Install(Stage):
    """The installer and linger: units are there and enabled, and the hub still serves."""

    turns = {**HUB, **NOT_STARTED}

    def act(self, seen: Seen) -> None:
        ran = seen.runbook("install")
        seen.expect("Installed on railiance01" in ran.output, f"the installer says {ran.output}")
        seen.runbook("linger")
        seen.runbook("fleet-login")


class InstallAgain(Stage):
    """The same once more, which changes nothing."""

    turns = Install.turns

    def act(self, seen: Seen) -> None:
        before, files = footing.of("railiance01"), footing.of("railiance01", times=True)
        ran = seen.runbook("install")
        seen.expect("Nothing to do" in ran.output, f"the second installation says {ran.output}")
        changed = footing.differences(files, footing.of("railiance01", times=True))
        seen.runbook("linger")  # loginctl writes its mark anew each time
        changed += footing.differences(before, footing.of("railiance01"))
        seen.expect(not changed, f"the second installation changes: {'; '.join(changed[:8])}")
