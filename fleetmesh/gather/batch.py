"""Many commands in one exec, each with its own deadline, exit status and both streams.

Nothing is assumed of the remote host but a POSIX shell: where there is no timeout(1), the shell
ends what takes too long, and a date(1) may tell whole seconds alone. What is asked travels over
standard input: COMMAND, all that the host's process list shows, is the same for every run and holds
none of it. The log-in shell only starts COMMAND, whatever shell it is; what it has set up is gone
before the questions are read. They are asked only if every byte of them has come.

A marker with a random nonce stands on both streams before and after each command, and the streams
are cut at the markers. Nobody else on the host can know the nonce: it is in no argument vector, no
environment and no file. So whatever does not stand exactly as the script puts it is not believed.
Only what a log-in shell prints before the first marker falls away.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Everything that a log-in sets up is left behind but what names the user, its session, its commands
# and its systemd. A variable that is not set stays so: programs tell that from an empty one.
_KEPT = (
    *("HOME", "USER", "LOGNAME", "XDG_SESSION_ID", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"),
    "DBUS_SESSION_BUS_ADDRESS",
)
_CLEAN = " ".join(
    (
        "exec /usr/bin/env -i",
        *(f'${{{name}+{name}="${name}"}}' for name in _KEPT),
        "LC_ALL=C",
        'PATH="${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"',
        '/bin/sh -c "$0"',
    )
)
MISREAD = 65
"""Exit status where not every byte of the questions came: EX_DATAERR of sysexits.h(3head)."""
_HEAD = f"exit {MISREAD} # %d bytes;"
# A shell that reads the questions itself, in place of this one, runs their first word and no more.
_READ = (
    f'cd && s=$(cat) && case $s in "{_HEAD.replace("%d", "${#s}")}"*) eval "${{s#*;}}"; exit;; '
    f"esac; exit {MISREAD}"
)
COMMAND = f"exec /bin/sh -c '{_CLEAN}' '{_READ}'"
"""What is executed on the host: one line, without a character that any log-in shell changes."""

# `echo` is part of every shell, so that no process is started that would show the nonce. A shell
# that ends a command itself gives it a group of its own: what it has started ends with it.
_PRELUDE = """
n=NONCE
now() {
  now=$(date +%s.%N)
  case $now in *[!0-9.]* | *.) now=$(date +%s) ;; esac
}
if command -v timeout >/dev/null; then
  within() { timeout -k 1 "$1" sh -c "$2" </dev/null; }
else
  within() {
    set -m
    sh -c "$2" </dev/null 2>&3 3>&- & asked=$!
    {
      sleep "$1"
      kill -- -$asked || kill $asked
      sleep 1
      kill -9 -- -$asked || kill -9 $asked
    } >/dev/null &
    watch=$!
    set +m
    wait $asked
    status=$?
    kill -- -$watch || kill $watch
    wait $watch
    case $status in 137 | 143) return 124 ;; esac
    return $status
  } 3>&2 2>/dev/null
fi
now
late=0
probe() {
  echo "
$n begin $1 $now"
  echo "
$n begin $1" >&2
  if [ $late -ge PATIENCE ]; then within "$3" "$4"; else within "$2" "$4"; fi
  status=$?
  case $status in 124 | 137) late=$((late + 1)) ;; esac
  now
  echo "
$n end $1 $now $status"
  echo "
$n end $1" >&2
}
"""
PATIENCE = 3
"""So many commands may run into their deadline before the others get only half of theirs.

