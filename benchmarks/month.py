"""A month in an hour: the timer at a short interval, while faults come and go; needs root.

    sudo .venv/bin/python -m benchmarks.month [MINUTES]

The rehearsal fleet is verified from a machine beside it, by the real timer with the key that is
good for nothing else. Each fault stays until a whole run has seen it, and stays away as long. Now
and then the machine itself loses power in the middle of a run. In the end each witness is asked
which changes of verdict it has seen: the history, systemd, a webhook that was notified, and a
Prometheus. All must name those of the records, each of them once. So must the dead man's switch.
"""

import random
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.witnesses import (
    HOOK,
    SOUND,
    SWITCH,
    by_history,
    by_notification,
    by_prometheus,
    by_record,
    by_switch,
    by_systemd,
    compared,
    runs_of,
)
from rehearsal import fleet, network, verifier
from rehearsal.faults import FAULTS
from rehearsal.machine import NspawnMachine
from selftests.fleet.by_timer import (
    SERVICE,
    TIMER,
    install,
    next_run,
    operator,
    put_permits,
    take_permits,
    wait_for_start,
)
from selftests.monitoring.prometheus import Prometheus, prometheus
from selftests.monitoring.receivers import Receiver, http

EVERY = "20s"
METRICS = "/var/lib/fleet-metrics"
MONITORING = """
monitoring:
  textfile: /var/lib/fleet-metrics
  dead_man: {{production: "http://{place}{switch}/${{KEY}}"}}
  notify: {{ops: "json://{place}{hook}"}}
"""


@dataclass(frozen=True)
class Trouble:
    """What comes and goes, and the verdict of a run that sees it."""

    name: str
    verdict: str
    come: Callable[[NspawnMachine], None]
    go: Callable[[NspawnMachine], None]


def _fault(name: str, verdict: str) -> Trouble:
    fault = FAULTS[name]()
    return Trouble(name, verdict, lambda _: fault.inject(), lambda _: fault.heal())


def _power_cut(box: NspawnMachine) -> None:
    wait_for_start(box)
    box.power_off()


TROUBLES = (
    _fault("unit-disabled", "NOT READY"),
    Trouble(
        "host-off",
        "INCONCLUSIVE",
        lambda _: fleet.power_off("workstation"),
        lambda _: fleet.power_on("workstation"),
    ),
    _fault("linger-off", "NOT READY"),
    Trouble("power-cut-in-a-run", "INCOMPLETE", _power_cut, verifier.power_on),
    _fault("rogue-forward", "NOT READY"),
)


def main(minutes: float) -> int:
    """Have troubles come and go for so long; print what each witness has seen of it."""
    was = fleet.record()
    fleet.up("after", lambda _: None)
    address = network.OUTSIDE_ADDRESS.partition("/")[0]
    with ExitStack() as stack:
        stack.callback(lambda: None if was else fleet.down())
        box = stack.enter_context(verifier.verifier())
        stack.callback(take_permits)
        receiver = stack.enter_context(http(address))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "none.yml").write_text("groups: []\n")
        reading = stack.enter_context(
            prometheus(folder, box.files / METRICS[1:], folder / "none.yml")
        )
        place = f"{address}:{receiver.port}"
        told = MONITORING.format(place=place, switch=SWITCH.rpartition("/")[0], hook=HOOK)
        operator(box, f"cat >>{verifier.FILE} <<'END'\n{told}END")
        typed = install(box, "--fleet", verifier.FILE, "--every", "1d").stdout
        (opened,) = re.findall(r"^ +(sudo install .*)$", typed, re.MULTILINE)
        operator(box, opened)
        secret = f"umask 077; echo KEY={SWITCH.rpartition('/')[2]} >/etc/fleet-verify/secrets.env"
        box.run(["sh", "-c", secret])
        put_permits(box)
        install(box, "--fleet", verifier.FILE, "--every", EVERY)
        return _month(box, minutes * 60, receiver, reading)


def _month(box: NspawnMachine, seconds: float, receiver: Receiver, reading: Prometheus) -> int:
    since = time.time()
    missed = [] if _seen(box, SOUND, "at first") else ["at first"]
    end, number = time.monotonic() + seconds, 0
    for trouble in cycle(TROUBLES):
        if time.monotonic() > end:
            break
        number += 1
        trouble.come(box)
        if trouble.come is not _power_cut and not _seen(box, trouble.verdict, trouble.name):
            missed.append(trouble.name)
        trouble.go(box)
        if trouble.come is _power_cut and runs_of(box)[-1].conclusion != trouble.verdict:
            missed.append(trouble.name)
        if not _seen(box, SOUND, f"after {trouble.name}"):
            missed.append(f"the end of {trouble.name}")
    box.run(["systemctl", "stop", TIMER])
    box.run(["sh", "-c", f"while systemctl is-active -q {SERVICE}; do sleep 1; done"], deadline=600)
    witnesses = {
        "history": by_history(box),
        "systemd": by_systemd(box),
        "notified": by_notification(receiver),
        "prometheus": by_prometheus(box, reading, since),
    }
    print(f"\n{len(runs_of(box))} runs, {number} troubles came and went")
    for what in by_switch(box, receiver):
        print(what)
        missed.append("the switch")
    missed += compared(by_record(box), witnesses)
    print(f"not as it happened: {', '.join(missed) or 'nothing'}")
    return 1 if missed or not number else 0


def _seen(box: NspawnMachine, verdict: str, what: str) -> bool:
    """Whether runs begun from now on have this verdict; the last of one or two counts."""
    for _ in range(random.randint(1, 2)):
        ran = next_run(box)
    print(f"{what:30} {ran.verdict:14} {ran.result}", flush=True)
    return ran.verdict == verdict


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
