"""The means by which faults act: commands on the machines, as their user or as root."""

from __future__ import annotations

from rehearsal import fleet

RAILIANCE, COULOMB, WORKSTATION = "railiance01", "coulombcore", "workstation"
HUB, ISSUES = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"
UNITS = "~/.config/systemd/user"
RESTART_SSHD = "systemctl reset-failed ssh && systemctl restart ssh"
"""However often: systemd would refuse a fifth start within ten seconds."""


def user(host: str, command: str, *, check: bool = True) -> str:
    """Run a shell command on a host as the tunnels' user, with its systemd at hand."""
    command = f"export XDG_RUNTIME_DIR=/run/user/1000; cd ~; {command}"
    return fleet.run(host, command, check=check).stdout


def root(host: str, command: str, *, check: bool = True) -> str:
    """Run a shell command on a host as root."""
    return fleet.run(host, command, user="root", check=check).stdout


def units(command: str, *names: str) -> None:
    """Run `systemctl --user COMMAND` on railiance01, for both fleet units or the named ones."""
    user(RAILIANCE, f"systemctl --user {command} {' '.join(names or (HUB, ISSUES))}")


def edit_unit(name: str, expression: str) -> None:
    """Edit an installed unit file with sed and keep the original; systemd is not told."""
    user(RAILIANCE, f"cp -p {UNITS}/{name}.service ~/{name}.kept; "
                    f"sed -i '{expression}' {UNITS}/{name}.service")  # fmt: skip


def edited_before(name: str) -> None:
    """Let an edit lie back so far that it is told from a start, by whole seconds, too."""
    user(RAILIANCE, f"touch -d '2 seconds ago' {UNITS}/{name}.service")


def restore_unit(name: str) -> None:
    """Put the original unit file back, tell systemd, and start afresh."""
    user(RAILIANCE, f"cp -p ~/{name}.kept {UNITS}/{name}.service; rm ~/{name}.kept; "
                    "systemctl --user daemon-reload")  # fmt: skip
    units("restart", name)
