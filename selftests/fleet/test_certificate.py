"""PROD-14 and PRE-09 on tunnels that were migrated to certificates, and on botched migrations."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rehearsal import fleet
from rehearsal.paths import INVENTORY, REHEARSAL_ASSETS
from selftests.fleet.conftest import Checks

pytestmark = pytest.mark.root

KEY = "~/.ssh/id_fleet_mesh"
SIGN = f"warden sign atm-fleet-mesh --pubkey {KEY}.pub"
SIGN_OURSELVES = f"ssh-keygen -q -s %s -I drill -n %s -V %s {KEY}.pub"
CA = "~/.config/warden/fleet_user_ca"
PRINCIPALS = "/etc/ssh/auth_principals/tegwick"


def migrated_text(text: str) -> str:
    """A reference file after the migration of the runbook."""
    command = f'{KEY}\n    cert_command: "{SIGN}"'
    return text.replace("    identity: ~/.ssh/id_ops", f"    identity: {command}").replace(
        "%h/.ssh/id_ops", "%h/.ssh/id_fleet_mesh"
    )


def install(path: str, content: str) -> None:
    """Write a file below ~/.config on railiance01."""
    encoded = base64.b64encode(content.encode()).decode()
    fleet.run("railiance01", f"echo {encoded} | base64 -d >~/.config/{path}")


@pytest.fixture(scope="module")
def migrated(standing: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: ARG001
    """The inventory of a fleet whose tunnels use certificates; the fleet starts over at the end."""
    folder = tmp_path_factory.mktemp("migrated")
    fleet.run("railiance01", f"ssh-keygen -q -t ed25519 -N '' -f {KEY}; {SIGN} >{KEY}-cert.pub")
    fleet.run("coulombcore", f"echo atm-fleet-mesh >{PRINCIPALS}", user="root")
    fleet.run("coulombcore", "sed -i.kept /id_ops/d ~/.ssh/authorized_keys")
    for file in REHEARSAL_ASSETS.rglob("*"):
        if not file.is_file():
            continue
        copy = folder / "reference" / file.relative_to(REHEARSAL_ASSETS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(migrated_text(file.read_text()))
        if file.suffix == ".service":
            install(f"systemd/user/{file.name}", copy.read_text())
        elif file.suffix == ".yaml":
            install("bridge/tunnels.yaml", copy.read_text())
    fleet.run(
        "railiance01",
        "export XDG_RUNTIME_DIR=/run/user/1000; systemctl --user daemon-reload; "
        "systemctl --user restart fleet-state-hub-coulombcore fleet-issue-core-coulombcore",
    )
    fleet.wait_until_served()
    inventory = yaml.safe_load(INVENTORY.read_text())
    inventory |= {"identity": "certificate", "reference": str(folder / "reference")}
    for tunnel in inventory["tunnels"].values():
        tunnel["key"] = KEY
    (folder / "fleet.yaml").write_text(yaml.safe_dump(inventory))
    yield folder / "fleet.yaml"
    fleet.reset("after", lambda _: None)


def test_migrated_fleet_is_ready(checks: Checks, migrated: Path) -> None:
    run = checks(f"--fleet={migrated}")
    assert run.of("PROD-14")["outcome"] == "pass", run.of("PROD-14")
    assert run.of("PRE-09")["outcome"] == "pass", run.of("PRE-09")
    assert run.verdict == "READY", run.terminal


@pytest.mark.parametrize(
    ("host", "harm", "reason"),
    [
        ("railiance01", f"rm {KEY}-cert.pub", "has no certificate"),
        ("railiance01", SIGN_OURSELVES % (CA, "nobody", "+1h"), "for nobody, not for"),
        (
            "railiance01",
            SIGN_OURSELVES % (CA, "atm-fleet-mesh", "20200101:20200102"),
            "the certificate ends 2020-01-02",
        ),
        (
            "railiance01",
            "ssh-keygen -q -t ed25519 -N '' -f ~/other_ca; "
            + SIGN_OURSELVES % ("~/other_ca", "atm-fleet-mesh", "+1h"),
            "does not know the CA",
        ),
        ("coulombcore", f"sudo truncate -s 0 {PRINCIPALS}", "is not registered"),
        (
            "coulombcore",
            "cp ~/.ssh/authorized_keys.kept ~/.ssh/authorized_keys",
            "accepts the static key ~/.ssh/id_ops",
        ),
    ],
    ids=["gone", "other-principal", "expired", "unknown-ca", "unregistered", "static-key-left"],
)
def test_botched_migration_is_caught(
    checks: Checks, migrated: Path, host: str, harm: str, reason: str
) -> None:
    fleet.run(host, harm)
    try:
        run = checks(f"--fleet={migrated}", "-k", "PROD-14 or PRE-09 or certificate")
    finally:
        fleet.run("railiance01", f"rm -f ~/other_ca*; {SIGN} >{KEY}-cert.pub")
        fleet.run("coulombcore", f"echo atm-fleet-mesh >{PRINCIPALS}", user="root")
        fleet.run("coulombcore", "sed -i /id_ops/d ~/.ssh/authorized_keys")
    assert run.of("PROD-14")["outcome"] == "fail", run.of("PROD-14")
    assert reason in run.of("PROD-14")["reason"]
