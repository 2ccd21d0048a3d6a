"""A fleet whose tunnels ops-bridge runs is ready, and what goes wrong there is noticed."""

from collections.abc import Iterator

import pytest
import yaml

from rehearsal import fleet, ops_bridge
from rehearsal.paths import INVENTORY
from selftests.fleet.conftest import Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet]

HUB = "fleet-state-hub-coulombcore"
CONFIG = "~/.config/bridge/tunnels.yaml"
AS_USER = "export XDG_RUNTIME_DIR=/run/user/1000; systemctl --user"


@pytest.fixture(scope="module")
def managed(standing: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001
    """The inventory of a fleet that ops-bridge runs."""
    document = yaml.safe_load(INVENTORY.read_text())
    ops_bridge.managed(document)
    file = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    file.write_text(yaml.safe_dump(document))
    ops_bridge.install()
    yield f"--fleet={file}"
    ops_bridge.undo()


def test_it_is_ready(checks: Checks, managed: str) -> None:
    run = checks(managed, "--allow-writes")
    assert run.of("PRE-02.bridge-tool")["outcome"] == "pass"
    assert (run.exit_status, run.verdict) == (0, "READY"), run.terminal


def test_the_units_inventory_does_not_fit_it(checks: Checks, managed: str) -> None:  # noqa: ARG001
    run = checks()
    assert run.verdict == "NOT READY"
    assert "the unit ops-bridge.service" in run.of("CUT-05.port", HUB)["reason"]


def test_tunnel_that_is_down_is_noticed(checks: Checks, managed: str) -> None:
    fleet.run("railiance01", f"bridge down {HUB}")
    run = checks(managed)
    fleet.run("railiance01", f"{AS_USER} restart ops-bridge")
    fleet.wait_until_ready()
    assert run.verdict == "NOT READY"
    for check, words in (
        ("CUT-04.steady", f"`bridge` on railiance01 says that {HUB} is down"),
        ("CUT-05.port", "nobody listens"),
        ("CUT-07.forwards", "ops-bridge.service runs no ssh"),
        ("PROD-09.same-after-reboot", "ops-bridge.service runs no ssh"),
    ):
        result = run.of(check, HUB)
        assert (result["outcome"], words in result["reason"]) == ("fail", True), result
        assert run.of(check, "fleet-issue-core")["outcome"] == "pass"


def test_tunnel_that_does_not_start_by_itself_is_noticed(checks: Checks, managed: str) -> None:
    fleet.run(
        "railiance01", f"cp -p {CONFIG} kept; sed -i 's/autostart: true/autostart: false/' {CONFIG}"
    )
    run = checks(managed)
    fleet.run("railiance01", f"mv kept {CONFIG}")
    reason = run.of("PROD-08.enabled", HUB)["reason"]
    assert f"`bridge` on railiance01 does not start {HUB} by itself" in reason
    reason = run.of("PROD-09.same-after-reboot", HUB)["reason"]
    assert "is newer than the process that runs" in reason


def test_units_that_would_start_as_well_are_noticed(checks: Checks, managed: str) -> None:
    fleet.run("railiance01", f"{AS_USER} enable --quiet {HUB}")
    run = checks(managed)
    fleet.run("railiance01", f"{AS_USER} disable --quiet {HUB}")
    assert run.of("PROD-08.enabled", HUB)["reason"] == f"{HUB}.service would start as well"
    assert run.of("PROD-08.enabled", "fleet-issue-core")["outcome"] == "pass"


def test_unit_that_is_not_enabled_is_noticed(checks: Checks, managed: str) -> None:
    fleet.run("railiance01", f"{AS_USER} disable --quiet ops-bridge")
    run = checks(managed)
    fleet.run("railiance01", f"{AS_USER} enable --quiet ops-bridge")
    assert "ops-bridge.service is disabled" in run.of("PROD-08.enabled", HUB)["reason"]
