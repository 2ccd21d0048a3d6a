"""A verdict that changes is told once to each receiver, in order, and sooner or later."""

import json
import re

import pytest

from selftests.monitoring.conftest import Watched, deliveries
from selftests.monitoring.receivers import Receiver, mail

TO_NOT_READY = "production on rehearsal: READY → NOT READY"
TO_READY = "production on rehearsal: NOT READY → READY"


def to(hook: Receiver) -> str:
    return f"json://127.0.0.1:{hook.port}/hook"


def titles(hook: Receiver) -> list[str]:
    return [title for title, _ in hook.notices]


def test_each_change_is_told_once_and_nothing_else(watched: Watched, hook: Receiver) -> None:
    watched.tells({"notify": {"ops": to(hook)}})
    for verdict in ("READY", "READY", "NOT READY", "NOT READY", "INCONCLUSIVE", "READY", "READY"):
        ran = watched.ends(verdict)
        assert "NOT TOLD" not in ran.terminal
    assert titles(hook) == [
        TO_NOT_READY,
        "production on rehearsal: NOT READY → INCONCLUSIVE",
        "production on rehearsal: INCONCLUSIVE → READY",
    ]
    assert watched.outbox()["waiting"] == []


def test_a_notification_says_what_turned_when_and_where_the_evidence_is(
    watched: Watched, hook: Receiver
) -> None:
    watched.tells({"notify": {"ops": to(hook)}})
    before, ran = watched.ends("READY"), watched.ends("NOT READY")
    assert f"told: notify.ops ({TO_NOT_READY})" in ran.terminal
    assert before.folder
    assert ran.folder
    ((_, text),) = hook.notices
    lines = text.splitlines()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC: " + re.escape(ran.headline), lines[0])
    assert lines[1] == f"It was READY in the run {before.folder.name}."
    assert lines[3:5] == ["Turned:", "- PROD-90.linger: pass → fail: it is off, they say"]
    assert lines[-1].startswith(f"Evidence: {ran.folder}/evidence.html on ")
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("READY", []),
        ("NOT READY", ["production on rehearsal: no run before → NOT READY"]),
        ("INCONCLUSIVE", ["production on rehearsal: no run before → INCONCLUSIVE"]),
    ],
)
def test_a_first_run_is_told_if_it_is_not_ready(
    verdict: str, told: list[str], watched: Watched, hook: Receiver
) -> None:
    watched.tells({"notify": {"ops": to(hook)}})
    watched.ends(verdict)
    assert titles(hook) == told
    if told:
        assert "Not as it should be:\n- PROD-90.linger: " in hook.notices[0][1]


def test_a_run_before_anybody_was_told_counts(watched: Watched, hook: Receiver) -> None:
    watched.ends("READY")
    watched.tells({"notify": {"ops": to(hook)}})
    watched.ends("NOT READY")
    assert titles(hook) == [TO_NOT_READY]


def test_other_phases_and_parts_of_a_run_are_other_verdicts(
    watched: Watched, hook: Receiver
) -> None:
    watched.tells({"notify": {"ops": to(hook)}})
    watched.ends("READY")
    part = watched.suite.run("--check", "PROD-91.other", "--reports=reports")
    assert "PASSED IN PART" in part.headline
    assert "told:" not in part.terminal
    assert part.folder
    assert not (part.folder / "deliveries.json").exists()
    watched.suite.write(
        "tests/prereqs/test_pre.py",
        "@check('PRE-90.x', runbook='Goal', hint='Mend it.')\n"
        "def test_pre(linger: Mapping[str, str]):\n    '''It is.'''\n    linger['railiance01']\n",
    )
    watched.suite.run("-m", "prereqs", "--reports=reports")
    watched.ends("READY")
    assert hook.arrived == []
    assert set(watched.outbox()["known"]) == {"production", "prereqs"}


def test_a_replay_is_told_to_nobody(watched: Watched, hook: Receiver, switch: Receiver) -> None:
    ran = watched.ends("NOT READY")
    assert ran.folder
    folder = ran.folder
    copy = folder / "inventory.yaml"
    more = {
        "notify": {"ops": to(hook)},
        "dead_man": {"production": f"http://127.0.0.1:{switch.port}/${{PING}}"},
        "textfile": str(watched.suite.folder),
    }
    copy.write_text(copy.read_text() + f"\nmonitoring: {json.dumps(more)}\n")
    replayed = watched.suite.run(f"--replay={folder}", PING="p1ngk3y", environment="")
    assert "replayed" in replayed.terminal
    assert (hook.arrived, switch.arrived) == ([], [])
    assert list(watched.suite.folder.rglob("*.prom")) == []


