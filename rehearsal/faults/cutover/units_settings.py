"""The ssh of a fleet unit is told something else, by its unit or by ssh_config."""

from __future__ import annotations

from rehearsal import keys
from rehearsal.faults.bases import FilesAdded, Rewritten, WorkstationLetsFleetIn
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    AUTHORIZED,
    COULOMB,
    FLEET,
    FOR_COULOMB,
    HUB,
    HUB_BRIDGE,
    ISSUES,
    ISSUES_BRIDGE,
    JUMP,
    RAILIANCE,
    SSH_CONFIG,
    restart,
    restore_unit,
    rewrite,
    root,
    user,
)
from rehearsal.faults.symptoms import (
    INSTALLED,
    RUNNING,
    doors,
    logs_in,
    next_start,
    pinned,
    unanswered,
)


class SshConfigWillJump(WorkstationLetsFleetIn):
    """Railiance01's ssh_config leads over the workstation since the tunnels were started."""

    turns = next_start(fail("it would go through tegwick@[198.18.77.13]"))

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"echo '{JUMP}' >{SSH_CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {SSH_CONFIG}")
        super().heal()


def _for_coulombcore(line: str) -> dict[str, str]:
    """Railiance01's ~/.ssh/config with one line for coulombcore."""
    return {SSH_CONFIG: f"{FOR_COULOMB}\n{line}\n"}


class SshConfigOpensDoor(FilesAdded):
    """Railiance01's ssh_config has the tunnel's ssh forward one more port, for everybody."""

    turns = {
        **next_start(fail("('0.0.0.0:18098', '127.0.0.1:6443')")),
        **doors("0.0.0.0:18098"),
    }
    host, files = RAILIANCE, _for_coulombcore("LocalForward 0.0.0.0:18098 127.0.0.1:6443")

    def inject(self) -> None:
        super().inject()
        restart(HUB)

    def heal(self) -> None:
        super().heal()
        restart(HUB)


class SshConfigSharesConnections(FilesAdded):
    """Railiance01's ssh_config has ssh ride on whatever connection is open already."""

    turns = next_start(fail("it would have controlpath /home/tegwick/.ssh/master"))
    host, files = RAILIANCE, _for_coulombcore("ControlPath ~/.ssh/master")


class SshConfigClearsForwards(FilesAdded):
    """Railiance01's ssh_config has ssh open no forwarding at all."""

    turns = next_start(fail("it would have clearallforwardings yes, not no"))
    host, files = RAILIANCE, _for_coulombcore("ClearAllForwardings yes")


class SshConfigBroken(FilesAdded):
    """Railiance01's ssh_config has a line that no ssh understands."""

    shows = ("/home/tegwick/.ssh/config: line 2: Bad configuration option: nosuchoption",)
    turns = {
        **next_start(fail("it would not start: ")),
        **logs_in(fail("terminating, 1 bad configuration options")),
        **pinned(inconclusive("terminating, 1 bad configuration options")),
        **unanswered(RAILIANCE, "terminating, 1 bad configuration options"),
    }
    host, files = RAILIANCE, _for_coulombcore("NoSuchOption yes")


class AnotherKeyOpens(FilesAdded):
    """The fleet identity is not authorised; ssh_config offers another key, which is."""

    turns = {
        **next_start(fail("it would offer /home/tegwick/.ssh/id_ops, /home/tegwick/.ssh/id_mine")),
        **logs_in(fail("coulombcore lets in /home/tegwick/.ssh/id_mine")),
    }
    host, files = RAILIANCE, _for_coulombcore("IdentityFile /home/tegwick/.ssh/id_mine")

    def inject(self) -> None:
        made = user(RAILIANCE, "ssh-keygen -q -t ed25519 -N '' -C mine -f ~/.ssh/id_mine && "
                               "cat ~/.ssh/id_mine.pub")  # fmt: skip
        user(COULOMB, f"cp -p {AUTHORIZED} ~/kept; sed -i '{FLEET}d' {AUTHORIZED}; "
                      f"echo '{made.strip()}' >>{AUTHORIZED}")  # fmt: skip
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(COULOMB, f"mv ~/kept {AUTHORIZED}")
        user(RAILIANCE, "rm ~/.ssh/id_mine ~/.ssh/id_mine.pub")


