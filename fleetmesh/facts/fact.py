"""A fact is a question and a pure parser of its answer; Observed is a fact about every subject."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from fleetmesh.gather.probe import OfCluster, Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.redaction.marks import OVER_LINES, marks
from fleetmesh.text.legible import brief, cut, last_line

T = TypeVar("T")
_LONGEST = 400
"""Characters that a parser's complaint may have: it repeats what a host said."""
Probes = Callable[[Inventory], Mapping[str, Probe]]
"""What to ask, by subject."""


class Inconclusive(Exception):
    """A check could not observe what it needs. Its text is the cause, in one sentence."""


class Hidden(Inconclusive):
    """What was seen is known to the fleet alone: the record has a mark where it matters."""


class NotUnderstood(Exception):
    """A parser met output that it does not know. Its text says what was expected."""


@dataclass(frozen=True)
class Fact(Generic[T]):
    """One kind of thing that can be known, of each of its subjects (hosts, tunnels, services …)."""

    name: str
    probes: Probes
    parse: Callable[[Transcript], T]

    def __str__(self) -> str:
        return self.name

    def asks_a_cluster(self, inventory: Inventory) -> bool:
        """Whether any of its questions goes to the API of a cluster."""
        asked = self.probes(inventory).values()
        return any(isinstance(probe, OfCluster) for probe in asked)

    def read(self, transcript: Transcript) -> T:
        """What the parser makes of an answer. Raises NotUnderstood, whatever the parser does.

        A host may say anything; what breaks a parser must spoil no more than what needs the answer.
        """
        try:
            return self.parse(transcript)
        except NotUnderstood:
            raise
        except Exception as error:  # RecursionError and MemoryError included
            raise NotUnderstood(
                f"the parser broke on it: {type(error).__name__}: {error}"
            ) from error


def succeeded(transcript: Transcript) -> str:
    """The output of a command that must exit 0; raises NotUnderstood otherwise."""
    if transcript.exit_status != 0:
        said = last_line(transcript.stderr) or last_line(transcript.stdout, "nothing")
        raise NotUnderstood(f"exit status {transcript.exit_status}: {said}")
    return transcript.out


def blocks(text: str) -> list[dict[str, str]]:
    """`Key=value` lines in blocks parted by blank lines, as systemctl and loginctl `show` print.

    A key that repeats within a block keeps every value, one a line.
    """
    found: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        if not line:
            found.append({})
            continue
        key, equals, value = line.partition("=")
        if not equals or not key:
            raise NotUnderstood(f"expected Key=value, found {brief(repr(line))}")
        block = found[-1]
        block[key] = f"{block[key]}\n{value}" if block.get(key) else value
    return [block for block in found if block]


class Observed(Mapping[str, T]):
    """A fact as observed of each subject.

    Reading a subject that could not be observed raises Inconclusive with the cause; every
    transcript that a reader relies on is handed to `consulted`.

    Transcripts that were `recorded` have marks where something was secret. What is read is not
    judged where one stands in it: nobody knows what it hides.

    Those who read the same transcripts may share `read`, so that each is parsed once for all.
    """

    def __init__(
        self,
        fact: Fact[T],
        transcripts: Mapping[str, Transcript],
        consulted: Callable[[Transcript], None],
        *,
        recorded: bool = False,
        read: dict[str, T | Inconclusive] | None = None,
    ) -> None:
        self._fact = fact
        self._transcripts = transcripts
        self._consulted = consulted
        self._recorded = recorded
        self._read: dict[str, T | Inconclusive] = {} if read is None else read

    def __getitem__(self, subject: object) -> T:
        key = str(subject)
        transcript = self.transcript(key)
        if transcript.lost:
            raise Inconclusive(transcript.lost)
        if key not in self._read:
            try:
                self._read[key] = self._parsed(transcript)
            except Inconclusive as error:
                self._read[key] = error
        found = self._read[key]
        if isinstance(found, Inconclusive):
            raise found.with_traceback(None)  # else each reader would add to the one before
        return found

    def _parsed(self, transcript: Transcript) -> T:
        hidden = marks((transcript.stdout, transcript.stderr)) if self._recorded else ()
        if self._recorded and transcript.hides:
            self._hide(transcript, transcript.hides)
        if over_lines := sorted(OVER_LINES.intersection(hidden)):
            self._hide(transcript, over_lines)
        try:
            parsed = self._fact.read(transcript)
        except NotUnderstood as error:
            if hidden:
                self._hide(transcript, hidden)
            self._refuse(transcript, error)
        if self._recorded and (read := marks((parsed, transcript.details))):
            self._hide(transcript, read)
        return parsed

    def __iter__(self) -> Any:
        return iter(self._transcripts)

    def __len__(self) -> int:
        return len(self._transcripts)

    def known(self) -> dict[str, T]:
        """What could be observed, as an aid to read other facts by: nothing of it is consulted."""
        aside = Observed(
            self._fact,
            self._transcripts,
            lambda _: None,
            recorded=self._recorded,
            read=self._read,
        )
        found = {}
        for subject in aside:
            with suppress(Inconclusive):
                found[subject] = aside[subject]
        return found

    def transcript(self, subject: object) -> Transcript:
        """The raw answer about `subject`; raises Inconclusive where nothing was asked."""
        try:
            transcript = self._transcripts[str(subject)]
        except KeyError:
            raise Inconclusive(f"{self._fact} was not asked about {subject}") from None
        self._consulted(transcript)
        return transcript

    def _hide(self, transcript: Transcript, rules: Sequence[str]) -> NoReturn:
        raise Hidden(
            f"{transcript.host}: what `{self._fact}` says was recorded without a secret "
            f"({', '.join(rules)}) where it matters: only the fleet itself can be judged by it"
        )

    def _refuse(self, transcript: Transcript, error: NotUnderstood) -> NoReturn:
        raise Inconclusive(
            f"{transcript.host}: `{self._fact}` was not understood: {cut(str(error), _LONGEST)}"
        ) from error
