"""Every hint is made of commands that bash understands, each on the machine that it means.

`python -m rehearsal hints` runs them on a fleet to which has happened what they help against.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.catalogue import check
from fixtures.subjects import subjects
from fleetmesh.by_hand import Hint, in_cluster, log_in, on
from fleetmesh.inventory import Inventory, load
from selftests.checks.conftest import ROOT
from selftests.checks.test_catalogue import CHECKS, Function
from selftests.inventory import RUNBOOK


def foreign() -> dict[str, Any]:
    """An inventory in which no two things share a name, and each host is reached in its own way."""
    document: dict[str, Any] = yaml.safe_load(RUNBOOK.read_text())
    for section in ("services", "bridges"):
        for entry in document[section].values():
            entry["cluster"] = f"of-{entry['cluster']}"
    document["probe"]["cluster"] = f"of-{document['probe']['cluster']}"
    document["clusters"] = {f"of-{name}": one for name, one in document["clusters"].items()}
    for name, one in document["clusters"].items():
        one["kubeconfig"] = f"~/{name}.kubeconfig"
    hosts = document["hosts"]
    hosts["railiance01"] |= {"ssh": "rail", "port": 2222}
    hosts["coulombcore"] |= {"ssh": "somebody@2001:db8::12", "addresses": ["2001:db8::12"]}
    del hosts["coulombcore"]["user"]
    hosts["workstation"] |= {"transport": "local", "user": "op"}
    document["ssh_config"] = "my config"
    return document


@pytest.fixture(scope="module")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> list[Inventory]:
    file = tmp_path_factory.mktemp("fleets") / "foreign.yaml"
    file.write_text(yaml.safe_dump(foreign()))
    return [load(each) for each in (RUNBOOK, ROOT / "fleets/rehearsal.yaml", file)]


def hint(written: Function) -> Hint:
    return Hint(written.given["hint"], written.given.get("mends", False))


def hints(written: Function, inventory: Inventory) -> Iterator[str]:
    """A check's hint for each of its cases."""
    cases = subjects(inventory)
    own = [name for name in written.arguments if name in cases]
    for name in own or [""]:
        assert not name or cases[name], "a case of it is in every committed inventory"
        for case in cases[name].values() if name else [None]:
            rest = {other: next(iter(cases[other].values())) for other in own if other != name}
            yield hint(written).of(inventory, {**rest, name or "_": case})


@pytest.mark.parametrize("written", CHECKS, ids=str)
def test_every_line_is_for_bash_and_for_one_machine(
    written: Function, inventories: list[Inventory]
) -> None:
    for inventory in inventories:
        for text in hints(written, inventory):
            assert "None" not in text
            for line in text.splitlines():
                assert "…" not in line
                understood(line)
                is_for_one_machine(line, inventory)


def is_for_one_machine(line: str, inventory: Inventory) -> None:
    """By ssh with one word for the host's shell, or here: only what reads a file, or on a local."""
    here, piped, there = line.partition(" | ssh ")
    words = shlex.split(f"ssh {there}" if piped else here, comments=True)
    if words[:1] == ["ssh"]:
        *reached, command = words[1:]
        understood(command)
        asks = ["-t"] if "sudo " in command else ["-v"] if reached[0] == "-v" else []
        assert reached in [[*asks, *way(inventory, host)] for host in inventory.hosts], line
    elif words:
        local = any(one.transport == "local" for one in inventory.hosts.values())
        assert local or words[0] == "cat", f"it runs here: {line}"


def way(inventory: Inventory, host: str) -> list[str]:
    one = inventory.hosts[host]
    config = ["-F", str(inventory.ssh_config)] if inventory.ssh_config else []
    port = ["-p", str(one.port)] if one.port else []
    return [*config, *port, f"{one.user}@{one.ssh}" if one.user else one.ssh]


@cache
def understood(command: str) -> None:
    done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def test_each_host_is_reached_as_the_inventory_says(inventories: list[Inventory]) -> None:
    *_, foreign = inventories
    config = shlex.quote(str(foreign.ssh_config))
    assert on(foreign, "railiance01", "a; b") == f"ssh -F {config} -p 2222 tegwick@rail 'a; b'"
    assert on(foreign, "workstation", "a; b") == "a; b"
    assert log_in(foreign, "coulombcore") == f"ssh -v -F {config} somebody@2001:db8::12 true"
    assert in_cluster(foreign, "of-coulombcore", "get svc") == (
        f"ssh -F {config} somebody@2001:db8::12 "
        "'kubectl --kubeconfig ~/of-coulombcore.kubeconfig get svc'"
    )
    with pytest.raises(KeyError):
        on(foreign, "of-railiance01", "true")
    with pytest.raises(KeyError):
        in_cluster(foreign, "railiance01", "get svc")


