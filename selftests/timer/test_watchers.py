"""What the inventory's `monitoring:` asks of the machine."""

import pytest

from fleetmesh.inventory import Inventory, load
from fleetmesh.timer.places import SECRETS
from fleetmesh.timer.watchers import drop_in, left_to_do
from rehearsal.paths import INVENTORY

MONITORING = """
monitoring:
  textfile: /var/lib/prometheus/node-exporter
  dead_man: {production: "https://example.org/${PING}/fleet"}
  notify: {ops: "${CHAT}"}
"""


@pytest.fixture
def fleet() -> Inventory:
    return load(INVENTORY, text=INVENTORY.read_text() + MONITORING)


def test_the_service_may_write_its_metrics_and_nothing_more(fleet: Inventory) -> None:
    (text,) = drop_in(fleet).values()
    assert text == b"[Service]\nReadWritePaths=-/var/lib/prometheus/node-exporter\n"


def test_who_tells_nobody_needs_nothing() -> None:
    plain = load(INVENTORY)
    assert drop_in(plain) == {}
    assert left_to_do(plain, "", writable=False) == []


@pytest.mark.parametrize(
    ("secrets", "lacking"),
    [("", "PING=…, CHAT=…"), ("PING=a\n# CHAT=b\n", "CHAT=…"), ("PING=a\nCHAT=b", None)],
)
def test_what_is_lacking_is_named(fleet: Inventory, secrets: str, lacking: str | None) -> None:
    typed = left_to_do(fleet, secrets, writable=True)
    assert [line.partition("# ")[2] for line in typed] == ([lacking] if lacking else [])
    assert all(line.endswith(f"sudoedit {SECRETS}   # {lacking}") for line in typed)


def test_folder_that_the_account_cannot_write_is_opened_to_its_group(fleet: Inventory) -> None:
    typed = left_to_do(fleet, "PING=a\nCHAT=b\n", writable=False)
    assert typed == ["sudo install -d -m 2775 -g fleet-verify /var/lib/prometheus/node-exporter"]
