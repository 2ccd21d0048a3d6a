"""Until when a key is let in, as a shell on the far host reads it off the user's own files."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.facts.keys import Authorizations
from fleetmesh.gather.commands import Exec
from fleetmesh.inventory import load
from rehearsal.paths import INVENTORY
from selftests.facts import cases

FLEET = load(INVENTORY)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILNY+VhWvrE6AB2Pz8ppxQNSBsfeZ4cDwjHx9dR7YFdS x # y"
PASSWORD = """Last password change\t\t\t\t\t: Sep 01, 2026
Password expires\t\t\t\t\t: Nov 30, 2026
Password inactive\t\t\t\t\t: Dec 07, 2026
Account expires\t\t\t\t\t\t: never
"""


def read(home: Path, file: str, lines: str) -> Authorizations:
    """What the fact makes of a file of the user's whose password will expire."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / file).write_text(lines)
    chage = home / "chage"
    chage.write_text(f"#!/bin/sh\ncat <<'END'\n{PASSWORD}END\n")
    chage.chmod(0o755)
    fact = FACTS["authorizations"]
    probe = fact.probes(FLEET)[str(FLEET.logins[0])]
    assert isinstance(probe, Exec)
    done = subprocess.run(
        ["sh", "-c", probe.command], capture_output=True, check=True,
        env={"HOME": str(home), "PATH": f"{home}:{os.environ['PATH']}"},
    )  # fmt: skip
    given = cases.read("authorizations", "limited").transcript
    found = fact.parse(replace(given, stdout=done.stdout))
    assert isinstance(found, Authorizations)
    return found


@pytest.mark.parametrize(
    ("lines", "until"),
    [
        ("{key}", None),
        ("# {key}\n\n{key}", None),
        ('expiry-time="20261125" {key}', "20261125"),
        ('  Expiry-Time="202611250102Z",no-pty\t{key}', "202611250102Z"),
        ('command="echo \\"#1\\"",expiry-time="20261125" {key}', "20261125"),
        ('command="a \\\\b, expiry-time=\\"1\\"",no-pty {key}', None),
        ('expiry-time="20200101" {key}\n{key}', None),
        ('{key}\nexpiry-time="20200101" {key}', None),
        ('expiry-time="20200101" {key}\nexpiry-time="20261125" {key}', "20261125"),
        ('expiry-time="20261125" {key}\nrestrict,no-pty {key}', "20261125"),
        ('expiry-time="20261125" {key}\nno-pty,from="10.0.0.1" {key}', "20261125"),
        ('from="10.0.0.1" {key}', None),
        ('#expiry-time="20261125" {key}\n{key}', None),
    ],
)
@pytest.mark.parametrize("file", ["authorized_keys", "authorized_keys2"])
def test_key_is_let_in_until(lines: str, until: str | None, file: str, tmp_path: Path) -> None:
    found = read(tmp_path, file, lines.replace("{key}", KEY))
    assert [*found.until.values()] == ([until] if until else [])


def test_password_that_expires_ends_what_the_account_may(tmp_path: Path) -> None:
    found = read(tmp_path, "authorized_keys", KEY)
    assert (found.account, found.password) == ("never", "Nov 30, 2026")
    assert found.ends == "has a password that expires: Nov 30, 2026"
    assert replace(found, password="never").ends is None
    assert replace(found, account="Dec 31, 2099").ends == "ends: Dec 31, 2099"
