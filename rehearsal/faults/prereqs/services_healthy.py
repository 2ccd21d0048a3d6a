"""The services themselves: they run, they are ready, and what they answer is wrong."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.clusters import SERVICES, misbehave, restore
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive
from rehearsal.faults.machines import COULOMB
from rehearsal.faults.symptoms import (
    AT_ITS_ADDRESS,
    FROM_POD,
    INSIDE,
    PATH,
    THROUGH_THE_TUNNEL,
    logs_in,
    unanswered,
)


class _Misbehaving(Fault):
    mode: ClassVar[str]

    def inject(self) -> None:
        misbehave("state-hub", 8000, self.mode)

    def heal(self) -> None:
        restore(SERVICES, "state-hub")


def everywhere(words: str, inside: str | None = None) -> dict[str, Turn]:
    """The turns of a State Hub that answers wrongly, wherever it is asked from."""
    return {
        AT_ITS_ADDRESS: fail(words),
        THROUGH_THE_TUNNEL: fail(words),
        INSIDE: fail(inside or words),
    }


class ServiceFails(_Misbehaving):
    """The State Hub answers 500."""

    mode = "fails"
    turns = {
        **everywhere("answered 500, not 200"),
        **unanswered(COULOMB, "HTTP 500: nothing says whether it takes a POST there"),
    }


class ServiceUnhealthy(_Misbehaving):
    """The State Hub answers 200 and says that it is not well."""

    mode = "unhealthy"
    turns = everywhere("answered status: 'degraded', not 'ok'")


class ServiceOfAnotherName(_Misbehaving):
    """Some other service answers healthy where the State Hub should."""

    mode = "another"
    turns = everywhere("answered service: 'inventory-hub', not 'state-hub'")


class ServiceWithoutName(_Misbehaving):
    """Something answers healthy and does not say what it is."""

    mode = "nameless"
    turns = everywhere("answered without 'service', which should be 'state-hub'")


class ServiceSaysTwoThings(_Misbehaving):
    """The State Hub says that it is down and, in the same body, that it is well."""

    mode = "says_two_things"
    turns = everywhere("answered with JSON that says 'status' more than once")


class ServiceInUtf16(_Misbehaving):
    """The State Hub answers healthy in UTF-16."""

    mode = "in_utf_16"
    turns = everywhere("answered with JSON that is not UTF-8")


class ServiceCompresses(_Misbehaving):
    """The State Hub answers compressed, although nobody asked for that: 50 MB in 50 kB."""

    mode = "compresses"
    turns = {
        **everywhere("compressed body (gzip), unasked", inside="with JSON that is not UTF-8"),
        PATH: fail("compressed body (gzip), unasked"),
    }


TOO_LATE = {
    **everywhere("no complete answer within 1 s"),
    PATH: fail("no complete answer within 1 s"),
    FROM_POD: fail("no complete answer within 1 s"),
}
# ssh tells whether it may forward by what comes back, or by the far end's refusal.
NOTHING_CAME_BACK = logs_in(inconclusive("since nothing came back"))


class ServiceHangs(_Misbehaving):
    """The State Hub takes requests and never answers."""

    mode = "hangs"
    deadlines = {"http": 1}
    turns = {**TOO_LATE, **NOTHING_CAME_BACK}


class ServiceTooSlow(_Misbehaving):
    """The State Hub answers byte by byte, beyond the deadline."""

    mode = "trickles"
    deadlines = ServiceHangs.deadlines
    turns = TOO_LATE


class ServiceResets(_Misbehaving):
    """The State Hub resets every connection."""

    mode = "resets"
    turns = {
        **everywhere("without sending a response", inside="without response"),
        **NOTHING_CAME_BACK,
        PATH: fail("without sending a response"),
        FROM_POD: fail("without response"),
    }


class ServiceIsHtml(_Misbehaving):
    """Some other program's HTML, with status 200."""

    mode = "shows_a_page"
    turns = everywhere("did not answer in JSON: b'<!doctype html>")


class ServiceRedirects(_Misbehaving):
    """The State Hub redirects, to where all is well."""

    mode = "redirects"
    turns = {
        **everywhere("answered 302, not 200"),
        **unanswered(COULOMB, "HTTP 302: nothing says whether it takes a POST there"),
    }


class ServiceFloods(_Misbehaving):
    """The State Hub answers with a body of 50 MB."""

    mode = "floods"
    turns = {
        **everywhere("more than 262144 bytes of body", inside="more than 65536 bytes of body"),
        PATH: fail("more than 262144 bytes of body"),
        FROM_POD: fail("more than 65536 bytes of body"),
    }
