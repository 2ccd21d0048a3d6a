"""The drill's variant for ops-bridge has the same stages, and says which it leaves out."""

import pytest

from rehearsal.drill import stages
from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.manager import OPS_BRIDGE, SYSTEMD
from rehearsal.drill.stages import ops_bridge


def test_every_stage_is_there_in_the_same_order_or_said_to_be_left_out() -> None:
    ours = [stage.title() for stage in ops_bridge.STAGES]
    planned = [stage.title() for stage in stages.STAGES]
    left_out = [title for title in planned if title not in ours]
    assert ours == [title for title in planned if title not in left_out]
    assert left_out == ["renew"]
    assert all(title in OPS_BRIDGE.left_out for title in left_out)
    assert not SYSTEMD.left_out


def test_each_stage_has_its_manager() -> None:
    assert {stage.manager.name for stage in stages.STAGES} == {"systemd"}
    assert {stage.manager.name for stage in ops_bridge.STAGES} == {"ops-bridge"}
    assert all(stage.what() for stage in ops_bridge.STAGES)


def test_the_inventory_of_a_stage_names_the_manager() -> None:
    document = {"manager": "systemd", "limits": {}}
    ops_bridge.STAGES[0].inventory(document)
    assert document["manager"] == "ops-bridge"


def test_the_checks_that_wait_for_ops_bridge_are_deferred_no_more() -> None:
    assert "PRE-02" in stages.STAGES[0].deferred()
    assert "PRE-02" not in ops_bridge.STAGES[0].deferred()


def test_what_is_typed_instead_stands_for_commands_that_name_the_units() -> None:
    for name, text in OPS_BRIDGE.instead.items():
        assert all(unit in COMMANDS[name].text for unit in SYSTEMD.units)
        assert all(unit in text for unit in OPS_BRIDGE.units)
    assert not SYSTEMD.instead


def test_help_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rehearsal import __main__  # noqa: PLC0415 - only this test needs the command line

    monkeypatch.setattr("sys.argv", ["rehearsal", "drill", "--help"])
    with pytest.raises(SystemExit):
        __main__.main()
    said = " ".join(capsys.readouterr().out.split())
    assert "the stage renew is left out" in said
