"""Committed inventories load; wrong ones are refused whole, with file, line, path and remedy."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmesh.inventory import Inventory, InventoryError, Problem, load
from selftests.inventory import RUNBOOK

ROOT = Path(__file__).parents[2]
PRODUCTION = RUNBOOK.read_text()
WRONG: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("wrong.yaml").read_text(encoding="utf-8")
)

Refused = Callable[[str | bytes], list[Problem]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleet.yaml"


@pytest.fixture
def refused(file: Path) -> Refused:
    """The problems of an inventory with this content."""

    def problems(content: str | bytes) -> list[Problem]:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(InventoryError) as caught:
            load(file)
        told = "\n".join(map(str, caught.value.problems[:100]))
        assert str(caught.value).startswith(told)
        return caught.value.problems

    return problems


def changed(text: str, new: str) -> str:
    assert text in PRODUCTION, text
    return PRODUCTION.replace(text, new, 1)


@pytest.mark.parametrize(
    ("name", "file"), [("production", RUNBOOK), ("rehearsal", ROOT / "fleets/rehearsal.yaml")]
)
def test_committed_inventories_load(name: str, file: Path) -> None:
    loaded = load(file)
    assert (loaded.name, loaded.kind) == (name, name)
    assert loaded.carriers == ("railiance01",)
    assert loaded.fleet_hosts == ("railiance01", "coulombcore")
    assert [str(login) for login in loaded.logins] == ["railiance01-coulombcore"]
    assert loaded.tunnels["fleet-state-hub-coulombcore"].unit == (
        "fleet-state-hub-coulombcore.service"
    )
    assert str(loaded.bridges["actcore-state-hub-bridge"]) == "actcore-state-hub-bridge"
    assert loaded.service_host(loaded.services["issue-core"]) == "coulombcore"


def test_a_tunnel_is_its_own_units_keys_and_users(file: Path) -> None:
    with_unit = changed(
        "    listen: 127.0.0.1:18000\n",
        "    listen: 127.0.0.1:18000\n    unit: tunnel@state-hub.service\n    scope: system\n"
        "    user: relay\n",
    )
    file.write_text(with_unit)
    loaded = load(file)
    hub, issues = loaded.tunnels.values()
    assert (hub.unit, hub.unit_file) == ("tunnel@state-hub.service", "tunnel@.service")
    assert (issues.unit, issues.unit_file) == 2 * ("fleet-issue-core-coulombcore.service",)
    assert (hub.by_system, issues.by_system) == (True, False)
    assert (hub.systemctl, issues.systemctl) == ("sudo systemctl", "systemctl --user")
    assert loaded.system_units == {"railiance01": ("tunnel@state-hub.service",)}
    assert loaded.tunnels_at("railiance01", by_system=False) == (issues,)
    between = "railiance01-coulombcore"
    assert [(str(one), one.far_user, one.tunnels) for one in loaded.logins] == [
        (f"{between}-{hub}", "relay", (hub,)),
        (f"{between}-{issues}", "tegwick", (issues,)),
    ]


def test_only_systemd_runs_a_tunnel_by_the_system(refused: Refused) -> None:
    managed = PRODUCTION.replace("manager: systemd ", "manager: ops-bridge ", 1)
    listen = "    listen: 127.0.0.1:18000\n"
    problems = refused(managed.replace(listen, f"{listen}    scope: system\n", 1))
    assert [problem.message for problem in problems] == [
        "ops-bridge runs its tunnels in a user unit; delete it, or `manager: systemd`"
    ]
    problems = refused(
        managed.replace(
            "    hostname: railiance01\n",
            "    hostname: railiance01\n    bridge: {status: absent}\n",
            1,
        )
    )
    assert [problem.message for problem in problems] == [
        "ops-bridge runs the tunnels; write how it is called, or `manager: systemd`"
    ]


@pytest.mark.parametrize(
    ("written", "command", "asks"),
    [
        ("bridge", ("bridge",), "bridge status --json"),
        ("~/bin/bridge", ("~/bin/bridge",), "~/bin/bridge status --json"),
        (
            "{command: sudo -u ops 'the bridge' --config /etc/b.yaml}",
            ("sudo", "-u", "ops", "the bridge", "--config", "/etc/b.yaml"),
            "sudo -u ops 'the bridge' --config /etc/b.yaml status --json",
        ),
        (
            "{command: [bridge, it's], arguments: [list, --all]}",
            ("bridge", "it's"),
            "bridge 'it'\"'\"'s' list --all",
        ),
    ],
)
def test_bridge_is_called_as_the_inventory_says(
    file: Path, written: str, command: tuple[str, ...], asks: str
) -> None:
    file.write_text(changed("bridge: bridge ", f"bridge: {written} "))
    bridge = load(file).workstation.bridge
    assert (bridge.command, bridge.asks()) == (command, asks)


def test_production_s_values_are_the_runbook_s() -> None:
    loaded = load(RUNBOOK)
    listens = {name: (t.listen.ip, t.listen.port) for name, t in loaded.tunnels.items()}
    assert listens == {
        "fleet-state-hub-coulombcore": ("127.0.0.1", 18000),
        "fleet-issue-core-coulombcore": ("127.0.0.1", 18765),
    }
    leads = {name: (s.cluster_ip, s.port) for name, s in loaded.services.items()}
    assert leads == {
        "state-hub": ("10.43.170.94", 8000),
        "issue-core": ("10.43.103.154", 8765),
    }
    assert loaded.reference.resolve() == ROOT / "infra/fleet-mesh"


@pytest.mark.parametrize("case", WRONG, ids=[case["name"] for case in WRONG])
def test_wrong_inventory(case: dict[str, Any], file: Path, refused: Refused) -> None:
    change = case["change"]
    text = changed(change["text"], change["new"]) if "text" in change else (
        PRODUCTION + change["new"]
    )  # fmt: skip
    lines = ["", *text.split("\n")]
    problems = refused(text)
    found = [(".".join(map(str, problem.location)), problem.line) for problem in problems]
    assert [path for path, _ in found] == [wanted["path"] for wanted in case["problems"]], problems
    for problem, wanted in zip(problems, case["problems"], strict=True):
        assert wanted["says"] in problem.message
        assert wanted["at"] in lines[problem.line or 0], problem
        assert str(problem) == f"{file}:{problem.line}: {wanted['path']}: {problem.message}"


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("", None, "must be a mapping that starts with `name:`"),
        ("# nothing but a remark\n", None, "must be a mapping"),
        ("- a\n- b\n", None, "must be a mapping"),
        ("just a sentence", None, "must be a mapping"),
        ("name: x\nkind: [1, 2\n", 3, "is not valid YAML: expected ',' or ']'"),
        ("name: x\n\tkind: y\n", 2, "is not valid YAML: found character '\\t'"),
        ("name: x\n---\nname: y\n", 2, "found another document; delete it"),
        ("? [a, b]\n: c\n", 1, "has a key that is no word; write one"),
        ("name: *nobody\n", 1, "found undefined alias 'nobody'; write it out"),
        (
            "name: !!python/name:os.system\n",
            1,
            "has the tag !!python/name:os.system; write it without",
        ),
        ("name: x\x00\n", 1, "is not valid YAML: unacceptable character #x0000"),
        (b"name: \xff\xfe\n", 1, "cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (PRODUCTION.encode("utf-16"), 1, "cannot be read: 'utf-8' codec"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("a: " + "[" * 1200, 1, "is nested too deeply"),
        ("a: " + "{b: " * 5000 + "1" + "}" * 1200, 1, "is nested too deeply"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_no_inventory_at_all(
    content: str | bytes, line: int | None, says: str, refused: Refused
) -> None:
    (problem,) = refused(content)
    assert says in problem.message
    assert "\n" not in str(problem)
    assert problem.line == line


def nested(times: int, one: str) -> str:
    """Each line holds the one above it nine times."""
    return "".join(one.format(n=n, above=", ".join([f"*a{n - 1}"] * 9)) for n in range(1, times))


HUGE = {
    "aliases": ("a0: &a0 [x, x, x]\n" + nested(20, "a{n}: &a{n} [{above}]\n"), 6, "100000 values"),
    "nested aliases": (
        f"a0: &a0 {'[' * 40}1{']' * 40}\na1: &a1 {'[' * 40}*a0{']' * 40}\n",
        2,
        "is nested too deeply",
    ),
    "merges": ("a0: &a0 {x: y}\n" + nested(13, "a{n}: &a{n} {{<<: [{above}]}}\n"), 2, "is a merge"),
    "a merge": ("a: {<<: {b: c}}\n", 1, "a.<<: is a merge, which YAML 1.2 does not have"),
    "values": ("a: [" + "x, " * 120_000 + "]", 1, "holds more than 100000 values"),
    "keys": ("".join(f"a{n}: b\n" for n in range(60_000)), 50000, "holds more than 100000 values"),
    "users": ("users:\n" + "- {name: u, user: {token: t}}\n" * 16_000, 14287, "100000 values"),
    "length": ("a: " + "x" * 10_000_000, None, "is longer than 1024 KiB"),
    "blank lines": ("\n" * 250_000, None, "must be a mapping"),
    "brackets": ("a: " + "[" * 250_000, 1, "is nested too deeply, 48 levels; write it flat"),
    "dashes": ("- " * 100_000, 1, "is nested too deeply"),
    "keys that are none": ("? " * 100_000, 1, "has a key that is no word"),
    "digits": ("name: " + "1" * 5_000, 1, "name: is a number of 5000 characters; write a shorter"),
    "hexadecimal": ("name: 0x" + "f" * 5_000, 1, "is a number of 5002 characters"),
    "float": ("name: 1." + "1" * 5_000, 1, "is a number of 5002 characters"),
    "int": ("a:\n  port: !!int abc\n", 2, "a.port: 'abc' is no int; write it without !!int"),
    "not a float": ("port: !!float x", 1, "port: 'x' is no float; write it without !!float"),
    "nothing": ("port: !!int", 1, "port: '' is no int"),
    "a date": ("a: !!timestamp 2026-99-99", 1, "a: has the tag !!timestamp; write it without"),
    "bytes": ("a: !!binary aGk=", 1, "has the tag !!binary"),
    "a set": ("a: !!set {b}", 1, "has the tag !!set"),
    "a tag": ("a:\n- !ours x", 2, "a.0: has the tag !ours; write it without"),
    "a tagged list": ("a: !!map [b]", 1, "has the tag !!map"),
    "a code point": ('a: "\\UFFFFFFFF"', 1, "is not valid YAML"),
    "a version": (f"%YAML {'1' * 5000}.1\n---\na: b", 1, "is not valid YAML"),
    "escape": ("a: \x1b]0;x\x07", 1, "is not valid YAML: unacceptable character #x001b"),
}


@pytest.mark.parametrize(("content", "line", "says"), HUGE.values(), ids=HUGE)
def test_what_is_too_much_is_refused_at_once(
    content: str, line: int | None, says: str, refused: Refused
) -> None:
    began = time.process_time()
    (problem,) = refused(content)
    assert time.process_time() - began < 20  # a large inventory is read for seconds, too
    assert says in str(problem)
    assert problem.line == line
    assert len(str(problem)) < 600


def test_many_problems_are_told_in_a_second(refused: Refused) -> None:
    names = [f"n{n}" for n in range(900)]
    entries = "".join(f"  {name}: {{host: x{name}, via: y, to: z}}\n" for name in names)
    began = time.process_time()
    problems = refused(f"name: x\nhosts: {{{': 1, '.join(names)}: 1}}\ntunnels:\n{entries}")
    assert time.process_time() - began < 4
    assert len(problems) > 2_700
    told = str(InventoryError(problems)).split("\n")
    assert len(told) == 101
    assert told[-1].endswith(f"fleet.yaml: and {len(problems) - 100} more problems")


def test_what_cannot_be_seen_is_spelled_out(file: Path, refused: Refused) -> None:
    hostile = '"\\e]0;owned\\a\\x9b2J\\u202e"'
    for text in (f"{hostile}: x\n", f"hosts: {{{hostile}: 1}}\n", f"name: {hostile}\n"):
        problems = refused(text)
        assert "⟨ESC⟩]0;owned⟨BEL⟩⟨U+009B⟩2J⟨U+202E⟩" in str(InventoryError(problems)) or (
            "cannot be seen" in str(InventoryError(problems))
        )
        assert str(InventoryError(problems)).replace("\n", "").isprintable()
    strange = file.with_name("\x1b[2Jfleet.yaml")
    with pytest.raises(InventoryError) as caught:
        load(strange)
    assert str(caught.value).endswith("/⟨ESC⟩[2Jfleet.yaml: no such file; see fleets/")


def test_a_file_that_is_no_file(tmp_path: Path) -> None:
    fifo, loop = tmp_path / "fifo", tmp_path / "loop"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    for place, says in (
        (tmp_path, "cannot be read: Is a directory; write the path of an inventory"),
        (fifo, "cannot be read: is no regular file; write the path"),
        (Path("/dev/zero"), "cannot be read: is no regular file"),
        (Path("/dev/tty"), "cannot be read"),
        (loop, "cannot be read: Too many levels of symbolic links"),
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path / "nul\0.yaml", "cannot be read: embedded null byte"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
    ):
        with pytest.raises(InventoryError, match=says) as caught:
            load(place)
        assert [problem.file for problem in caught.value.problems] == [place]


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(RUNBOOK)
    assert load(tmp_path / "link").name == "production"


def test_all_problems_at_once_each_once_in_the_file_s_order(refused: Refused) -> None:
    text = PRODUCTION
    for old, new in (
        ("identity: static-key", "identity: password"),
        ("10.43.170.94", "10.44.170.94"),
        ("port: 8765", "port: 0"),
        ("via: coulombcore", "via: cc"),
        ("listen: 127.0.0.1:18765", "listen: 127.0.0.1:18000"),
        ("  http: 5 ", "  htpp: 5 "),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    problems = refused(text)
    assert [".".join(map(str, problem.location)) for problem in problems] == [
        "identity",
        "services.state-hub.cluster_ip",
        "services.issue-core.port",
        "tunnels.fleet-state-hub-coulombcore.via",
        "tunnels.fleet-issue-core-coulombcore.listen",
        "limits.http",
        "limits.htpp",
    ]
    lines = [problem.line or 0 for problem in problems]
    assert lines == sorted(lines)
    assert 0 not in lines


def test_a_missing_section_is_one_problem(refused: Refused) -> None:
    start, end = PRODUCTION.index("hosts:\n"), PRODUCTION.index("clusters:\n")
    (problem,) = refused(PRODUCTION[:start] + PRODUCTION[end:])
    assert str(problem).endswith("hosts: is missing; write it as fleets/production.yaml does")


def test_a_very_long_name_is_refused_in_few_words(refused: Refused) -> None:
    (problem,) = refused(changed("name: production\n", f"name: {'a' * 5000}\n"))
    assert "is no name" in problem.message
    assert len(problem.message) < 200


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "y", "2026-07-03", "2026-07-03T00:00:00Z"]
)
def test_yaml_leaves_words_as_they_are(file: Path, word: str) -> None:
    """YAML 1.1 would make truths and dates of these."""
    file.write_text(changed('revision: "2026-07-03"', f"revision: {word}"))
    assert load(file).runbook.revision == word


NO_NUMBERS = ["2:13", "12:30", "8_0_0_0", "0x_", "0b1", "1_0", "0o8", "1e", "+", "."]


@pytest.mark.parametrize("word", [*NO_NUMBERS, "2026-99-99", "=", "<"])
def test_what_yaml_1_2_has_no_number_for_is_text(file: Path, word: str) -> None:
    file.write_text(changed('revision: "2026-07-03"', f"revision: {word}"))
    assert load(file).runbook.revision == word


@pytest.mark.parametrize("word", [*NO_NUMBERS, "'8000'", "!!str 8000", "80.0", "yes", "~"])
def test_a_port_is_a_number_of_yaml_1_2(refused: Refused, word: str) -> None:
    (problem,) = refused(changed("port: 8000", f"port: {word}"))
    assert problem.location == ("services", "state-hub", "port")
    assert problem.line == PRODUCTION[: PRODUCTION.index("port: 8000")].count("\n") + 1


@pytest.mark.parametrize(
    ("word", "port"), [("022", 22), ("0o22", 18), ("0x16", 22), ("+22", 22), ("!!int 22", 22)]
)
def test_numbers_of_yaml_1_2(file: Path, word: str, port: int) -> None:
    file.write_text(changed("port: 8000", f"port: {word}"))
    assert load(file).services["state-hub"].port == port


def test_a_host_called_no(file: Path) -> None:
    file.write_text(
        changed("  workstation:\n    ssh", "  no:\n    ssh").replace(
            "host: workstation", "host: no"
        )
    )
    assert load(file).workstation.host == "no"


def test_a_waiver_counts_until_its_moment(file: Path) -> None:
    file.write_text(
        PRODUCTION + "waivers:\n  - check: PROD-04.path\n    owner: ops\n    reason: >\n"
        "      a long\n      story\n    expires: 2030-01-01T02:00:00+02:00\n"
    )
    (waiver,) = load(file).waivers
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert waiver.expires == moment
    assert waiver.expired(moment)
    assert not waiver.expired(moment - timedelta(seconds=1))


def test_paths_are_meant_from_the_file_s_folder(file: Path) -> None:
    file.write_text(
        changed("reference: ../../infra", "reference: ~/infra") + "ssh_config: ssh/config"
    )
    loaded = load(file)
    assert loaded.reference == Path.home() / "infra/fleet-mesh"
    assert loaded.ssh_config == file.parent / "ssh/config"


def test_the_digest_is_of_what_was_read(file: Path) -> None:
    loaded: list[Inventory] = []
    for content in (PRODUCTION, PRODUCTION + "# a remark\n"):
        file.write_text(content)
        loaded.append(load(file))
    assert loaded[0].digest != loaded[1].digest
    assert len(loaded[0].digest) == 64


def test_an_address_is_known_in_whichever_form_it_stands(file: Path, refused: Refused) -> None:
    """As the API of a cluster and the sockets of a host write it."""
    text = PRODUCTION.replace("service_cidr: 10.43.0.0/16", "service_cidr: fd00::/112")
    text = text.replace("10.43.170.94", "FD00::AB").replace("10.43.103.154", "fd00:0::ab")
    file.write_text(text)
    addresses = [service.cluster_ip for service in load(file).services.values()]
    assert addresses == ["fd00::ab", "fd00::ab"]
    (problem,) = refused(text.replace("port: 8765", "port: 8000"))
    assert "state-hub's, at the same port" in problem.message
