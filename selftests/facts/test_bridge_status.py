"""A table is read in whichever frame it stands, and with an empty cell where nothing is told."""

import pytest

from fleetmesh.facts.bridge_status import read_status
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.inventory import Bridging

BRIDGE = Bridging.model_validate(
    {
        "status": "table",
        "columns": {"name": "Tunnel", "state": "State", "pid": "PID"},
        "up": ["up"],
        "down": ["down"],
    }
)
HEAVY = """\
┏━━━━━━━━━┳━━━━━━━┳━━━━━━┓
┃ Tunnel  ┃ State ┃ PID  ┃
┡━━━━━━━━━╇━━━━━━━╇━━━━━━┩
│ hub     │ up    │ 4711 │
│ old     │ down  │      │
└─────────┴───────┴──────┘
"""
ROUNDED = HEAVY.translate(str.maketrans("┏┳┓┃━┡╇┩└┘", "╭┬╮│─├┼┤╰╯"))
DOUBLE = HEAVY.translate(str.maketrans("┏┳┓┃━┡╇┩│└┴┘─", "╔╦╗║═╠╬╣║╚╩╝═"))
ASCII = HEAVY.translate(str.maketrans("┏┳┓┃━┡╇┩│└┴┘─", "+++|-+++|+++-"))
MARKDOWN = "| Tunnel | State | PID |\n|:---|---|---:|\n| hub | up | 4711 |\n| old | down | |\n"
MINIMAL = (
    " Tunnel │ State │ PID  \n╶───────┼───────┼─────╴\n hub │ up   │ 4711 \n old │ down │      \n"
)
PLAIN = "Tunnel  State  PID\nhub     up     4711\nold     down\n"
RIGHT = "  Tunnel  State   PID\n     hub     up  4711\n     old   down\n"
NARROW = "Tunnel State PID\nhub    up    4711\nold    down\n"
TABS = "Tunnel\tState\tPID\nhub\tup\t4711\nold\tdown\t\n"
CUT_TABS = TABS.replace("down\t", "down")


@pytest.mark.parametrize(
    "said",
    [HEAVY, ROUNDED, DOUBLE, ASCII, MARKDOWN, MINIMAL, PLAIN, RIGHT, NARROW, TABS, CUT_TABS],
)
def test_a_table_is_read_in_any_frame(said: str) -> None:
    found = read_status(said, BRIDGE)
    assert {name: (one.up, one.pid) for name, one in found.items()} == {
        "hub": (True, 4711),
        "old": (False, None),
    }


@pytest.mark.parametrize(
    "said",
    [
        HEAVY.replace("│ down  │      │", "│ down  │"),
        HEAVY.replace("│ down  │      │", "│ down  │      │ 5"),
        HEAVY.replace("old ", "    "),
        HEAVY.replace("down", "    "),
        PLAIN.replace("old     down", "old       down"),
        PLAIN.replace("old     down", "old            17"),
        PLAIN.replace("old     down", "        down   17"),
        "Tunnel State PID\nhub up 4711\nold down\n",
    ],
)
def test_a_cell_that_belongs_nowhere_is_not_guessed(said: str) -> None:
    with pytest.raises(NotUnderstood):
        read_status(said, BRIDGE)
