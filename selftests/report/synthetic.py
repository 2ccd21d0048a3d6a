"""Runs that never happened: one that reads like a real one, and one whose every string attacks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleetmesh.evidence.cause import Cause
from fleetmesh.evidence.condition import Condition, State
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import ClusterSeen, HostSeen, Origin, Result, Run
from fleetmesh.gather.transcript import Transcript
from fleetmesh.tunnels.path import Hop, Path

START = datetime(2026, 7, 3, 9, 14, 5, tzinfo=UTC)
TUNNELS = {
    "fleet-state-hub-coulombcore": ("18000", "198.19.43.94:8000"),
    "fleet-issue-core-coulombcore": ("18765", "198.19.43.154:8765"),
}

# Each of these would leave a trace on the page if it were taken for anything but text.
HOSTILE = (
    "<script>window.__pwned=1</script>"
    "<img src=x onerror=\"window.__pwned=2;alert('pwned')\">"
    "</td></tr></table></pre></details></template></div></script></style><b class=escaped>out</b>"
    "\"' onmouseover='window.__pwned=3' x=\" &lt;b class=escaped&gt; {{7*7}} {0}"
    "\x1b[31mred\x1b]0;title\x07 \x00nul \x7f \r \x9b \u202egnp.exe\u2066 \ufeff\u200b\u2028 \ud800"
)
HTML = b"<!DOCTYPE html><html><script>window.__pwned=4</script><body>"
BYTES = (
    b"Error <b class=escaped>x</b>\nError: on a line of its own\n\xff\xfe\xc3( \x1b[2J\x00\n"
    + HOSTILE.encode("utf-8", "surrogatepass")
)


def tunnel_path(tunnel: str, *, broken: str | None = None) -> Path:
    port, service = TUNNELS[tunnel]
    first = Hop(
        "railiance01",
        f"the unit {tunnel}.service",
        (f"127.0.0.1:40122 → 127.0.0.1:{port}", "198.18.77.11:51514 → 198.18.77.12:22"),
    )
    if broken:
        held = Hop("railiance01", "login session 13 from workstation", first.sockets[:1])
        return Path(
            tunnel, (held, Hop("workstation", "the far end of a reverse tunnel", ())), broken
        )
    second = Hop(
        "coulombcore",
        "login session 4 from railiance01",
        ("198.18.77.11:51514 → 198.18.77.12:22",),
    )
    third = Hop(service, "the service's ClusterIP", (f"198.18.77.12:39080 → {service}",))
    return Path(tunnel, (first, second, third))


def asked(host: str, command: str, stdout: bytes = b"", **given: object) -> Transcript:
    fields: dict[str, object] = {
        "fact": "listeners",
        "subject": host,
        "host": host,
        "command": f"ssh {host} '{command}'",
        "started": START + timedelta(seconds=1.25),
        "seconds": 0.043,
        "exit_status": 0,
        "stdout": stdout,
    }
    return Transcript(**{**fields, **given})  # type: ignore[arg-type]


def result(number: int, outcome: Outcome, **given: object) -> Result:
    fields: dict[str, object] = {
        "id": f"PROD-{number:02d}",
        "nodeid": f"tests/production/test_production.py::test_{number}",
        "phase": "production",
        "statement": "Each listen port is held by its own fleet unit, on loopback only",
        "subject": "",
        "runbook": "Verify production",
        "gate": "fail",
        "hint": "systemctl --user status fleet-state-hub-coulombcore",
        "outcome": outcome,
        "reason": "" if outcome is Outcome.PASS else f"the reason of PROD-{number:02d}",
        "notes": (),
        "started": START + timedelta(seconds=number / 7),
        "seconds": number * 0.0371,
        "transcripts": (asked("railiance01", "ss -Htlnpe", LISTENERS),),
    }
    return Result(**{**fields, **given})  # type: ignore[arg-type]


def new_run(results: list[Result], **given: object) -> Run:
    fields: dict[str, object] = {
        "fleet": "rehearsal",
        "kind": "rehearsal",
        "inventory": "/somewhere/of/this/machine/fleets/rehearsal.yaml",
        "inventory_digest": "sha256:5f1d7c0f3a2b",
        "runbook": "CUST-WP-0054-T02, docs/fleet-mesh-dehub-runbook.md, 2026-07-03",
        "started": START,
        "finished": START + timedelta(seconds=4.2),
        "planned": tuple(result.nodeid for result in results),
        "results": results,
    }
    return Run(**{**fields, **given})  # type: ignore[arg-type]


LISTENERS = (
    b'LISTEN 0 128 127.0.0.1:18000 0.0.0.0:* users:(("ssh",pid=512,fd=4)) uid:1000 ino:21877 sk:4 '
    b"cgroup:/user.slice/user-1000.slice/user@1000.service/app.slice/"
    b"fleet-state-hub-coulombcore.service <->\n"
    b"LISTEN 0 128 127.0.0.1:18765 0.0.0.0:* uid:1000 ino:21990 sk:7 "
    b"cgroup:/user.slice/user-1000.slice/session-13.scope <->\n"
)
UNREACHABLE = "coulombcore (198.18.77.12:22) did not answer within 5 s: connection timed out"


def ready() -> Run:
    """Everything holds; two things are deferred."""
    results = [result(n, Outcome.PASS, subject=["", "railiance01"][n % 2]) for n in range(1, 57)]
    results += [
        result(
            4,
            Outcome.PASS,
            nodeid=f"tests/production/test_path.py::test_path[{tunnel}]",
            subject=tunnel,
            statement="The live path of each tunnel, hop by hop, leads over the fleet alone",
            notes=(f"running since 2026-07-03 09:02:11Z, {tunnel} carried the request",),
            transcripts=(
                asked(
                    "railiance01",
                    f"curl -sS -i http://127.0.0.1:{port}/state/health",
                    b'{"status": "ok"}\n',
                    exit_status=200,
                    fact="health",
                    subject=tunnel,
                ),
                asked("railiance01", "ss -Htnpe state established", LISTENERS),
                asked("coulombcore", "ss -Htnpe state established", LISTENERS),
            ),
            paths=(tunnel_path(tunnel),),
        )
        for tunnel, (port, _) in TUNNELS.items()
    ]
    results.append(
        result(
            6,
            Outcome.PASS,
            nodeid="t::workstation",
            transcripts=(asked("workstation", "bridge status", b"state-hub-primary  up\n"),),
        )
    )
    results += [
        result(
            n,
            Outcome.DEFERRED,
            nodeid=f"t::deferred{n}",
            transcripts=(),
            reason="until a run with --allow-writes",
        )
        for n in (11, 12)
    ]
    return new_run(results)


def not_ready() -> Run:
    """One of everything: a workstation that still carries traffic, a host that is away."""
    good, stolen = TUNNELS
    lost = asked("coulombcore", "systemctl --user show", lost=UNREACHABLE, exit_status=None)
    results = [result(n, Outcome.PASS) for n in range(20, 60)]
    results += [
        result(
            5,
            Outcome.FAIL,
            subject=stolen,
            nodeid="t::held",
            runbook="Tunnel policy",
            statement="No production port is held by a connection that came from the workstation",
            reason="127.0.0.1:18765 on railiance01 is held by login session 13 from workstation",
            hint="ssh workstation 'bridge down issue-core-railiance01'",
            notes=("login session 13 has been open since 2026-07-01 17:20:44Z",),
            transcripts=(
                asked("railiance01", "ss -Htlnpe", LISTENERS),
                asked(
                    "railiance01",
                    "loginctl show-session 13 -p RemoteHost -p Service -p Leader",
                    b"RemoteHost=198.18.77.13\nService=sshd\nLeader=402\n",
                    fact="login session",
                ),
            ),
            paths=(
                tunnel_path(good),
                tunnel_path(
                    stolen, broken="127.0.0.1:18765 is held by login session 13 from workstation"
                ),
            ),
        ),
        result(
            1,
            Outcome.FAIL,
            nodeid="t::units",
            runbook="Cutover 1",
            subject="railiance01",
            statement="Installed unit files equal the reference, byte for byte",
            reason="fleet-issue-core-coulombcore.service differs:\n-ExitOnForwardFailure=yes\n"
            "+ExitOnForwardFailure=no",
            hint="infra/fleet-mesh/install-railiance01.sh railiance01",
        ),
        *(
            result(
                n,
                Outcome.INCONCLUSIVE,
                reason=UNREACHABLE,
                transcripts=(lost,),
                statement="Each service answers healthy at its ClusterIP, asked from coulombcore",
            )
            for n in (7, 8, 9)
        ),
        result(10, Outcome.INCONCLUSIVE, reason="no pod matched app=activity-core"),
        result(
            13, Outcome.WARN, gate="warn", reason="fleet-state-hub restarted 7 times; 3 are allowed"
        ),
        result(
            14,
            Outcome.DEFERRED,
            transcripts=(),
            reason="until the static-key smoke has passed and cert_command is migrated",
        ),
        result(15, Outcome.WAIVED, reason="linger is off (waived by ops until 2026-08-01 00:00Z)"),
        result(
            16,
            Outcome.PASS,
            transcripts=(
                asked(
                    "workstation",
                    "journalctl --user",
                    b"a line of the journal\n" * 4000,
                    stderr=b"Hint: you are not seeing messages from other users\n",
                ),
            ),
        ),
    ]
    return new_run(results)


def lost() -> Run:
    """In the middle of the cutover, the far host's sshd is gone."""
    (hub, issue) = TUNNELS
    cause = Cause(UNREACHABLE, "host", "coulombcore")
    api = Cause("railiance01: the API did not answer", "API", "railiance01")
    explained = {"cause": cause.name, "subject": hub}
    command = f"ssh railiance01 'systemctl --user enable --now {issue}'"
    results = [
        result(20, Outcome.PASS),
        result(
            6,
            Outcome.FAIL,
            reason="not connected: Connection refused",
            condition=Condition(State.DOWN),
            **explained,
        ),
        result(
            5,
            Outcome.FAIL,
            reason="nobody listens on 127.0.0.1:18000",
            condition=Condition(State.BROKEN),
            **explained,
        ),
        result(
            7,
            Outcome.INCONCLUSIVE,
            reason=UNREACHABLE,
            condition=Condition(State.BROKEN),
            cause=cause.name,
        ),
        result(
            8,
            Outcome.FAIL,
            subject=issue,
            reason="nobody listens on 127.0.0.1:18765",
            condition=Condition(State.NOT_YET, "Cutover 2", "", command),
        ),
        result(
            9,
            Outcome.FAIL,
            subject=issue,
            reason="the pod restarted 09:12:00Z",
            condition=Condition(State.SETTLING, until=START + timedelta(minutes=8)),
        ),
        result(
            10,
            Outcome.FAIL,
            reason="a unit was edited",
            condition=Condition(State.BROKEN),
        ),
        result(11, Outcome.INCONCLUSIVE, reason="no pod", condition=Condition(State.BROKEN)),
    ]
    return new_run(results, lost=(cause, api))


