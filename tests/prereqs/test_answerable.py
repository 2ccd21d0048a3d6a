"""Whatever any phase will ask can be asked already, so that nothing comes up on the night."""

from collections.abc import Callable

from fixtures import Case, Inconclusive, check
from fixtures.questions import Answered


@check(
    "PRE-14.answerable",
    runbook="Prerequisites",
    hint="The reason says what each question needs. Where it names the inventory, edit that file.",
)
def test_every_question_is_answered(
    host_name: str, answered: Callable[[str], Answered], case: Case
) -> None:
    """Every question of all phases is answered and understood, before the cutover needs it."""
    found = answered(host_name)
    assert not found.failed, f"{found.failed} of {found.questions} questions fail: {found}"
    if found.unseen:
        raise Inconclusive("; ".join(dict.fromkeys(found.unseen)))
    case.note(f"{host_name} has answered all {found.questions} questions, and was understood")