What hangs is mostly one thing that several commands ask. The rest still answer, in time.
"""
_TIME = rb" (\d{1,10}(?:\.\d{1,9})?)"
_STDOUT = {"begin": _TIME, "end": _TIME + rb" (\d{1,3})"}
_STDERR = {"begin": b"()", "end": b"()"}


class Disordered(Exception):
    """The markers do not stand as the script puts them; the text says what was found."""


@dataclass(frozen=True)
class CommandAnswer:
    """What one command of a batch said. Times are seconds since the epoch on the *remote* clock."""

    exit_status: int | None
    stdout: bytes
    stderr: bytes
    began: float
    ended: float | None
    in_whole_seconds: bool = False
    """Whether that clock tells no fractions, and the time was up to one later."""

    @property
    def timed_out(self) -> bool:
        """Whether timeout(1) ended the command: 124, or 137 where it had to be killed."""
        return self.exit_status in (124, 137)


def deadlines(given: Sequence[float], answers: Mapping[int, CommandAnswer]) -> list[float]:
    """The seconds that each command of a batch had in the end, as those before it have ended."""
    had, late = [], 0
    for index, deadline in enumerate(given):
        had.append(deadline if late < PATIENCE else deadline / 2)
        late += index in answers and answers[index].timed_out
    return had


def compose(commands: Sequence[tuple[str, float]], nonce: str) -> bytes:
    """What COMMAND is given to read: each (command, deadline in seconds) in turn."""
    body = _PRELUDE.replace("NONCE", nonce).replace("PATIENCE", str(PATIENCE)) + "\n".join(
        f"probe {index} {deadline:g} {deadline / 2:g} {shlex.quote(command)}"
        for index, (command, deadline) in enumerate(commands)
    )
    size = len(body.encode())
    # The head counts itself, too, and so the digits of its number.
    total = next(n for n in range(size, size + 99) if len(_HEAD % n) + size == n)
    return (_HEAD % total + body).encode()


@dataclass(frozen=True)
class _Frame:
    """What stands on one stream between the two markers of a command."""

    content: bytes
    begin: re.Match[bytes]
    end: re.Match[bytes] | None


def split(
    stdout: bytes, stderr: bytes, nonce: str, count: int, *, broken: bool
) -> dict[int, CommandAnswer]:
    """The answers of `count` commands, by index.

    Only where the exec is `broken` off may a suffix of either stream be missing. A command that
    never began is then absent; one whose end is missing on either stream has `exit_status` and
    `ended` None. Raises Disordered where the markers stand in any other way.
    """
    outs = _frames(stdout, nonce, count, _STDOUT, broken=broken)
    errs = _frames(stderr, nonce, count, _STDERR, broken=broken)
    answers = {}
    for index, out in enumerate(outs):
        err = errs[index] if index < len(errs) else None
        end = out.end if err and err.end else None
        answers[index] = CommandAnswer(
            exit_status=int(end[2]) if end else None,
            stdout=out.content,
            stderr=err.content if err else b"",
            began=float(out.begin[1]),
            ended=float(end[1]) if end else None,
            in_whole_seconds=b"." not in out.begin[1],
        )
    return answers


def _frames(
    stream: bytes, nonce: str, count: int, marks: dict[str, bytes], *, broken: bool
) -> list[_Frame]:
    word = nonce.encode()
    if broken:  # in the middle of a marker
        stream = stream.removesuffix(b"\n" + word)
    before, *pieces = stream.split(b"\n" + word + b" ")
    frames: list[_Frame] = []
    for position, piece in enumerate(pieces):
        index, ends = divmod(position, 2)
        kind = "end" if ends else "begin"
        line, whole, content = piece.partition(b"\n")
        breaks_off = broken and position == len(pieces) - 1
        if breaks_off and not whole:
            break
        mark = re.fullmatch(rb"%s %d%s" % (kind.encode(), index, marks[kind]), line)
        if mark and not whole:
            raise Disordered(f"another marker follows `{kind} {index}` at once")
        if not mark or index >= count:
            expected = f"`{kind} {index}`" if index < count else "nothing more"
            raise Disordered(f"expected {expected}, found {_shown(line)}")
        if not ends:
            frames.append(_Frame(content, mark, None))
        elif content and not (breaks_off and (b"\n%s " % word).startswith(content)):
            raise Disordered(f"expected nothing after `end {index}`, found {_shown(content)}")
        else:
            frames[-1] = _Frame(frames[-1].content, frames[-1].begin, mark)
    if any(word in content for content in (before, *(frame.content for frame in frames))):
        raise Disordered("a marker stands within a line")
    if not broken and (len(frames) < count or not frames[-1].end):
        found = sum(1 for frame in frames if frame.end)
        raise Disordered(f"expected {count} answers, found {found}")
    return frames


def _shown(found: bytes) -> str:
    return f"`{found[:40].decode('ascii', 'backslashreplace')}`"
