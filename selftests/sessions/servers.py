"""SSH servers of several ages: sshd and dropbear out of Debian's releases, each in its own root.

A root is unpacked once, without being installed, and kept in CACHE. A server has a view of its own
of it, which goes with the server. It needs root, and the network the first time.
"""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CACHE = Path("/var/cache/fleet-ssh-servers")
RELEASES = ("bullseye", "bookworm", "trixie", "sid")
"""OpenSSH 8.4, 9.2, 10.0, and the newest that Debian has."""
NEWEST = RELEASES[-1]
MIRRORS = ("http://deb.debian.org/debian", "http://archive.debian.org/debian")
PACKAGES = (
    "openssh-server openssh-client dropbear-bin dash bash coreutils libpam-modules "
    "libpam-modules-bin"
)
MORE = {NEWEST: "tcsh fish"}
UNPACKED = tuple(f"--dpkgopt=path-exclude=/usr/share/{unused}/*" for unused in ("doc", "locale"))
FRESH = 30 * 86400
"""Seconds after which the newest is fetched again."""
DEADLINE = 300
FILES = {
    "etc/passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    "tegwick:x:1000:1000::/home/tegwick:/bin/bash\n"
    "expired:x:1001:1001::/home/tegwick:/bin/bash\n"
    "nologin:x:1002:1002::/home/tegwick:/usr/sbin/nologin\n"
    "tcsh:x:1003:1003::/home/tegwick:/bin/tcsh\n"
    "fish:x:1004:1004::/home/tegwick:/usr/bin/fish\n",
    "etc/shadow": "root:*:20000:0:99999:7:::\n"
    + "".join(f"{name}:*:20000:0:99999:7:::\n" for name in ("tegwick", "nologin", "tcsh", "fish"))
    + "expired:*:20000:0:99999:7::1:\n",
    "etc/pam.d/other": "auth required pam_deny.so\naccount required pam_deny.so\n",
    "etc/shells": "/bin/bash\n/bin/sh\n",
    "usr/sbin/nologin": "#!/bin/sh\necho This account is currently not available.\nexit 1\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\ntegwick:x:1000:\n",
    # No question is asked, and none is put: what matters is what PAM says of an account.
    "etc/pam.d/sshd": "auth required pam_permit.so\naccount requisite pam_nologin.so\n"
    "account required pam_unix.so\nsession required pam_limits.so\npassword required pam_deny.so\n",
}


def root_of(release: str) -> Path:
    """The root of a release, unpacked now if it is not in the cache.

    Raises RuntimeError, with what each mirror said, where it cannot be had.
    """
    packages = f"{PACKAGES} {MORE.get(release, '')}".split()
    definition = hashlib.sha256(" ".join((*packages, *UNPACKED)).encode()).hexdigest()[:12]
    root = CACHE / f"{release}-{definition}"
    with _alone():
        old = root.exists() and time.time() - root.stat().st_mtime > FRESH
        if not root.exists() or (release == NEWEST and old):
            _unpack(release, packages, root)
    return root


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(release: str, packages: list[str], root: Path) -> None:
    for former in (*CACHE.glob(f"{release}-*"), *CACHE.glob(f".{release}-*")):
        shutil.rmtree(former)
    said = []
    for mirror in MIRRORS:
        building = Path(tempfile.mkdtemp(prefix=f".{release}-", dir=CACHE))
        try:
            command = [
                *("mmdebstrap", "--quiet", "--variant=extract", "--mode=root"),
                "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
                # A release that has had its day is no longer signed anew.
                '--aptopt=Acquire::Check-Valid-Until "false"',
                *UNPACKED,
                *(f"--include={','.join(packages)}", release, str(building), mirror),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
            if done.returncode == 0:
                (building / "etc/passwd").write_text(FILES["etc/passwd"])  # for `ssh -G`
                building.chmod(0o755)
                os.utime(building)  # which is else that of a file of Debian's
                building.rename(root)
                return
            said.append(f"{mirror}: {done.stderr.strip()[-500:]}")
        except subprocess.TimeoutExpired:
            said.append(f"{mirror}: no answer within {DEADLINE} s")
        finally:
            shutil.rmtree(building, ignore_errors=True)
    raise RuntimeError(f"the SSH servers of Debian {release} cannot be had:\n" + "\n".join(said))


def within(release: str, folder: Path, files: Mapping[str, str]) -> list[str]:
    """A command that runs another in a view of a release's root, which has folder's parent in it.

    FILES and `files` are added to the view, or take the place of others, by their paths.
    """
    view, upper, work = (folder.with_name(f"{folder.name}-{x}") for x in ("view", "upper", "work"))
    for made in (view, upper, work):
        made.mkdir()
        made.chmod(0o755)
    for name in ("run/sshd", "root", "home/tegwick", "dev", "proc", str(folder.parent).lstrip("/")):
        (upper / name).mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **files}.items():
        (upper / name).parent.mkdir(parents=True, exist_ok=True)
        (upper / name).write_text(content)
        (upper / name).chmod(0o755 if content.startswith("#!") else 0o644)
    (upper / "home/tegwick").chmod(0o777)  # it is that of several users
    script = (
        f"mount -t overlay overlay -o lowerdir={root_of(release)},upperdir={upper},workdir={work} "
        f"{view} && mount --rbind /dev {view}/dev && mount -t proc proc {view}/proc && "
        f'mount --bind {folder.parent} {view}{folder.parent} && exec chroot {view} "$@"'
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


@functools.cache
def settings_of(release: str, config: str) -> str:
    """What `ssh -G` of a release prints with a configuration."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", dir=root_of(release) / "tmp") as file:
        file.write(config)
        file.flush()
        file_there = f"/tmp/{Path(file.name).name}"
        done = subprocess.run(
            ["chroot", root_of(release), "ssh", "-G", "-T", "-F", file_there, "coulombcore"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": "/root"},
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def version_of(release: str) -> str:
    """The version of a release's OpenSSH, such as `OpenSSH_9.2p1`."""
    done = subprocess.run(
        ["chroot", root_of(release), "ssh", "-V"], capture_output=True, text=True, check=True
    )
    return done.stderr.split()[0].rstrip(",")


if __name__ == "__main__":  # side by side, the tests have no way to a mirror
    for each in RELEASES:
        root_of(each)
