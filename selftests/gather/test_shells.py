"""Whatever log-in shell a user has, and whatever it sets up, the host is asked the same questions.

sshd runs SHELL -c COMMAND in the user's home, with the questions on standard input; so do these
tests, and one of them through a real sshd.
"""

import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetmesh.gather import commands
from fleetmesh.gather.cluster_api import read_kubeconfig
from fleetmesh.gather.commands import Clock, Exec
from fleetmesh.gather.probe import Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import Session, Target
from fleetmesh.sessions import connect as connect_to
from fleetmesh.sessions.local import LocalSession
from selftests.sessions.conftest import Sshd, key_line, launch

LOST = "what its log-in shell starts by itself (as .bashrc) read the questions from its standard"

# What a shell reads that is started for one command: each shell's own file, in its own language.
FILES = {
    "bash": ".bashrc", "zsh": ".zshenv", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc",
    "dash": None, "mksh": None,
}  # fmt: skip
VARIABLES = {
    "COLUMNS": "20", "LINES": "2", "POSIXLY_CORRECT": "1", "LC_ALL": "de_DE.UTF-8", "LANG": "xx",
    "LANGUAGE": "de", "CDPATH": "/usr:/", "IFS": "e/", "ENV": "/nowhere", "BASH_ENV": "/nowhere",
    "TZ": "Asia/Kathmandu", "GREP_OPTIONS": "-v", "GREP_COLORS": "x", "SYSTEMD_PAGER": "false",
    "SYSTEMD_COLORS": "1", "SYSTEMD_LESS": "X", "SYSTEMD_URLIFY": "1", "PAGER": "false",
    "LESSOPEN": "|false", "TIME_STYLE": "+%s", "QUOTING_STYLE": "c", "BLOCK_SIZE": "1", "TERM": "x",
    "LS_COLORS": "x", "PS4": "$(false)", "OPTIND": "7", "KUBECONFIG": "/nowhere",
    "LD_LIBRARY_PATH": "/nowhere", "s": "exit", "n": "x", "now": "1", "status": "1x",
}  # fmt: skip
SH = "\n".join(
    (
        "echo Welcome; echo Careful >&2; printf 'no line break'",
        *(f"export {name}='{value}'" for name, value in VARIABLES.items() if name != "status"),
        "alias timeout=false printf=false echo=false exec_=false date=false cat=false",
        "timeout() { false; }; date() { false; }; cat() { false; }; env() { false; }",
        "printf_() { false; }; ss() { false; }; systemctl() { false; }; cd / ; umask 077",
        "set -u -f; trap '' HUP; ulimit -c 0",
    )
)
HOSTILE = {
    "bash": SH + "\nexport -f timeout date cat env ss systemctl; set -e; shopt -s expand_aliases\n"
    "trap 'echo bye' EXIT\n",
    "zsh": SH + "\nset -e; alias -g begin=end; setopt shwordsplit ksharrays\n",
    "fish": "echo Welcome; echo Careful >&2; cd /\n"
    + "\n".join(
        f"set -gx {name} '{value}'" for name, value in VARIABLES.items() if name != "status"
    )
    + "\nfunction timeout; false; end; function date; false; end; function cat; false; end\n"
    "function env; false; end; function on_exit --on-event fish_exit; echo bye; end\n",
    "tcsh": "echo Welcome\ncd /\n"
    + "\n".join(f"setenv {name} '{value}'" for name, value in VARIABLES.items())
    + "\nalias timeout false\nalias date false\nalias env false\nset noglob\nset echo_style=none\n",
    "dash": "", "mksh": "",
}  # fmt: skip
SWALLOWS = {
    "bash": ["cat >/dev/null", "read -r x", "head -c 40 >/dev/null", "exec zsh", "exec bash -s",
             "exec fish", "exec tcsh"],
    "zsh": ["cat >/dev/null", "read -r x", "exec bash", "exec dash"],
    "fish": ["cat >/dev/null", "head -n 1 >/dev/null", "read x", "exec bash"],
    "tcsh": ["cat >/dev/null", "head -n 1 >/dev/null", "set x = $<", "exec bash"],
}  # fmt: skip
QUESTIONS = (
    "echo one; echo err >&2; exit 3",
    "cat; pwd",
    "echo $LC_ALL; ls -d /et[c]; date -d @0 +%H; printf '%s\\n' a/b; echo \"${COLUMNS-}${ENV-}\"",
    "env",
    "sleep 30",
    "echo last",
)


