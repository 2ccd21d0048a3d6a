"""What a verification key is allowed is what the suite asks, neither more nor less."""

import subprocess
from pathlib import Path

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.gather.permit import Permit, permits
from fleetmesh.inventory import load

ROOT = Path(__file__).parents[2]
INVENTORY = load(ROOT / "fleets/production.yaml")
GATE = ROOT / "infra/verify/gate"
WORD = "fleetmesh-0123456789abcdef"


def test_ports_are_those_that_the_questions_open() -> None:
    every = [fact for name, fact in FACTS.items() if name != "writes"]
    found = permits([("all", every)], INVENTORY, "127.0.0.1:7443")
    assert {host: set(permit.destinations) for host, permit in found.items()} == {
        "railiance01": {"127.0.0.1:18000", "127.0.0.1:18765", "127.0.0.1:7443"},
        "coulombcore": {"10.43.170.94:8000", "10.43.103.154:8765", "127.0.0.1:7443"},
        "workstation": set(),
    }


def test_host_that_is_asked_no_service_forwards_nothing() -> None:
    line = permits([("clocks", [FACTS["clocks"]])], INVENTORY)["workstation"].authorized_keys("KEY")
    assert line == 'restrict,command="sh .config/fleetmesh/gate" KEY\n'


def test_one_command_of_two_runs_stands_once() -> None:
    permit = permits([(name, [FACTS["clocks"]]) for name in "ab"], INVENTORY)["workstation"]
    assert permit.lines.endswith("  a, b\n")
    assert permit.lines.count("\n") == 1


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A gate that lets one command through."""
    permit = Permit()
    permit.allow("echo NONCE && echo 'a\n b'", "test")
    (tmp_path / "permitted").write_text(permit.lines)
    (tmp_path / "gate").write_text(GATE.read_text())
    return tmp_path / "gate"


def through(gate: Path, command: str | None) -> tuple[int, str]:
    asked = {} if command is None else {"SSH_ORIGINAL_COMMAND": command}
    done = subprocess.run(
        ["sh", gate], env={"PATH": "/usr/bin:/bin", **asked}, cwd="/", capture_output=True,
        text=True, timeout=10,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_gate_lets_the_command_through(gate: Path) -> None:
    assert through(gate, f"echo {WORD} && echo 'a\n b'") == (0, f"{WORD}\na\n b\n")


@pytest.mark.parametrize(
    "command",
    [
        None,
        "",
        "true",
        f"echo {WORD} && echo 'a\n b';",
        f"echo {WORD} && echo 'a\n b'\n",
        f"\necho {WORD} && echo 'a\n b'",
        f"echo {WORD} && echo 'a\n  b'",
        f"echo {WORD}0 && echo 'a\n b'",
        f"echo {WORD};id && echo 'a\n b'",
        "echo fleetmesh-0123456789ABCDEF && echo 'a\n b'",
        "echo fleetmesh-$(id)89abcdef && echo 'a\n b'",
    ],
)
def test_gate_refuses_everything_else(gate: Path, command: str | None) -> None:
    assert through(gate, command) == (126, "")


@pytest.mark.parametrize("content", [None, "", "\n", "  \n", "test\n"])
def test_gate_with_no_list_lets_nothing_through(gate: Path, content: str | None) -> None:
    permitted = gate.with_name("permitted")
    permitted.unlink() if content is None else permitted.write_text(content)
    assert through(gate, f"echo {WORD} && echo 'a\n b'") == (126, "")
