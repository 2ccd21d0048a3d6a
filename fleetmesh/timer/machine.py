"""This machine: what of the timer is on it, and each step of a plan carried out."""

import fcntl
import json
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fleetmesh.evidence.files import content, json_object, replacing
from fleetmesh.timer import environment
from fleetmesh.timer.environment import Content
from fleetmesh.timer.places import (
    ACCOUNT,
    CURRENT,
    ENVIRONMENTS,
    EVIDENCE,
    LOCK,
    RECORD,
    SERVICE,
    SETTINGS,
    TIMER,
    UNITS,
    CannotInstall,
)
from fleetmesh.timer.plan import (
    File,
    Found,
    MakeAccount,
    MakeEnvironment,
    Remove,
    StartTimer,
    Step,
    UseEnvironment,
    Write,
)

_LARGEST = 1 << 22  # bytes of a file that is ours, and more
_DEADLINE = 120.0  # seconds for systemctl, useradd and the like
_SBIN = ":/usr/sbin:/sbin"
"""Where useradd is, which root has in its PATH only if it has logged in."""
_LAST_ORDINARY = 999
"""The highest user id of a system account, in Debian."""


@dataclass
class Record:
    """What installations have put on this machine, written down before they do."""

    made_account: bool = False
    files: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Record":
        """The machine's; an empty one if there is none. Raises CannotInstall."""
        try:
            found = json_object(content(RECORD, _LARGEST))
            return cls(bool(found["made_account"]), {str(k): v for k, v in found["files"].items()})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise CannotInstall(f"{RECORD} cannot be used: {error}") from None

    def write(self) -> None:
        """Keep it. Raises OSError."""
        SETTINGS.mkdir(mode=0o755, exist_ok=True)
        with replacing(RECORD, durable=True) as file:
            file.write(json.dumps(asdict(self), indent=1).encode())


@contextmanager
def alone() -> Iterator[None]:
    """No other installation goes on meanwhile. Raises CannotInstall, OSError."""
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotInstall("another install-timer is at work; wait for it to end") from None
        yield


def look(wanted: Iterable[Path], record: Record) -> Found:
    """See what is there of what is wanted, and of what an earlier installation wrote."""
    written = {Path(path): frozenset(digests) for path, digests in record.files.items()}
    files = {path: _file(path) for path in {*wanted, *written} if os.path.lexists(path)}
    whole = {
        folder.name for folder in environments() if environment.lying_in(folder) == folder.name
    }
    return Found(
        files=files,
        written=written,
        account=_account(),
        environments=frozenset(whole),
        current=CURRENT.readlink().name if CURRENT.is_symlink() else None,
        timer=_waits(),
    )


def environments() -> list[Path]:
    """Those that installations made, whole or not."""
    return [
        folder
        for folder in (ENVIRONMENTS.iterdir() if ENVIRONMENTS.is_dir() else ())
        if not folder.is_symlink() and (folder / "pyvenv.cfg").is_file()
    ]


def carry_out(step: Step, given: Content) -> None:
    """Do it. Raises OSError, or CannotInstall if a program fails."""
    match step:
        case MakeAccount():
            home = ("--home-dir", str(EVIDENCE), "--no-create-home")
            run(
                "useradd",
                "--system",
                "--user-group",
                *home,
                "--shell",
                "/usr/sbin/nologin",
                ACCOUNT,
            )
        case MakeEnvironment():
            environment.make(given, ENVIRONMENTS / step.digest)
        case Write():
            _write(step.path, step.file)
        case Remove():
            step.path.unlink(missing_ok=True)
        case UseEnvironment():
            beside = CURRENT.with_name(".current")
            beside.unlink(missing_ok=True)
            beside.symlink_to(step.digest)
            beside.replace(CURRENT)
            for folder in environments():
                if folder.name not in (step.digest, step.kept):
                    shutil.rmtree(folder)
        case StartTimer():
            run("systemctl", "daemon-reload")
            run("systemctl", "enable", "--quiet", TIMER)
            run("systemctl", "restart", TIMER)
        case _:
            raise TypeError(f"{step} is no step of an installation")


def remove(record: Record) -> None:
    """Take away all that the record names, the account and every environment; not the evidence."""
    for unit, how in ((TIMER, ("disable", "--now", "--quiet")), (SERVICE, ("stop",))):
        if (UNITS / unit).exists():
            run("systemctl", *how, unit)
    for path in map(Path, record.files):
        path.unlink(missing_ok=True)
    run("systemctl", "daemon-reload")
    for folder in environments():
        shutil.rmtree(folder)
    shutil.rmtree(ENVIRONMENTS / ".building", ignore_errors=True)
    CURRENT.unlink(missing_ok=True)
    if EVIDENCE.is_dir():
        run("chown", "--recursive", "--no-dereference", "root:root", str(EVIDENCE))
    if record.made_account and _account():
        run("userdel", ACCOUNT)
    RECORD.unlink(missing_ok=True)
    folders = [path for path in SETTINGS.rglob("*") if path.is_dir()]
    for folder in (*sorted(folders, reverse=True), SETTINGS, ENVIRONMENTS, UNITS / f"{SERVICE}.d"):
        with suppress(OSError):  # whoever has put something there keeps it
            folder.rmdir()


def may_write(folder: Path) -> bool:
    """Whether the account may put a file there. Raises CannotInstall."""
    tried = ("runuser", "-u", ACCOUNT, "--", "sh", "-c", 'test -w "$0" && echo yes || echo no')
    return run(*tried, str(folder)).strip() == "yes"


def run(*command: str) -> str:
    """What a program says on its standard output. Raises CannotInstall if it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_DEADLINE, env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}{_SBIN}"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).split())
        raise CannotInstall(f"{' '.join(command)}: exit status {done.returncode}: {said}")
    return done.stdout


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = pwd.getpwnam(file.owner)
    with replacing(path, durable=True) as opened:
        os.fchmod(opened.fileno(), file.mode)
        os.fchown(opened.fileno(), owner.pw_uid, owner.pw_gid)
        opened.write(file.content)


def _file(path: Path) -> File | None:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    return File(content(path, _LARGEST), stat.S_IMODE(status.st_mode), owner)


def _account() -> bool:
    """Whether there is the account. Raises CannotInstall if another one has its name."""
    try:
        found = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    if found.pw_dir != str(EVIDENCE) or found.pw_uid > _LAST_ORDINARY:
        raise CannotInstall(
            f"there is another user {ACCOUNT}, who is no system account with the home {EVIDENCE}; "
            "rename that one"
        )
    return True


def _waits() -> bool:
    shown = ("systemctl", "show", "--property=UnitFileState,ActiveState,NeedDaemonReload")
    told: list[Mapping[str, str]] = []
    for unit in (TIMER, SERVICE):
        lines = run(*shown, unit).split()
        told.append(dict(line.split("=", 1) for line in lines))
    enabled = (told[0]["UnitFileState"], told[0]["ActiveState"]) == ("enabled", "active")
    return enabled and all(one["NeedDaemonReload"] == "no" for one in told)
