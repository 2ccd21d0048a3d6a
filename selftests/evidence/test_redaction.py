"""No secret is left, and nothing harmless is taken for one."""

import base64
import json
import os
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fleetmesh.evidence.redacted import RecordRedactor
from fleetmesh.gather.transcript import Transcript
from fleetmesh.redaction import remaining
from fleetmesh.redaction.marks import MARK, mark
from fleetmesh.redaction.rules import RULES
from selftests.evidence.secrets import HARMLESS, KEY_BODY, SECRETS

NOTHING: dict[str, str] = {}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_replaced(name: str) -> None:
    printed, parts = SECRETS[name]
    shown = [
        printed,
        f"before\n{printed}\nafter, and so on",
        base64.b64encode(f"before\n{printed}\nafter".encode()).decode(),
    ]
    if "\0" not in printed:  # there is no NUL in JSON that anything prints
        shown.append(json.dumps({"said": f"before\n{printed}\nafter"}))
    for text in shown:
        redactor = RecordRedactor(NOTHING)
        left = redactor.text(text)
        assert all(part not in left for part in parts), left
        assert "[REDACTED:" in left
        assert redactor.counts.total() >= 1
        assert RecordRedactor(NOTHING).text(left) == left, "what is left is stable"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    for shown in (text, f"before\n{text}\nafter", json.dumps({"said": f"before\n{text}\nafter"})):
        redactor = RecordRedactor(NOTHING)
        assert redactor.text(shown) == shown
        assert not redactor.counts
    encoded = base64.b64encode(text.encode()).decode()
    assert RecordRedactor(NOTHING).text(encoded) == encoded


def test_there_are_enough_of_both() -> None:
    assert len(SECRETS) >= 30
    assert len(HARMLESS) >= 40


def test_a_secret_beside_a_variable_is_one() -> None:
    text = "https://discord.com/api/webhooks/${HOOK}/aB3dE5fG7hJ9kL1mN3pQ"
    told = RecordRedactor(NOTHING).text(text)
    assert told == "https://discord.com/api/webhooks/[REDACTED:webhook]"


def test_a_variable_that_is_no_utf_8_harms_nothing() -> None:
    value = os.fsdecode(b"geheim\xe9wort99")
    assert value not in RecordRedactor({"DB_PASSWORD": value}).text(f"it is {value}!")


def test_around_a_cut_key_the_rest_is_kept() -> None:
    text = "first\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nNext: 3 files"
    assert RecordRedactor(NOTHING).text(text) == "first\n[REDACTED:private-key]\nNext: 3 files"


@pytest.mark.parametrize("value", ["swordfish", 'a"b\\c/d e+ü', "long-ish value & more, of it"])
def test_a_known_value_is_replaced_in_every_form(value: str) -> None:
    redactor = RecordRedactor({"HUB_TOKEN": value, "HOME": "/home/operator"})
    for form in (
        value,
        quote(value, safe=""),
        json.dumps(value),
        json.dumps(value, ensure_ascii=False),
        json.dumps(json.dumps(value)),
        base64.b64encode(value.encode()).decode(),
        *(base64.b64encode(f"{'u' * n}:{value}@end".encode()).decode() for n in range(3)),
    ):
        text = f"x {form} y /home/operator"
        assert form not in redactor.text(text)
        assert "/home/operator" in redactor.text(text)


def test_the_credentials_of_a_kubeconfig_are_known() -> None:
    key = base64.b64encode(b"-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n").decode()
    redactor = RecordRedactor(NOTHING)
    redactor.learn_kubeconfig(
        f"""
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:6443", insecure: true}}}}]
users:
- name: someone
  user: {{token: plainword, client-key-data: {key}, password: other word, username: operator}}
"""
    )
    said = f"plainword / other word / {key} / operator / https://127.0.0.1:6443 / someone"
    assert redactor.text(said).endswith("/ operator / https://127.0.0.1:6443 / someone")
    assert redactor.counts == {"kubeconfig": 3}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_base64_of_a_kubeconfig_may_be_broken_into_lines(end: str) -> None:
    content = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQsecretkey\n"
    lines = textwrap.wrap(base64.b64encode(content.encode()).decode(), 24)
    text = "users:\n- name: x\n  user:\n    client-key-data: |\n" + "".join(
        f"      {line}{end}" for line in lines
    )
    redactor = RecordRedactor(NOTHING)
    redactor.learn_kubeconfig(text)
    for said in (text, "".join(lines), content):
        assert all(line not in redactor.text(said) for line in (*lines, "MHcCAQsecretkey"))


def test_a_kubeconfig_of_nested_aliases_is_learnt_from() -> None:
    deep = f"a0: &a0 {'[' * 40}1{']' * 40}\na1: &a1 {'[' * 40}*a0{']' * 40}\n"
    redactor = RecordRedactor(NOTHING)
    redactor.learn_kubeconfig(f"{deep}users:\n- user:\n    token: swordfish\n")
    assert "swordfish" not in redactor.text("it said swordfish")


