"""A verdict that changes is told once to each receiver, in order, and sooner or later."""

import json
import re
from pathlib import Path

import pytest

from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.monitoring import change, outbox
from selftests.monitoring.conftest import Told
from selftests.monitoring.receivers import Receiver, mail
from selftests.report.synthetic import result

TO_NOT_READY = "production on rehearsal: READY → NOT READY"
TO_READY = "production on rehearsal: NOT READY → READY"


def to(hook: Receiver) -> str:
    return f"json://127.0.0.1:{hook.port}/hook"


def titles(hook: Receiver) -> list[str]:
    return [title for title, _ in hook.notices]


def test_each_change_is_told_once_and_nothing_else(told: Told, hook: Receiver) -> None:
    told.tells(notify={"ops": to(hook)})
    verdicts = ("READY", "READY", "NOT READY", "NOT READY", "INCONCLUSIVE", "INCOMPLETE", "READY")
    for verdict in verdicts:
        assert [one.why for one in told.run(verdict) if one.why] == []
    told.run("READY", phase="prereqs")
    told.run("READY")
    assert titles(hook) == [
        TO_NOT_READY,
        "production on rehearsal: NOT READY → INCONCLUSIVE",
        "production on rehearsal: INCONCLUSIVE → INCOMPLETE",
        "production on rehearsal: INCOMPLETE → READY",
    ]
    assert told.outbox()["waiting"] == []
    assert set(told.outbox()["known"]) == {"production", "prereqs"}


@pytest.mark.parametrize("verdict", ["READY", "NOT READY", "INCONCLUSIVE", "INCOMPLETE"])
def test_a_first_run_is_told_if_it_is_not_ready(verdict: str, told: Told, hook: Receiver) -> None:
    told.tells(notify={"ops": to(hook)})
    told.run(verdict)
    first = f"production on rehearsal: no run before → {verdict}"
    assert titles(hook) == ([] if verdict == "READY" else [first])


def test_what_cannot_be_delivered_is_kept_told_late_and_in_order(
    told: Told, hook: Receiver, switch: Receiver
) -> None:
    """And those whom it reaches do not wait for those whom it does not."""
    told.tells(notify={"ops": to(hook), "sound": to(switch)})
    told.run("READY")
    hook.status = 500
    by_name = {one.to: one for one in told.run("NOT READY")}
    assert by_name["notify.sound"].why is None
    assert "error=500" in str(by_name["notify.ops"].why)
    assert by_name["notify.ops"].kept
    still = [one for one in told.run("READY") if one.to == "notify.ops"]
    assert [one.what for one in still] == [TO_NOT_READY, TO_READY]
    assert still[1].why == "waits behind the one before"
    assert still[1].kept
    assert [kept["title"] for kept in told.outbox()["waiting"]] == [TO_NOT_READY, TO_READY]
    hook.status = 200
    hook.arrived.clear()
    told.run("READY")
    assert titles(hook) == titles(switch) == [TO_NOT_READY, TO_READY]
    for _, text in hook.notices:
        assert re.match(r"Late: this happened at 20\d\d-\d\d-\d\d \d\d:\d\d UTC and could ", text)
    assert "Late" not in "".join(text for _, text in switch.notices)
    told.run("READY")
    assert titles(hook) == [TO_NOT_READY, TO_READY]


def test_a_run_that_is_killed_before_it_tells_leaves_the_change_to_the_next(
    told: Told, hook: Receiver
) -> None:
    told.tells(notify={"ops": to(hook)})
    told.run("READY")
    monitor, _ = told.begun("NOT READY")
    monitor.close()
    told.run("NOT READY")
    assert titles(hook) == [TO_NOT_READY]


