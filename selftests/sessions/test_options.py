"""Every option of OpenSSH, old and new, is in one class of the table."""

import getpass
import gzip
import re
from collections import Counter
from pathlib import Path

import paramiko
import pytest

from fleetmesh.sessions import ConfigProblem, Target, Unreachable, algorithms, connect, options
from fleetmesh.sessions.algorithms import POSSIBLE, choose
from fleetmesh.sessions.ssh_config import SshConfigError, settings
from fleetmesh.sessions.target import Deadline
from fleetmesh.sessions.transport import Transport
from fleetmesh.text import ssh_settings

from . import options_page, servers

CLASSES = {
    "honoured": options.HONOURED,
    "without meaning": options.WITHOUT_MEANING,
    "not supported": options.NOT_SUPPORTED,
}
TABLE = {name.lower() for table in CLASSES.values() for name in table}
# Those that `ssh -G` prints only where they are set.
ONLY_IF_SET = """
IgnoreUnknown *
BindAddress 127.0.0.1
BindInterface lo
CertificateFile /x
ControlPath /x
DynamicForward 1
GSSAPIClientIdentity x
GSSAPIServerIdentity x
HostKeyAlias x
IdentityAgent /x
KbdInteractiveDevices x
KnownHostsCommand /x
LocalCommand x
LocalForward 2 x:2
PKCS11Provider /x
PreferredAuthentications publickey
ProxyCommand x
RemoteCommand x
RemoteForward 3 x:3
RevokedHostKeys /x
SendEnv X
SetEnv X=x
Tag x
VersionAddendum x
"""
JUMP = "ProxyJump x\n"
OF_RED_HAT = {"rsaminsize"}
# What ssh_config(5) has and `ssh -G` never prints: it has been carried out then.
CARRIED_OUT = {"include", "match", "refuseconnection"}


def printed(release: str) -> set[str]:
    both = servers.settings_of(release, ONLY_IF_SET) + servers.settings_of(release, JUMP)
    return {line.split()[0].lower() for line in both.splitlines()}


def test_no_option_is_in_two_classes() -> None:
    counted = Counter(name.lower() for table in CLASSES.values() for name in table)
    assert [keyword for keyword, times in counted.items() if times > 1] == []


@pytest.mark.root
@pytest.mark.parametrize("release", servers.RELEASES)
def test_every_option_that_ssh_prints_is_in_the_table(release: str) -> None:
    assert printed(release) - TABLE == set()


@pytest.mark.root
def test_every_option_of_the_table_is_printed_by_some_ssh() -> None:
    every = set().union(*map(printed, servers.RELEASES))
    assert TABLE - every - OF_RED_HAT == set()


@pytest.mark.root
def test_every_option_of_the_newest_manual_is_in_the_table() -> None:
    """Also those that `ssh -G` prints only where they are set, and that this test does not know."""
    manual = servers.root_of(servers.NEWEST) / "usr/share/man/man5/ssh_config.5.gz"
    items = re.findall(r"^\.It Cm (\w+)$", gzip.decompress(manual.read_bytes()).decode(), re.M)
    documented = {item.lower() for item in items if item[0].isupper()}
    assert len(documented) > 80
    assert documented - TABLE - CARRIED_OUT == set()


