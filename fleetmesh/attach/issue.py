"""Which issue on which forge an address names."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from fleetmesh.evidence.sums import Refused

_PATH = re.compile(r"(?P<root>/.*)?/(?P<owner>[^/]+)/(?P<name>[^/]+)/(issues|pulls?)/(?P<n>\d+)/?")


@dataclass(frozen=True)
class Issue:
    """An issue or pull request; `forge` is forgejo (Gitea speaks the same) or github."""

    forge: str
    root: str
    """The forge's own address, without a slash at the end."""
    owner: str
    name: str
    number: int

    @property
    def api(self) -> str:
        """Where its API lies."""
        if self.forge == "forgejo":
            return f"{self.root}/api/v1"
        scheme, _, host = self.root.partition("://")
        if host == "github.com" or host.endswith(".ghe.com"):
            return f"{scheme}://api.{host}"
        return f"{self.root}/api/v3"

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the token may go: the forge itself, and of GitHub its API and its uploads.

        https://docs.github.com/rest/releases/assets; a GitHub Enterprise Server has all under its
        own name.
        """
        if self.forge == "github" and self.api != f"{self.root}/api/v3":
            return (self.api, self.api.replace("://api.", "://uploads.", 1))
        return (self.root,)

    @property
    def repository(self) -> str:
        """The repository's place in the API."""
        return f"{self.api}/repos/{self.owner}/{self.name}"

    @property
    def issue(self) -> str:
        """The issue's place in the API."""
        return f"{self.repository}/issues/{self.number}"


def target(url: str, forge: str | None = None) -> Issue:
    """What `url` names; without `forge`, github.com is GitHub and all else Forgejo or Gitea.

    Raises Refused, also for an address to which a token would go unencrypted.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(f"{url!r} is no address") from None
    match = _PATH.fullmatch(parts.path)
    if parts.scheme not in ("https", "http") or not host or not match:
        raise Refused(f"{url!r} is no issue: https://HOST/OWNER/REPOSITORY/issues/NUMBER is")
    if parts.username or parts.password:
        raise Refused("the address holds a user or password: the token goes into the environment")
    if parts.scheme == "http" and not _loopback(host):
        raise Refused(f"{host} is asked without encryption, which would give the token away")
    place = f"[{host}]" if ":" in host else host
    root = f"{parts.scheme}://{place}{f':{port}' if port else ''}{match['root'] or ''}"
    return Issue(
        forge or ("github" if host == "github.com" else "forgejo"),
        root,
        match["owner"],
        match["name"],
        int(match["n"]),
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
