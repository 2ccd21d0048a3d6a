"""Configurations in which `ssh` is used, and what ssh and the suite make of each.

Each is a function that sets up a stage; its docstring is its name in the table. By default both
reach the host. Where they differ, or where neither does, the decorator says so, and with which
words the suite tells why.
"""

import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from . import servers
from .conftest import Sshd, key_line
from .software_agent import SecurityKey, SoftwareAgent
from .stage import HOST, Stage, free_port

Arrange = Callable[[Stage], object]


@dataclass(frozen=True)
class Configuration:
    """One of them: does ssh reach the host, does the suite, and what does it say if not."""

    name: str
    title: str
    arrange: Arrange
    ssh: bool
    suite: bool
    says: str

    @property
    def declared(self) -> str:
        """Why the two may differ; empty where they must not."""
        return DIFFERENCES.get(self.name, "")


ALL: list[Configuration] = []
DIFFERENCES: dict[str, str] = {}


def both(arrange: Arrange) -> Arrange:
    """A configuration in which ssh and the suite reach the host."""
    return _add(arrange, ssh=True, suite=True, says="")


def neither(says: str) -> Callable[[Arrange], Arrange]:
    """One in which neither does; the suite's sentence matches `says`."""
    return lambda arrange: _add(arrange, ssh=False, suite=False, says=says)


def ssh_alone(says: str, why: str) -> Callable[[Arrange], Arrange]:
    """One in which ssh does and the suite does not, and why that is as it should be."""

    def decorate(arrange: Arrange) -> Arrange:
        DIFFERENCES[arrange.__name__] = why
        return _add(arrange, ssh=True, suite=False, says=says)

    return decorate


def suite_alone(why: str) -> Callable[[Arrange], Arrange]:
    """One in which the suite does and ssh does not."""

    def decorate(arrange: Arrange) -> Arrange:
        DIFFERENCES[arrange.__name__] = why
        return _add(arrange, ssh=False, suite=True, says="")

    return decorate


def _add(arrange: Arrange, *, ssh: bool, suite: bool, says: str) -> Arrange:
    title = " ".join((arrange.__doc__ or "").split())
    ALL.append(Configuration(arrange.__name__, title, arrange, ssh, suite, says))
    return arrange


def _servers() -> None:
    for release in servers.RELEASES:
        for kind in ("sshd", "dropbear"):

            def arrange(stage: Stage, kind: str = kind, release: str = release) -> None:
                server: Sshd = getattr(stage, kind)(release=release)
                stage.host(server)

            arrange.__name__ = f"{kind}_of_{release}"
            arrange.__doc__ = f"{kind} of Debian {release}"
            both(arrange)


_servers()

# Keys in agents.


@both
def confirmation(stage: Stage) -> None:
    """The agent holds a key that needs a confirmation, and then the right one."""
    sshd = stage.sshd()
    agent = stage.agent(("-c", stage.key("other")), (sshd.user_key,))
    stage.host(sshd, f"IdentityAgent {agent}", "IdentityFile none")


@neither("refused to sign")
def confirmation_denied(stage: Stage) -> None:
    """The only key needs a confirmation, which is denied."""
    sshd = stage.sshd()
    agent = stage.agent(("-c", sshd.user_key))
    stage.host(sshd, f"IdentityAgent {agent}", "IdentityFile none")


@both
def bound_elsewhere(stage: Stage) -> None:
    """The agent holds a key that is bound to other hosts, and then the right one."""
    sshd = stage.sshd()
    hosts = stage.folder / "bound"
    hosts.write_text(f"elsewhere {key_line(stage.key('elsewhere'))}\n")
    agent = stage.agent(("-h", "elsewhere", "-H", hosts, stage.key("other")), (sshd.user_key,))
    stage.host(sshd, f"IdentityAgent {agent}", "IdentityFile none")


@neither("has no key to log in with")
def bound_to_another(stage: Stage) -> None:
    """The right key is bound to another host."""
    sshd = stage.sshd()
    hosts = stage.folder / "bound"
    hosts.write_text(f"elsewhere {key_line(stage.key('elsewhere'))}\n")
    agent = stage.agent(("-h", "elsewhere", "-H", hosts, sshd.user_key))
    sshd.user_key.unlink()
    stage.host(sshd, f"IdentityAgent {agent}", "IdentityFile none")


@both
def bound_here(stage: Stage) -> None:
    """The right key is bound to this host."""
    sshd = stage.sshd()
    hosts = stage.folder / "bound"
    hosts.write_text(f"here {key_line(sshd.host_key)}\n")
    agent = stage.agent(("-h", "here", "-H", hosts, sshd.user_key))
    stage.host(sshd, f"IdentityAgent {agent}", "IdentityFile none")


