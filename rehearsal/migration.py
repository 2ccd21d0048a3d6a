"""The runbook's migration of the tunnels from a static key to certificates, on the rehearsal."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from rehearsal import fleet
from rehearsal.paths import REHEARSAL_ASSETS, STATE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = "~/.ssh/id_fleet_mesh"
CERTIFICATE = f"{KEY}-cert.pub"
SIGN = f"warden sign atm-fleet-mesh --pubkey {KEY}.pub"
PRINCIPALS = "/etc/ssh/auth_principals/tegwick"
REFERENCE = STATE / "migrated"
UNITS = ("fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore")
"""What holds the tunnels, where systemd is their manager."""
RENEWAL = "fleet-mesh-cert"
"""The user units that renew the certificate where systemd runs the tunnels: a service, a timer."""
_RENEWING = {
    f"{RENEWAL}.service": f"""[Unit]
Description=Renew the certificate of the fleet's tunnels

[Service]
Type=oneshot
ExecStart=/bin/sh -c '{SIGN} >{CERTIFICATE}.new && mv {CERTIFICATE}.new {CERTIFICATE}'
""",
    f"{RENEWAL}.timer": """[Unit]
Description=Renew the certificate of the fleet's tunnels, three times in its life

[Timer]
OnStartupSec=1s
OnUnitActiveSec=20min

[Install]
WantedBy=timers.target
""",
}
_USER = "export XDG_RUNTIME_DIR=/run/user/1000; systemctl --user"


def migrate() -> None:
    """Take a fleet from after the cutover to certificates, and wait until it serves.

    Raises RehearsalError.
    """
    register()
    generate()
    sign()
    switch()
    schedule()
    retire_static_key()


def migrated(inventory: dict[str, Any]) -> None:
    """Change an inventory, as plain data, to that of the migrated fleet."""
    inventory |= {"identity": "certificate", "reference": str(REFERENCE)}
    for tunnel in inventory["tunnels"].values():
        tunnel["key"] = KEY


def undo(units: Sequence[str] = UNITS) -> None:
    """Bring the fleet back to the static key, and wait until it serves. Raises RehearsalError."""
    accept_static_key()
    unschedule()
    _install(REHEARSAL_ASSETS, units)
    fleet.run("railiance01", f"rm {KEY} {KEY}.pub {CERTIFICATE}")
    unregister()


def generate() -> None:
    """Make a key pair for the fleet on railiance01."""
    fleet.run("railiance01", f"ssh-keygen -q -t ed25519 -N '' -f {KEY}")


def switch(units: Sequence[str] = UNITS) -> None:
    """Have the tunnels use that key and its certificate, and wait until they serve."""
    _write_reference()
    _install(REFERENCE, units)


def sign() -> None:
    """Have the fleet's key signed anew, as the cert_command does."""
    fleet.run("railiance01", f"{SIGN} >{CERTIFICATE}")


def schedule() -> None:
    """Have a timer of the tunnels' user renew the certificate, as nothing else does under systemd.

    The runbook names cert_command, which is a setting of ops-bridge, and leaves this open.
    """
    for name, text in _RENEWING.items():
        _write(f"systemd/user/{name}", text)
    fleet.run(
        "railiance01", f"{_USER} daemon-reload; systemctl --user enable --now {RENEWAL}.timer"
    )
    renew()  # only when that is done, the timer waits for its next time


def unschedule() -> None:
    """Take that timer away, if it is there."""
    files = " ".join(f"~/.config/systemd/user/{name}" for name in _RENEWING)
    fleet.run(
        "railiance01",
        f"{_USER} disable --now {RENEWAL}.timer; rm -f {files}; systemctl --user daemon-reload",
        check=False,
    )


def renew() -> None:
    """Renew the certificate now, by the service that the timer starts."""
    fleet.run("railiance01", f"{_USER} start {RENEWAL}.service")


def register() -> None:
    """Let the certificates' principal log in on coulombcore."""
    fleet.run("coulombcore", f"echo atm-fleet-mesh >{PRINCIPALS}", user="root")


def unregister() -> None:
    """Let it log in no longer."""
    fleet.run("coulombcore", f"truncate -s 0 {PRINCIPALS}", user="root")


def retire_static_key() -> None:
    """Let the static key open coulombcore no more."""
    fleet.run("coulombcore", "sed -i.static /id_ops/d ~/.ssh/authorized_keys")


def accept_static_key() -> None:
    """Let it open coulombcore again."""
    fleet.run("coulombcore", "mv ~/.ssh/authorized_keys.static ~/.ssh/authorized_keys")


def _install(assets: Path, units: Sequence[str]) -> None:
    """Install these assets on railiance01 and restart what holds the tunnels."""
    for file in assets.rglob("*"):
        if file.suffix == ".service":
            _write(f"systemd/user/{file.name}", file.read_text())
        elif file.suffix == ".yaml":
            _write("bridge/tunnels.yaml", file.read_text())
    # As of two seconds ago: Debian 11's systemd tells the starts of units by whole seconds.
    fleet.run("railiance01", "touch -d '2 seconds ago' ~/.config/systemd/user/*.service")
    restart = f"{_USER} daemon-reload; systemctl --user restart {' '.join(units)}"
    fleet.run("railiance01", restart)
    fleet.wait_until_ready()


def _write(path: str, content: str) -> None:
    encoded = base64.b64encode(content.encode()).decode()
    fleet.run("railiance01", f"echo {encoded} | base64 -d >~/.config/{path}")


def _write_reference() -> None:
    """Write the reference files as they are after the migration."""
    for file in REHEARSAL_ASSETS.rglob("*"):
        if file.is_file():
            copy = REFERENCE / file.relative_to(REHEARSAL_ASSETS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(_migrated_text(file.read_text()))


def _migrated_text(text: str) -> str:
    """A reference file after the migration of the runbook."""
    command = f'{KEY}\n    cert_command: "{SIGN}"'
    return text.replace("    identity: ~/.ssh/id_ops", f"    identity: {command}").replace(
        "%h/.ssh/id_ops", "%h/.ssh/id_fleet_mesh"
    )