def test_every_option_that_the_installed_ssh_prints_is_in_the_table(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(ONLY_IF_SET)
    found = settings("coulombcore", None, None, tmp_path / "config", Deadline(5))
    assert found.given.values.keys() - TABLE == set()


def test_the_page_is_the_table_s() -> None:
    assert options_page.PAGE.read_text() == options_page.page(), "run `make docs`"


def test_an_option_that_is_not_known_is_refused_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is nothing to anybody where it is not."""
    monkeypatch.delitem(vars(options)["_NAMES"], "visualhostkey")
    config = tmp_path / "config"
    config.write_text("Host *\n  User tegwick\n")
    settings("coulombcore", None, None, config, Deadline(5))
    config.write_text("Host *\n  User tegwick\n  VisualHostKey yes\n")
    with pytest.raises(SshConfigError, match=rf"{config} line 3: visualhostkey is not known"):
        settings("coulombcore", None, None, config, Deadline(5))


def test_an_option_in_an_included_file_is_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(vars(options)["_NAMES"], "visualhostkey")
    (tmp_path / "more").write_text("\nVisualHostKey=yes\n")
    (tmp_path / "config").write_text(f"Include {tmp_path}/more\n")
    target = Target("coulombcore", "coulombcore", ssh_config=tmp_path / "config")
    with pytest.raises(ConfigProblem, match=rf"{tmp_path}/more line 2: visualhostkey"):
        connect(target)


def test_a_variable_that_is_not_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("IdentityFile ${NO_SUCH_VARIABLE}/key\n")
    with pytest.raises(SshConfigError, match=r"NO_SUCH_VARIABLE.* is not set"):
        settings("coulombcore", None, None, tmp_path / "config", Deadline(5))


@pytest.mark.parametrize(
    "option", ["IdentityFile", "CertificateFile", "IdentityAgent", "ControlPath", "RevokedHostKeys"]
)
def test_a_user_who_is_not_here_is_named_with_the_line(tmp_path: Path, option: str) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host other\n  {option} /keys/x\nHost coulombcore\n  {option} ~former-colleague/x\n"
    )
    told = rf"{config} line 4: {option.lower()}: '~former-colleague/x': there is no such user here"
    with pytest.raises(ConfigProblem, match=rf"{told}|No such user"):  # or ssh itself says so
        connect(Target("coulombcore", "coulombcore", ssh_config=config))
    settings("other", None, None, config, Deadline(5))


def test_every_token_of_ssh_is_known(tmp_path: Path) -> None:
    """ssh_config(5), TOKENS: those of IdentityFile; `ssh -G` leaves them to us."""
    tokens = "%%-%C-%d-%h-%i-%j-%k-%L-%l-%n-%p-%r-%u"
    (tmp_path / "config").write_text(f"User tegwick\nIdentityFile /keys/{tokens}\n")
    found = settings("coulombcore", None, None, tmp_path / "config", Deadline(5))
    me = getpass.getuser()
    assert re.fullmatch(
        rf"/keys/%-[0-9a-f]{{40}}-/.*-coulombcore-22-tegwick-{me}", str(found.identity_files[0])
    )


def test_a_connection_that_ssh_config_refuses(tmp_path: Path) -> None:
    """RefuseConnection, of OpenSSH 10.1: ssh says it itself; here, as an unknown option."""
    (tmp_path / "config").write_text('RefuseConnection "not from here"\n')
    target = Target("coulombcore", "coulombcore", ssh_config=tmp_path / "config")
    with pytest.raises(Unreachable, match=r"(?i)RefuseConnection"):
        connect(target)


def test_what_a_session_can_do_is_what_paramiko_can() -> None:
    has = Transport.__dict__["_kex_info"], Transport.__dict__["_mac_info"]
    assert set(POSSIBLE["kexalgorithms"]) == set(has[0])
    assert set(POSSIBLE["macs"]) == set(has[1])
    assert set(POSSIBLE["ciphers"]) == set(vars(paramiko.Transport)["_cipher_info"])
    assert set(POSSIBLE["hostkeyalgorithms"]) == set(vars(paramiko.Transport)["_key_info"])


def test_the_order_is_ssh_config_s_but_for_ciphers_that_need_no_mac() -> None:
    given = (
        "ciphers aes256-ctr,aes128-ctr,aes256-gcm@openssh.com\nkexalgorithms ecdh-sha2-nistp521,x"
    )
    chosen = choose(ssh_settings.parse(given.splitlines())).lists
    assert chosen["ciphers"] == ("aes256-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
    assert chosen["kexalgorithms"] == ("ecdh-sha2-nistp521",)


def test_a_mac_is_not_asked_for_where_none_is_used() -> None:
    lines = ["macs umac-64@openssh.com", "ciphers aes256-gcm@openssh.com"]
    assert choose(ssh_settings.parse(lines)).lists["macs"]
    with pytest.raises(algorithms.NothingPossible, match="MACs has nothing"):
        choose(ssh_settings.parse([*lines[:1], "ciphers aes256-ctr"]))
