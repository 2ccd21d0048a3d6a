"""What ssh makes of its configuration for one destination: the output of `ssh -G`, ssh(1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from fleetmesh.text.ssh_command import Forward, yes_or_no


@dataclass(frozen=True)
class SshSettings:
    """Keywords of ssh_config(5) in lower case, each with all its values in ssh's order."""

    values: dict[str, tuple[str, ...]]

    def value(self, keyword: str) -> str | None:
        """The first value of a keyword; None if ssh does not print it."""
        return next(iter(self.values.get(keyword, ())), None)

    def all(self, keyword: str) -> tuple[str, ...]:
        """Every value of a keyword."""
        return self.values.get(keyword, ())

    def one(self, keyword: str) -> str | None:
        """Like `value`, but None also if it is empty or `none`."""
        value = self.value(keyword) or "none"
        return None if value.lower() == "none" else value

    def switch(self, keyword: str) -> str | None:
        """Like `one`, for what is on or off: `yes` or `no`, whatever words ssh uses."""
        return yes_or_no(self.one(keyword))

    @property
    def jump(self) -> str | None:
        """The jump host or proxy command; None if ssh connects directly."""
        return self.one("proxyjump") or self.one("proxycommand")

    @property
    def local(self) -> tuple[Forward, ...]:
        """LocalForward."""
        return self._forwards("localforward", gateway=self.switch("gatewayports") == "yes")

    @property
    def remote(self) -> tuple[Forward, ...]:
        """RemoteForward; one without a destination is a proxy, with the target `socks:0`."""
        return self._forwards("remoteforward")

    @property
    def dynamic(self) -> tuple[Forward, ...]:
        """DynamicForward."""
        return self._forwards("dynamicforward", gateway=self.switch("gatewayports") == "yes")

    def _forwards(self, keyword: str, *, gateway: bool = False) -> tuple[Forward, ...]:
        return tuple(
            Forward.parse(":".join(value.split()), gateway=gateway)
            for value in self.values.get(keyword, ())
        )


def parse(lines: Iterable[str]) -> SshSettings:
    """Read lines of `keyword value`; raises ValueError for a line without a keyword."""
    values: dict[str, list[str]] = {}
    for line in lines:
        keyword, _, value = line.partition(" ")
        if not keyword:
            raise ValueError(f"expected a keyword and its value, found {line!r}")
        values.setdefault(keyword.lower(), []).append(value)
    return SshSettings({keyword: tuple(found) for keyword, found in values.items()})
