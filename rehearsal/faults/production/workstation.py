"""Tunnels of the workstation that nobody listed; listeners that nobody can attribute."""

from __future__ import annotations

from rehearsal.faults.bases import FileChanged, FilesAdded, Rogue
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    HUB_RETIRED,
    ISSUES_RETIRED,
    RAILIANCE,
    TUNNELS_YAML,
    UNITS,
    WANTED,
    WORKSTATION,
    listening,
    restore_configuration,
    root,
    user,
    wait_for,
)
from rehearsal.faults.symptoms import ONLY
from rehearsal.states import on


class RetiredTunnelRenamed(Fault):
    """A retired tunnel runs under a new name, on a port that production does not use."""

    turns = {
        "PROD-06.interactive": fail("runs hub-again, which is not on the interactive"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }

    def inject(self) -> None:
        entry = "kind: reverse, host: railiance01, listen: 127.0.0.1:18001, user: tegwick, "
        entry += "target: 127.0.0.1:8000, autostart: false"
        user(WORKSTATION, f"cp -p {TUNNELS_YAML} ~/tunnels.kept; "
                          f"echo '  hub-again: {{{entry}}}' >>{TUNNELS_YAML}")  # fmt: skip
        on(WORKSTATION, "bridge up hub-again")

    def heal(self) -> None:
        on(WORKSTATION, "bridge down hub-again")
        restore_configuration()


class RogueForward(Rogue):
    """A forward tunnel runs that is on no list."""

    ssh = "-L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("a tunnel that is on no list runs, process")}


class RogueUnderAnotherName(Rogue):
    """A forward tunnel runs that is on no list, by a copy of ssh that is called otherwise."""

    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("listens on 127.0.0.1:18001: uplink (pid")}
    ssh = "-L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    program = "./uplink"

    def inject(self) -> None:
        on(WORKSTATION, "cp /usr/bin/ssh ./uplink")
        super().inject()

    def heal(self) -> None:
        super().heal()
        on(WORKSTATION, "rm ./uplink")


class RogueForwardBesideToken(Rogue):
    """A forward tunnel runs that is on no list; before its -L stands a secret.

    A run on the fleet fails PROD-06.interactive. A recording lacks the secret, and what else may
    have stood there: nobody can judge by it.
    """

    ssh = "-o SetEnv=API_TOKEN=abcdef1 -L 127.0.0.1:18001:127.0.0.1:9090 railiance01"
    host = WORKSTATION
    _unknown = inconclusive("workstation: what `processes` says was recorded without a secret")
    turns = {
        "PROD-06.interactive": _unknown,
        "PRE-06.interactive[state-hub]": _unknown,
        "PRE-06.interactive[issue-core]": _unknown,
        f"CUT-03.down[{HUB_RETIRED}]": _unknown,
        f"CUT-03.down[{ISSUES_RETIRED}]": _unknown,
        "PRE-14.answerable[workstation]": _unknown,
    }


class RogueProxy(Rogue):
    """A SOCKS proxy into the fleet runs."""

    ssh = "-D 127.0.0.1:18001 railiance01"
    host = WORKSTATION
    turns = {"PROD-06.interactive": fail("a proxy runs, process")}


class RogueReverseTunnel(Rogue):
    """A plain ssh -R, on a port that is on no list."""

    ssh = "-R 127.0.0.1:18001:127.0.0.1:8000 railiance01"
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }


class ReverseTunnelFromAnAddressOfTwo(RogueReverseTunnel):
    """It comes from an address of which coulombcore says, too, that it has it."""

    address = "198.18.77.99"
    ssh = f"-b {address} {RogueReverseTunnel.ssh}"
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": inconclusive("which several hosts report as their own"),
    }

    def inject(self) -> None:
        # Of two that answer for one address nobody knows which is asked: coulombcore does not.
        root(COULOMB, "sysctl -qw net.ipv4.conf.host0.arp_ignore=1; ip link add two type bridge; "
                      f"ip addr add {self.address}/32 dev two")  # fmt: skip
        root(WORKSTATION, f"ip addr add {self.address}/24 dev host0")
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(COULOMB, "ip link del two; sysctl -qw net.ipv4.conf.host0.arp_ignore=0")
        root(WORKSTATION, f"ip addr del {self.address}/24 dev host0")


class ReverseTunnelFromSshConfig(Rogue):
    """A RemoteForward in ~/.ssh/config opens a tunnel that no command line shows."""

    ssh = "backhaul"
    turns = {
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }

    def inject(self) -> None:
        config = "Host backhaul\\n HostName railiance01\\n HostKeyAlias railiance01\\n "
        config += "RemoteForward 127.0.0.1:18001 127.0.0.1:8000\\n"
        user(WORKSTATION, f"printf '{config}' >~/.ssh/config")
        super().inject()

    def heal(self) -> None:
        super().heal()
        user(WORKSTATION, "rm ~/.ssh/config")


class _OfControlMaster(Fault):
    """A forward is added to a connection that is already open: its process shows no arguments."""

    forward: str

    def inject(self) -> None:
        master = "ssh -fN -o ControlMaster=yes -o ControlPersist=60 -S ~/.ssh/master railiance01"
        forward = f"ssh -S ~/.ssh/master -O forward {self.forward} railiance01"
        on(WORKSTATION, f"{master} </dev/null >/dev/null 2>&1 && {forward}")

    def heal(self) -> None:
        on(WORKSTATION, "ssh -S ~/.ssh/master -O exit railiance01")


