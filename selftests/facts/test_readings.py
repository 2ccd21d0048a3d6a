"""What a check reads off a fact, and what it meets where a fact could not be observed."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.facts import FACTS, Observed
from fleetmesh.facts.answers import Answer
from fleetmesh.facts.boot import SystemBoot
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.workstation import mentions
from fleetmesh.gather import plain
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Health

HEALTH = Health(path="/state/health", json={"status": "ok", "service": "state-hub"})


def transcript(**given: Any) -> Transcript:
    return Transcript(
        fact="linger", subject="railiance01", host="railiance01", command="loginctl",
        started=datetime(2026, 11, 24, tzinfo=UTC), seconds=0.1, **given,
    )  # fmt: skip


def observed(*transcripts: Transcript) -> tuple[Observed[Any], list[Transcript]]:
    consulted: list[Transcript] = []
    by_subject = {each.subject: each for each in transcripts}
    return Observed(FACTS["linger"], by_subject, consulted.append), consulted


def test_what_was_observed_is_read_and_its_transcript_consulted() -> None:
    seen = transcript(exit_status=0, stdout=b"Linger=yes\n")
    linger, consulted = observed(seen)
    assert linger["railiance01"] == "yes"
    assert consulted == [seen]
    assert list(linger) == ["railiance01"]
    assert len(linger) == 1


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"lost": "railiance01: no route to host"}, "railiance01: no route to host"),
        (
            {"lost": "cut off", "exit_status": 0, "stdout": b"Linger=yes\n"},
            "cut off",
        ),
        (
            {"exit_status": 0, "stdout": b"?"},
            "railiance01: `linger` was not understood: expected Linger=yes or Linger=no, found '?'",
        ),
    ],
)
def test_what_was_not_observed_is_inconclusive_with_its_cause(
    given: dict[str, Any], cause: str
) -> None:
    linger, consulted = observed(transcript(**given))
    for _ in range(2):
        with pytest.raises(Inconclusive) as raised:
            linger["railiance01"]
        assert str(raised.value) == cause
    assert consulted


def test_what_was_never_asked_is_inconclusive() -> None:
    linger, consulted = observed()
    with pytest.raises(Inconclusive, match="linger was not asked about railiance01"):
        linger["railiance01"]
    assert not consulted


def test_what_is_known_aside_is_no_evidence() -> None:
    lost = replace(transcript(lost="no route to host"), subject="coulombcore")
    strange = replace(transcript(exit_status=0, stdout=b"?"), subject="workstation")
    linger, consulted = observed(transcript(exit_status=0, stdout=b"Linger=yes\n"), lost, strange)
    assert linger.known() == {"railiance01": "yes"}
    assert not consulted


def recorded(fact: str, stdout: bytes, **given: Any) -> Observed[Any]:
    """A fact as a replay reads it."""
    seen = replace(transcript(exit_status=0, stdout=stdout, **given), fact=fact)
    return Observed(FACTS[fact], {"railiance01": seen}, lambda _: None, recorded=True)


MARK = b"[REDACTED:assignment]"
ARGUMENTS = b"\n== 7 own 4\nssh\0-o\0SetEnv=TOKEN=%s\0railiance01\0\n"
FILE = b"== %d 1764032000.123456 .config/x\n%s\n"


@pytest.mark.parametrize(
    ("fact", "stdout"),
    [
        ("processes", ARGUMENTS % MARK),
        ("autostarts", b"crontab\t@daily DB_PASSWORD=" + MARK + b" dump\nend\n"),
        ("installed", FILE % (len(MARK), MARK)),
        ("boot_units", b"default.target\n" + MARK + b".service\n"),
        ("linger", b"Linger=" + MARK),  # not understood, for it may have been yes
        ("installed", FILE % (9, b"a=" + MARK)),  # it was of another length
        ("bridge_status", b'[{"name": "x", "kind": "' + MARK + b'"}]'),
    ],
)
def test_a_replay_does_not_judge_what_a_mark_hides(fact: str, stdout: bytes) -> None:
    for _ in range(2):
        with pytest.raises(Inconclusive) as raised:
            recorded(fact, stdout)["railiance01"]
        assert str(raised.value) == (
            f"railiance01: what `{fact}` says was recorded without a secret (assignment) where "
            "it matters: only the fleet itself can be judged by it"
        )


def test_a_mark_that_a_host_itself_prints_is_judged_as_it_stands() -> None:
    seen = replace(transcript(exit_status=0, stdout=ARGUMENTS % MARK), fact="processes")
    (process,) = Observed(FACTS["processes"], {"railiance01": seen}, lambda _: None)["railiance01"]
    assert process.argv[2] == "SetEnv=TOKEN=[REDACTED:assignment]"


@pytest.mark.parametrize("rule", ["private-key", "flood"])
def test_a_replay_does_not_judge_beside_what_may_have_been_lines(rule: str) -> None:
    said = b"crontab\t@daily dump\n[REDACTED:%s]\nend\n" % rule.encode()
    with pytest.raises(Inconclusive, match=f"without a secret .{rule}."):
        recorded("autostarts", said.replace(b"\n[", b" [", 1))["railiance01"]
    with pytest.raises(Inconclusive, match=f"without a secret .{rule}."):
        recorded("linger", b"Linger=yes\n", stderr=b"[REDACTED:%s]" % rule.encode())["railiance01"]


UNIT = (
    b"Id=x.service\nLoadState=loaded\nActiveState=active\nSubState=running\nNeedDaemonReload=no\n"
)
RUNS = b"ExecStart={ path=/bin/ssh ; argv[]=ssh -L 1:b:2 a TOKEN=%s ; ignore_errors=no ; pid=1 }\n"


@pytest.mark.parametrize(
    ("fact", "stdout", "hides"),
    [
        ("processes", ARGUMENTS % b"swordfish", ("assignment",)),
        ("units", UNIT + RUNS % b"swordfish", ("assignment",)),
        ("units", UNIT + RUNS % b"'not closed", ("assignment",)),  # the whole command is gone
        ("units", UNIT + b"Description=TOKEN=swordfish\n" + RUNS % b"no", ()),
        ("installed", FILE % (11, b"TOKEN=sword"), ("assignment",)),
        ("linger", b"Linger=TOKEN=swordfish", ()),  # which nobody understands either way
        ("linger", b"Linger=yes\n", ()),
    ],
)
def test_it_is_recorded_where_a_mark_changes_what_is_read(
    fact: str, stdout: bytes, hides: tuple[str, ...]
) -> None:
    heard = replace(transcript(exit_status=0, stdout=stdout), fact=fact)
    shown = RecordRedactor({}).transcript(heard)
    assert shown.hides == hides
    shown = plain.to_transcript(json.loads(json.dumps(plain.of_transcript(shown))))
    assert shown.hides == hides
    replayed = Observed(FACTS[fact], {"railiance01": shown}, lambda _: None, recorded=True)
    if hides:
        with pytest.raises(Inconclusive, match="recorded without a secret"):
            replayed["railiance01"]


def test_a_mark_that_no_parser_keeps_changes_nothing() -> None:
    assert recorded("linger", b"Linger=yes\n", stderr=b"TOKEN=" + MARK)["railiance01"] == "yes"
    units = recorded("units", UNIT + b"Description=TOKEN=" + MARK + b"\n")["railiance01"]
    assert units["x.service"].active == "active"


def test_what_is_not_understood_without_a_mark_says_so_in_a_replay_too() -> None:
    with pytest.raises(Inconclusive, match="was not understood: expected Linger=yes"):
        recorded("linger", b"?")["railiance01"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"status": "ok", "service": "state-hub", "events": 3}', None),
        (b"<html>", "/state/health did not answer in JSON: b'<html>'"),
        (b'["ok"]', "/state/health did not answer with a JSON object: b'[\"ok\"]'"),
        (b'{"service": "state-hub"}', "/state/health answered without 'status', which should"),
        (b'{"status": null, "service": "state-hub"}', "answered status: None, not 'ok'"),
        (b'{"status": "ok", "service": "issue-core"}', "service: 'issue-core', not 'state-hub'"),
        (b'{"status": ["ok"], "service": "state-hub"}', "answered status: ['ok'], not 'ok'"),
        (b'\xef\xbb\xbf{"status": "ok", "service": "state-hub"}', None),
        (
            b'{"status": "down", "service": "state-hub", "status": "ok"}',
            "/state/health answered with JSON that says 'status' more than once: b'{",
        ),
        (b'{"a": [{"b": 1, "b": 1}]}', "with JSON that says 'b' more than once"),
        ('{"status": "ok"}'.encode("utf-16"), "with JSON that is not UTF-8"),
        ('{"status": "ok"}'.encode("utf-16-le"), "did not answer in JSON"),
        ('{"status": "ok"}'.encode("utf-32"), "with JSON that is not UTF-8"),
        ('{"status": "ok"}'.encode("utf-32-be"), "did not answer in JSON"),
        (b'{"status": "ok", "n": NaN}', "with JSON that holds NaN, which is no JSON"),
        (b'{"status": "ok", "n": -Infinity}', "that holds -Infinity"),
        (b'{"status": "ok", "n": 1e999}', "that holds 1e999, which is no number"),
        (b'{"status": "ok", "n": ' + b"9" * 5000 + b"}", "that holds a number of 5000 characters"),
        (b'{"status": ' + b"[" * 100 + b"]" * 100 + b"}", "is nested more than 64 levels deep"),
        (b"[" * 100_000, "is nested more than 64 levels deep"),
        (b'{"status": "ok", "service": "state-hub"} {}', "did not answer in JSON"),
        (b"{'status': 'ok'}", "did not answer in JSON"),
        (b'{"status": "o\x00k"}', "did not answer in JSON"),
    ],
)
def test_health_is_what_the_body_says(body: bytes, why: str | None) -> None:
    answer = Answer(200, body, None, 205, 197)
    found = answer.unhealthy(HEALTH)
    assert (found is None) if why is None else (found is not None and why in found)


@pytest.mark.parametrize(
    ("said", "wanted", "same"),
    [
        ("1", True, False),
        ("true", 1, False),
        ("0", False, False),
        ("1.0", 1, True),
        ("[1, true]", [1, True], True),
        ("[1, 1]", [1, True], False),
        ('{"a": {"b": false}}', {"a": {"b": 0}}, False),
        ('{"a": {"b": 0, "c": 1}}', {"a": {"b": 0}}, True),
        ('"1"', 1, False),
        ("null", None, True),
    ],
)
def test_true_is_no_number(said: str, wanted: Any, same: bool) -> None:
    health = Health(path="/h", json={"up": wanted})
    found = Answer(200, f'{{"up": {said}}}'.encode(), None, 1, 1).unhealthy(health)
    assert (found is None) is same


def test_health_needs_an_answer_and_a_200() -> None:
    body = b'{"status": "ok", "service": "state-hub"}'
    assert Answer(None, b"", "refused", 0, 0).unhealthy(HEALTH) == "refused"
    assert Answer(200, body, "more than 9 bytes", 9, 9).unhealthy(HEALTH) == "more than 9 bytes"
    found = Answer(503, body, None, 205, 197).unhealthy(HEALTH)
    assert found == "/state/health answered 503, not 200"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("bridge up state-hub-railiance01", True),
        ("state-hub-railiance01", True),
        ("bridge up 'state-hub-railiance01';", True),
        ("bridge up state-hub-railiance01-old", False),
        ("bridge up my-state-hub-railiance01", False),
        ("bridge up state-hub-railiance011", False),
        ("ExecStart=/opt/state-hub-railiance01.sh", True),
        ("systemctl --user start state-hub-railiance01.service", True),
    ],
)
def test_name_is_mentioned_as_a_word_of_its_own(line: str, named: bool) -> None:
    assert mentions(line, "state-hub-railiance01") is named


@pytest.mark.parametrize(
    ("states", "masked"),
    [
        ({"user@.service": "static", "systemd-logind.service": "static"}, []),
        ({"user@1000.service": "masked"}, ["user@1000.service"]),
        ({"user@1001.service": "masked", "user-runtime-dir@1001.service": "masked"}, []),
        ({"user@.service": "masked"}, ["user@.service"]),
        ({"systemd-logind.service": "masked-runtime"}, []),
        ({"user-runtime-dir@1000.service": "masked"}, ["user-runtime-dir@1000.service"]),
        ({"systemd-logind.service": "masked"}, ["systemd-logind.service"]),
    ],
)
def test_what_is_masked_of_a_user_manager(states: dict[str, str], masked: list[str]) -> None:
    assert SystemBoot(frozenset(), states).masked_for("user@1000.service") == masked