def _software(stage: Stage, *keys: SecurityKey) -> str:
    agent = SoftwareAgent(stage.folder / "software", *keys)
    stage.stack.callback(agent.close)
    return f"IdentityAgent {agent.path}"


@both
def touch_of_another(stage: Stage) -> None:
    """The agent holds a key that waits for a touch, which the host does not take."""
    sshd = stage.sshd()
    stage.host(sshd, _software(stage, SecurityKey("untouched", 60)))


@both
def fido(stage: Stage) -> None:
    """A FIDO key in the agent, touched at once."""
    key = SecurityKey("token")
    sshd = stage.sshd()
    (sshd.folder / "authorized_keys").write_text(key.line + "\n")
    stage.host(sshd, _software(stage, key), "IdentityFile none")


@neither("token of the agent .* was to sign, and perhaps waits for a touch or a confirmation")
def fido_untouched(stage: Stage) -> None:
    """A FIDO key in the agent, which nobody touches."""
    stage.patience = 8
    key = SecurityKey("token", 60)
    sshd = stage.sshd()
    (sshd.folder / "authorized_keys").write_text(key.line + "\n")
    stage.host(sshd, _software(stage, key), "IdentityFile none")


@both
def encrypted_in_agent(stage: Stage) -> None:
    """An encrypted key without its public half beside it, which the agent holds."""
    sshd = stage.sshd()
    agent = stage.agent((sshd.user_key,))
    _encrypt(sshd)
    sshd.user_key.with_name("user_key.pub").unlink()
    stage.host(sshd, f"IdentityAgent {agent}", "IdentitiesOnly yes")


@both
def public_half_named(stage: Stage) -> None:
    """IdentityFile names the public half, IdentitiesOnly, and the agent holds the key."""
    sshd = stage.sshd()
    agent = stage.agent((stage.key("other"),), (sshd.user_key,))
    sshd.user_key.unlink()
    stage.host(sshd, f"IdentityAgent {agent}", f"IdentityFile {sshd.user_key}.pub",
               "IdentitiesOnly yes")  # fmt: skip


@both
def agent_of_a_variable(stage: Stage) -> None:
    """IdentityAgent names a variable."""
    sshd = stage.sshd()
    stage.environment["FLEET_AGENT"] = str(stage.agent((sshd.user_key,)))
    stage.host(sshd, "IdentityAgent $FLEET_AGENT", "IdentityFile none")


@both
def agent_in_a_variable_s_folder(stage: Stage) -> None:
    """IdentityAgent is a path with a variable in it."""
    sshd = stage.sshd()
    path = stage.agent((sshd.user_key,))
    stage.environment["FLEET_FOLDER"] = str(path.parent)
    stage.host(sshd, f"IdentityAgent ${{FLEET_FOLDER}}/{path.name}", "IdentityFile none")


# Keys and certificates in files.


@both
def empty_certificate(stage: Stage) -> None:
    """The certificate beside a good key is empty."""
    sshd = stage.sshd()
    sshd.user_key.with_name("user_key-cert.pub").touch()
    stage.host(sshd)


@both
def error_page_as_certificate(stage: Stage) -> None:
    """The certificate beside a good key is an error page."""
    sshd = stage.sshd()
    page = "<html><title>502 Bad Gateway</title></html>\n"
    sshd.user_key.with_name("user_key-cert.pub").write_text(page)
    stage.host(sshd)


def _certify(stage: Stage, sshd: Sshd, *options: str) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-s", stage.folder / "ca", "-I", "x", *options,
         f"{sshd.user_key}.pub"],
        check=True,
    )  # fmt: skip


def _with_authority(stage: Stage) -> Sshd:
    authority = stage.key("ca")
    return stage.sshd(f"TrustedUserCAKeys {authority}.pub")


@both
def certificate(stage: Stage) -> None:
    """The host takes certificates alone."""
    sshd = _with_authority(stage)
    (sshd.folder / "authorized_keys").write_text("")
    _certify(stage, sshd, "-n", "root")
    stage.host(sshd)


@both
def expired_certificate(stage: Stage) -> None:
    """The certificate beside a good key has expired."""
    sshd = _with_authority(stage)
    _certify(stage, sshd, "-n", "root", "-V", "-2d:-1d")
    stage.host(sshd)


@both
def certificate_of_the_agent_s_key(stage: Stage) -> None:
    """CertificateFile certifies a key that the agent alone holds."""
    sshd = _with_authority(stage)
    (sshd.folder / "authorized_keys").write_text("")
    agent = stage.agent((sshd.user_key,))
    _certify(stage, sshd, "-n", "root")
    certificate = sshd.user_key.with_name("user_key-cert.pub")
    certificate = certificate.rename(stage.folder / "fleet-cert.pub")
    sshd.user_key.unlink()
    stage.host(sshd, f"IdentityAgent {agent}", f"CertificateFile {certificate}")