class ReverseTunnelOfControlMaster(_OfControlMaster):
    """A reverse tunnel is added to an open connection."""

    forward = "-R 127.0.0.1:18001:127.0.0.1:8000"
    turns = {"PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by")}


class ForwardOfControlMaster(_OfControlMaster):
    """A forward tunnel that is on no list is added to an open connection."""

    forward = "-L 127.0.0.1:18001:127.0.0.1:9090"
    turns = {"PROD-06.interactive": fail("is on no list listens on 127.0.0.1:18001, process")}


class ListenerOfX11Forwarding(_OfControlMaster):
    """sshd listens on railiance01 for a display on the workstation, as for `ssh -X`."""

    forward = "-R 127.0.0.1:6010:127.0.0.1:6000"
    harmless_to = "PROD-06.listeners"


REVERSE = (
    "{kind: reverse, host: railiance01, listen: 127.0.0.1:18000, user: tegwick, "
    "target: 127.0.0.1:8000, autostart: true}"
)


class BridgeAutostartRenamed(FileChanged):
    """The workstation's `bridge` starts a retired tunnel under a name that is on no list."""

    turns = {ONLY: fail("starts hub-again, which is not on the")}
    host, file = WORKSTATION, TUNNELS_YAML
    command = f"echo '  hub-again: {REVERSE}' >>{file}"


class ReverseTunnelUnderInteractiveName(FileChanged):
    """The workstation's `bridge` starts a reverse tunnel under an interactive tunnel's name."""

    turns = {ONLY: fail("starts k3s-api-hub, a reverse tunnel: none is interactive")}
    host, file = WORKSTATION, TUNNELS_YAML
    command = f"echo '  k3s-api-hub: {REVERSE}' >>{file}"


class AutostartOfForward(FilesAdded):
    """A user unit starts a forward tunnel that is on no list."""

    turns = {ONLY: fail("a tunnel that is on no list would start by itself, backhaul.service")}
    ssh = "ExecStart=/usr/bin/ssh -N -L 18001:127.0.0.1:9090 railiance01"
    files = {f"{UNITS}/backhaul.service": f"[Service]\n{ssh}\n{WANTED}"}
    enabled = "backhaul"


class AutostartOfProxy(FilesAdded):
    """A user unit starts a SOCKS proxy into the fleet."""

    turns = {ONLY: fail("a proxy would start by itself, backhaul.service")}
    ssh = "ExecStart=/usr/bin/ssh -N -D 18001 railiance01"
    files = {f"{UNITS}/backhaul.service": f"[Service]\n{ssh}\n{WANTED}"}
    enabled = "backhaul"


class SshOfAnotherUser(Fault):
    """Another user of the workstation is logged in at railiance01; nothing is forwarded."""

    harmless_to = "PROD-06.interactive"
    configuration = ""

    def inject(self) -> None:
        root(WORKSTATION, "useradd -m guest; install -d -m 700 -o guest ~guest/.ssh; "
                          f"echo '{self.configuration}' >~guest/.ssh/config; "
                          "cp ~tegwick/.ssh/id_* ~tegwick/.ssh/known_hosts ~guest/.ssh/; "
                          "chown guest ~guest/.ssh/*; "
                          "systemd-run -q --unit=guest --uid=guest ssh -N -o BatchMode=yes "
                          "tegwick@railiance01")  # fmt: skip

    def heal(self) -> None:
        root(WORKSTATION, "systemctl stop guest; userdel -f -r guest 2>/dev/null")


class SshOfAnotherUserListens(SshOfAnotherUser):
    """Another user's ssh listens on the workstation; what its configuration has is hidden."""

    harmless_to = ""
    turns = {"PROD-06.interactive": inconclusive("what it forwards is not known: process")}
    configuration = "LocalForward 127.0.0.1:19000 127.0.0.1:80"


class ListenerOfSystemService(Fault):
    """A service of the system listens on railiance01 as a log-in user and shows no process.

    So does an sshd without PAM for whoever logged in and forwards.
    """

    turns = {
        "PROD-06.listeners[railiance01]": inconclusive(
            "127.0.0.1:18001 is held by the system's unit odd.service as uid 1000: a log-in's"
        )
    }
    port = 18001

    def inject(self) -> None:
        # A process that may not be traced shows its sockets to root alone, as sshd's do.
        listen = "import ctypes,socket,time;s=socket.create_server((\\'127.0.0.1\\',%d));"
        listen += "ctypes.CDLL(None).prctl(4,0);time.sleep(9999)"
        code = (listen % self.port).replace("\\'", "'")
        root(RAILIANCE, "systemd-run --quiet --collect --unit=odd --uid=tegwick "
                        f'python3 -c "{code}"')  # fmt: skip
        wait_for(RAILIANCE, listening(self.port))

    def heal(self) -> None:
        root(RAILIANCE, "systemctl stop odd")


class ServerOfDeveloper(Fault):
    """Somebody logged in from the workstation to railiance01 and serves files there meanwhile."""

    harmless_to = "PROD-06.listeners"

    def inject(self) -> None:
        serve = "exec python3 -m http.server --bind 127.0.0.1 9999"
        on(WORKSTATION, f"setsid ssh -tt railiance01 '{serve}' </dev/null >/dev/null 2>&1 & "
                        "echo $! >~/developer.pid")  # fmt: skip
        wait_for(RAILIANCE, listening(9999))

    def heal(self) -> None:
        user(WORKSTATION, "kill $(cat ~/developer.pid); rm ~/developer.pid")
        wait_for(RAILIANCE, f"! {listening(9999)}")
