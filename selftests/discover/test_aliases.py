"""A name that leads nowhere is explained by the names that ssh_config knows; with the real ssh."""

from pathlib import Path

import pytest

from fleetmesh.discover import aliases, hosts
from fleetmesh.facts.answers import SSH_ANSWERS
from fleetmesh.inventory import Inventory, load
from selftests.discover.answers import PRODUCTION, Said

CONFIG = """\
Include {folder}/more/*
Host rail-prod rp
    HostName 10.0.0.1
Host *.example !not
    User nobody
"""
MORE = """\
Host cc-prod
    HostName 92.205.130.254
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """The runbook's, with an ssh_config of its own."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one").write_text(MORE)
    config = tmp_path / "config"
    config.write_text(CONFIG.format(folder=tmp_path))
    text = PRODUCTION.read_text().replace("\nhosts:\n", f"\nssh_config: {config}\n\nhosts:\n")
    return load(PRODUCTION, text=text)


def test_names_are_those_that_are_no_patterns(inventory: Inventory) -> None:
    assert aliases.known(inventory) == ["cc-prod", "rail-prod", "rp"]


def test_one_that_leads_to_the_host_s_address_is_told(inventory: Inventory) -> None:
    names = aliases.known(inventory)
    assert aliases.leading_to(("92.205.130.254",), names, inventory.ssh_config) == ["cc-prod"]


def test_the_finding_says_what_may_be_meant(inventory: Inventory) -> None:
    said = Said()
    for host in ("coulombcore", "workstation"):
        said.says(SSH_ANSWERS, host, "", exit_status=255, stderr=b"its name is unknown")
    answers = said.answers
    advice = {each.place[1]: str(each) for each in hosts.names(inventory, answers)}
    assert "your ssh_config knows cc-prod: name it, as coulombcore=NAME" in advice["coulombcore"]
    assert "knows cc-prod, rail-prod, rp:" in advice["workstation"]


def test_no_configuration_is_no_name(tmp_path: Path) -> None:
    text = PRODUCTION.read_text().replace(
        "\nhosts:\n", f"\nssh_config: {tmp_path}/none\n\nhosts:\n"
    )
    assert aliases.known(load(PRODUCTION, text=text)) == []
