"""The form of `bridge status` is told by the runbook's tunnels; the outputs are invented."""

import json
from typing import Any

import pytest

from fleetmesh.discover import workstation
from fleetmesh.discover.dialect import dialect
from fleetmesh.discover.questions import BRIDGE_CALLS
from selftests.discover.answers import Said, findings, inventory, values

NAMES = ("state-hub-primary", "state-hub-railiance01")
OWN = [
    {"name": "state-hub-primary", "kind": "forward", "state": "up", "autostart": True, "pid": 7},
    {"name": "state-hub-railiance01", "kind": "reverse", "state": "down", "autostart": False},
]
TABLE = """\
TUNNEL                 STATUS   MODE     BOOT
state-hub-primary      running  forward  yes
state-hub-railiance01  stopped  reverse  no
"""
OF_TABLE = {
    "status": "table",
    "columns": {"name": "TUNNEL", "state": "STATUS", "kind": "MODE", "autostart": "BOOT"},
    "up": ["running"],
    "down": ["stopped"],
    "autostart": ["yes"],
    "manual": ["no"],
}


@pytest.mark.parametrize(
    ("said", "form"),
    [
        (json.dumps(OWN), {"status": "json"}),
        (TABLE, OF_TABLE),
        (TABLE.replace("stopped", "running"), OF_TABLE),
        (
            json.dumps([{"tunnel": "state-hub-primary", "health": "Active"}]),
            {
                "status": "json",
                "columns": {"name": "tunnel", "state": "health"},
                "up": ["Active"],
                "down": ["Inactive"],
            },
        ),
        (
            "NAME               STATE\nstate-hub-primary  DOWN\n",
            {
                "status": "table",
                "columns": {"name": "NAME", "state": "STATE"},
                "up": ["UP"],
                "down": ["DOWN"],
            },
        ),
    ],
)
def test_the_form_is_known(said: str, form: dict[str, Any]) -> None:
    assert dialect(said, NAMES) == form


@pytest.mark.parametrize(
    "said",
    [
        "",
        "usage: bridge [-h] {up,down,status}\n",
        TABLE.replace("state-hub", "other"),  # none of the runbook's tunnels
        TABLE.replace("running", "purring"),  # a word that nobody knows
        TABLE.replace("STATUS ", "BOOT   "),  # two columns of one name
        "NAME               A   B\nstate-hub-primary  up  up\n",  # which of them
        json.dumps({"state-hub-primary": {"state": "up"}}),
        '[{"name": "state-hub-primary", "state": "up", "state": "down"}]',  # says two things
        "[" * 10_000,
    ],
)
def test_another_form_is_not_guessed_at(said: str) -> None:
    assert dialect(said, NAMES) is None


def found(text: str) -> list[Any]:
    said = Said().says(BRIDGE_CALLS, "workstation", text)
    return list(workstation.bridge(inventory(), said.answers))


def test_the_runbooks_own_call_is_settled() -> None:
    text = f"== bridge status --json\n{json.dumps(OWN)}\n\n== end\n"
    assert values(found(text)) == {"workstation.bridge": None}


def test_another_program_and_form_is_proposed() -> None:
    text = f"== /opt/b/bridge status --json\nno such option\n\n== /opt/b/bridge status\n{TABLE}\n"
    proposed = {"command": ["/opt/b/bridge"], **OF_TABLE}
    assert values(found(f"{text}\n== end\n")) == {"workstation.bridge": proposed}


def test_no_ops_bridge_is_a_finding_and_never_absent() -> None:
    told = found("== end\n")
    assert not values(told)
    assert "no ops-bridge on workstation" in findings(told)["workstation.bridge"]


def test_a_form_that_a_run_would_not_understand_is_not_proposed() -> None:
    one_cell_less = "TUNNEL                 STATE    PID\nstate-hub-primary      running  7\n"
    text = f"{one_cell_less}state-hub-railiance01    stopped\n"  # below no heading
    assert dialect(text, NAMES)
    told = found(f"== bridge status\n{text}\n== end\n")
    assert not values(told)
    assert "no status that can be read" in findings(told)["workstation.bridge"]
