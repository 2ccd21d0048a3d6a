"""What is as sound as the runbook's own, only written or shown in another way, passes as well."""

import re
from pathlib import Path

import pytest

from selftests.matrix.retold import Change, judged

HUB = "fleet-state-hub-coulombcore"
LISTENERS = ("listeners", "railiance01")
PODS = ("pods", "railiance01/activity-core")
BRIDGE = "actcore-state-hub-bridge"
_OWN = r"LISTEN .*127\.0\.0\.1:18000 .*"


@pytest.mark.parametrize(
    ("local", "holder", "also_on", "told"),
    [
        ("[::1]:18000", f"/{HUB}.service", True, None),
        ("[::1]:18000", "/other.service", True, "[::1]:18000 is held by the unit other.service"),
        ("[::]:18000", f"/{HUB}.service", True, "listens on [::]:18000"),
        ("[::1]:18000", f"/{HUB}.service", False, "nobody listens on 127.0.0.1:18000"),
    ],
)
def test_loopback_is_both_its_addresses(
    local: str, holder: str, also_on: bool, told: str | None, tmp_path: Path
) -> None:
    def change(said: str) -> str:
        match = re.search(_OWN, said)
        assert match
        line = match[0].replace("127.0.0.1:18000", local).replace("0.0.0.0:*", "[::]:*")
        line = line.replace(f"/{HUB}.service", holder)
        return said.replace(match[0], f"{match[0]}\n{line}" if also_on else line)

    status, printed = judged(tmp_path, "CUT-05.port", {LISTENERS: change})
    assert status == (told is not None), printed
    assert (told or "2 passed") in printed


DECLARED = '"ports":[{"name":"http","containerPort":8000,"protocol":"TCP","hostPort":8000}],'
ANOTHER = '"ports":[{"containerPort":9100}],'
UNDECLARED = "8000, which it does not declare"


@pytest.mark.parametrize(
    ("declares", "listens", "answers", "told"),
    [
        ("", "198.18.77.11:8000", True, f"listens on {UNDECLARED}"),
        ("", "0.0.0.0:8000", False, f"listens on {UNDECLARED}"),
        (ANOTHER, "198.18.77.11:8000", True, f"listens on {UNDECLARED}"),
        ("", "127.0.0.1:8000", True, f"answers on {UNDECLARED}"),
        ("", "127.0.0.1:8000", False, "`inside_answers` was not understood"),
        (ANOTHER, "127.0.0.1:8000", True, "which listens on [9100]"),
    ],
)
def test_a_bridge_need_not_declare_its_port(
    declares: str, listens: str, answers: bool, told: str, tmp_path: Path
) -> None:
    changes: dict[tuple[str, str], Change] = {PODS: lambda said: said.replace(DECLARED, declares)}
    if listens != "198.18.77.11:8000":
        changes[LISTENERS] = lambda said: said.replace("198.18.77.11:8000", listens)
    if not answers:
        changes["inside_answers", BRIDGE] = lambda _: ""
    status, printed = judged(tmp_path, f"PROD-02.service[{BRIDGE}]", changes)
    assert (status == 0) == (UNDECLARED in told), printed
    record = next((tmp_path / "reports").glob("*/events.jsonl")).read_text()
    assert told in printed + record, printed