def test_bytes_that_are_no_text_stay() -> None:
    data = bytes(range(256)) + b"\nHUB_PASSWORD=swordfish\n\xff\xfe"
    redacted = RecordRedactor(NOTHING).data(data)
    assert redacted == data.replace(b"swordfish", b"[REDACTED:assignment]")


def test_each_rule_names_a_word_that_stands_in_whatever_it_finds() -> None:
    for printed, _ in SECRETS.values():
        data = printed.encode()
        for rule in RULES:
            if any(rule.find(data)):
                assert any(needed in data.lower() for needed in rule.needs), (rule.name, printed)


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_goes_over_a_line_or_an_argument(name: str) -> None:
    """So that no entry beside it is lost; but for private keys, which are lines."""
    printed, _ = SECRETS[name]
    left = RecordRedactor(NOTHING).text(f"{printed}\0-L\n-R\0{printed}")
    assert "\0-L\n-R\0" in left
    if "PRIVATE KEY" not in printed:
        assert left.count("\n") == 2 * printed.count("\n") + 1
        assert left.count("\0") == 2 * printed.count("\0") + 2


@pytest.mark.parametrize(
    ("printed", "left"),
    [
        (
            "sh -c 'SSHPASS=swordfish sshpass -e ssh -N -p 2222 host'",
            "sh -c 'SSHPASS=[REDACTED:assignment] sshpass -e ssh -N -p 2222 host'",
        ),
        (
            '["sh","-c","SSHPASS=swordfish sshpass -e ssh -N host"]',
            '["sh","-c","SSHPASS=[REDACTED:assignment] sshpass -e ssh -N host"]',
        ),
        (
            "ssh host 'PGPASSWORD=swordfish pg_dump hub'",
            "ssh host 'PGPASSWORD=[REDACTED:assignment] pg_dump hub'",
        ),
        (
            "sshpass -p swordfish ssh -p 22 mongo -p 2222",
            "sshpass -p [REDACTED:command-password] ssh -p 22 mongo -p 2222",
        ),
        (
            'Environment="DB_PASSWORD=correct horse" "LANG=C"',
            'Environment="DB_PASSWORD=[REDACTED:assignment]" "LANG=C"',
        ),
        (
            "redis://:pa/ss@cache:6379/x@y and more",
            "redis://:[REDACTED:url-password]@cache:6379/x@y and more",
        ),
        (
            "PWD=/root\0MYSQL_PWD=/root\0OLDPWD=/home/op/a b\0",
            "PWD=/root\0MYSQL_PWD=[REDACTED:assignment]\0OLDPWD=/home/op/a b\0",
        ),
    ],
)
def test_of_a_command_only_the_secret_goes(printed: str, left: str) -> None:
    assert RecordRedactor(NOTHING).text(printed) == left


def test_a_folder_is_no_secret_in_plain_data() -> None:
    data = {"PWD": "/root", "MYSQL_PWD": "/root"}
    shown = {"PWD": "/root", "MYSQL_PWD": "[REDACTED:assignment]"}
    assert RecordRedactor(NOTHING).plain(data) == shown


def test_an_argument_after_a_secret_stays() -> None:
    argv = (
        "ssh",
        "-o",
        "SetEnv=API_TOKEN=abcdef1",
        "-L",
        "18001:127.0.0.1:9090",
        "-o",
        "LogLevel QUIET",
    )
    left = RecordRedactor(NOTHING).text("".join(f"{word}\0" for word in argv)).split("\0")
    assert left == [*argv[:2], "SetEnv=API_TOKEN=[REDACTED:assignment]", *argv[3:], ""]


def test_a_name_of_the_fleet_is_no_secret_whoever_uses_it_as_one() -> None:
    names = "hosts:\n  railiance01: {user: tegwick, port: 18000}\nretired:\n  state-hub:\n"
    redactor = RecordRedactor({"HUB_TOKEN": "railiance01"}, names)
    for value in (
        "bridge up state-hub",
        "tegwick",
        "18000",
        "railiance01",
        "enabled",
        "active running",
    ):
        redactor.learn_kubeconfig(json.dumps({"users": [{"name": "x", "user": {"token": value}}]}))
    said = "18000 tegwick@railiance01: bridge up state-hub, enabled, active running"
    assert redactor.text(said) == said
    redactor.learn("kubeconfig", "railiance01-Zx9Yw8")
    assert redactor.text("is railiance01-Zx9Yw8") == "is [REDACTED:kubeconfig]"


def test_what_quotes_a_part_of_a_secret_is_known_by_what_was_heard() -> None:
    printed, _ = SECRETS["openssh key"]
    heard = Transcript(
        fact="units", subject="a", host="a", command="", seconds=0, stdout=printed.encode(),
        started=datetime.now(UTC), stderr=b"HUB_PASSWORD=swordfish-and-more",
    )  # fmt: skip
    redactor = RecordRedactor(NOTHING, "hosts: {railiance01: {}}")
    reason = (
        f"expected Key=value, found {KEY_BODY.split()[0]!r}, and 'swordfish-an', on railiance01"
    )
    assert redactor.told(reason) == reason
    redactor.transcript(heard)
    assert redactor.told(reason) == (
        "expected Key=value, found '[REDACTED:private-key]', and '[REDACTED:assignment]', "
        "on railiance01"
    )