@pytest.mark.parametrize("user", [None, "somebody"])
def test_the_user_in_a_host_s_name_is_typed(user: str | None, tmp_path: Path) -> None:
    document = foreign()
    document["hosts"]["coulombcore"]["user"] = user
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump(document))
    typed = shlex.split(on(load(file), "coulombcore", "true"))[3:-1]
    settings = subprocess.run(
        ["ssh", "-G", "-F", "none", *typed], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {"user somebody", "hostname 2001:db8::12"} <= set(settings)


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "a 'b c'",
        "a \"b\" 'c'",
        "echo $HOME 'x'",
        "a `b` 'c'",
        "it's!",
        "a\nb 'c'",
        "\\ 'x'",
    ],
)
def test_a_command_stays_one_word(command: str, inventories: list[Inventory]) -> None:
    typed = on(inventories[0], "railiance01", command)
    said = subprocess.run(
        ["bash", "-c", f'ssh() {{ printf %s "$2"; }}; {typed}'], capture_output=True, text=True
    )
    assert said.stdout == command


def test_what_runs_here_may_be_led_there(inventories: list[Inventory]) -> None:
    remote, _, local = inventories
    led = Hint("here: cat x | on {inventory.workstation.host}: sort; wc -l")
    assert led.of(remote, {}) == "cat x | ssh workstation 'sort; wc -l'"
    assert led.of(local, {}) == "cat x | sh -c 'sort; wc -l'"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh railiance01 true",
        "on railiance01 : true",
        "on {host}: ",
        "on {host}: kubectl exec -- python -c …",
        "on {host}: ssh -W ...",
        "mend it",
        "Mend it",
        "On {host}: true",
        "on {host}: true\n\nIt helps.",
    ],
)
def test_what_is_no_hint_is_refused_where_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"PRE-10\.tools: .*on HOST: COMMAND"):
        check("PRE-10.tools", runbook="–", hint=text)


def test_a_sentence_mends_nothing() -> None:
    with pytest.raises(ValueError, match="mends nothing"):
        check("PRE-10.tools", runbook="–", hint="Mend it.", mends=True)


def test_a_sentence_is_a_comment_whatever_the_inventory_says(inventories: list[Inventory]) -> None:
    hint = Hint("See {case}.").of(inventories[0], {"case": "x\ntouch pwned"})
    assert hint == "# See x⟨LF⟩touch pwned."


def advised(check: str, change: Callable[[dict[str, Any]], None], folder: Path) -> list[str]:
    """The hint of a check for each of its cases, in the runbook's inventory with a change."""
    document = yaml.safe_load(RUNBOOK.read_text())
    change(document)
    file = folder / "fleet.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    (written,) = (each for each in CHECKS if each.id == check)
    return [*hints(written, load(file))]


@pytest.mark.parametrize(
    ("probe", "asks"),
    [
        ({}, "deploy/actcore-api -- python -c "),
        ({"python": "/opt/python"}, "deploy/actcore-api -- /opt/python -c "),
        ({"with": "curl", "container": "api"}, "deploy/actcore-api -c api -- curl -sS "),
        ({"with": "wget", "debug": "busybox"}, "deploy/actcore-api -c fleet-verify-1 -- wget -S "),
        ({"with": "nc"}, "deploy/actcore-api -- sh -c "),
    ],
)
def test_from_inside_is_asked_as_the_check_asks(
    probe: dict[str, str], asks: str, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["probe"] |= probe
        document["bridges"]["actcore-state-hub-bridge"]["host_port"] = 30800
        document["hosts"]["railiance01"]["addresses"] = ["10.0.0.1"]

    hub, issues = advised("PROD-03.inside", change, tmp_path)
    for hint, host, port in ((hub, "10.0.0.1", 30800), (issues, "actcore-issue-core-bridge", 8765)):
        assert f"-n activity-core exec {asks}" in hint
        assert (f"nc {host} {port}" if "sh -c" in asks else f"http://{host}:{port}/") in hint
        understood(hint)


@pytest.mark.parametrize("scope", ["user", "system"])
@pytest.mark.parametrize("check", ["CUT-03.down", "PROD-05.ports", "PROD-06.retired", "ROLL-01.up"])
def test_what_a_unit_runs_is_stopped_and_started_by_systemd(
    check: str, scope: str, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        workstation = document["workstation"]
        workstation["bridge"] = {"status": "absent"}
        unit = {"unit": "hub-tunnel.service", "scope": scope}
        workstation["retired"]["state-hub-railiance01"] |= unit

    by = "sudo systemctl" if scope == "system" else "systemctl --user"
    does = "enable" if check == "ROLL-01.up" else "disable"
    hint, *others = advised(check, change, tmp_path)
    assert f"{by} {does} --now hub-tunnel.service" in hint
    assert not any(
        word in text for text in (hint, *others) for word in ("bridge down", "bridge up")
    )
    assert "ps -ef" in (hint if check == "PROD-05.ports" else others[0]), "of that one nobody knows"
