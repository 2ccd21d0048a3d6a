"""Many commands in one exec, each with its own deadline, exit status and both streams.

No temporary files, and nothing assumed of the remote host but a POSIX shell and coreutils: a marker
with a random nonce stands on both streams before and after each command, and the streams are cut
at the markers. Whatever a login shell prints before the first marker falls away.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_PRELUDE = """\
export LC_ALL=C SYSTEMD_PAGER= SYSTEMD_COLORS=0 PATH="$PATH:/usr/sbin:/sbin"
now=$(date +%s.%N)
probe() {
  printf '\\n%s begin %s %s\\n' NONCE "$1" "$now"
  printf '\\n%s begin %s\\n' NONCE "$1" >&2
  timeout -k 1 "$2" sh -c "$3" </dev/null
  status=$? now=$(date +%s.%N)
  printf '\\n%s end %s %s %s\\n' NONCE "$1" "$now" "$status"
  printf '\\n%s end %s\\n' NONCE "$1" >&2
}
"""


@dataclass(frozen=True)
class Answer:
    """What one command of a batch said. Times are seconds since the epoch on the *remote* clock."""

    exit_status: int | None
    stdout: bytes
    stderr: bytes
    began: float
    ended: float | None

    @property
    def timed_out(self) -> bool:
        """Whether timeout(1) ended the command: 124, or 137 where it had to be killed."""
        return self.exit_status in (124, 137)


def compose(commands: Sequence[tuple[str, float]], nonce: str) -> str:
    """One shell command that runs each (command, deadline in seconds) in turn."""
    script = _PRELUDE.replace("NONCE", nonce) + "".join(
        f"probe {index} {deadline:g} {shlex.quote(command)}\n"
        for index, (command, deadline) in enumerate(commands)
    )
    return f"exec sh -c {shlex.quote(script)}"


def split(stdout: bytes, stderr: bytes, nonce: str) -> dict[int, Answer]:
    """The answers found in both streams, by index; a command that never began is absent.

    A command whose end is missing on either stream (the connection broke) has `exit_status` and
    `ended` None.
    """
    mark = re.escape(nonce.encode())
    pattern = re.compile(
        rb"\n%s begin (\d+) ([\d.]+)\n(.*?)(?:\n%s end \1 ([\d.]+) (\d+)\n|\Z)" % (mark, mark),
        re.DOTALL,
    )
    errors = re.compile(rb"\n%s begin (\d+)\n(.*?)(?:(\n)%s end \1\n|\Z)" % (mark, mark), re.DOTALL)
    said = {int(match[1]): match for match in errors.finditer(stderr)}
    answers = {}
    for match in pattern.finditer(stdout):
        error = said.get(int(match[1]))
        whole = match[4] is not None and error is not None and error[3] is not None
        answers[int(match[1])] = Answer(
            exit_status=int(match[5]) if whole else None,
            stdout=match[3],
            stderr=error[2] if error else b"",
            began=float(match[2]),
            ended=float(match[4]) if whole else None,
        )
    return answers
