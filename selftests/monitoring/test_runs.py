"""Whole runs tell whom their inventory names; what goes wrong there changes no verdict."""

import json
import re

from selftests.monitoring.conftest import Watched, deliveries
from selftests.monitoring.prometheus import until
from selftests.monitoring.receivers import Handler, Receiver

TURNED = "production on rehearsal: READY → NOT READY"
SECRETS = {
    "PING_KEY": "0b3c9e3e-5a5a-4a4a-8f8f-aabbccddeeff",
    "HOOK": "T1JJ3T3L2xA1BRTD4JD",
    "SMTP_USER": "verifier@example.org",
    "SMTP_PASS": "p@ss/w0rd 7",
}


def test_a_change_is_told_with_what_turned_and_where_the_evidence_is(
    watched: Watched, hook: Receiver, switch: Receiver
) -> None:
    watched.tells(
        notify={"ops": f"json://127.0.0.1:{hook.port}/hook"},
        dead_man={"production": f"http://127.0.0.1:{switch.port}/${{PING_KEY}}"},
    )
    before = watched.ends("READY", **SECRETS)
    ran = watched.ends("NOT READY", **SECRETS)
    told = f"told: dead_man.production (failure), notify.ops ({TURNED})"
    assert told in ran.terminal
    assert before.folder
    assert ran.folder
    ((title, text),) = hook.notices
    assert title == TURNED
    lines = text.splitlines()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC: " + re.escape(ran.headline), lines[0])
    assert lines[1] == f"It was READY in the run {before.folder.name}."
    assert lines[3:5] == ["Turned:", "- PROD-90.linger: pass → fail: it is off, they say"]
    assert lines[-1].startswith(f"Evidence: {ran.folder}/evidence.html on ")
    assert len(lines) == 7
    key = SECRETS["PING_KEY"]
    assert switch.paths == [f"/{key}/start", f"/{key}", f"/{key}/start", f"/{key}/fail"]


def test_a_replay_and_a_part_are_told_to_nobody(watched: Watched, hook: Receiver) -> None:
    watched.tells(
        notify={"ops": f"mailtos://${{SMTP_USER}}:${{SMTP_PASS}}@127.0.0.1:{hook.port}"},
        dead_man={"production": f"http://127.0.0.1:{hook.port}/${{PING_KEY}}"},
        textfile=str(watched.suite.folder),
    )
    watched.ends("NOT READY", **SECRETS)
    hook.arrived.clear()
    for file in watched.suite.folder.glob("*.prom"):
        file.unlink()
    (run,) = (watched.suite.folder / "reports").glob("20*")
    replayed = watched.suite.run("-m", "production", f"--replay={run}", **SECRETS)
    part = watched.suite.run("--check=PROD-91.other", "--reports=reports", **SECRETS)
    assert (replayed.exit_status, part.exit_status) == (1, 0)
    assert "PASSED IN PART" in part.headline
    for ran in (replayed, part):
        assert ran.folder
        assert "TOLD" not in ran.terminal.upper()
        assert not (ran.folder / "deliveries.json").exists()
    assert hook.arrived == []
    assert list(watched.suite.folder.glob("*.prom")) == []


def test_a_run_that_is_killed_pings_no_success(watched: Watched, switch: Receiver) -> None:
    watched.tells(dead_man={"production": f"http://127.0.0.1:{switch.port}/${{PING_KEY}}"})
    key = SECRETS["PING_KEY"]
    for signal, status, steps in ((9, -9, ["start"]), (15, 6, ["start", "fail"])):
        switch.arrived.clear()
        body = f"import os; os.kill(os.getpid(), {signal}); linger['railiance01']"
        watched.write(body)
        ran = watched.suite.run("-m", "production", "--reports=reports", **SECRETS)
        assert ran.exit_status == status, ran.terminal
        until(lambda: len(switch.paths) == len(steps), lambda: switch.paths)  # noqa: B023
        assert switch.paths == [f"/{key}/{step}" for step in steps]


def echoes(handler: Handler) -> None:
    """Fails, and says in many ways what it was asked with."""
    said = f"{handler.path} {dict(handler.headers)} {' '.join(SECRETS.values())}".encode()
    handler.send_response(400, said.decode("latin-1")[:200].replace("\n", " "))
    handler.send_header("Content-Length", str(len(said)))
    handler.end_headers()
    handler.wfile.write(said)


def test_no_secret_of_a_receiver_is_written_anywhere(
    watched: Watched, hook: Receiver, mailbox: Receiver
) -> None:
    """However a receiver that fails repeats it, and though a check says it."""
    hook.misbehave = echoes
    mailbox.refuses = f"{{line}} {' '.join(SECRETS.values())}"
    local = "127.0.0.1"
    watched.tells(
        notify={
            "hook": f"json://${{SMTP_USER}}:${{SMTP_PASS}}@{local}:{hook.port}/hooks/${{HOOK}}",
            "mail": f"mailto://${{SMTP_USER}}:${{SMTP_PASS}}@{local}:{mailbox.port}"
            "?mode=insecure&from=fleet@example.org&to=ops@example.org",
            "whole": "${WHOLE}",
        },
        dead_man={"production": f"http://{local}:{hook.port}/${{PING_KEY}}"},
    )
    whole = {"WHOLE": f"json://{local}:{hook.port}/wh0le-s3cr3t"}
    body = f"assert not linger['railiance01'], {' and '.join(SECRETS.values())!r}"
    ran = watched.ends("NOT READY", body, **SECRETS, **whole)
    found = deliveries(ran)
    assert len(found) == 5
    assert all(found.values()), found
    assert ran.terminal.count("NOT TOLD: ") == 5
    assert ran.terminal.count("[REDACTED:environment]") > 3
    reports = watched.suite.folder / "reports"
    written = [file for file in reports.rglob("*") if file.is_file()]
    assert {"deliveries.json", "events.jsonl", "rehearsal_rehearsal.json"} <= {
        file.name for file in written
    }
    for secret in (*SECRETS.values(), "wh0le-s3cr3t", "p%40ss%2Fw0rd%207", "p@ss"):
        assert secret not in ran.terminal
        for file in written:
            assert secret.encode() not in file.read_bytes(), (secret, file.name)
    outbox = json.loads((reports / "outbox/rehearsal_rehearsal.json").read_text())
    assert {kept["to"] for kept in outbox["waiting"]} == {"hook", "mail", "whole"}