def incomplete() -> Run:
    """Stopped half way, on a real fleet."""
    results = [result(n, Outcome.PASS) for n in range(1, 6)]
    planned = tuple(f"tests/production/test_production.py::test_{n}" for n in range(1, 9))
    return new_run(results, planned=planned, fleet="production", kind="production", finished=None)


def hostile() -> Run:
    """Every string attacks the page, in every outcome."""
    path = Path(
        HOSTILE, (Hop(HOSTILE, HOSTILE, (HOSTILE,)), Hop("Ελλάδα", HOSTILE * 9, ())), HOSTILE
    )
    transcript = asked(
        HOSTILE, HOSTILE, BYTES, fact=HOSTILE, subject=HOSTILE, stderr=BYTES * 1000, lost=HOSTILE
    )
    results = [
        result(
            number,
            outcome,
            nodeid=f"{HOSTILE}{number}",
            statement=HOSTILE,
            subject=HOSTILE,
            runbook=HOSTILE,
            gate=HOSTILE,
            hint=HOSTILE,
            reason=HOSTILE,
            notes=(HOSTILE,),
            id=f"{HOSTILE}{number}",
            condition=Condition(State.NOT_YET, HOSTILE, HOSTILE, HOSTILE),
            cause=f"host {HOSTILE}" if number % 2 else "",
            transcripts=(transcript,),
            paths=(path,),
        )
        for number, outcome in enumerate(Outcome)
    ]
    return new_run(
        results,
        fleet=HOSTILE,
        inventory=HOSTILE,
        inventory_digest=HOSTILE,
        runbook=HOSTILE,
        planned=(HOSTILE, *(found.nodeid for found in results)),
        origin=Origin(HOSTILE, HOSTILE, HOSTILE, None, {HOSTILE: HOSTILE}),
        hosts={
            HOSTILE: HostSeen(HOSTILE, HOSTILE, HOSTILE, HOSTILE, -0.5),
            "never asked": HostSeen(),
        },
        clusters={HOSTILE: ClusterSeen(HOSTILE, HOSTILE)},
        redactions={HOSTILE: 3},
        lost=(Cause(HOSTILE, "host", HOSTILE), Cause(HOSTILE, "API", HOSTILE, lasting=True)),
    )