def test_what_is_kept_is_bounded_and_what_was_dropped_is_told(
    told: Told, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST", 2)
    told.tells(notify={"ops": "json://${UNSET}@localhost"})
    for verdict in ("READY", "NOT READY", "READY", "NOT READY", "READY"):
        found = told.run(verdict)
    assert {one.why for one in found} == {"UNSET is not set in the environment"}
    assert [kept["dropped"] for kept in told.outbox()["waiting"]] == [2, 0]
    told.tells(notify={"ops": to(hook)})
    told.run("READY")
    assert titles(hook) == [TO_NOT_READY, TO_READY]
    assert "Notifications before it that could not be kept: 2." in hook.notices[0][1]


def test_a_receiver_that_is_gone_from_the_inventory_is_forgotten(
    told: Told, hook: Receiver
) -> None:
    told.tells(notify={"old": "json://${UNSET}@localhost"})
    told.run("NOT READY")
    told.tells(notify={"new": to(hook)})
    told.run("NOT READY")
    assert (hook.arrived, told.outbox()["waiting"]) == ([], [])


@pytest.mark.parametrize(
    "content", ["", "{", '{"format": 2}', '{"waiting": [{"to": 1}]}', "[" * 99999]
)
def test_an_outbox_that_is_none_is_put_aside(content: str, told: Told, hook: Receiver) -> None:
    told.tells(notify={"ops": to(hook)})
    file = told.reports / "outbox/rehearsal_rehearsal.json"
    file.parent.mkdir()
    file.write_text(content)
    (found,) = [one for one in told.run("READY") if one.why]
    assert "it is put aside" in str(found.why)
    assert file.with_suffix(".broken").read_text() == content
    assert json.loads(file.read_text())["known"]["production"]["verdict"] == "READY"


def test_nobody_is_told_through_a_link(told: Told, hook: Receiver, tmp_path: Path) -> None:
    told.tells(notify={"ops": to(hook)})
    file = told.reports / "outbox/rehearsal_rehearsal.json"
    file.parent.mkdir()
    (tmp_path / "elsewhere").write_text("precious")
    file.symlink_to(tmp_path / "elsewhere")
    told.run("READY")
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert not file.is_symlink()


def test_where_nothing_can_be_kept_people_are_told_all_the_same(told: Told, hook: Receiver) -> None:
    told.tells(notify={"ops": to(hook)})
    told.run("READY")
    trap = told.reports / "outbox/.rehearsal_rehearsal.json.new"
    trap.mkdir()
    (trap / "x").touch()
    (found,) = [one for one in told.run("NOT READY") if one.why]
    assert "the next run may tell the same again" in str(found.why)
    assert titles(hook) == [TO_NOT_READY]


def test_mail_is_sent_with_what_the_environment_holds(told: Told, mailbox: Receiver) -> None:
    url = f"mailto://${{SMTP_USER}}:${{SMTP_PASS}}@127.0.0.1:{mailbox.port}"
    told.tells(notify={"mail": f"{url}?mode=insecure&from=fleet@example.org&to=ops@example.org"})
    told.environment = {"SMTP_USER": "verifier@example.org", "SMTP_PASS": "p@ss/w0rd 7"}
    assert [one.why for one in told.run("NOT READY")] == [None]
    ((_, content),) = mailbox.arrived
    message = mail(content)
    assert message["Subject"] == "production on rehearsal: no run before → NOT READY"
    assert message["To"] == "ops@example.org"
    body = message.get_body(("plain", "html"))
    assert body
    assert "PROD-01: fail: the reason of PROD-01" in body.get_content()


def test_what_is_wrong_with_a_receiver_is_said_after_each_run(told: Told) -> None:
    told.tells(notify={"a": "malito://example.org", "b": "json://${NOWHERE}@localhost"})
    found = {one.to: one for one in told.run("READY")}
    assert "Apprise cannot use its URL" in str(found["notify.a"].why)
    assert found["notify.b"].why == "NOWHERE is not set in the environment"
    assert {one.what for one in found.values()} == {"its URL"}


def test_one_cause_of_many_is_one_line(told: Told, hook: Receiver) -> None:
    told.tells(notify={"ops": to(hook)})
    monitor, run = told.begun("INCONCLUSIVE")
    lost = [result(n, Outcome.INCONCLUSIVE, reason="it is down") for n in range(30)]
    failing = [result(40 + n, Outcome.FAIL) for n in range(12)]
    run.results = [*lost, *failing]
    run.planned = tuple(one.nodeid for one in run.results)
    monitor.ended(run, told.reports)
    lines = hook.notices[0][1].splitlines()
    assert lines[2:4] == ["Not as it should be:", "- PROD-40: fail: the reason of PROD-40"]
    assert lines[13] == "- and 3 more causes"
    run.results = lost
    assert change.text(None, None, run, told.reports).splitlines()[3] == (
        "- PROD-00 and 29 more: inconclusive: it is down"
    )
