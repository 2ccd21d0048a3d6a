"""Services that say in other ways that they are well."""

from __future__ import annotations

from rehearsal.faults.bases import Says
from rehearsal.faults.prereqs.services_healthy import everywhere


class HealthDeepInside(Says):
    """The State Hub says how it is deep inside its answer."""

    harmless_to = "PRE-07.healthy"
    body = '{"app": {"name": "state-hub", "checks": [{"db": "up", "ms": 3}, {"queue": 0}]}, "v": 1}'
    health = {"json": {"app": {"name": "state-hub", "checks": [{"db": "up"}, {"queue": 0}]}}}


class HealthDeepInsideOfAnotherType(HealthDeepInside):
    """Deep inside its answer the State Hub says `false`, where 0 is meant."""

    harmless_to = ""
    body = HealthDeepInside.body.replace('{"queue": 0}', '{"queue": false}')
    turns = everywhere("answered app.checks[1].queue: False, not 0")


class HealthInWords(Says):
    """The State Hub says in words that it is well."""

    harmless_to = "PRE-07.healthy"
    body = "state-hub 4.2.0: all well\n"
    health = {"matches": r"^state-hub \d+\.\d+\.\d+: all well\s", "contains": "all well"}


class HealthInOtherWords(HealthInWords):
    """The State Hub says in words that it is not well."""

    harmless_to = ""
    body = "state-hub 4.2.0: not all well\n"
    turns = everywhere("does not match")


class HealthInAHeader(Says):
    """A header of the State Hub says whose answer it is."""

    harmless_to = "PRE-07.healthy"
    header = "X-Service: state-hub"
    health = {"text": "well", "headers": {"x-service": "state-hub"}}


class HealthInAnotherHeader(HealthInAHeader):
    """A header says that the answer is another's."""

    harmless_to = ""
    header = "X-Service: inventory-hub"
    turns = everywhere("answered x-service: 'inventory-hub', not 'state-hub'")
