"""What the command says where it cannot work: one line, and what to do."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetmesh.__main__ import main
from fleetmesh.timer import command, machine
from fleetmesh.timer.machine import Record
from rehearsal.paths import INVENTORY

Refused = Callable[..., str]


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: Any,
) -> Refused:
    """Runs the command as root on a machine that systemd runs; what it complains about."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(command, "SYSTEMD", tmp_path)
    monkeypatch.setattr(machine, "RECORD", tmp_path / "installed.json")
    monkeypatch.setattr(machine, "LOCK", tmp_path_factory.mktemp("run") / "lock")

    def run(*words: str) -> str:
        assert main(["install-timer", *words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = said.err.splitlines()
        return str(line)

    return run


def test_without_root_it_says_sudo(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert refused("--uninstall").endswith("needs root: use sudo")


def test_without_systemd_there_is_no_timer(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "SYSTEMD", tmp_path / "none")
    assert "systemd does not run this machine" in refused("--uninstall")


@pytest.mark.parametrize(
    ("file", "why"),
    [("none.yaml", "no such file"), (".", "cannot be read"), (str(INVENTORY), "kind: rehearsal")],
)
def test_wrong_inventory_is_refused_before_anything_else(
    refused: Refused, tmp_path: Path, file: str, why: str
) -> None:
    assert why in refused("--fleet", str(tmp_path / file))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [[], ["--fleet", "a", "--uninstall"], ["--fleet", "a", "--every", "7h"]]
)
def test_wrong_words_are_wrong_usage(words: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["install-timer", *words])
    assert ended.value.code == 2
    assert "install-timer: error: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"made_account": true}', '{"files": 1}', "\0"])
def test_record_that_is_none_is_named(refused: Refused, tmp_path: Path, text: str) -> None:
    (tmp_path / "installed.json").write_text(text)
    assert "installed.json cannot be used: " in refused("--uninstall")


def test_full_disk_is_said_with_what_to_do(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/opt/fleet-verify/.building/x")

    monkeypatch.setattr(command, "_install", full)
    assert refused("--fleet", "x") == (
        "fleetmesh: /opt/fleet-verify/.building/x: No space left on device; mend that and run it "
        "again: it goes on where it was"
    )


def test_two_at_once_do_not_get_into_each_others_way(refused: Refused) -> None:
    with machine.alone():
        assert refused("--uninstall").endswith(
            "another install-timer is at work; wait for it to end"
        )


def test_interrupted_it_says_what_to_do(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_install", interrupted)
    assert refused("--fleet", "x").endswith("interrupted; run it again: it goes on where it was")


def test_where_nothing_is_installed_nothing_is_removed(
    refused: Refused,  # noqa: ARG001
    capsys: Any,
) -> None:
    assert main(["install-timer", "--uninstall"]) == 0
    assert capsys.readouterr().out.startswith("nothing to do: ")


def test_record_is_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "RECORD", tmp_path / "etc/installed.json")
    monkeypatch.setattr(machine, "SETTINGS", tmp_path / "etc")
    assert Record.read() == Record()
    Record(made_account=True, files={"/x": ["1", "2"]}).write()
    assert Record.read() == Record(made_account=True, files={"/x": ["1", "2"]})
