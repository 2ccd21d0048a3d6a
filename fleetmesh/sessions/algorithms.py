"""Which algorithms a connection may use: ssh_config's, as far as paramiko has them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetmesh.text.legible import brief
from fleetmesh.text.ssh_settings import SshSettings

CERTIFIED = "-cert-v01@openssh.com"
_KEYS = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "kexalgorithms": (
        *("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"),
        *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
        *("diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512"),
        "diffie-hellman-group14-sha256",
    ),
    "hostkeyalgorithms": (*(key + CERTIFIED for key in _KEYS), *_KEYS),
    "ciphers": (
        *("aes128-gcm@openssh.com", "aes256-gcm@openssh.com"),
        *("aes128-ctr", "aes192-ctr", "aes256-ctr"),
        *("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"),
    ),
    "macs": (
        *("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
        *("hmac-sha1-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"),
        *("hmac-sha1-96", "hmac-md5", "hmac-md5-96"),
    ),
}
"""What a session can do, by the option of ssh_config that chooses among it.

A test holds it against paramiko. chacha20-poly1305, umac and sntrup761 are not among it.
"""
NAMES = {
    "kexalgorithms": "KexAlgorithms",
    "hostkeyalgorithms": "HostKeyAlgorithms",
    "ciphers": "Ciphers",
    "macs": "MACs",
}
"""The options as ssh_config(5) and sshd_config(5) write them."""
AUTHENTICATED = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Ciphers that need no MAC beside them."""


class NothingPossible(ValueError):
    """An option allows nothing that a session can do; `keyword` is the option."""

    def __init__(self, keyword: str) -> None:
        super().__init__(
            f"{NAMES[keyword]} has nothing that this suite can do; add one of "
            f"{', '.join(_best(keyword))}"
        )
        self.keyword = keyword


@dataclass(frozen=True)
class Algorithms:
    """What to propose, best first, by the option that chooses it."""

    lists: Mapping[str, tuple[str, ...]]
    compress: bool

    def with_host_keys(self, first: Sequence[str], *, certificates: bool) -> "Algorithms":
        """The same with host keys ordered so that a host shows one that is known."""
        keys = [
            name
            for name in self.lists["hostkeyalgorithms"]
            if certificates or not name.endswith(CERTIFIED)
        ]
        keys.sort(key=lambda name: not (name in first or name.endswith(CERTIFIED)))
        return Algorithms({**self.lists, "hostkeyalgorithms": tuple(keys)}, self.compress)


def choose(given: SshSettings) -> Algorithms:
    """What ssh_config allows, in its order; raises NothingPossible."""
    lists = {}
    for keyword, possible in POSSIBLE.items():
        value = given.one(keyword)
        wanted = value.split(",") if value else possible
        lists[keyword] = tuple(name for name in wanted if name in possible)
    # They need no MAC, of which ssh has some that we have not.
    lists["ciphers"] = tuple(sorted(lists["ciphers"], key=lambda name: name not in AUTHENTICATED))
    # A MAC beside an authenticated cipher is never used.
    if not lists["macs"] and set(lists["ciphers"]) <= set(AUTHENTICATED):
        lists["macs"] = POSSIBLE["macs"]
    for keyword, names in lists.items():
        if not names:
            raise NothingPossible(keyword)
    return Algorithms(lists, given.switch("compression") == "yes")


def nothing_in_common(ours: Algorithms, theirs: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """A sentence for each option by which two sides do not come together, and the remedy."""
    for keyword, names in theirs.items():
        if set(names) & set(ours.lists[keyword]):
            continue
        offered = brief(", ".join(names)) or "nothing"
        if able := [name for name in POSSIBLE[keyword] if name in names]:
            where = f"{NAMES[keyword]} of ssh_config (or of ssh itself)"
            remedy = f"{where} does not have {' or '.join(able)}"
        else:
            remedy = (
                f"add one of {', '.join(_best(keyword))} to {NAMES[keyword]} in its sshd_config"
            )
        yield f"of {NAMES[keyword]}, it offers {offered}; {remedy}"


def _best(keyword: str) -> tuple[str, ...]:
    """What to recommend: nobody should add an old algorithm for our sake."""
    return tuple(name for name in POSSIBLE[keyword] if not name.endswith(CERTIFIED))[:3]


def signature_algorithm(kind: str, accepted: Sequence[str], told: Sequence[str]) -> str | None:
    """How to sign with a key or certificate of this type; None where nothing is allowed.

    Only RSA leaves a choice: the first that ssh_config accepts and that is among what the host has
    told, if it has. OpenSSH: key_sig_algorithm.
    """
    if not kind.startswith("ssh-rsa"):
        return kind if kind in accepted else None
    certified = CERTIFIED if kind.endswith(CERTIFIED) else ""
    possible = {f"{name}{certified}": name for name in ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}
    allowed = (name for name in accepted if name in possible)
    return next((name for name in allowed if not told or possible[name] in told), None)
