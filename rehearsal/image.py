"""The images that machines boot from: a generation of Debian each, by mmdebstrap, and `rootfs/`.

An image is cached by its generation and the hash of its definition: this file and `rootfs/`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import host
from rehearsal.errors import RehearsalError
from rehearsal.paths import CACHE, ROOTFS

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATIONS = ("bullseye", "bookworm", "trixie", "sid")
"""Debian 11, 12, 13, and what is to be the next one: from systemd 247 and OpenSSH 8.4 on."""

DEFAULT = "trixie"
BARE = "bare"
"""The default without what makes it a Debian with systemd; for a workstation, which see."""

SHELLS = ("bash", "dash", "zsh", "fish", "tcsh")
PACKAGES = (
    "systemd systemd-sysv dbus dbus-user-session libpam-systemd openssh-server openssh-client "
    "iproute2 iputils-ping nftables curl ca-certificates sudo procps socat openssl cron "
    "libfaketime kubernetes-client python3 python-is-python3 python3-aiohttp python3-yaml "
    f"busybox {' '.join(SHELLS)}"
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
    *(f"{usr}/lib/systemd/system/*{unit}*" for unit in NO_UNITS.split() for usr in ("", "/usr")),
)
# Debian's installer lays out every generation so; its packages do from bookworm on.
MERGED_USR = (
    'for dir in bin sbin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done'
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
OLD_KUBECTL = ("bullseye", "bookworm")
"""Generations whose kubectl cannot exec over WebSocket, as a cluster of today wants it."""
KUBECTL = """#!/bin/sh
# Kubernetes brings a kubectl of its own; this one stands for it, with its libc.
exec /usr/lib/kubectl/ld.so --library-path /usr/lib/kubectl /usr/lib/kubectl/kubectl "$@"
"""
BUILD_DEADLINE = 900
KEPT_UNUSED = 30 * 86400  # another checkout, or a fleet that is up, may still stand on it
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # Ubuntu has it in a package


def digest() -> str:
    """The hash of the images' definition: 16 hexadecimal digits."""
    sha = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(ROOTFS.rglob("*")):
        if path.is_file():
            sha.update(f"\0{path.relative_to(ROOTFS)}\0".encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def ensure(generation: str, say: Callable[[str], None]) -> Path:
    """A generation's root directory, built now if it is not cached. Raises RehearsalError."""
    generation = DEFAULT if generation == BARE else generation
    if generation not in GENERATIONS:
        known = ", ".join(GENERATIONS)
        raise RehearsalError(f"no image is called {generation!r}; known are: {known}")
    image = CACHE / f"{generation}-{digest()}"
    if not image.exists():
        if not KEYRING.exists():
            raise RehearsalError(f"{KEYRING} is missing: sudo apt install debian-archive-keyring")
        say(f"building the image of {generation} (once; less than a minute)")
        _build(generation, image, say)
    os.utime(image)
    return image


def _build(generation: str, image: Path, say: Callable[[str], None]) -> None:
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    for old in CACHE.iterdir():  # other definitions, and what interrupted builds left
        if old.stat().st_mtime < time.time() - KEPT_UNUSED:
            shutil.rmtree(old)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=CACHE))
    try:
        options = [f"--dpkgopt=path-exclude={path}" for path in NOT_UNPACKED]
        options.append(f"--include={','.join(PACKAGES.split())}")
        options.append("--dpkgopt=force-unsafe-io")
        options.append(f"--setup-hook={MERGED_USR}")
        options.append('--aptopt=Acquire::Check-Valid-Until "false"')  # a mirror may lag behind
        host.run(
            ["mmdebstrap", "--variant=minbase", "--mode=root", *options, generation, str(building)],
            deadline=BUILD_DEADLINE,
        )
        if generation in OLD_KUBECTL:
            _renew_kubectl(building, ensure(DEFAULT, say))
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


def _renew_kubectl(building: Path, newer: Path) -> None:
    """Put `newer`'s kubectl in the place of the generation's own."""
    home = building / "usr/lib/kubectl"
    home.mkdir()
    libraries = newer / "usr/lib"
    (loader,), (libc,) = libraries.glob("*/ld-linux*.so.*"), libraries.glob("*/libc.so.6")
    for source, name in ((loader, "ld.so"), (libc, libc.name), (newer / "usr/bin/kubectl", "")):
        shutil.copy(source, home / (name or source.name))
    kubectl = building / "usr/bin/kubectl"
    kubectl.write_text(KUBECTL)
