"""The migration from the static key to short-lived certificates, and their renewal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rehearsal import fleet, migration
from rehearsal.drill.prober import Prober
from rehearsal.drill.stage import Measured, Stage
from rehearsal.faults.machines import RAILIANCE, units, user

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen

OLD = "/tmp/short"  # noqa: S108  # on a machine of the rehearsal
LOGIN = "ssh -o BatchMode=yes -o IdentitiesOnly=yes -o ControlPath=none"


class Migrate(Stage):
    """Principal, key pair, certificate by warden, units switched, static key withdrawn."""

    expects = "migrate"
    migrated = True

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            migration.register()
            migration.generate()
            signed = seen.runbook("sign")
            seen.expect("-cert-v01@openssh.com" in signed.output, f"warden says {signed.output}")
            migration.sign()
            migration.switch(self.manager.units)
            self.schedule()
            migration.retire_static_key()
            prober.recovered(begin)
        seen.interrupted(prober.outages())

    def schedule(self) -> None:
        """Have the certificate renewed from now on."""
        migration.schedule()


class Renew(Stage):
    """A certificate of a few seconds is renewed before it ends, while traffic flows."""

    migrated = True
    lifetime: ClassVar[int] = 4
    """Seconds that the short certificate lasts."""

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            self.shorten()
            units("restart", *self.manager.units)
            prober.recovered(time.monotonic())
            user(RAILIANCE, f"cp {migration.KEY} {OLD}; cp {migration.CERTIFICATE} {OLD}-cert.pub")
            seen.expect(_logs_in(OLD), "the short certificate does not log in while it is valid")
            self.renew()
            units("restart", *self.manager.units)
            prober.recovered(time.monotonic())
            renewed = time.monotonic() - begin
            seen.measured.append(
                Measured("renewed, of the first one's life", renewed, self.lifetime)
            )
            time.sleep(max(0.0, begin + self.lifetime + 1.5 - time.monotonic()))
            seen.expect(not _logs_in(OLD), "the short certificate logs in after its end")
            seen.expect(_logs_in(migration.KEY), "the renewed certificate does not log in")
            prober.recovered(time.monotonic())
        user(RAILIANCE, f"rm {OLD} {OLD}-cert.pub")
        seen.interrupted(prober.outages())
        self.learned(seen)
        fleet.wait_until_ready()

    def shorten(self) -> None:
        """Have a short certificate for the tunnels, once they start anew."""
        short = f"{migration.SIGN} --lifetime {self.lifetime}"
        user(RAILIANCE, f"{short} >{migration.CERTIFICATE}")

    def renew(self) -> None:
        """Have one of the usual life for them, once they start anew."""
        migration.renew()

    def learned(self, seen: Seen) -> None:
        """Note what this has shown about the runbook."""
        seen.findings.append(
            "With systemd as manager nothing runs `cert_command`: it is a setting of ops-bridge. "
            "The units start ssh alone, so something has to run `warden sign` before each "
            "certificate ends, or the next reconnection is refused. Here it is a timer of the "
            f"tunnels' user, {migration.RENEWAL}.timer."
        )


def _logs_in(key: str) -> bool:
    via = fleet.inventory().hosts["coulombcore"]
    said = user(RAILIANCE, f"{LOGIN} -i {key} {via.user}@{via.addresses[0]} true 2>&1 && echo yes",
                check=False)  # fmt: skip
    return said.strip() == "yes"
