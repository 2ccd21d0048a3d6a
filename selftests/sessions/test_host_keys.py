"""known_hosts as sshd(8) describes it."""

import subprocess
from pathlib import Path

import pytest

from fleetmesh.sessions.host_keys import HostKey, known, pinned

from .conftest import key_line, keygen


@pytest.fixture
def key(tmp_path: Path) -> HostKey:
    return HostKey.from_line(key_line(keygen(tmp_path / "key")))


@pytest.mark.parametrize(
    ("patterns", "host", "port", "matches"),
    [
        ("coulombcore", "coulombcore", 22, True),
        ("CoulombCore", "coulombcore", 22, True),
        ("coulombcore", "coulombcore2", 22, False),
        ("other,coulombcore", "coulombcore", 22, True),
        ("*.example", "a.example", 22, True),
        ("*.example", "example", 22, False),
        ("node?", "node1", 22, True),
        ("*.example,!bad.example", "bad.example", 22, False),
        ("!bad.example,*.example", "good.example", 22, True),
        ("!good.example", "bad.example", 22, False),
        ("[coulombcore]:2222", "coulombcore", 2222, True),
        ("[coulombcore]:2222", "coulombcore", 22, False),
        ("[c]:2222", "c", 2223, False),
        ("coulombcore", "coulombcore", 2222, True),
        ("[*.example]:2222", "a.example", 2222, True),
        ("198.18.77.1?", "198.18.77.12", 22, True),
        ("198.18.77.12", "198x18x77x12", 22, False),
    ],
)
def test_host_patterns(
    key: HostKey, tmp_path: Path, patterns: str, host: str, port: int, matches: bool
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# comment\n\n{patterns} {key.line} a comment\n")
    assert known(host, port, None, [file]).keys == ((key,) if matches else ())


def test_the_entry_with_the_port_is_preferred(key: HostKey, tmp_path: Path) -> None:
    other = HostKey.from_line(key_line(keygen(tmp_path / "other")))
    file = tmp_path / "known_hosts"
    file.write_text(f"box {other.line}\n[box]:2222 {key.line}\n")
    assert known("box", 2222, None, [file]).keys == (key,)


@pytest.mark.parametrize("host", ["box", "[box]:2222"])
def test_hashed_entries_of_ssh_keygen(key: HostKey, tmp_path: Path, host: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{host} {key.line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    port = 2222 if ":" in host else 22
    assert known("box", port, None, [file]).keys == (key,)
    assert known("box2", port, None, [file]).keys == ()


def test_a_revoked_key_is_listed_apart(key: HostKey, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"box {key.line}\n@revoked box {key.line}\n@revoked other {key.line}\n")
    expected = known("box", 22, None, [file])
    assert expected.revoked == {key}
    assert pinned([key.line], expected).revoked == {key}
    assert known("third", 22, None, [file]).revoked == frozenset()


def test_a_certificate_authority_s_key_is_no_host_key(key: HostKey, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"@cert-authority * {key.line}\n")
    expected = known("box", 22, None, [file])
    assert (expected.keys, expected.authorities) == ((), (key,))


def test_unreadable_lines_are_passed_over_and_missing_files_are_empty(
    key: HostKey, tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"box\nbox ssh-ed25519\nbox ssh-ed25519 !!!\n|1|x|y {key.line}\n|1| {key.line}\n"
        f"box ssh-rsa {key.line.split()[1]}\nbox {key.line}\n"
    )
    assert known("box", 22, None, [tmp_path / "nowhere", file]).keys == (key,)


def test_rsa_keys_are_asked_for_with_sha2(tmp_path: Path) -> None:
    rsa = key_line(keygen(tmp_path / "rsa", "-b", "2048", kind="rsa"))
    expected = pinned([rsa], known("box", 22, None, []))
    assert expected.algorithms == ("rsa-sha2-512", "rsa-sha2-256")


def test_the_fingerprint_is_ssh_keygen_s(tmp_path: Path) -> None:
    file = keygen(tmp_path / "key")
    said = subprocess.check_output(["ssh-keygen", "-lf", str(file)], text=True).split()[1]
    assert HostKey.from_line(key_line(file)).fingerprint == said


@pytest.mark.parametrize(
    "line", ["", "ssh-ed25519", "ssh-ed25519 ????", "ssh-rsa AAAAC3NzaC1lZDI1"]
)
def test_what_is_no_key_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        HostKey.from_line(line)
