"""Every parser against real output: a new case is a new data file, and no code."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.facts import FACTS, NotUnderstood
from selftests.facts.cases import HERE, Case, differs, load

CASES = load()
ACCEPTED = [case for case in CASES if not case.refused]

# Of these a host may have none, or the command says what it has to say by its exit status.
MAY_BE_EMPTY = {
    "connections", "processes", "inside_answers", "reference_files",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_is_parsed_or_refused_as_its_file_says(case: Case) -> None:
    parse = FACTS[case.fact].parse
    if case.refused:
        with pytest.raises(NotUnderstood) as refusal:
            parse(case.transcript)
        assert case.given["refused"] in str(refusal.value)
    else:
        assert differs(case.given["expected"], parse(case.transcript)) is None


def test_every_data_file_is_about_a_fact_and_every_fact_is_taken_and_refused() -> None:
    counted = Counter((case.fact, case.refused) for case in CASES)
    assert set(counted) == {(fact, refused) for fact in FACTS for refused in (False, True)}


def test_every_folder_is_named_after_a_fact() -> None:
    folders = {path.name for path in HERE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == FACTS.keys()


@pytest.mark.parametrize("fact", sorted(FACTS.keys() - MAY_BE_EMPTY))
@pytest.mark.parametrize("exit_status", [0, 200])
def test_no_output_is_not_nothing(fact: str, exit_status: int) -> None:
    empty = Case(fact, "empty", {"exit_status": exit_status}).transcript
    with pytest.raises(NotUnderstood):
        FACTS[fact].parse(empty)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(ACCEPTED), st.data())
def test_damaged_output_is_parsed_or_refused_and_never_raises_anything_else(
    case: Case, data: st.DataObject
) -> None:
    transcript = case.transcript
    output = transcript.stdout
    start = data.draw(st.integers(0, len(output)))
    end = data.draw(st.integers(start, min(len(output), start + 200)))
    put = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"\n", b"null", b'"', b"[]", b"=", b" "])
    )
    damaged = replace(transcript, stdout=output[:start] + put + output[end:])
    with suppress(NotUnderstood):
        FACTS[case.fact].parse(damaged)