def _of_kind(stage: Stage, *options: str, kind: str) -> Sshd:
    sshd = stage.sshd()
    key = stage.key("key", *options, kind=kind)
    (sshd.folder / "authorized_keys").write_text(key_line(key) + "\n")
    key.rename(sshd.user_key)
    key.with_name("key.pub").rename(f"{sshd.user_key}.pub")
    return sshd


@both
def rsa_in_pkcs8(stage: Stage) -> None:
    """An RSA key in PKCS#8, as openssl writes it."""
    sshd = stage.sshd()
    sshd.user_key.unlink()
    subprocess.run(["openssl", "genrsa", "-out", sshd.user_key, "2048"], check=True,
                   capture_output=True)  # fmt: skip
    sshd.user_key.chmod(0o600)
    public = subprocess.check_output(["ssh-keygen", "-y", "-f", sshd.user_key], text=True)
    (sshd.folder / "authorized_keys").write_text(public)
    sshd.user_key.with_name("user_key.pub").unlink()
    stage.host(sshd)


@both
def rsa_in_pem(stage: Stage) -> None:
    """An RSA key in PKCS#1, as old ssh-keygen writes it."""
    stage.host(_of_kind(stage, "-m", "PEM", "-b", "2048", kind="rsa"))


@both
def ecdsa_in_pkcs8(stage: Stage) -> None:
    """An ECDSA key in PKCS#8."""
    stage.host(_of_kind(stage, "-m", "PKCS8", "-b", "521", kind="ecdsa"))


@both
def key_alone(stage: Stage) -> None:
    """A key without its public half beside it."""
    sshd = stage.sshd()
    sshd.user_key.with_name("user_key.pub").unlink()
    stage.host(sshd)


def _encrypt(sshd: Sshd) -> None:
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(sshd.user_key)]
    subprocess.run(command, check=True)


@neither("is encrypted, and no agent holds it; ssh-add it")
def encrypted(stage: Stage) -> None:
    """An encrypted key, and no agent."""
    sshd = stage.sshd()
    _encrypt(sshd)
    stage.host(sshd)


@neither("others may read or change it; chmod 600")
def readable_key(stage: Stage) -> None:
    """A private key that others may read."""
    sshd = stage.sshd()
    sshd.user_key.chmod(0o644)
    stage.host(sshd)


@neither("has 1024 bits; RequiredRSASize wants 2048")
def small_rsa_key(stage: Stage) -> None:
    """An RSA key that is smaller than RequiredRSASize."""
    stage.host(_of_kind(stage, "-b", "1024", kind="rsa"), "RequiredRSASize 2048")


@neither("PubkeyAcceptedAlgorithms has nothing for ssh-ed25519")
def algorithm_of_key_not_accepted(stage: Stage) -> None:
    """PubkeyAcceptedAlgorithms leaves out the key's."""
    stage.host(stage.sshd(), "PubkeyAcceptedAlgorithms rsa-sha2-256")


@both
def rsa_by_sha2_256(stage: Stage) -> None:
    """PubkeyAcceptedAlgorithms and the host's leave one hash for RSA."""
    sshd = stage.sshd("PubkeyAcceptedAlgorithms rsa-sha2-256")
    key = stage.key("rsa", "-b", "2048", kind="rsa")
    (sshd.folder / "authorized_keys").write_text(key_line(key) + "\n")
    stage.host(sshd, f"IdentityFile {key}", "PubkeyAcceptedAlgorithms rsa-sha2-*")


# Other methods, and several of them.


@both
def no_proof(stage: Stage) -> None:
    """The host lets in without a proof, as an overlay network's ssh does."""
    files = {"etc/shadow": servers.FILES["etc/shadow"].replace("tegwick:*", "tegwick:")}
    sshd = stage.sshd("PasswordAuthentication yes", "PermitEmptyPasswords yes", files=files)
    stage.host(sshd, "IdentityFile none", user="tegwick")


@both
def two_keys(stage: Stage) -> None:
    """The host wants two keys, one after the other."""
    sshd = stage.sshd("AuthenticationMethods publickey,publickey")
    second = stage.key("second")
    with (sshd.folder / "authorized_keys").open("a") as file:
        file.write(key_line(second) + "\n")
    stage.host(sshd, f"IdentityFile {second}")


PAM = ("UsePAM yes", "KbdInteractiveAuthentication yes")