@dataclass
class Account:
    """A user with a home of its own, and a log-in shell."""

    home: Path
    shell: str

    def reads(self, text: str) -> None:
        """Put text into the file that the shell reads by itself."""
        name = FILES[self.shell]
        assert name
        (self.home / name).parent.mkdir(parents=True, exist_ok=True)
        (self.home / name).write_text(text + "\n")

    def session(self) -> LocalSession:
        """Runs commands as sshd would for this user."""
        return LocalSession(Target(name="railiance01", ssh="railiance01"))


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Account]:
    """Makes an account that LocalSession takes for that of the user who runs the tests."""

    def make(shell: str) -> Account:
        found = Account(tmp_path / "home", shell)
        found.home.mkdir()
        path = f"/usr/bin/{shell}"
        me = pwd.struct_passwd(("u", "x", os.getuid(), os.getgid(), "", str(found.home), path))
        monkeypatch.setattr(pwd, "getpwuid", lambda _: me)
        monkeypatch.setenv("HOME", str(found.home))
        monkeypatch.setenv("SHLVL", "0")
        # bash reads .bashrc for a command where it takes itself for a child of sshd.
        monkeypatch.setenv("SSH_CLIENT", "192.0.2.1 1 22")
        monkeypatch.setenv("USER", "tegwick")
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        return found

    return make


def ask(session: Session, inventory: Inventory) -> list[Transcript]:
    """The suite's questions, and what it makes of the answers."""
    asked = [
        Question(f"f{n}", "x", Exec("railiance01", command), "railiance01", "")
        for n, command in enumerate(QUESTIONS)
    ]
    asked.append(Question("clock", "x", Clock("railiance01"), "railiance01", ""))
    return commands.run_batch(session, asked, inventory)