class UnitsAreCrossed(Fault):
    """State Hub's tunnel leads to issue-core, and issue-core's to State Hub."""

    turns = {
        **next_start(fail("it would forward")),
        INSTALLED: fail("127.0.0.1:18000:198.19.43.154:8765"),
        "CUT-06.healthy": fail("answered 404, not 200"),
        "CUT-07.forwards": fail("the running ssh forwards"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
        f"PROD-04.path[{HUB}]": fail("→ coulombcore → 198.19.43.154:8765, not"),
        f"PROD-04.path[{ISSUES}]": fail("→ coulombcore → 198.19.43.94:8000, not"),
    }

    def inject(self) -> None:
        rewrite(HUB, "s/198.19.43.94:8000/198.19.43.154:8765/")
        rewrite(ISSUES, "s/198.19.43.154:8765/198.19.43.94:8000/")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        restore_unit(HUB)
        restore_unit(ISSUES)


class UnitListensEverywhere(Rewritten):
    """A fleet unit listens on every address of railiance01, not on loopback only."""

    turns = {
        **next_start(fail("0.0.0.0:18000"), HUB),
        **doors("0.0.0.0:18000"),
        INSTALLED: fail("-L 0.0.0.0:18000:"),
        f"CUT-05.port[{HUB}]": fail("listens on 0.0.0.0:18000, not only on"),
        RUNNING: fail("0.0.0.0:18000"),
    }
    change = "s/-L 127.0.0.1:/-L 0.0.0.0:/"


class UnitForwardsMore(Rewritten):
    """A fleet unit was given a second forwarding, to coulombcore's Kubernetes API."""

    turns = {
        **next_start(fail("16443"), HUB),
        **doors("127.0.0.1:16443"),
        INSTALLED: fail("6443"),
        RUNNING: fail("127.0.0.1:16443"),
    }
    change = "s/-L 127/-L 127.0.0.1:16443:127.0.0.1:6443 &/"


class UnitForwardsBack(Rewritten):
    """A fleet unit also opens railiance01's sshd to coulombcore."""

    turns = {
        **next_start(fail("it would also forward back"), HUB),
        INSTALLED: fail("-R 2222"),
        RUNNING: fail("also forwards back"),
    }
    change = "s/-L 127/-R 2222:127.0.0.1:22 &/"


class UnitIsSocksProxy(Rewritten):
    """A fleet unit is a SOCKS proxy into coulombcore's network besides."""

    turns = {
        **next_start(fail("it would also be a proxy"), HUB),
        **doors("127.0.0.1:1080"),
        INSTALLED: fail("-D 1080"),
        RUNNING: fail("is also a proxy"),
    }
    change = "s/-L 127/-D 1080 &/"


class UnitTrustsAnyHostKey(Rewritten):
    """A fleet unit's ssh accepts whatever host key it is shown."""

    turns = {
        **next_start(fail("it would have stricthostkeychecking no, not yes"), HUB),
        INSTALLED: fail("StrictHostKeyChecking=no"),
        RUNNING: fail("StrictHostKeyChecking=no, not yes"),
    }
    change = "s/StrictHostKeyChecking=yes/StrictHostKeyChecking=no/"


class UnitMayAsk(Rewritten):
    """A fleet unit's ssh may ask for a password, and would wait for it for ever."""

    turns = {
        **next_start(fail("it would have batchmode no, not yes"), HUB),
        INSTALLED: fail("BatchMode"),
        RUNNING: fail("BatchMode=(not set), not yes"),
    }
    change = "s/-o BatchMode=yes //"


class UnitIgnoresTakenPort(Rewritten):
    """A fleet unit's ssh would stay up without its port."""

    turns = {
        **next_start(fail("it would have exitonforwardfailure no, not yes"), HUB),
        INSTALLED: fail("ExitOnForwardFailure=no"),
        RUNNING: fail("ExitOnForwardFailure=no, not yes"),
    }
    change = "s/ExitOnForwardFailure=yes/ExitOnForwardFailure=no/"


class UnitLogsInAsAnotherUser(Rewritten):
    """A fleet unit logs in to coulombcore as somebody else, who lets the fleet identity in."""

    turns = {
        **next_start(fail("it would log in as guest, not as tegwick"), HUB),
        INSTALLED: fail("guest@198.18.77.12"),
        RUNNING: fail("logs in as guest, not tegwick"),
    }
    change = "s/tegwick@/guest@/"

    def inject(self) -> None:
        authorized = "~guest/.ssh/authorized_keys"
        root(COULOMB, "useradd -m guest && install -d -m 700 -o guest ~guest/.ssh && "
                      f"echo '{keys.public(keys.FLEET)}' >{authorized}")  # fmt: skip
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(COULOMB, "loginctl terminate-user guest; userdel -f -r guest 2>/dev/null")


class UnitGoesByName(Rewritten):
    """A fleet unit calls coulombcore by a name, which may lead elsewhere tomorrow."""

    turns = {
        **next_start(fail("it would go to coulombcore, not to 198.18.77.12"), HUB),
        INSTALLED: fail("tegwick@coulombcore"),
        RUNNING: fail("goes to coulombcore, not 198.18.77.12"),
    }
    change = "s/tegwick@198.18.77.12/tegwick@coulombcore/"

    def inject(self) -> None:
        pinned = f"coulombcore {keys.public(keys.host_key(COULOMB))}"
        user(RAILIANCE, f"cp -p ~/.ssh/known_hosts ~/kept; echo '{pinned}' >>~/.ssh/known_hosts")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(RAILIANCE, "mv ~/kept ~/.ssh/known_hosts")


class UnitUsesAnotherKey(Rewritten):
    """A fleet unit logs in with somebody's own key, which coulombcore also lets in."""

    turns = {
        **next_start(fail("it would offer /home/tegwick/.ssh/id_mine"), HUB),
        **logs_in(fail("coulombcore lets in /home/tegwick/.ssh/id_mine")),
        INSTALLED: fail(".ssh/id_mine"),
        RUNNING: fail("the running ssh uses"),
    }
    change = "s/id_ops/id_mine/"

    def inject(self) -> None:
        made = user(RAILIANCE, "ssh-keygen -q -t ed25519 -N '' -C mine -f ~/.ssh/id_mine && "
                               "cat ~/.ssh/id_mine.pub")  # fmt: skip
        user(COULOMB, f"echo '{made.strip()}' >>~/.ssh/authorized_keys")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(COULOMB, "sed -i '/ mine$/d' ~/.ssh/authorized_keys")
        user(RAILIANCE, "rm ~/.ssh/id_mine ~/.ssh/id_mine.pub")


UNTOLD = inconclusive("what it would start cannot be told: `/usr/bin/timeout")


class UnitRunsSshInTimeout(Rewritten):
    """Somebody wrapped a fleet unit's ssh in timeout(1), which systemd now watches instead."""

    turns = {
        **next_start(UNTOLD, HUB),
        **logs_in(UNTOLD),
        **pinned(UNTOLD),
        "PROD-17.lasting": UNTOLD,
        "PRE-09.certificate": inconclusive("what it would start cannot be told: `/usr/bin/timeout"),
        "PROD-14.certificate": inconclusive(
            "what it would start cannot be told: `/usr/bin/timeout"
        ),
        INSTALLED: fail("ExecStart=/usr/bin/timeout 1d"),
        RUNNING: fail("runs no ssh"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
        **unanswered(RAILIANCE, "what it would start cannot be told"),
    }
    change = "s|^ExecStart=|&/usr/bin/timeout 1d |"