@both
def key_and_no_prompt(stage: Stage) -> None:
    """The host wants a key and keyboard-interactive, which has no prompt."""
    stage.host(stage.sshd(*PAM, "AuthenticationMethods publickey,keyboard-interactive"))


@both
def no_prompt(stage: Stage) -> None:
    """The host takes no key, and keyboard-interactive without a prompt."""
    stage.host(stage.sshd(*PAM, "PubkeyAuthentication no"))


ASKS = {"etc/pam.d/sshd": servers.FILES["etc/pam.d/sshd"].replace("pam_permit", "pam_unix")}


@neither("wants another proof besides .keyboard-interactive: 'Password: '.; the suite answers no")
def key_and_prompt(stage: Stage) -> None:
    """The host wants a key and keyboard-interactive, which asks for a password."""
    lines = (*PAM, "AuthenticationMethods publickey,keyboard-interactive")
    stage.host(stage.sshd(*lines, files=ASKS))


@neither("accepts no keys, only password")
def password(stage: Stage) -> None:
    """The host takes passwords alone."""
    stage.host(stage.sshd("PubkeyAuthentication no", "PasswordAuthentication yes"))


@neither("ssh_config allows none")
def no_key_allowed(stage: Stage) -> None:
    """PubkeyAuthentication no."""
    stage.host(stage.sshd(), "PubkeyAuthentication no")


@neither("PreferredAuthentications has hostbased,gssapi-with-mic and nothing that this suite can")
def no_method_allowed(stage: Stage) -> None:
    """PreferredAuthentications has nothing that the suite can do."""
    stage.host(stage.sshd(), "PreferredAuthentications hostbased,gssapi-with-mic")


@both
def gssapi_without_ticket(stage: Stage) -> None:
    """GSSAPIAuthentication is on, there is no ticket, and a key is accepted."""
    stage.host(stage.sshd(), "GSSAPIAuthentication yes", "HostbasedAuthentication yes")


@neither("ssh_config line 2: GSSAPIAuthentication is not supported: authorise a key on the host")
def gssapi_alone(stage: Stage) -> None:
    """GSSAPIAuthentication is on, on both sides, and no key is accepted."""
    sshd = stage.sshd("GSSAPIAuthentication yes", release="trixie")
    (sshd.folder / "authorized_keys").write_text("")
    stage.host(sshd, "GSSAPIAuthentication yes")


@neither("PKCS11Provider is not supported: load its keys into an agent: ssh-add -s PROVIDER")
def token_without_agent(stage: Stage) -> None:
    """PKCS11Provider, and no key beside it that the host accepts."""
    sshd = stage.sshd()
    (sshd.folder / "authorized_keys").write_text("")
    stage.host(sshd, "PKCS11Provider /usr/lib/none.so")


# The way there.


@both
def bind_address(stage: Stage) -> None:
    """BindAddress, and the key is good from that address alone."""
    sshd = stage.sshd()
    file = sshd.folder / "authorized_keys"
    file.write_text(f'from="127.0.0.5" {file.read_text()}')
    stage.host(sshd, "BindAddress 127.0.0.5")


@both
def bind_interface(stage: Stage) -> None:
    """BindInterface."""
    stage.host(stage.sshd(), "BindInterface lo")


@neither("ssh_config's BindAddress 198.18.0.1 is no address here")
def bind_address_elsewhere(stage: Stage) -> None:
    """BindAddress is no address of this machine."""
    stage.host(stage.sshd(), "BindAddress 198.18.0.1")


@neither("does not resolve to IPv6, which AddressFamily wants")
def address_family(stage: Stage) -> None:
    """AddressFamily inet6, and the host has an IPv4 address."""
    stage.host(stage.sshd(), "AddressFamily inet6")


@both
def second_attempt(stage: Stage) -> None:
    """ConnectionAttempts 4, and the server comes up late."""
    sshd = stage.sshd()
    port = free_port()
    relay = threading.Timer(1.5, lambda: _relay(stage, port, sshd.port))
    relay.start()
    stage.stack.callback(relay.join)
    stage.host(
        sshd, f"Port {port}", "ConnectionAttempts 4", f"HostKeyAlias [127.0.0.1]:{sshd.port}"
    )


def _relay(stage: Stage, port: int, to: int) -> None:
    process = subprocess.Popen(
        ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", f"TCP:127.0.0.1:{to}"],
        stderr=subprocess.DEVNULL,
    )
    stage.stack.callback(process.wait)
    stage.stack.callback(process.terminate)


@both
def jump_as_the_same_user(stage: Stage) -> None:
    """ProxyJump %r@bastion."""
    stage.host(stage.sshd(), name="bastion")
    stage.host(stage.sshd(), "ProxyJump %r@bastion")


