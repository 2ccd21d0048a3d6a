"""The image all machines boot from: Debian 13 as mmdebstrap builds it, plus `rootfs/`.

It is cached by the hash of its definition, which is this file and `rootfs/`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import host
from rehearsal.errors import RehearsalError
from rehearsal.paths import CACHE, ROOTFS

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = "trixie"
PACKAGES = (
    "systemd systemd-sysv dbus dbus-user-session libpam-systemd openssh-server openssh-client "
    "iproute2 iputils-ping nftables curl ca-certificates sudo procps socat openssl cron "
    "libfaketime kubernetes-client python3 python-is-python3 python3-aiohttp python3-yaml"
)
# Nothing of these units is rehearsed; each costs time at every boot, and whenever somebody lists
# what is enabled.
NO_UNITS = (
    "apt-daily ask-password backlight battery-check binfmt blockdev@ bluetooth boot-check "
    "boot-complete bsod capsule confext container-getty creds debug-shell dpkg-db-backup "
    "factory-reset first-boot firstboot fsck fstrim getty-static growfs hibernate hybrid-sleep "
    "hwclock initctl initrd journald-audit journald-sync journald-varlink journald@ kexec kmod "
    "ldconfig localed machine-id-commit modprobe@ network-generator networkd pam_namespace pcr "
    "printer pstore quota random-seed rc-local rescue rfkill rpcbind runlevel serial-getty "
    "sleep.target smartcard soft-reboot sound storage suspend sys-fs sys-kernel sysext "
    "system-update timedated tmpfiles-clean tpm2 update-done usb-gadget volatile-root"
)
NOT_UNPACKED = (
    *("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"),
    *(f"/usr/lib/systemd/system/*{unit}*" for unit in NO_UNITS.split()),
)
MASKED_UNITS = (
    "console-getty.service getty@tty1.service sshd-keygen.service systemd-sysusers.service "
    "systemd-journal-catalog-update.service dev-hugepages.mount"
)
FINISH = f"""
set -e
useradd --uid 1000 --create-home --shell /bin/bash --groups sudo,systemd-journal,adm tegwick
install -d -o tegwick -g tegwick -m 0700 /home/tegwick/.ssh
chmod 0440 /etc/sudoers.d/tegwick
install -d /etc/ssh/auth_principals /etc/systemd/system-generators
rm -f /etc/ssh/ssh_host_* /etc/hostname
echo "nameserver 127.0.0.1" >/etc/resolv.conf
ln -sf /dev/null /etc/systemd/system-generators/systemd-ssh-generator
systemctl mask --quiet {MASKED_UNITS}
systemctl enable --quiet fleet-address.service k3s.service
"""
BUILD_DEADLINE = 900
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # Ubuntu has it in a package


def digest() -> str:
    """The hash of the image's definition: 16 hexadecimal digits."""
    sha = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(ROOTFS.rglob("*")):
        if path.is_file():
            sha.update(f"\0{path.relative_to(ROOTFS)}\0".encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def ensure(say: Callable[[str], None]) -> Path:
    """The image's root directory, built now if it is not cached. Raises RehearsalError."""
    image = CACHE / digest()
    if not image.exists():
        if not KEYRING.exists():
            raise RehearsalError(f"{KEYRING} is missing: sudo apt install debian-archive-keyring")
        say("building the image (once; about half a minute)")
        _build(image)
    return image


def _build(image: Path) -> None:
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    for old in CACHE.iterdir():  # other definitions, and what interrupted builds left
        shutil.rmtree(old)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=CACHE))
    try:
        options = [f"--dpkgopt=path-exclude={path}" for path in NOT_UNPACKED]
        options.append(f"--include={','.join(PACKAGES.split())}")
        host.run(
            ["mmdebstrap", "--variant=minbase", "--mode=root", *options, SUITE, str(building)],
            deadline=BUILD_DEADLINE,
        )
        for source in (path for path in ROOTFS.rglob("*") if path.is_file()):
            target = building / source.relative_to(ROOTFS)
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o644)
        host.run(["chroot", str(building), "sh", "-c", FINISH], deadline=60)
        building.chmod(0o755)
        building.rename(image)
    finally:
        shutil.rmtree(building, ignore_errors=True)
