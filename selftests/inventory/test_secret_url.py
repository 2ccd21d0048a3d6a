"""A URL of an inventory holds no secret: what may be one is refused, and never repeated."""

from pathlib import Path

import pytest
import yaml

from fleetmesh.evidence.run import PHASES
from fleetmesh.inventory import InventoryError, Monitoring, SecretUrl, Unset, load
from fleetmesh.inventory.monitoring import Phase
from selftests.inventory import RUNBOOK


def loaded(url: str, tmp_path: Path) -> SecretUrl:
    document = yaml.safe_load(RUNBOOK.read_text())
    document["monitoring"] = {"notify": {"ops": url}}
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump(document))
    monitoring = load(file).monitoring
    assert monitoring
    return monitoring.notify["ops"]


@pytest.mark.parametrize(
    ("url", "secret", "part"),
    [
        ("https://hc-ping.com/0b3c9e3e-5a5a-4a4a-8f8f-aabbccddeeff", "0b3c9e3e", "path"),
        ("json://hooks.example.org/hook/a1b2c3d4e5", "a1b2c3d4e5", "path"),
        ("mailtos://ops:hunter@mail.example.org", "hunter", "user or password"),
        ("mailtos://ops:${P}hunter@mail.example.org", "hunter", "user or password"),
        ("json://hunter@example.org", "hunter", "user or password"),
        ("json://:hunter@example.org", "hunter", "user or password"),
        ("tgram://123456789:AAHdqTcvCH1/4321", "AAHdqTcvCH1", "host"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "TIiajkdnl", "host"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "JHMHI8q", "host"),
        ("json://example.org:s3cret/", "s3cret", "host"),
        ("json://example.org/?token=abcdef", "abcdef", "query, as `token`"),
        ("json://example.org/?pass=abcdef", "abcdef", "query, as `pass`"),
        ("json://example.org/?+X-Token=abcdef", "abcdef", "query"),
        ("json://example.org/?s3cr3t4711", "s3cr3t4711", "query"),
        ("json://example.org/?to=a1b2c3d4e5f6", "a1b2c3d4e5f6", "query, as `to`"),
        ("mailto://example.org?to=ops@example.org,a1b2c3d4e5", "a1b2c3d4e5", "query, as `to`"),
        ("sendgrid://SG.aBcDeF12.gHiJkL:ops@example.org/", "gHiJkL", "user or password"),
    ],
)
def test_what_may_be_a_secret_is_refused_unsaid(
    url: str, secret: str, part: str, tmp_path: Path
) -> None:
    with pytest.raises(InventoryError) as caught:
        loaded(url, tmp_path)
    assert f"monitoring.notify.ops: may hold a secret in its {part}; write ${{NAME}}" in str(
        caught.value
    )
    assert secret in url
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "${OPS_CHAT}",
        "mailtos://${USER}:${PASSWORD}@mail.example.org:587?to=ops@example.org,duty@example.org",
        "mailto://127.0.0.1:2525?from=fleet@example.org&name=Fleet%20Verify&format=text",
        "slack://${A}/${B}/${C}/#ops-room",
        "tgram://${BOT}/-1001234567890",
        "jsons://alerts.example.org/api/v2/hooks/${HOOK}",
        "json://${TOKEN}@localhost:8080/",
        "ntfys://ntfy.sh/${TOPIC}?priority=high",
    ],
)
def test_what_holds_none_is_taken_as_it_is(url: str, tmp_path: Path) -> None:
    assert loaded(url, tmp_path) == url


def test_a_variable_is_one_word_of_the_url() -> None:
    url = SecretUrl("mailtos://${USER}:${PASSWORD}@example.org")
    given = {"USER": "ops@example.org", "PASSWORD": " p@ss/w?rd\n"}
    assert url.resolved(given) == "mailtos://ops%40example.org:p%40ss%2Fw%3Frd@example.org"
    assert list(url.secrets(given)) == ["ops@example.org", "p@ss/w?rd"]


def test_a_variable_may_be_the_whole_url_and_all_of_its_parts_are_secret() -> None:
    url = SecretUrl("${OPS}")
    given = {"OPS": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdn"}
    assert url.resolved(given) == given["OPS"]
    assert {"T1JJ3T3L2", "A1BRTD4JD", "TIiajkdn", given["OPS"]} <= set(url.secrets(given))


@pytest.mark.parametrize(
    ("url", "given", "says"),
    [
        ("json://${KEY}@example.org", {}, "KEY is not set in the environment"),
        ("json://${KEY}@example.org", {"KEY": " "}, "KEY is not set in the environment"),
        ("${OPS}", {"OPS": "https://[t0ps3cret"}, "OPS in the environment holds no URL"),
        ("${OPS}", {"OPS": "t0ps3cret"}, "OPS in the environment holds no URL"),
        ("${OPS}", {"OPS": "json://x/\nt0ps3cret"}, "OPS in the environment holds no URL"),
    ],
)
def test_what_the_environment_lacks_is_named_unsaid(
    url: str, given: dict[str, str], says: str
) -> None:
    with pytest.raises(Unset) as caught:
        SecretUrl(url).resolved(given)
    assert str(caught.value) == says


def test_a_switch_may_watch_every_phase() -> None:
    assert Phase.__args__ == PHASES  # type: ignore[attr-defined]
    assert Monitoring(dead_man=dict.fromkeys(PHASES, "${X}"))
