"""What is done on the machines, as their user or as root; what they and their parts are called."""

from __future__ import annotations

from rehearsal import fleet

RAILIANCE, COULOMB, WORKSTATION = "railiance01", "coulombcore", "workstation"
HUB, ISSUES = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"
HUB_BRIDGE, ISSUES_BRIDGE = "actcore-state-hub-bridge", "actcore-issue-core-bridge"
HUB_RETIRED, ISSUES_RETIRED = "state-hub-railiance01", "issue-core-railiance01"
PORTS = {HUB: 18000, ISSUES: 18765}
ADDRESS = {RAILIANCE: "198.18.77.11", COULOMB: "198.18.77.12"}
KEY, AUTHORIZED = "~/.ssh/id_ops", "~/.ssh/authorized_keys"
KNOWN = "~/.ssh/known_hosts"
SSH_CONFIG = "~/.ssh/config"
TUNNELS_YAML = "~/.config/bridge/tunnels.yaml"
UNITS = "~/.config/systemd/user"
HUB_FILE = f"{UNITS}/{HUB}.service"
FLEET = "/ id_ops@rehearsal$/"  # the line of authorized_keys that ends so, in sed
FOR_COULOMB = f"Host {ADDRESS[COULOMB]}"
FOR_WORKSTATION = "Host 198.18.77.13\n  IdentityFile ~/.ssh/id_ops"
JUMP = f"Host 198.18.77.12\n  ProxyJump tegwick@198.18.77.13\n{FOR_WORKSTATION}"
WANTED = "[Install]\nWantedBy=default.target\n"
_SSHD_CONFIG = "/etc/ssh/sshd_config.d/fault.conf"
RESTART_SSHD = "systemctl reset-failed ssh && systemctl restart ssh"
"""However often: systemd would refuse a fifth start within ten seconds."""
RELOAD = "systemctl daemon-reload"
SHOW = f"systemctl --user show {HUB} --value -p"


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


def restore_unit(name: str) -> None:
    """Put the original unit file back, tell systemd, and start afresh."""
    user(RAILIANCE, f"cp -p ~/{name}.kept {UNITS}/{name}.service; rm ~/{name}.kept; "
                    "systemctl --user daemon-reload")  # fmt: skip
    units("restart", name)


def restart(*names: str) -> None:
    """Restart fleet units and wait until each has its port."""
    units("restart", *names)
    until_listening(*names)


def until_listening(*names: str) -> None:
    """Wait until somebody listens on the port of each fleet unit of these names."""
    for name in names:
        wait = f'until ss -Htln "sport = :{PORTS[name]}" | grep -q .; do sleep 0.02; done'
        user(RAILIANCE, f"timeout 8 sh -c '{wait}'")


def rewrite(name: str, change: str) -> None:
    """Edit a fleet unit with sed, reload and restart; whether it comes up is another matter."""
    edit_unit(name, change)
    # As of two seconds ago: Debian 11's systemd tells starts by whole seconds.
    user(RAILIANCE, f"touch -d '2 seconds ago' {UNITS}/{name}.service; "
                    "systemctl --user daemon-reload")  # fmt: skip
    units("restart", name)


def configure_sshd(host: str, line: str) -> None:
    """Give sshd one more line of configuration; open sessions keep what they had."""
    root(host, f"echo '{line}' >{_SSHD_CONFIG}; {RESTART_SSHD}")


def restore_sshd(host: str) -> None:
    """Take that line away again."""
    root(host, f"rm {_SSHD_CONFIG}; {RESTART_SSHD}")


def configure(name: str, expression: str) -> None:
    """Edit the entry of a tunnel in the configuration of the workstation's `bridge`, with sed."""
    user(WORKSTATION, f"cp -p {TUNNELS_YAML} ~/tunnels.kept; "
                      f"sed -i '/^  {name}:/,/autostart:/{expression}' {TUNNELS_YAML}")  # fmt: skip


def restore_configuration() -> None:
    """Put the configuration of the workstation's `bridge` back."""
    user(WORKSTATION, f"mv ~/tunnels.kept {TUNNELS_YAML}")


def wait_for(host: str, condition: str) -> None:
    """Wait until a shell condition holds on a host; raises RehearsalError after 8 seconds."""
    user(host, f"timeout 8 sh -c 'until {condition}; do sleep 0.05; done'")


def listening(port: int) -> str:
    """The condition that somebody listens on a port."""
    return f'ss -Htln "sport = :{port}" | grep -q .'
