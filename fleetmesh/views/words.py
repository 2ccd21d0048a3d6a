"""How verdicts, checks and answers are put into words."""

from fleetmesh.evidence.condition import State
from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.evidence.run import Result, Run
from fleetmesh.gather.transcript import Transcript

NEVER = "it was planned and did not report: the run is INCOMPLETE"
_BREAKS_OFF = "the end of the run, before which the record breaks off"


def conclusion(run: Run) -> str:
    """The verdict's words; a run that left checks out is never called ready."""
    return run.headline.partition(":")[0]


def likened(run: Run) -> Outcome:
    """The outcome whose sign and colour the verdict bears."""
    if run.verdict is Verdict.NOT_READY:
        return Outcome.FAIL
    return Outcome.PASS if run.conclusion == Verdict.READY.value else Outcome.INCONCLUSIVE


def because(run: Run) -> str:
    """Why the verdict is what it is, in one sentence."""
    failed, unseen = run.counts[Outcome.FAIL], run.counts[Outcome.INCONCLUSIVE]
    of = f"of {len(run.planned) or len(run.results)} checks"
    match run.verdict:
        case Verdict.INCOMPLETE if not run.results:
            return "No check reported anything: nothing is known about this fleet."
        case Verdict.INCOMPLETE if not run.missing:
            return "The record breaks off before the run's end: nothing can be concluded."
        case Verdict.INCOMPLETE:
            return f"{len(run.missing)} {of} never reported: nothing can be concluded."
        case Verdict.NOT_READY:
            also = f", and {unseen} could not be concluded" if unseen else ""
            return f"{failed} {of} failed{also}{_states(run)}."
        case Verdict.INCONCLUSIVE:
            return f"Nothing failed, but {unseen} {of} could not be concluded{_states(run)}."
        case _ if not run.catalogued:
            return "What ran has passed, but the plan does not say what else its phases have."
        case _ if run.deselected:
            return f"What ran has passed, but {run.deselected} of the phase's checks were left out."
        case _ if blind := run.counts[Outcome.ACCEPTED]:
            return f"None failed, but {blind} {of} saw nothing, which somebody accepts for now."
        case _:
            return "Every planned check reported, and none failed."


def _states(run: Run) -> str:
    """How many are in each state, unless all of them are just broken."""
    counted = [f"{run.states[state]} {state.value}" for state in State if run.states[state]]
    return f": {', '.join(counted)}" if run.states.keys() - {State.BROKEN} else ""


def unreported(run: Run) -> tuple[str, ...]:
    """What a view shows as an error, so that no view of an INCOMPLETE run is green."""
    if run.verdict is Verdict.INCOMPLETE and not run.missing:
        return (_BREAKS_OFF,)
    return run.missing


def name(result: Result) -> str:
    """The check, with its subject where it has one."""
    return f"{result.id} [{result.subject}]" if result.subject else result.id


def ended(transcript: Transcript) -> str:
    """How the answer ended, by the exit status or that of HTTP."""
    status = transcript.exit_status
    if status is None:
        return "no exit status"
    return f"HTTP {status}" if _by_http(transcript) else f"exit {status}"


def streams(transcript: Transcript) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """What came back, each part by its name."""
    names = ("Body", "Headers") if _by_http(transcript) else ("Standard output", "Standard error")
    return (names[0], transcript.stdout), (names[1], transcript.stderr)


def _by_http(transcript: Transcript) -> bool:
    """Told by a status that no process can have, or that suits a command which speaks HTTP."""
    speaks = "curl " in transcript.command or "kubectl " in transcript.command
    status = transcript.exit_status or 0
    return status > 255 or (speaks and 200 <= status < 255)
