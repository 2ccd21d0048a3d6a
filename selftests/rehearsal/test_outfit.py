"""What the command line says of the machines, and what cannot happen on them."""

import pytest

from rehearsal.errors import RehearsalError
from rehearsal.faults import FAULTS
from rehearsal.image import DEFAULT, GENERATIONS
from rehearsal.matrix.rows import Matrix
from rehearsal.outfit import Outfit

MACHINES = ("railiance01", "coulombcore", "workstation")


def test_one_generation_for_all_and_another_for_one() -> None:
    made = Outfit.chosen(MACHINES, ["railiance01=sid", "bookworm", "workstation=bare"], "fish")
    assert made.generations == {
        "railiance01": "sid",
        "coulombcore": "bookworm",
        "workstation": "bare",
    }
    assert str(made).endswith("log-in shell fish")
    assert set(Outfit.chosen(MACHINES, [], "bash").generations.values()) == {DEFAULT}


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("buster", "no image is called 'buster'"),
        ("nuc=sid", "no machine is called 'nuc'"),
        ("bare", "only the workstation can be bare"),
        ("railiance01=bare", "only the workstation can be bare"),
    ],
)
def test_what_there_is_none_of_is_refused(choice: str, words: str) -> None:
    with pytest.raises(RehearsalError, match=words):
        Outfit.chosen(MACHINES, [choice], "bash")


def test_penalty_cannot_happen_where_sshd_knows_none() -> None:
    penalty = FAULTS["penalty-active"]
    mixed = dict.fromkeys(MACHINES, "sid") | {"coulombcore": "bookworm"}
    assert penalty.impossible(mixed) == "coulombcore is bookworm, and it can happen since trixie"
    assert penalty.impossible(dict.fromkeys(MACHINES, "trixie") | {"workstation": "bare"}) is None


def test_faults_name_generations_and_machines_that_there_are() -> None:
    for fault in FAULTS.values():
        assert fault.since.keys() <= set(MACHINES)
        assert set(fault.since.values()) <= set(GENERATIONS)


def test_what_cannot_happen_is_neither_tried_nor_caught() -> None:
    matrix = Matrix(every=False, impossible={"penalty-active": "coulombcore is bullseye"})
    assert (matrix.caught, matrix.missed, matrix.holds) == (0, 0, False)
    assert any("not possible       1 here: penalty-active" in line for line in matrix.summary())
