"""The workstation as hub, and the installation that does not touch it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.drill import footing
from rehearsal.drill.stage import Stage
from rehearsal.faults.fault import Turn, fail, inconclusive, warn
from rehearsal.faults.symptoms import logs_in, next_start, pinned, private

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen

HUB: dict[str, Turn] = {
    "CUT-03.down": fail("`bridge` on workstation says that"),
    "CUT-03.no-connection": fail("from workstation"),
    "CUT-05.port": fail("from workstation"),
    "CUT-07.forwards": fail("runs no ssh"),
    "PROD-04.path": fail("the path is railiance01 → workstation ✕"),
    "PROD-04.from-pod": fail("-bridge → railiance01 → workstation ✕"),
    "PROD-05.ports[railiance01]": fail("from workstation"),
    "PROD-06.retired": fail("`bridge` on workstation says that"),
    "PROD-06.interactive": fail("which is not on the interactive list"),
    "PROD-06.listeners[railiance01]": fail("from workstation"),
    "PROD-09.same-after-reboot": fail("runs no ssh"),
}
"""What the checks must say while the workstation serves: it, and nothing else, is in the way."""

NOT_INSTALLED: dict[str, Turn] = {
    **logs_in(fail("~/.ssh/id_ops does not open coulombcore")),
    **private("id_ops does not exist on railiance01"),
    **pinned(fail("railiance01 has no key of coulombcore")),
    **next_start(fail("id_ops not accessible")),
    "CUT-01.installed": fail("is not installed on railiance01"),
    "CUT-02.loaded": fail("is not-found"),
    "CUT-08.stop": warn("is not-found on railiance01"),
    "CUT-04.steady": fail("is not installed"),
    "PROD-07.linger": fail("Linger=no on railiance01"),
    "PROD-08.enabled": fail("is not-found, and only `enabled` survives a reboot"),
    "PROD-13.restarts": warn("is not-found"),
    "PROD-17.lasting": inconclusive("which key ~/.ssh/id_ops is, railiance01 does not tell"),
    "PROD-18.restart": fail("stays dead: Restart=no"),
    "ROLL-02.stopped": inconclusive("is not installed on railiance01"),
    "ROLL-02.boot": inconclusive("is not installed on railiance01"),
}
NOT_STARTED = {"CUT-04.steady": fail("is inactive (dead)")}


class Before(Stage):
    """The workstation hub serves both services; production is not ready, because of it."""

    turns = {**HUB, **NOT_INSTALLED}
    state = "not yet"

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

    turns = {**HUB, **NOT_STARTED, "ROLL-02.boot": fail("is enabled, not disabled")}
    state = "not yet"
    expects = "install"

    def act(self, seen: Seen) -> None:
        ran = seen.runbook("install")
        seen.expect("Installed on railiance01" in ran.output, f"the installer says {ran.output}")
        seen.runbook("linger")
        seen.runbook("fleet-login")


class InstallAgain(Stage):
    """The same once more, which changes nothing."""

    turns = Install.turns
    state = "not yet"

    def act(self, seen: Seen) -> None:
        before, files = footing.of("railiance01"), footing.of("railiance01", times=True)
        ran = seen.runbook("install")
        seen.expect("Nothing to do" in ran.output, f"the second installation says {ran.output}")
        changed = footing.differences(files, footing.of("railiance01", times=True))
        seen.runbook("linger")  # loginctl writes its mark anew each time
        changed += footing.differences(before, footing.of("railiance01"))
        seen.expect(not changed, f"the second installation changes: {'; '.join(changed[:8])}")
