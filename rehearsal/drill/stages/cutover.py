"""Production moves to the fleet, and is verified there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rehearsal import fleet
from rehearsal.drill.prober import Prober
from rehearsal.drill.stage import Stage

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen


class Cutover(Stage):
    """Workstation tunnels down, fleet tunnels up, step by step, under traffic from a pod."""

    expects = "cutover"

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            for step in ("down-state-hub", "down-issue-core", "start"):
                seen.runbook(step)
            prober.recovered(begin)
            smoke = seen.runbook("smoke")
            seen.expect('"state-hub"' in smoke.output, f"the smoke says {smoke.output}")
            seen.expect('"issue-core"' in smoke.output, f"the smoke says {smoke.output}")
        for outage in prober.outages():  # three log-ins lie between the two tunnels
            seen.expect(outage.failed, f"no request to {outage.service} has failed")
        seen.interrupted(prober.outages())
        fleet.wait_until_ready()


class Verify(Stage):
    """Production as the runbook verifies it, and both write smokes."""

    writes = True

    def act(self, seen: Seen) -> None:
        pods = seen.runbook("bridge-pods")
        ready = [line for line in pods.output.splitlines() if " 1/1 " in f" {line} "]
        seen.expect(len(ready) == len(fleet.inventory().bridges), f"pods: {pods.output}")
        for name, service in (("inside-state-hub", "state-hub"), ("inside-issue-core", "issue-c")):
            answer = seen.runbook(name)
            seen.expect(f'"service": "{service}' in answer.output, f"answered {answer.output}")
        kept = seen.runbook("confirm-persistence").output.split()
        enabled = ["enabled"] * len(self.manager.units)
        seen.expect(kept == ["Linger=yes", *enabled], f"answered {kept}")


class CutoverAgain(Cutover):
    """The same cutover once more, after the rollback."""

    proves = "DRILL-04"
