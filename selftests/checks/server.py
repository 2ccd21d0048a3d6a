"""Runs pytest again and again, each time in a fork of a process that has the imports behind it.

One JSON object a line on standard input: `folder`, `arguments`, `environment`, `output` (a file).
The answer is a line with the exit status; whatever the run contacted or started is in the file
`output`.contacted, one line each.
"""

import json
import os
import signal
import sys
from pathlib import Path

import httpx  # noqa: F401
import pytest

_DEADLINE = 30  # seconds for one run
_HARMLESS = (["uname", "-p"], ["git"], ["ssh", "-V"])
"""How commands begin that tell with what a run is made; the first is platform.processor()."""
_CONTACTS = {"socket.connect", "socket.sendto", "subprocess.Popen", "os.system", "os.posix_spawn"}


def _harmless(details: tuple[object, ...]) -> bool:
    command = details[1] if len(details) > 1 else None
    return isinstance(command, list) and any(command[: len(h)] == h for h in _HARMLESS)


def _run(asked: dict[str, object]) -> int:
    output = Path(str(asked["output"]))
    contacted = os.open(f"{output}.contacted", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event in _CONTACTS and not _harmless(details):
            os.write(contacted, f"{event} {details[1:]}\n".encode())

    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    os.chdir(str(asked["folder"]))
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    signal.alarm(_DEADLINE)
    sys.addaudithook(watch)
    return int(pytest.main(asked["arguments"]))  # type: ignore[arg-type]


for line in sys.stdin:
    if (pid := os.fork()) == 0:
        status = 99
        try:
            status = _run(json.loads(line))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
