"""Where each forge keeps a bundle: Forgejo and Gitea at the issue, GitHub in a release.

GitHub's API has no attachments of issues. There a bundle becomes an asset of one release of the
repository, tagged `fleet-mesh-evidence`, which is made once; whoever may read the repository may
read it. https://docs.github.com/rest/releases, https://codeberg.org/api/swagger
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from fleetmesh.attach.forge_api import ForgeApi, json_of
from fleetmesh.attach.issue import Issue
from fleetmesh.evidence.files import MIB
from fleetmesh.evidence.sums import Refused

TAG = "fleet-mesh-evidence"


class Forgejo:
    """Forgejo or Gitea."""

    def __init__(self, target: Issue) -> None:
        self.target = target

    @staticmethod
    def headers(token: str) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"token {token}", "Accept": "application/json"}

    def upload(self, api: ForgeApi, bundle: Path, content: bytes) -> str:
        """The attachment's address; uploaded unless the same is there. Raises Refused, Later."""
        for asset in api.pages(f"{self.target.issue}/assets"):
            if asset.get("name") == bundle.name:
                place = f"{self.target.root}/attachments/{asset['uuid']}"
                _same(
                    api.ask("GET", place, most=len(content) + MIB).content, content, bundle, place
                )
                return _shown(asset["browser_download_url"])
        made = api.ask(
            "POST",
            f"{self.target.issue}/assets",
            params={"name": bundle.name},
            files={"attachment": (bundle.name, content, "application/gzip")},
        )
        return _address(made)


class GitHub:
    """GitHub, or a GitHub Enterprise Server."""

    def __init__(self, target: Issue) -> None:
        self.target = target

    @staticmethod
    def headers(token: str) -> dict[str, str]:
        """What every request carries."""
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def upload(self, api: ForgeApi, bundle: Path, content: bytes) -> str:
        """The asset's address; uploaded unless the same is there. Raises Refused, Later."""
        release = self._release(api)
        for asset in api.pages(f"{release['url']}/assets?per_page=100"):
            if asset.get("name") != bundle.name:
                continue
            if asset.get("state") != "uploaded":  # an upload that broke off keeps the name taken
                api.ask("DELETE", str(asset["url"]))
                break
            digest = f"sha256:{sha256(content).hexdigest()}"
            if asset.get("digest") not in (None, digest) or asset["size"] != len(content):
                raise _taken(bundle, asset["browser_download_url"])
            return _shown(asset["browser_download_url"])
        made = api.ask(
            "POST",
            re.sub(r"\{.*\}$", "", str(release["upload_url"])),
            params={"name": bundle.name},
            headers={"Content-Type": "application/gzip"},
            content=content,
        )
        return _address(made)

    def _release(self, api: ForgeApi) -> dict[str, Any]:
        """The release that keeps the bundles; made where it is not there."""
        found = api.ask("GET", f"{self.target.repository}/releases/tags/{TAG}", absent=True)
        if found.status_code == 404:
            told = {
                "tag_name": TAG,
                "name": "Fleet mesh evidence",
                "body": "Bundles of evidence that issues of this repository refer to.",
                "prerelease": True,
                "make_latest": "false",
            }
            found = api.ask("POST", f"{self.target.repository}/releases", json=told)
        release: dict[str, Any] = json_of(found)
        return release


Forge = Forgejo | GitHub


def forge(target: Issue) -> Forge:
    """The forge that the target lies on."""
    return GitHub(target) if target.forge == "github" else Forgejo(target)


def comment(api: ForgeApi, target: Issue, body: str, marker: str) -> str:
    """The comment's address; posted unless one with `marker` is there. Raises Refused, Later."""
    for known in api.pages(f"{target.issue}/comments?per_page=100"):
        if marker in str(known.get("body")):
            return str(known["html_url"])
    made = api.ask("POST", f"{target.issue}/comments", json={"body": body})
    return str(json_of(made)["html_url"])


def _same(found: bytes, content: bytes, bundle: Path, place: str) -> None:
    if found != content:
        raise _taken(bundle, place)


def _taken(bundle: Path, place: str) -> Refused:
    return Refused(f"{place} is called {bundle.name} too, but is not the same: look at it first")


def _address(made: httpx.Response) -> str:
    return _shown(json_of(made)["browser_download_url"])


def _shown(address: object) -> str:
    """An address that the comment will link to: one, and nothing else. Raises ValueError."""
    if not re.fullmatch(r"https?://[^\s()<>\[\]\\`\"']+", str(address), re.ASCII):
        raise ValueError(f"{address!r} is no address")
    return str(address)
