"""`fleetmesh diff`, as an operator types it."""

import os
from pathlib import Path

import pytest

from fleetmesh.__main__ import main
from rehearsal.matrix.recordings import whole


def recorded(tmp_path: Path, name: str) -> str:
    folder = tmp_path / name
    folder.mkdir()
    whole(name).unpack(folder)
    return str(folder)


def test_it_exits_0_only_if_nothing_but_the_expected_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground = recorded(tmp_path, "ground-rolled-back")
    fault = recorded(tmp_path, "fleet-unit-still-enabled")
    assert main(["diff", ground, ground]) == 0
    assert "nothing: 0 changes as expected, 0 besides, 0 did not happen" in capsys.readouterr().out
    assert main(["diff", ground, fault]) == 1
    out = capsys.readouterr().out
    assert "not expected: boot_units[railiance01] fleet-state-hub-coulombcore.service: " in out
    assert main(["diff", ground, ground, "--expect", "cutover"]) == 1
    assert "did not happen: listeners[railiance01] 127.0.0.1:18000: " in capsys.readouterr().out


def test_what_one_side_did_not_ask_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground = recorded(tmp_path, "ground-after")
    own = recorded(tmp_path, "ground-own")  # the operators' own checks, which ask little
    assert main(["diff", ground, own]) == 1
    assert "listeners[railiance01]: seen → not seen: it was not asked" in capsys.readouterr().out
    assert main(["diff", own, own]) == 0
    assert "neither was asked, so nothing is known: " in capsys.readouterr().out


def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground = recorded(tmp_path, "ground-after")
    for other, why in (
        (tmp_path / "nowhere", "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        assert main(["diff", ground, str(other)]) == 2
        assert why in capsys.readouterr().err
    assert main(["diff", ground, ground, "--expect", "cutoff"]) == 2
    assert "--expect cutoff: write one of cutover, install, " in capsys.readouterr().err
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    assert main(["diff", ground, ground, "--expect", str(fifo)]) == 2
    assert "fifo.yaml cannot be read: " in capsys.readouterr().err
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert main(["diff", ground, str(circle)]) == 2
    assert "Symlink loop" in capsys.readouterr().err
    another = Path(recorded(tmp_path, "ground-rolled-back"))
    file = another / "inventory.yaml"
    file.write_text(file.read_text().replace("name: rehearsal\n", "name: another\n", 1))
    assert main(["diff", ground, str(another)]) == 2
    assert "these are different fleets: rehearsal and another" in capsys.readouterr().err
    file.unlink()
    assert main(["diff", ground, str(another)]) == 2
    assert "inventory.yaml" in capsys.readouterr().err
