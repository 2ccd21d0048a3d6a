"""An example of a check of your own; CONTRIBUTING.md says how to write another."""

from testinfra.host import Host

from fixtures import Case, check


@check(
    "OWN-01.no-reboot-pending",
    runbook="Own checks",
    gate="warn",
    hint="on {host_name}: cat /run/reboot-required.pkgs\nChoose the hour of the reboot yourself.",
)
def test_no_reboot_is_pending(host: Host, host_name: str, case: Case) -> None:
    """No upgrade waits for a reboot of the host (Debian and Ubuntu tell by a file)."""
    pending = host.file("/run/reboot-required")
    packages = host.file("/run/reboot-required.pkgs")
    if packages.exists:
        case.note(f"upgraded: {', '.join(packages.content_string.split())}")
    assert not pending.exists, f"{host_name} asks for a reboot"
