"""A month of runs: every change is told once and in order, whatever befalls receiver and runs."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest

from fleetmesh.monitoring import monitor
from fleetmesh.monitoring.errands import Errand, Notice
from selftests.monitoring.conftest import Told

VERDICTS = ("READY", "READY", "READY", "NOT READY", "INCONCLUSIVE", "INCOMPLETE")


class Killed(BaseException):
    """The run is killed here."""


class Network:
    """A receiver that is up or down, and runs that are killed while they tell it."""

    def __init__(self, random: Random) -> None:
        self.random, self.up, self.kills = random, True, True
        self.came: list[str] = []
        self.twice = 0

    def courier(self, errands: Sequence[Errand], _seconds: int) -> "Network.Courier":
        return Network.Courier(self, errands)

    class Courier:
        def __init__(self, network: "Network", errands: Sequence[Errand]) -> None:
            self.network, self.errands = network, errands

        def end(self) -> None:
            pass

        def heard(self) -> Iterator[tuple[Errand, str | None]]:
            network = self.network
            for errand in self.errands:
                assert isinstance(errand, Notice)
                if not errand.text:
                    continue
                lot = network.random.random()
                if network.kills and lot < 0.1:
                    raise Killed
                if not network.up:
                    yield errand, "it is down"
                    return
                network.came.append(errand.title)
                if network.kills and lot < 0.2:
                    network.twice += 1
                    raise Killed
                yield errand, None


@pytest.mark.parametrize("seed", range(8))
def test_every_change_is_told_once_and_none_is_missed(
    seed: int, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    network = Network(random)
    monkeypatch.setattr(monitor, "Courier", network.courier)
    told.tells(notify={"ops": "json://localhost"})
    verdicts = ["READY"]
    told.run("READY")
    for _ in range(60):
        network.up = random.random() < 0.7
        verdict = random.choice(VERDICTS)
        if random.random() < 0.1:  # killed before it ends: only a dead man's switch notices
            told.begun(verdict)
            continue
        verdicts.append(verdict)
        with contextlib.suppress(Killed):
            told.run(verdict)
    network.up, network.kills = True, False
    told.run(verdicts[-1])
    changes = [
        f"production on rehearsal: {before} → {after}"
        for before, after in pairwise(verdicts)
        if before != after
    ]
    once = [title for number, title in enumerate(network.came) if not _again(network.came, number)]
    assert once == changes
    assert len(network.came) == len(changes) + network.twice
    assert told.outbox()["waiting"] == []


def _again(came: list[str], number: int) -> bool:
    """Whether it is the same as the one before it: two changes in a row never are."""
    return number > 0 and came[number] == came[number - 1]
