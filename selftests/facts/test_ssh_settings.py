"""What `ssh -G` prints, read."""

import pytest

from fleetmesh.text.ssh_command import Forward
from fleetmesh.text.ssh_settings import parse

PRINTED = """\
user true
hostname 92.205.130.254
controlmaster false
stricthostkeychecking true
batchmode yes
proxycommand none
hostkeyalias none
canonicalizePermittedcnames none
dynamicforward 1080
localforward [127.0.0.1]:18000 [10.43.170.94]:8000
localforward /tmp/a [::1]:22
remoteforward 2222 [localhost]:22
identityfile ~/.ssh/id_ops
identityfile /home/tegwick/.ssh/other
"""


def test_settings_are_read_as_printed() -> None:
    found = parse(PRINTED.splitlines())
    assert found.one("user") == "true"
    assert found.all("identityfile") == ("~/.ssh/id_ops", "/home/tegwick/.ssh/other")
    assert found.one("canonicalizepermittedcnames") is None
    assert found.local == (
        Forward("127.0.0.1", "18000", "10.43.170.94:8000"),
        Forward("", "/tmp/a", "::1:22"),
    )
    assert found.remote == (Forward("127.0.0.1", "2222", "localhost:22"),)
    assert found.dynamic == (Forward("127.0.0.1", "1080", ""),)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("controlmaster", "no"), ("stricthostkeychecking", "yes"), ("batchmode", "yes"),
     ("proxycommand", None), ("hostkeyalias", None), ("tunnel", None)],
)  # fmt: skip
def test_switch_is_on_or_off_or_not_printed(keyword: str, value: str | None) -> None:
    assert parse(PRINTED.splitlines()).switch(keyword) == value


@pytest.mark.parametrize(
    ("printed", "jump"),
    [("proxyjump ws\n", "ws"), ("proxycommand nc %h %p\n", "nc %h %p"), ("proxyjump none\n", None)],
)
def test_jump_is_what_stands_between(printed: str, jump: str | None) -> None:
    assert parse(printed.splitlines()).jump == jump