def test_what_cannot_be_delivered_is_kept_told_late_and_in_order(
    watched: Watched, hook: Receiver
) -> None:
    watched.tells({"notify": {"ops": to(hook)}})
    watched.ends("READY")
    hook.status = 500
    down = watched.ends("NOT READY")
    assert deliveries(down)[f"notify.ops: {TO_NOT_READY}"]
    assert f"NOT TOLD: notify.ops ({TO_NOT_READY}): " in down.terminal
    assert "it is kept, and the next run tries again" in down.terminal
    still = watched.ends("READY")
    assert deliveries(still)[f"notify.ops: {TO_READY}"] == "waits behind the one before"
    assert [kept["title"] for kept in watched.outbox()["waiting"]] == [TO_NOT_READY, TO_READY]
    hook.status = 200
    hook.arrived.clear()
    watched.ends("READY")
    assert titles(hook) == [TO_NOT_READY, TO_READY]
    for _, text in hook.notices:
        assert re.match(r"Late: this happened at 20\d\d-\d\d-\d\d \d\d:\d\d UTC and could ", text)
    hook.arrived.clear()
    watched.ends("READY")
    assert hook.arrived == []


def test_receivers_do_not_wait_for_each_other(
    watched: Watched, hook: Receiver, switch: Receiver
) -> None:
    watched.tells({"notify": {"broken": to(hook), "sound": to(switch)}})
    hook.status = 500
    watched.ends("READY")
    watched.ends("NOT READY")
    assert titles(switch) == [TO_NOT_READY]
    hook.status = 200
    hook.arrived.clear()
    watched.ends("NOT READY")
    assert titles(switch) == titles(hook) == [TO_NOT_READY]


def test_mail_is_sent_with_what_the_environment_holds(watched: Watched, mailbox: Receiver) -> None:
    url = f"mailto://${{SMTP_USER}}:${{SMTP_PASS}}@127.0.0.1:{mailbox.port}"
    watched.tells(
        {"notify": {"mail": f"{url}?mode=insecure&from=fleet@example.org&to=ops@example.org"}}
    )
    secrets = {"SMTP_USER": "verifier@example.org", "SMTP_PASS": "p@ss/w0rd 7"}
    watched.ends("READY", **secrets)
    ran = watched.ends("NOT READY", **secrets)
    assert f"told: notify.mail ({TO_NOT_READY})" in ran.terminal
    ((_, content),) = mailbox.arrived
    message = mail(content)
    assert message["Subject"] == TO_NOT_READY
    assert message["To"] == "ops@example.org"
    body = message.get_body(("plain", "html"))
    assert body
    assert "pass → fail: it is off, they say" in body.get_content()


def test_what_is_wrong_with_a_receiver_is_said_after_each_run(watched: Watched) -> None:
    watched.tells({"notify": {"a": "malito://example.org", "b": "json://${NOWHERE}@localhost"}})
    found = deliveries(watched.ends("READY"))
    assert "Apprise cannot use its URL" in str(found["notify.a: its URL"])
    assert found["notify.b: its URL"] == "NOWHERE is not set in the environment"
    found = deliveries(watched.ends("NOT READY"))
    assert "Apprise cannot use its URL" in str(found[f"notify.a: {TO_NOT_READY}"])
    assert found[f"notify.b: {TO_NOT_READY}"] == "NOWHERE is not set in the environment"
    assert len(watched.outbox()["waiting"]) == 2


def test_a_receiver_that_is_gone_from_the_inventory_is_forgotten(
    watched: Watched, hook: Receiver
) -> None:
    hook.status = 500
    file = watched.suite.folder / "fleets/rehearsal.yaml"
    plain = file.read_text()
    watched.tells({"notify": {"old": to(hook)}})
    watched.ends("NOT READY")
    hook.status = 200
    hook.arrived.clear()
    file.write_text(plain)
    watched.tells({"notify": {"new": to(hook)}})
    watched.ends("NOT READY")
    assert (hook.arrived, watched.outbox()["waiting"]) == ([], [])