@both
def jump_by_its_name(stage: Stage) -> None:
    """ProxyJump bastion-%n:%p, with the tokens of the host behind it."""
    bastion = stage.sshd()
    stage.host(bastion, name=f"bastion-{HOST}")
    stage.host(stage.sshd(), f"ProxyJump bastion-%n:{bastion.port}")


@both
def two_jumps(stage: Stage) -> None:
    """ProxyJump over two, one of them as a URI."""
    first, second = stage.sshd(), stage.sshd()
    stage.host(first, name="one")
    stage.host(second, name="two")
    stage.host(stage.sshd(), f"ProxyJump one,ssh://root@two:{second.port}")


@both
def proxy_command(stage: Stage) -> None:
    """ProxyCommand, with tokens."""
    stage.host(stage.sshd(), "ProxyCommand sh -c 'test %n = coulombcore && exec socat - TCP:%h:%p'")


@neither("its ProxyCommand ended with status 4: no way to 127.0.0.1")
def proxy_command_fails(stage: Stage) -> None:
    """ProxyCommand, which fails."""
    stage.host(stage.sshd(), "ProxyCommand sh -c 'echo no way to %h >&2; exit 4'")


PASS = """
import socket, sys
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
socket.send_fds(socket.socket(fileno=1), [b"\\0"], [far.fileno()])
"""


@both
def proxy_passes_socket(stage: Stage) -> None:
    """ProxyUseFdpass."""
    file = stage.folder / "pass.py"
    file.write_text(PASS)
    stage.host(stage.sshd(), f"ProxyCommand python3 {file} %h %p", "ProxyUseFdpass yes")


@neither("its ProxyCommand ended with status 0")
def proxy_passes_nothing(stage: Stage) -> None:
    """ProxyUseFdpass, and the command hands nothing over."""
    stage.host(stage.sshd(), "ProxyCommand true", "ProxyUseFdpass yes")


# What the host must show.


@both
def known_hosts_command(stage: Stage) -> None:
    """KnownHostsCommand is the only one to know the host."""
    sshd = stage.sshd()
    told = f'echo "[127.0.0.1]:{sshd.port} {key_line(sshd.host_key)}"'
    script = stage.script("known", told)
    stage.host(sshd, f"KnownHostsCommand {script} %H", "UserKnownHostsFile none")


@neither("KnownHostsCommand .* ended with status 3: no such host")
def known_hosts_command_fails(stage: Stage) -> None:
    """KnownHostsCommand fails."""
    script = stage.script("known", "echo no such host >&2; exit 3")
    stage.host(stage.sshd(), f"KnownHostsCommand {script} %H")


@neither("offered a host key that is revoked")
def revoked_in_list(stage: Stage) -> None:
    """RevokedHostKeys lists the host's key."""
    sshd = stage.sshd()
    stage.host(sshd, f"RevokedHostKeys {sshd.host_key}.pub")