def right(answers: list[Transcript], home: Path) -> None:
    """Every question is answered as it would be without anything set up."""
    first, second, third, environment, hangs, last, clock = answers
    assert (first.lost, first.stdout, first.stderr, first.exit_status) == (
        None,
        b"one\n",
        b"err\n",
        3,
    )
    assert (second.lost, second.out) == (None, f"{home}\n")
    assert third.out == "C\n/etc\n00\na/b\n\n"
    names = {line.partition("=")[0] for line in environment.out.splitlines()}
    kept = {"HOME", "USER", "LOGNAME", "PATH", "DBUS_SESSION_BUS_ADDRESS", "LC_ALL"}
    kept |= {"XDG_SESSION_ID", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"}
    assert names <= kept | {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {"HOME", "PATH"} <= names
    assert hangs.lost == "railiance01: `f4` did not end within 0.5 s"
    assert (last.lost, last.stdout) == (None, b"last\n")
    assert clock.lost is None


@pytest.mark.parametrize("shell", FILES)
def test_each_shell(account: Callable[[str], Account], inventory: Inventory, shell: str) -> None:
    here = account(shell)
    right(ask(here.session(), inventory), here.home)


@pytest.mark.parametrize("shell", [shell for shell, file in FILES.items() if file])
def test_each_shell_with_everything_set_up(
    account: Callable[[str], Account], inventory: Inventory, shell: str
) -> None:
    here = account(shell)
    here.reads(HOSTILE[shell])
    said = here.session().run("true", deadline=5)
    assert b"Welcome" in said.stdout, "the shell did not read the file"
    right(ask(here.session(), inventory), here.home)


@pytest.mark.parametrize("shell", [shell for shell, file in FILES.items() if file])
def test_what_comes_with_the_log_in_is_left_behind(
    account: Callable[[str], Account],
    inventory: Inventory,
    shell: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pam_env and sshd's SetEnv reach every shell."""
    here = account(shell)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BASH_FUNC_timeout%%", "() { false; }")
    monkeypatch.setenv("BASH_FUNC_echo%%", "() { false; }")
    right(ask(here.session(), inventory), here.home)


@pytest.mark.parametrize(
    ("shell", "line"), [(shell, line) for shell, lines in SWALLOWS.items() for line in lines]
)
def test_a_shell_that_takes_the_questions_is_a_cause(
    account: Callable[[str], Account], inventory: Inventory, shell: str, line: str
) -> None:
    here = account(shell)
    here.reads(line)
    (cause,) = {answer.lost for answer in ask(here.session(), inventory)}
    assert cause
    assert cause.startswith(f"railiance01 ran no command of the suite: {LOST}")


@pytest.mark.parametrize("where", [">/dev/null", "2>/dev/null", "2>&1", ">&-", "2>&-"])
def test_output_that_goes_elsewhere_is_a_cause(
    account: Callable[[str], Account], inventory: Inventory, where: str
) -> None:
    here = account("bash")
    here.reads(f"exec {where}")
    (cause,) = {answer.lost for answer in ask(here.session(), inventory)}
    assert cause
    assert cause.startswith(("railiance01: its answers are not", "railiance01 ran no command"))


@pytest.mark.parametrize("shell", [shell for shell, file in FILES.items() if file])
def test_a_kubeconfig_is_read_to_the_byte(
    account: Callable[[str], Account], inventory: Inventory, shell: str
) -> None:
    here = account(shell)
    (here.home / "config").write_text("kind: Config\n\n# fleetmesh-0 end\n")
    cluster = inventory.clusters["railiance01"].model_copy(update={"kubeconfig": "~/config"})
    here.reads(HOSTILE[shell])
    found = read_kubeconfig(here.session(), cluster, 5)
    assert (found.text, found.missing) == ("kind: Config\n\n# fleetmesh-0 end\n", None)
    here.reads("cat >/dev/null")
    found = read_kubeconfig(here.session(), cluster, 5)
    assert found.text == ""
    assert LOST in (found.missing or "")


def test_commands_are_found_where_the_user_has_them(
    account: Callable[[str], Account], inventory: Inventory
) -> None:
    here = account("bash")
    tool = here.home / "bin/kubectl"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "mine $HOME"\n')
    tool.chmod(0o755)
    here.reads('PATH="$HOME/bin:$PATH"')
    (answer,) = commands.run_batch(
        here.session(),
        [Question("f", "x", Exec("railiance01", "kubectl"), "railiance01", "")],
        inventory,
    )
    assert answer.out == f"mine {here.home}\n"


@pytest.fixture
def sshd_of(tmp_path: Path) -> Iterator[Callable[[str], Sshd]]:
    """A real sshd for which the user who runs it has another log-in shell and home."""
    running: list[Sshd] = []

    def start(shell: str) -> Sshd:
        me = pwd.getpwuid(os.getuid())
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        line = f"{me.pw_name}:x:{me.pw_uid}:{me.pw_gid}::{home}:/usr/bin/{shell}\n"
        (tmp_path / "passwd").write_text(line + "sshd:x:65533:65534::/run/sshd:/bin/false\n")
        within = ["unshare", "--mount", "sh", "-c",
                  f'mount --bind {tmp_path}/passwd /etc/passwd && exec "$@"', "sh"]  # fmt: skip
        running.append(launch(tmp_path / "sshd", "SetEnv COLUMNS=20", within=within))
        return running[-1]

    yield start
    for sshd in running:
        sshd.stop()


@pytest.mark.root
@pytest.mark.parametrize("shell", [shell for shell, file in FILES.items() if file])
def test_through_a_real_sshd(
    sshd_of: Callable[[str], Sshd], inventory: Inventory, tmp_path: Path, shell: str
) -> None:
    sshd = sshd_of(shell)
    here = Account(tmp_path / "home", shell)
    known, config = tmp_path / "known_hosts", tmp_path / "ssh_config"
    known.write_text(f"[127.0.0.1]:{sshd.port} {key_line(sshd.host_key)}\n")
    user = pwd.getpwuid(os.getuid()).pw_name
    config.write_text(
        f"Host railiance01\nHostName 127.0.0.1\nPort {sshd.port}\nUser {user}\n"
        f"IdentityFile {sshd.user_key}\nIdentityAgent none\nUserKnownHostsFile {known}\n"
    )
    session = connect_to(
        Target(name="railiance01", ssh="railiance01", connect_deadline=5.0, ssh_config=config)
    )
    try:
        here.reads(HOSTILE[shell])
        assert b"Welcome" in session.run("true", deadline=5).stdout
        right(ask(session, inventory), here.home)
        here.reads("cat >/dev/null")
        assert {LOST in (answer.lost or "") for answer in ask(session, inventory)} == {True}
    finally:
        session.close()


def test_these_shells_are_here() -> None:
    """The Makefile installs them; a test without its shell would show nothing."""
    for shell in FILES:
        subprocess.run([f"/usr/bin/{shell}", "-c", "exit 0"], check=True, timeout=5)
