"""What becomes of each option of ssh_config(5) that `ssh -G` prints.

There are three classes, and no option is outside of them. What is honoured is carried out by a
session as ssh does it, or by `ssh -G` before us. What is without meaning changes nothing for a
session that runs commands and opens its own forwards. What is not supported is named, with a
remedy, where a host cannot be reached without it. An option that is in none of the classes, because
OpenSSH is newer than this table, is refused where ssh_config sets it.

docs/ssh-config.md is made from this.
"""

from collections.abc import Iterator

from fleetmesh.text.ssh_settings import SshSettings

_BY_SSH = "`ssh -G` has taken it into account"
_LISTS = "of these, what the suite can do; if that is nothing, it is refused"

HONOURED = {
    "AddressFamily": "",
    "BindAddress": "",
    "BindInterface": "",
    "CanonicalDomains": _BY_SSH,
    "CanonicalizeFallbackLocal": _BY_SSH,
    "CanonicalizeHostname": _BY_SSH,
    "CanonicalizeMaxDots": _BY_SSH,
    "CanonicalizePermittedCNAMEs": _BY_SSH,
    "CASignatureAlgorithms": "for the certificates of hosts",
    "CertificateFile": "",
    "CheckHostIP": "",
    "Ciphers": _LISTS,
    "Compression": "",
    "ConnectionAttempts": "",
    "ConnectTimeout": "up to the log-in; the inventory's deadline bounds it all",
    "GlobalKnownHostsFile": "",
    "Host": _BY_SSH,
    "HostKeyAlgorithms": _LISTS,
    "HostKeyAlias": "",
    "Hostname": "",
    "IdentitiesOnly": "",
    "IdentityAgent": "",
    "IdentityFile": "configured keys are offered before the agent's others",
    "IgnoreUnknown": _BY_SSH,
    "KexAlgorithms": _LISTS,
    "KnownHostsCommand": "",
    "MACs": _LISTS,
    "Port": "",
    "PreferredAuthentications": "which methods may be used, not their order",
    "ProxyCommand": "",
    "ProxyJump": "",
    "ProxyUseFdpass": "",
    "PubkeyAcceptedAlgorithms": "",
    "PubkeyAuthentication": "",
    "KbdInteractiveAuthentication": "where the host has no prompt; the suite answers none",
    "RequiredRSASize": "",
    "RevokedHostKeys": "",
    "SendEnv": "but for the locale: the suite reads answers in C",
    "SetEnv": "",
    "Tag": _BY_SSH,
    "User": "",
    "UserKnownHostsFile": "",
    "VersionAddendum": "",
    # Other names of the same, of older versions and of Red Hat.
    "ChallengeResponseAuthentication": "as KbdInteractiveAuthentication",
    "PubkeyAcceptedKeyTypes": "as PubkeyAcceptedAlgorithms",
    "RSAMinSize": "as RequiredRSASize",
}

_NEVER_ASKS = "the suite asks nothing of a user"
_NO_TERMINAL = "commands run without a terminal, as those of `ssh HOST COMMAND`"
_OWN_FORWARDS = "the suite opens its own forwards, and none of ssh_config's"
_OWN_WATCH = "the suite has its own keep-alives and deadlines"
_WRITES_NOTHING = "the suite writes to no file of ssh's"
_SHOWS_NOTHING = "it is about what ssh shows or logs"
_FORWARDS_NOTHING = "the suite lets no host use what is here"

