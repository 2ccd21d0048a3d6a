"""Whatever a receiver does, the courier comes back by its deadline, and nobody else is asked."""

import time
from pathlib import Path

import pytest

from fleetmesh.monitoring.errands import Courier, Errand, Notice, Ping
from selftests.monitoring import receivers
from selftests.monitoring.receivers import Misbehave, Receiver

SECRET = "s3cr3t-t0k3n"
KINDS = ("ping", "notify")


def errand(kind: str, port: int, text: str = "it has turned") -> Errand:
    if kind == "ping":
        return Ping("switch", f"http://127.0.0.1:{port}/{SECRET}", text)
    return Notice("ops", f"json://:{SECRET}@127.0.0.1:{port}/", "a title", text)


def why(*errands: Errand, seconds: int = 20) -> list[str | None]:
    return [said for _, said in Courier(errands, seconds).heard()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "misbehave",
    [receivers.hangs, receivers.drips, receivers.floods, receivers.says_nothing],
    ids=lambda how: how.__name__,
)
def test_a_hostile_receiver_costs_no_more_than_the_deadline(
    kind: str, misbehave: Misbehave, hook: Receiver
) -> None:
    hook.misbehave = misbehave
    began = time.monotonic()
    (said,) = why(errand(kind, hook.port), seconds=3)
    assert said
    assert time.monotonic() - began < 60  # to load its libraries takes its time on a busy machine


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_led_elsewhere(kind: str, hook: Receiver, switch: Receiver) -> None:
    hook.status = 307
    hook.headers = {"Location": f"http://127.0.0.1:{switch.port}/stolen"}
    (said,) = why(errand(kind, hook.port))
    assert "307" in str(said)
    assert (len(hook.arrived), switch.arrived) == (1, [])


@pytest.mark.parametrize("kind", KINDS)
def test_no_proxy_and_no_netrc_is_asked(
    kind: str, hook: Receiver, switch: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = f"http://127.0.0.1:{switch.port}"
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login thief password n3trc\n")
    netrc.chmod(0o600)
    assert why(errand(kind, hook.port)) == [None]
    assert switch.arrived == []
    assert "n3trc" not in str(hook.seen)
    assert "dGhpZWY6" not in str(hook.seen)  # `thief:` in base64


def test_an_errand_that_fails_keeps_back_those_behind_it_alone(hook: Receiver) -> None:
    first, other = errand("notify", hook.port), Notice("else", f"json://127.0.0.1:{hook.port}/")
    lost = Notice("ops", "json://127.0.0.1:9/", "t", "t")
    heard = list(Courier([lost, first, other], 20).heard())
    assert [(one.to, said is None) for one, said in heard] == [("ops", False), ("else", True)]
    assert hook.arrived == []  # without a text, nothing is sent


def test_a_mail_server_says_why_it_refuses(mailbox: Receiver) -> None:
    mailbox.refuses = "no such account"
    url = f"mailto://u:{SECRET}@127.0.0.1:{mailbox.port}?mode=insecure&from=a@b.cd&to=e@f.gh"
    (said,) = why(Notice("ops", url, "t", "t"), seconds=20)
    assert "535" in str(said)
    assert "no such account" in str(said)
