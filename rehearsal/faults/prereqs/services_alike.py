"""Services that say that they are well in other ways, and services that all say the same."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.clusters import CONTAINER, SERVICES, patch, replace, restore, rolled_out
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import HUB, ISSUES, restore_unit, rewrite, until_listening
from rehearsal.faults.prereqs.services_healthy import everywhere
from rehearsal.faults.symptoms import INSTALLED

_PORTS = {"state-hub": 8000, "issue-core": 8765}


class _Says(Fault):
    """A service says a thing, and the inventory expects another, or just that."""

    services: ClassVar[tuple[str, ...]] = ("state-hub",)
    body: ClassVar[str] = "well\n"
    header: ClassVar[str] = ""
    health: ClassVar[dict[str, Any]]
    program: ClassVar[str] = ""
    """What asks in the pod, if it is not Python."""

    def inject(self) -> None:
        for service in self.services:
            command = ["python3", "-m", "standins.says", "--port", str(_PORTS[service])]
            command += [f"--header={self.header}"] if self.header else []
            patch(
                SERVICES,
                f"deploy/{service}",
                replace(f"{CONTAINER}/command", [*command, self.body]),
            )
            rolled_out(SERVICES, service)

    def heal(self) -> None:
        for service in self.services:
            restore(SERVICES, service)

    def inventory(self, document: dict[str, Any]) -> None:
        for service in self.services:
            path = document["services"][service]["health"]["path"]
            document["services"][service]["health"] = {"path": path, **self.health}


class HealthDeepInside(_Says):
    """The State Hub says how it is deep inside its answer."""

    harmless_to = "CUT-06.healthy"
    body = '{"app": {"name": "state-hub", "checks": [{"db": "up", "ms": 3}, {"queue": 0}]}, "v": 1}'
    health = {"json": {"app": {"name": "state-hub", "checks": [{"db": "up"}, {"queue": 0}]}}}


class HealthDeepInsideOfAnotherType(HealthDeepInside):
    """Deep inside its answer the State Hub says `false`, where 0 is meant."""

    harmless_to = ""
    body = HealthDeepInside.body.replace('{"queue": 0}', '{"queue": false}')
    turns = everywhere("answered app.checks[1].queue: False, not 0")


class HealthInWords(_Says):
    """The State Hub says in words that it is well."""

    harmless_to = "CUT-06.healthy"
    body = "state-hub 4.2.0: all well\n"
    health = {"matches": r"^state-hub \d+\.\d+\.\d+: all well\s", "contains": "all well"}


class HealthInOtherWords(HealthInWords):
    """The State Hub says in words that it is not well."""

    harmless_to = ""
    body = "state-hub 4.2.0: not all well\n"
    turns = everywhere("does not match")


class HealthInAHeader(_Says):
    """A header of the State Hub says whose answer it is."""

    harmless_to = "CUT-06.healthy"
    header = "X-Service: state-hub"
    health = {"text": "well", "headers": {"x-service": "state-hub"}}


class HealthInAnotherHeader(HealthInAHeader):
    """A header says that the answer is another's."""

    harmless_to = ""
    header = "X-Service: inventory-hub"
    turns = everywhere("answered x-service: 'inventory-hub', not 'state-hub'")


class ServicesAlike(_Says):
    """Both services say the same, and the inventory expects no more."""

    harmless_to = "CUT-06.healthy"
    services = ("state-hub", "issue-core")
    health = {"text": "well"}


class ServicesAlikeAndSwapped(ServicesAlike):
    """Both services say the same, and each tunnel leads to the other's."""

    harmless_to = ""
    turns = {
        INSTALLED: fail("differs from"),
        "CUT-06.healthy": fail("answers, not "),
        "CUT-07.forwards": fail("forwards"),
        "CUT-07.settings": fail("it would forward"),
        "PROD-17.settings": fail("it would forward"),
        "PROD-03.inside": fail("answers, not "),
        "PROD-04.path": fail("the path is railiance01 → coulombcore → 198.19.43."),
        "PROD-04.from-pod": fail("→ 198.19.43."),
    }

    def inject(self) -> None:
        super().inject()
        rewrite(HUB, "s/198.19.43.94:8000/198.19.43.154:8765/")
        rewrite(ISSUES, "s/198.19.43.154:8765/198.19.43.94:8000/")
        until_listening(HUB, ISSUES)

    def heal(self) -> None:
        restore_unit(HUB)
        restore_unit(ISSUES)
        super().heal()