def test_the_same_transcript_stays_the_same() -> None:
    heard = Transcript(
        fact="units", subject="a", host="a", command="", seconds=0, stdout=b"TOKEN=swordfish",
        started=datetime.now(UTC), details={"token": "t0ps3cr", "peer": "10.0.0.1"},
    )  # fmt: skip
    redactor = RecordRedactor(NOTHING)
    shown = redactor.transcript(heard)
    assert shown.stdout == b"TOKEN=[REDACTED:assignment]"
    assert shown.details == {"token": "[REDACTED:assignment]", "peer": "10.0.0.1"}
    assert redactor.transcript(heard) is redactor.transcript(shown) is shown
    assert redactor.counts == {"assignment": 2}


@pytest.mark.parametrize(
    "text",
    [
        "users:\n- name: x\n  user: {token: swordfish, note: 2026-99-99}\n",
        "users: &u\n- name: x\n  user: {token: swordfish}\n- *u\n",
        "users:\n- user:\n    token: swordfish\n  broken: [\n",
        f"users: {'[' * 100_000}{']' * 100_000}\ntoken: swordfish\n",
        "users:\n- user: {token: 123456789}\n- user: {token: swordfish}\n",
        "users: [{user: {exec: {env: [{name: A_TOKEN, value: swordfish}]}}}]",
    ],
)  # fmt: skip
def test_a_kubeconfig_of_any_kind_is_learnt_from(text: str) -> None:
    redactor = RecordRedactor(NOTHING)
    redactor.learn_kubeconfig(text)
    assert "swordfish" not in redactor.text("it said swordfish")


def test_a_word_of_base64_that_only_begins_like_a_secret_stays() -> None:
    for inside in ('{"kind": "Secret", "data": {', '"kind": "Secret"\\n', "kind: Secret\ndata:\n"):
        word = base64.b64encode(inside.encode()).decode()
        assert RecordRedactor(NOTHING).text(word) == word


def test_plain_data_may_be_deep_and_numbers_long() -> None:
    deep: Any = "TOKEN=swordfish"
    for _ in range(10_000):
        deep = [deep]
    shown = RecordRedactor(NOTHING).plain({"deep": deep, "long": 10**5000, "token": "swordfish"})
    assert shown["long"] == 10**5000
    assert shown["token"] == "[REDACTED:assignment]"
    inner = shown["deep"]
    while isinstance(inner, list):
        (inner,) = inner
    assert inner == "TOKEN=[REDACTED:assignment]"


def test_a_text_with_no_end_of_secrets_is_replaced_as_one() -> None:
    redactor = RecordRedactor(NOTHING)
    assert redactor.text("pwd=a\n" * 20_000) == "[REDACTED:flood]"
    assert redactor.counts == {"flood": 1}


def test_the_catalogue_is_whole() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) > 200
    assert all(MARK.fullmatch(mark(name)) for name in names)


UNITS = (
    *("a-", "token_", "eyJ", "curl -u ", "a.", "-----BEGIN PRIVATE KEY-----", '"data": {', "://"),
    *("password:", "$6$", "Aa0+", "kind: Secret\n", '"kind": "Secret", "', "\\"),
    *('"token": "', "mysql -p", "token: }", "dG9rZW49YWJjZGVm ", "/hooks/", "name: token "),
    *(
        "pass=$(",
        "ssh mysql ",
        "ssh -o 'curl -u a:b' ",
        "ssh\0-p\0",
        '-e "pass=',
        "auth=a:",
        "<<< ",
    ),
    *("://a:b/", "systemctl mysql -p", "PWD=/", "--pass "),
)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", UNITS)
def test_no_input_makes_it_hang(unit: str) -> None:
    RecordRedactor(NOTHING).text(unit * (200_000 // len(unit)))


def test_remaining_names_file_and_rule(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "events.jsonl").write_text(
        json.dumps({"stdout": "users:\n  token: kubetokenvalue\n"}) + "\n"
    )
    (tmp_path / "raw/abc").write_bytes(b"\xff\nHUB_PASSWORD=swordfish\n")
    (tmp_path / "page.html").write_text("<p>Authorization: Bearer a&amp;bcd1234</p>")
    (tmp_path / "deep.json").write_text("[" * 100_000 + '"TOKEN=swordfish"')
    (tmp_path / "long.json").write_text('{"n": ' + "9" * 10_000 + ', "token": "swordfish"}')
    (tmp_path / "clean.json").write_text(json.dumps(list(HARMLESS)))
    found = {(file.relative_to(tmp_path).as_posix(), rule) for file, rule in remaining(tmp_path)}
    assert found == {
        ("events.jsonl", "assignment"),
        ("raw/abc", "assignment"),
        ("page.html", "authorization"),
        ("deep.json", "assignment"),
        ("long.json", "assignment"),
    }