WITHOUT_MEANING = {
    "AddKeysToAgent": _WRITES_NOTHING,
    "BatchMode": _NEVER_ASKS,
    "ChannelTimeout": _OWN_WATCH,
    "ClearAllForwardings": _OWN_FORWARDS,
    "ControlMaster": "the suite shares its connection with nobody",
    "ControlPersist": "the suite shares its connection with nobody",
    "DynamicForward": _OWN_FORWARDS,
    "EnableEscapeCommandline": _NO_TERMINAL,
    "EnableSSHKeysign": "it matters to HostbasedAuthentication alone",
    "EscapeChar": _NO_TERMINAL,
    "ExitOnForwardFailure": _OWN_FORWARDS,
    "FingerprintHash": _SHOWS_NOTHING,
    "ForkAfterAuthentication": "the suite waits for its answers",
    "ForwardAgent": _FORWARDS_NOTHING,
    "ForwardX11": _FORWARDS_NOTHING,
    "ForwardX11Timeout": _FORWARDS_NOTHING,
    "ForwardX11Trusted": _FORWARDS_NOTHING,
    "GatewayPorts": _OWN_FORWARDS,
    "HashKnownHosts": _WRITES_NOTHING,
    "HostbasedAcceptedAlgorithms": "it matters to HostbasedAuthentication alone",
    "HostbasedKeyTypes": "it matters to HostbasedAuthentication alone",
    "IPQoS": "a network carries the connection with any mark, or with none",
    "KbdInteractiveDevices": _NEVER_ASKS,
    "LocalCommand": "it is for the user's own sessions",
    "LocalForward": _OWN_FORWARDS,
    "LogLevel": _SHOWS_NOTHING,
    "LogVerbose": _SHOWS_NOTHING,
    "NumberOfPasswordPrompts": _NEVER_ASKS,
    "ObscureKeystrokeTiming": _NO_TERMINAL,
    "PermitLocalCommand": "it is for the user's own sessions",
    "PermitRemoteOpen": _OWN_FORWARDS,
    "RekeyLimit": "a run is over before; a host's own wish is followed",
    "RemoteCommand": "the suite runs its own commands",
    "RemoteForward": _OWN_FORWARDS,
    "RequestTTY": _NO_TERMINAL,
    "ServerAliveCountMax": _OWN_WATCH,
    "ServerAliveInterval": _OWN_WATCH,
    "SessionType": "the suite runs its own commands",
    "StdinNull": "the suite runs its own commands",
    "StreamLocalBindMask": _OWN_FORWARDS,
    "StreamLocalBindUnlink": _OWN_FORWARDS,
    "SyslogFacility": _SHOWS_NOTHING,
    "TCPKeepAlive": _OWN_WATCH,
    "Tunnel": _OWN_FORWARDS,
    "TunnelDevice": _OWN_FORWARDS,
    "UpdateHostKeys": _WRITES_NOTHING,
    "VisualHostKey": _SHOWS_NOTHING,
    "WarnWeakCrypto": _SHOWS_NOTHING,
    "XAuthLocation": _FORWARDS_NOTHING,
}

_A_KEY = "authorise a key on the host, and name it as IdentityFile"
_ADD = "load its keys into an agent"
_PIN = "pin the host's key in a known_hosts file or in the inventory"

NOT_SUPPORTED = {
    "ControlPath": "the suite makes a connection of its own, which must log in; " + _A_KEY,
    "GSSAPIAuthentication": _A_KEY,
    "GSSAPIClientIdentity": _A_KEY,
    "GSSAPIDelegateCredentials": _A_KEY,
    "GSSAPIKexAlgorithms": _A_KEY,
    "GSSAPIKeyExchange": _A_KEY,
    "GSSAPIRenewalForcesRekey": _A_KEY,
    "GSSAPIServerIdentity": _A_KEY,
    "GSSAPITrustDns": _A_KEY,
    "HostbasedAuthentication": _A_KEY,
    "NoHostAuthenticationForLocalhost": _PIN,
    "PasswordAuthentication": "the suite types no password; " + _A_KEY,
    "PKCS11Provider": f"{_ADD}: ssh-add -s PROVIDER",
    "SecurityKeyProvider": f"{_ADD}: ssh-add -S PROVIDER KEY",
    "StrictHostKeyChecking": "no key is trusted unseen; " + _PIN,
    "VerifyHostKeyDNS": "DNS vouches for no key; " + _PIN,
}

_NAMES = {name.lower(): name for name in (*HONOURED, *WITHOUT_MEANING, *NOT_SUPPORTED)}
_YES = frozenset({"yes", "true"})


def refusal(keyword: str) -> str:
    """The sentence that names an option that is not supported, and the remedy."""
    name = _NAMES[keyword]
    return f"{name} is not supported: {NOT_SUPPORTED[name]}"


def unknown(given: SshSettings, default: SshSettings) -> tuple[str, ...]:
    """Options in no class that have another value than they have without any ssh_config."""
    return tuple(
        keyword
        for keyword, values in given.values.items()
        if keyword not in _NAMES and values != default.all(keyword)
    )


def missed_at_login(given: SshSettings, methods: tuple[str, ...]) -> Iterator[str]:
    """Options by which ssh might log in where we cannot, to a host that accepts `methods`."""
    if given.value("gssapiauthentication") in _YES and "gssapi-with-mic" in methods:
        yield "gssapiauthentication"
    if given.value("hostbasedauthentication") in _YES and "hostbased" in methods:
        yield "hostbasedauthentication"
    if given.one("pkcs11provider"):
        yield "pkcs11provider"
    if given.one("securitykeyprovider") not in (None, "internal", "$SSH_SK_PROVIDER"):
        yield "securitykeyprovider"


def missed_at_host_key(given: SshSettings) -> Iterator[str]:
    """Options by which ssh would accept a host key that we do not."""
    if given.value("stricthostkeychecking") in {"no", "false", "off", "accept-new"}:
        yield "stricthostkeychecking"
    for keyword in ("verifyhostkeydns", "nohostauthenticationforlocalhost"):
        if given.value(keyword) in _YES:
            yield keyword
