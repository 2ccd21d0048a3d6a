"""The reference, the inventory, and what of them was installed."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import HUB, ISSUES, RAILIANCE, user
from rehearsal.faults.rewritten import next_start
from rehearsal.paths import REHEARSAL_ASSETS

INSTALLED = "CUT-01.installed"
SAME, NO_OTHER = f"PRE-08.same[{HUB}]", "PRE-08.no-other"
CONFIG = "~/.config/bridge/tunnels.yaml"
REFERENCE = REHEARSAL_ASSETS / "railiance01-tunnels.yaml"


class TunnelsYamlEdited(Fault):
    """Somebody edited the installed tunnels.yaml."""

    turns = {INSTALLED: fail("-    autostart: true; +    autostart: false")}

    def inject(self) -> None:
        user(
            RAILIANCE,
            f"cp -p {CONFIG} ~/kept; sed -i 's/autostart: true/autostart: false/' {CONFIG}",
        )

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {CONFIG}")


class TunnelsYamlMissing(Fault):
    """The tunnels.yaml was never installed."""

    turns = {INSTALLED: fail("~/.config/bridge/tunnels.yaml is not installed on railiance01")}

    def inject(self) -> None:
        user(RAILIANCE, f"mv {CONFIG} ~/kept")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {CONFIG}")


class _ReferenceChanged(Fault):
    """The reference tunnels.yaml was changed and not installed."""

    old: ClassVar[str]
    new: ClassVar[str]

    def inject(self) -> None:
        REFERENCE.write_text(REFERENCE.read_text().replace(self.old, self.new, 1))

    def heal(self) -> None:
        REFERENCE.write_text(REFERENCE.read_text().replace(self.new, self.old, 1))


class ReferenceLeadsElsewhere(_ReferenceChanged):
    """The reference names another ClusterIP than the inventory."""

    turns = {
        SAME: fail("target: the reference says 198.19.43.95:8000, not 198.19.43.94:8000"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = "target: 198.19.43.94:8000", "target: 198.19.43.95:8000"


class ReferenceUsesAnotherKey(_ReferenceChanged):
    """The reference names another identity than the inventory."""

    turns = {
        SAME: fail("identity: the reference says ~/.ssh/id_ed25519, not ~/.ssh/id_ops"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = (
        "identity: ~/.ssh/id_ops\n    listen: 127.0.0.1:18000",
        ("identity: ~/.ssh/id_ed25519\n    listen: 127.0.0.1:18000"),
    )


class ReferenceLacksTunnel(_ReferenceChanged):
    """The reference calls a tunnel by another name than the inventory."""

    turns = {
        SAME: fail(f"the reference does not know {HUB}"),
        NO_OTHER: fail("the reference also defines fleet-hub"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old, new = f"  {HUB}:\n", "  fleet-hub:\n"


class ReferenceKnowsAnotherTunnel(_ReferenceChanged):
    """The reference defines a third tunnel, of which the inventory says nothing."""

    turns = {
        NO_OTHER: fail("the reference also defines fleet-mail"),
        INSTALLED: fail("tunnels.yaml differs from railiance01-tunnels.yaml"),
    }
    old = "# After the migration"
    new = (
        "  fleet-mail:\n    user: tegwick\n    host: 198.18.77.12\n    identity: ~/.ssh/id_ops\n"
        "    listen: 127.0.0.1:10025\n    target: 198.19.43.25:25\n# After the migration"
    )


class ReferenceIsMissing(Fault):
    """The suite's own machine does not have the reference tunnels.yaml."""

    turns = {
        "PRE-08.same": inconclusive("No such file or directory"),
        NO_OTHER: inconclusive("No such file or directory"),
        INSTALLED: inconclusive("No such file or directory"),
    }

    def inject(self) -> None:
        REFERENCE.rename(REFERENCE.with_suffix(".kept"))

    def heal(self) -> None:
        REFERENCE.with_suffix(".kept").rename(REFERENCE)


class InventoryExchangesThePorts(Fault):
    """The inventory has the two tunnels listen on each other's port."""

    turns = {
        "PRE-08.same": fail("listen: the reference says 127.0.0.1:18"),
        "PRE-11.listen-address": fail("is held by the unit fleet-"),
        "CUT-05.port": fail("is held by the unit fleet-"),
        "CUT-06.healthy": fail("answered 404, not 200"),
        "CUT-07.forwards": fail("the running ssh forwards"),
        "PROD-02.upstream": fail("proxies to"),
        "PROD-04.path": fail("198.19.43."),
        "PROD-04.from-pod": fail("held by the unit fleet-"),
        **next_start(fail("it would forward [('127.0.0.1:18")),
        "CUT-07.listeners": fail("also listens on 127.0.0.1:18"),
        "PROD-17.listeners": fail("also listens on 127.0.0.1:18"),
        "PROD-18.order": fail("would take 127.0.0.1:18"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet itself."""

    def heal(self) -> None:
        """Nothing did."""

    def inventory(self, document: dict[str, Any]) -> None:
        hub, issues = document["tunnels"][HUB], document["tunnels"][ISSUES]
        hub["listen"], issues["listen"] = issues["listen"], hub["listen"]