def killed() -> Run:
    """All that had reported passed, and everything had; but the record breaks off."""
    return replace(ready(), open=True, finished=None)


def flood() -> Run:
    """Fifty megabytes of text, in one stream, in many, in reasons and in notes."""
    megabyte = BYTES * (1_000_000 // len(BYTES))
    many = tuple(
        asked("railiance01", "journalctl", megabyte[: 32 * 1024 - n], subject=str(n))
        for n in range(600)
    )
    text = megabyte.decode("utf-8", "replace")
    results = [
        result(1, Outcome.PASS, transcripts=(asked("coulombcore", "dmesg", megabyte * 20),)),
        result(2, Outcome.PASS, transcripts=many),
        result(3, Outcome.FAIL, reason=text * 4, notes=(text * 4, "a short note")),
        result(4, Outcome.INCONCLUSIVE, reason=text * 4, hint="a short hint"),
        result(
            6,
            Outcome.PASS,
            statement="a page of theirs",
            transcripts=(asked("workstation", "curl", HTML + b"x" * 70_000, subject="page"),),
        ),
        result(5, Outcome.PASS, transcripts=(asked("workstation", "id", b"a short answer\n"),)),
    ]
    return new_run(results)


RUNS: dict[str, Callable[[], Run]] = {
    made.__name__: made for made in (ready, not_ready, lost, incomplete, hostile)
}
MADE = RUNS | {made.__name__: made for made in (killed, flood)}
