"""The drill's variant for ops-bridge has the same stages."""

from rehearsal.drill import stages
from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.manager import OPS_BRIDGE, SYSTEMD
from rehearsal.drill.stages import ops_bridge


def test_every_stage_is_there_in_the_same_order() -> None:
    ours = [stage.title() for stage in ops_bridge.STAGES]
    assert ours == [stage.title() for stage in stages.STAGES]


def test_each_stage_has_its_manager() -> None:
    assert {stage.manager.name for stage in stages.STAGES} == {"systemd"}
    assert {stage.manager.name for stage in ops_bridge.STAGES} == {"ops-bridge"}
    assert all(stage.what() for stage in ops_bridge.STAGES)


def test_the_inventory_of_a_stage_names_the_manager() -> None:
    document = {"manager": "systemd", "limits": {}}
    ops_bridge.STAGES[0].inventory(document)
    assert document["manager"] == "ops-bridge"


def test_the_checks_that_wait_for_ops_bridge_are_deferred_no_more() -> None:
    assert "PRE-02.bridge-tool" in stages.STAGES[0].deferred()
    assert "PRE-02.bridge-tool" not in ops_bridge.STAGES[0].deferred()


def test_what_is_typed_instead_stands_for_commands_that_name_the_units() -> None:
    for name, text in OPS_BRIDGE.instead.items():
        assert all(unit in COMMANDS[name].text for unit in SYSTEMD.units)
        assert all(unit in text for unit in OPS_BRIDGE.units)
    assert not SYSTEMD.instead
