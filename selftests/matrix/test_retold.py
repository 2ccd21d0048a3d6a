"""What is as sound as the runbook's own, only written or shown in another way, passes as well."""

import re
from pathlib import Path

import pytest

from selftests.matrix.retold import judged

HUB = "fleet-state-hub-coulombcore"
LISTENERS = ("listeners", "railiance01")
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