def _revocations(stage: Stage, key: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", stage.folder / "krl", key], check=True)
    return f"RevokedHostKeys {stage.folder}/krl"


@neither("offered a host key that is revoked")
def revoked_in_krl(stage: Stage) -> None:
    """RevokedHostKeys is a revocation list that has the host's key."""
    sshd = stage.sshd()
    stage.host(sshd, _revocations(stage, f"{sshd.host_key}.pub"))


@both
def others_revoked(stage: Stage) -> None:
    """RevokedHostKeys is a revocation list that has other keys."""
    stage.host(stage.sshd(), _revocations(stage, f"{stage.key('other')}.pub"))


@neither("RevokedHostKeys cannot be consulted: .*No such file")
def revocations_missing(stage: Stage) -> None:
    """RevokedHostKeys is not there."""
    stage.host(stage.sshd(), f"RevokedHostKeys {stage.folder}/nowhere")


@both
def alias(stage: Stage) -> None:
    """HostKeyAlias."""
    sshd = stage.sshd()
    stage.host(sshd, "HostKeyAlias the-real-name")
    stage.known_hosts.write_text(f"the-real-name {key_line(sshd.host_key)}\n")


@both
def second_known_hosts_hashed(stage: Stage) -> None:
    """The host stands hashed in the second UserKnownHostsFile."""
    sshd = stage.sshd()
    stage.host(sshd, f"UserKnownHostsFile {stage.folder}/none-here {stage.known_hosts}")
    command = ["ssh-keygen", "-q", "-H", "-f", str(stage.known_hosts)]
    subprocess.run(command, check=True, capture_output=True)


@both
def known_hosts_with_blanks(stage: Stage) -> None:
    """The host stands in a file whose name has blanks, beside another."""
    place = stage.folder / "known  hosts of ours"
    stage.host(stage.sshd(), f'UserKnownHostsFile {stage.folder}/none-here "{place}"')
    stage.known_hosts.rename(place)


@both
def global_known_hosts(stage: Stage) -> None:
    """The host stands in GlobalKnownHostsFile alone."""
    stage.host(stage.sshd(), f"GlobalKnownHostsFile {stage.known_hosts}", "UserKnownHostsFile none")


@neither("host key is not pinned")
def unknown_host(stage: Stage) -> None:
    """The host stands in no known_hosts file."""
    stage.host(stage.sshd(), "UserKnownHostsFile none", "StrictHostKeyChecking yes")


UNSEEN = "the suite trusts no host key that is not pinned, whatever ssh_config says"


@ssh_alone("StrictHostKeyChecking is not supported: no key is trusted unseen; pin", UNSEEN)
def unknown_host_accepted(stage: Stage) -> None:
    """The host stands in no known_hosts file; StrictHostKeyChecking accept-new."""
    stage.host(stage.sshd(), "UserKnownHostsFile /dev/null", "StrictHostKeyChecking accept-new")


@ssh_alone("host key changed: .*", UNSEEN)
def changed_host_accepted(stage: Stage) -> None:
    """The host has another key than known_hosts has; StrictHostKeyChecking no."""
    sshd = stage.sshd()
    stage.host(sshd, "StrictHostKeyChecking no")
    line = f"[127.0.0.1]:{sshd.port} {key_line(stage.key('other'))}\n"
    stage.known_hosts.write_text(line)


@neither("host key changed")
def changed_host(stage: Stage) -> None:
    """The host has another key than known_hosts has."""
    sshd = stage.sshd()
    stage.host(sshd)
    line = f"[127.0.0.1]:{sshd.port} {key_line(stage.key('other'))}\n"
    stage.known_hosts.write_text(line)


def _certified_host(stage: Stage, *options: str, kind: str = "ed25519") -> Sshd:
    """A host with a certificate, whose authority stands in known_hosts; its key does not."""
    authority, key = (
        stage.key("authority"),
        stage.key("host", *(("-b", "2048") if kind == "rsa" else ()), kind=kind),
    )
    command = ["ssh-keygen", "-q", "-h", "-s", str(authority), "-I", "x", *options, f"{key}.pub"]
    subprocess.run(command, check=True)
    sshd = stage.sshd(f"HostKey {key}", f"HostCertificate {key}-cert.pub")
    stage.host(sshd)
    stage.known_hosts.write_text(f"@cert-authority * {key_line(authority)}\n")
    return sshd


@both
def certified_host(stage: Stage) -> None:
    """The host's key is certified by an authority in known_hosts."""
    _certified_host(stage, "-n", "127.0.0.1,coulombcore")


@both
def certified_host_with_rsa(stage: Stage) -> None:
    """The same with an RSA key."""
    _certified_host(stage, "-n", "127.0.0.1", kind="rsa")


@neither("its certificate is for elsewhere, and not for 127.0.0.1")
def certificate_of_another_host(stage: Stage) -> None:
    """The host's certificate is for another host."""
    _certified_host(stage, "-n", "elsewhere")


@neither("its certificate has expired")
def expired_certificate_of_host(stage: Stage) -> None:
    """The host's certificate has expired."""
    _certified_host(stage, "-n", "127.0.0.1", "-V", "-2d:-1d")


@both
def expired_certificate_of_known_host(stage: Stage) -> None:
    """The host's certificate has expired, and its plain key is known."""
    sshd = _certified_host(stage, "-n", "127.0.0.1", "-V", "-2d:-1d")
    with stage.known_hosts.open("a") as file:
        file.write(f"[127.0.0.1]:{sshd.port} {key_line(stage.folder / 'host')}\n")


@neither("its certificate is signed by another authority")
def certificate_of_another_authority(stage: Stage) -> None:
    """The host's certificate is of an authority that is not known for it."""
    _certified_host(stage, "-n", "127.0.0.1")
    stage.known_hosts.write_text(f"@cert-authority * {key_line(stage.key('another'))}\n")


@neither("is signed by ssh-ed25519, which CASignatureAlgorithms does not have")
def certificate_by_another_algorithm(stage: Stage) -> None:
    """CASignatureAlgorithms leaves out the authority's."""
    _certified_host(stage, "-n", "127.0.0.1")
    with stage.config.open("a") as file:
        file.write("CASignatureAlgorithms rsa-sha2-512\n")


@neither("offered a host key that is revoked")
def revoked_authority(stage: Stage) -> None:
    """The authority of the host's certificate is revoked."""
    _certified_host(stage, "-n", "127.0.0.1")
    with stage.config.open("a") as file:
        file.write(f"RevokedHostKeys {stage.folder}/authority.pub\n")


# Algorithms.


def _only(option: str, values: str) -> Arrange:
    def arrange(stage: Stage) -> None:
        stage.host(stage.sshd(f"{option} {values}"))

    arrange.__name__ = f"only_{re.sub('[^a-z0-9]+', '_', values.lower())}"
    arrange.__doc__ = f"The host offers only {option} {values}."
    return arrange


MISSING = "paramiko does not have it; the suite says what the host offers, and what to add"

for option, values in (
    ("KexAlgorithms", "curve25519-sha256"),
    ("KexAlgorithms", "ecdh-sha2-nistp384"),
    ("KexAlgorithms", "diffie-hellman-group-exchange-sha256"),
    ("KexAlgorithms", "diffie-hellman-group16-sha512"),
    ("Ciphers", "aes128-gcm@openssh.com"),
    ("Ciphers", "aes192-ctr"),
    ("MACs", "hmac-sha1-etm@openssh.com"),
    ("MACs", "hmac-sha2-512-etm@openssh.com"),
    ("MACs", "umac-128-etm@openssh.com"),
):
    both(_only(option, values))
_KEX_HERE = subprocess.check_output(["ssh", "-Q", "kex"], text=True).split()
_MLKEM = _only("KexAlgorithms", "mlkem768x25519-sha256")
(both if "mlkem768x25519-sha256" in _KEX_HERE else neither("KexAlgorithms"))(_MLKEM)
for option, values in (
    ("KexAlgorithms", "sntrup761x25519-sha512@openssh.com"),
    ("KexAlgorithms", "diffie-hellman-group18-sha512"),
    ("Ciphers", "chacha20-poly1305@openssh.com"),
):
    says = f"of {option}, it offers {values}; add one of .* to {option} in its sshd_config"
    ssh_alone(says, MISSING)(_only(option, values))


@ssh_alone("of MACs, it offers umac-64@openssh.com; add one of hmac.* to MACs in its", MISSING)
def only_umac_beside_ctr(stage: Stage) -> None:
    """The host offers only Ciphers aes256-ctr and MACs umac-64@openssh.com."""
    stage.host(stage.sshd("Ciphers aes256-ctr", "MACs umac-64@openssh.com"))


@ssh_alone("ssh_config line 2: Ciphers has nothing that this suite can do; add one of", MISSING)
def only_chacha_allowed(stage: Stage) -> None:
    """Ciphers chacha20-poly1305@openssh.com in ssh_config."""
    stage.host(stage.sshd(), "Ciphers chacha20-poly1305@openssh.com")


@neither("KexAlgorithms of ssh_config .or of ssh itself. does not have curve25519-sha256")
def nothing_in_common(stage: Stage) -> None:
    """KexAlgorithms of ssh_config and of the host have nothing in common."""
    stage.host(stage.sshd("KexAlgorithms curve25519-sha256"), "KexAlgorithms ecdh-sha2-nistp256")


@both
def host_key_algorithms(stage: Stage) -> None:
    """HostKeyAlgorithms leaves the host's RSA key."""
    key = stage.key("rsa", "-b", "2048", kind="rsa")
    sshd = stage.sshd(f"HostKey {key}")
    stage.host(sshd, "HostKeyAlgorithms rsa-sha2-256")
    with stage.known_hosts.open("a") as file:
        file.write(f"[127.0.0.1]:{sshd.port} {key_line(key)}\n")


@both
def compression(stage: Stage) -> None:
    """Compression yes."""
    stage.host(stage.sshd("Compression yes"), "Compression yes")


# What the host does after the log-in, or in its place.


@neither("Please login as the user tegwick rather than the user root.")
def another_user_is_asked_for(stage: Stage) -> None:
    """The forced command of a cloud image's root."""
    sshd = stage.sshd()
    file = sshd.folder / "authorized_keys"
    words = 'echo Please login as the user \\"tegwick\\" rather than the user \\"root\\".;exit 142'
    file.write_text(f'command="{words}" {file.read_text()}')
    stage.host(sshd)


@neither("This account is currently not available")
def no_shell(stage: Stage) -> None:
    """The log-in shell is nologin."""
    stage.host(stage.sshd(), user="nologin")


CLOSED = {"etc/nologin": "The system is going down for maintenance.\n"}


@neither("The system is going down for maintenance")
def nobody_may_log_in(stage: Stage) -> None:
    """/etc/nologin, without PAM."""
    stage.host(stage.sshd(files=CLOSED), user="tegwick")


@neither("ended the login as tegwick .*it says: .*The system is going down for maintenance")
def nobody_may_log_in_says_pam(stage: Stage) -> None:
    """/etc/nologin, with PAM."""
    stage.host(stage.sshd("UsePAM yes", files=CLOSED), user="tegwick")


@neither("ended the login as expired .*it says: .*Your account has expired")
def expired_account(stage: Stage) -> None:
    """An account that has expired."""
    stage.host(stage.sshd("UsePAM yes"), user="expired")


@neither("did not accept any of the keys for tegwick; .*it says: Maintenance until noon")
def banner(stage: Stage) -> None:
    """The host has a banner, and does not take the key."""
    sshd = stage.sshd(f"Banner {stage.folder}/banner")
    (stage.folder / "banner").write_text("Maintenance until noon.\n")
    (sshd.folder / "authorized_keys").write_text("")
    stage.host(sshd, user="tegwick")


@neither("This service allows sftp connections only")
def sftp_alone(stage: Stage) -> None:
    """The host lets the account do nothing but SFTP."""
    stage.host(stage.sshd("ForceCommand internal-sftp"))


@neither("[Tt]oo many logins|lost|refused|closed")
def too_many_logins(stage: Stage) -> None:
    """The account may log in no more often."""
    files = {"etc/security/limits.conf": "tegwick - maxlogins 0\n"}
    stage.host(stage.sshd("UsePAM yes", files=files), user="tegwick")


@both
def tcsh(stage: Stage) -> None:
    """The log-in shell is tcsh."""
    stage.host(stage.sshd(), user="tcsh")


@both
def fish(stage: Stage) -> None:
    """The log-in shell is fish."""
    stage.host(stage.sshd(), user="fish")


def _wants_variables(stage: Stage) -> Sshd:
    sshd = stage.sshd("AcceptEnv FLEET LC_*")
    file = sshd.folder / "authorized_keys"
    gate = stage.script("gate", 'test "$FLEET$LC_FLEET" = ab && eval "$SSH_ORIGINAL_COMMAND"')
    file.write_text(f'command="{gate}" {file.read_text()}')
    return sshd


@both
def variables(stage: Stage) -> None:
    """SetEnv and SendEnv, without which the forced command fails."""
    stage.environment["LC_FLEET"] = "b"
    stage.host(_wants_variables(stage), "SetEnv FLEET=a", "SendEnv LC_*")


# Options without meaning for the suite, and what of them stops ssh alone.


@both
def without_meaning(stage: Stage) -> None:
    """Options that have no meaning for the suite."""
    stage.host(
        stage.sshd(),
        *("AddKeysToAgent yes", "BatchMode yes", "ControlMaster auto", "ForwardAgent yes"),
        *(f"ControlPath {stage.folder}/control", "EscapeChar none", "RequestTTY no", "IPQoS none"),
        *("ServerAliveInterval 9", "TCPKeepAlive no", "RekeyLimit 1G 1h", "LogLevel QUIET"),
        *("HashKnownHosts yes", "UpdateHostKeys no", "PermitLocalCommand yes"),
        *("LocalCommand true", "ForwardX11 no", "GatewayPorts yes", "StreamLocalBindUnlink yes"),
        *("NumberOfPasswordPrompts 1", "VisualHostKey yes", "XAuthLocation /bin/false"),
    )


@suite_alone("the suite opens none of ssh_config's forwards")
def forward_of_a_taken_port(stage: Stage) -> None:
    """LocalForward of a port that is taken, and ExitOnForwardFailure."""
    sshd = stage.sshd()
    stage.host(sshd, f"LocalForward 127.0.0.1:{sshd.port} 127.0.0.1:9", "ExitOnForwardFailure yes")


@suite_alone("ssh refuses two commands; the suite's own takes the place of ssh_config's")
def remote_command(stage: Stage) -> None:
    """RemoteCommand."""
    stage.host(stage.sshd(), "RemoteCommand false")


@ssh_alone(
    "ssh itself may use the connection of .*/control: ControlPath is not supported",
    "the suite makes a connection of its own, and says that ssh does not",
)
def control_master(stage: Stage) -> None:
    """A control master is up, and its key is no longer accepted."""
    sshd = stage.sshd()
    stage.host(sshd, f"ControlPath {stage.folder}/control")
    command = ["ssh", "-F", str(stage.config), "-M", "-N", "-f", HOST]
    subprocess.run(command, check=True, capture_output=True)
    stage.stack.callback(
        subprocess.run, ["ssh", "-F", str(stage.config), "-O", "exit", HOST], capture_output=True
    )
    (sshd.folder / "authorized_keys").write_text("")
