"""No secret is left, and nothing harmless is taken for one."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from fleetmesh.redaction import Redactor, remaining
from selftests.evidence.secrets import HARMLESS, SECRETS

NOTHING: dict[str, str] = {}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_replaced(name: str) -> None:
    printed, parts = SECRETS[name]
    for text in (
        printed,
        f"before\n{printed}\nafter, and so on",
        json.dumps({"said": f"before\n{printed}\nafter"}),
        base64.b64encode(f"before\n{printed}\nafter".encode()).decode(),
    ):
        redactor = Redactor(NOTHING)
        left = redactor.text(text)
        assert all(part not in left for part in parts), left
        assert "[REDACTED:" in left
        assert redactor.counts.total() >= 1
        assert Redactor(NOTHING).text(left) == left, "what is left is stable"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    for shown in (text, f"before\n{text}\nafter", json.dumps({"said": f"before\n{text}\nafter"})):
        redactor = Redactor(NOTHING)
        assert redactor.text(shown) == shown
        assert not redactor.counts
    encoded = base64.b64encode(text.encode()).decode()
    assert Redactor(NOTHING).text(encoded) == encoded


def test_there_are_enough_of_both() -> None:
    assert len(SECRETS) >= 30
    assert len(HARMLESS) >= 40


def test_around_a_cut_key_the_rest_is_kept() -> None:
    text = "first\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nthe end: 3 files"
    assert Redactor(NOTHING).text(text) == "first\n[REDACTED:private-key]\nthe end: 3 files"


@pytest.mark.parametrize("value", ["swordfish", 'a"b\\c/d e+ü', "long-ish value & more, of it"])
def test_a_known_value_is_replaced_in_every_form(value: str) -> None:
    redactor = Redactor({"HUB_TOKEN": value, "HOME": "/home/operator"})
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
    redactor = Redactor(NOTHING)
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


def test_bytes_that_are_no_text_stay() -> None:
    data = bytes(range(256)) + b"\nHUB_PASSWORD=swordfish\n\xff\xfe"
    redacted = Redactor(NOTHING).data(data)
    assert redacted == data.replace(b"swordfish", b"[REDACTED:assignment]")


UNITS = (
    *("a-", "token_", "eyJ", "curl -u ", "a.", "-----BEGIN PRIVATE KEY-----", '"data": {', "://"),
    *("password:", "$6$", "Aa0+", "kind: Secret\n", '"kind": "Secret", "', "\\"),
)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", UNITS)
def test_no_input_makes_it_hang(unit: str) -> None:
    Redactor(NOTHING).text(unit * (200_000 // len(unit)))


def test_remaining_names_file_and_rule(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "events.jsonl").write_text(
        json.dumps({"stdout": "users:\n  token: kubetokenvalue\n"}) + "\n"
    )
    (tmp_path / "raw/abc").write_bytes(b"\xff\nHUB_PASSWORD=swordfish\n")
    (tmp_path / "page.html").write_text("<p>Authorization: Bearer a&amp;bcd1234</p>")
    (tmp_path / "clean.json").write_text(json.dumps(list(HARMLESS)))
    found = {(file.relative_to(tmp_path).as_posix(), rule) for file, rule in remaining(tmp_path)}
    assert found == {
        ("events.jsonl", "assignment"),
        ("raw/abc", "assignment"),
        ("page.html", "authorization"),
    }
