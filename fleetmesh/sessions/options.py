"""What becomes of each option of ssh_config(5) that `ssh -G` prints.

There are three classes, and no option is outside of them. What is honoured is carried out by a
session as ssh does it, or by `ssh -G` before us. What is without meaning changes nothing for a
session that runs commands and opens its own forwards. What is not supported is named, with a
remedy, where a host cannot be reached without it. An option that is in none of the classes, because
OpenSSH is newer than this table, is refused where ssh_config sets it.

docs/ssh-config.md is made from this.
"""

from collections.abc import Iterator

from fleetmesh.ssh_settings import SshSettings

_BY_SSH = "`ssh -G` has taken it into account"
_LISTS = "of these, what the suite can do; if that is nothing, it is refused"

HONOURED = {
    "addressfamily": "",
    "bindaddress": "",
    "bindinterface": "",
    "canonicaldomains": _BY_SSH,
    "canonicalizefallbacklocal": _BY_SSH,
    "canonicalizehostname": _BY_SSH,
    "canonicalizemaxdots": _BY_SSH,
    "canonicalizepermittedcnames": _BY_SSH,
    "casignaturealgorithms": "for the certificates of hosts",
    "certificatefile": "",
    "checkhostip": "",
    "ciphers": _LISTS,
    "compression": "",
    "connectionattempts": "",
    "connecttimeout": "up to the log-in; the inventory's deadline bounds it all",
    "globalknownhostsfile": "",
    "host": _BY_SSH,
    "hostkeyalgorithms": _LISTS,
    "hostkeyalias": "",
    "hostname": "",
    "identitiesonly": "",
    "identityagent": "",
    "identityfile": "configured keys are offered before the agent's others",
    "ignoreunknown": _BY_SSH,
    "kexalgorithms": _LISTS,
    "knownhostscommand": "",
    "macs": _LISTS,
    "port": "",
    "preferredauthentications": "which methods may be used, not their order",
    "proxycommand": "",
    "proxyjump": "",
    "proxyusefdpass": "",
    "pubkeyacceptedalgorithms": "",
    "pubkeyauthentication": "",
    "kbdinteractiveauthentication": "where the host has no prompt; the suite answers none",
    "requiredrsasize": "",
    "revokedhostkeys": "",
    "sendenv": "but for the locale: the suite reads answers in C",
    "setenv": "",
    "tag": _BY_SSH,
    "user": "",
    "userknownhostsfile": "",
    "versionaddendum": "",
    # Other names of the same, of older versions and of Red Hat.
    "challengeresponseauthentication": "as KbdInteractiveAuthentication",
    "pubkeyacceptedkeytypes": "as PubkeyAcceptedAlgorithms",
    "rsaminsize": "as RequiredRSASize",
}

_NEVER_ASKS = "the suite asks nothing of a user"
_NO_TERMINAL = "commands run without a terminal, as those of `ssh HOST COMMAND`"
_OWN_FORWARDS = "the suite opens its own forwards, and none of ssh_config's"
_OWN_WATCH = "the suite has its own keep-alives and deadlines"
_WRITES_NOTHING = "the suite writes to no file of ssh's"
_SHOWS_NOTHING = "it is about what ssh shows or logs"
_FORWARDS_NOTHING = "the suite lets no host use what is here"

WITHOUT_MEANING = {
    "addkeystoagent": _WRITES_NOTHING,
    "batchmode": _NEVER_ASKS,
    "channeltimeout": _OWN_WATCH,
    "clearallforwardings": _OWN_FORWARDS,
    "controlmaster": "the suite shares its connection with nobody",
    "controlpersist": "the suite shares its connection with nobody",
    "dynamicforward": _OWN_FORWARDS,
    "enableescapecommandline": _NO_TERMINAL,
    "enablesshkeysign": "it matters to HostbasedAuthentication alone",
    "escapechar": _NO_TERMINAL,
    "exitonforwardfailure": _OWN_FORWARDS,
    "fingerprinthash": _SHOWS_NOTHING,
    "forkafterauthentication": "the suite waits for its answers",
    "forwardagent": _FORWARDS_NOTHING,
    "forwardx11": _FORWARDS_NOTHING,
    "forwardx11timeout": _FORWARDS_NOTHING,
    "forwardx11trusted": _FORWARDS_NOTHING,
    "gatewayports": _OWN_FORWARDS,
    "hashknownhosts": _WRITES_NOTHING,
    "hostbasedacceptedalgorithms": "it matters to HostbasedAuthentication alone",
    "hostbasedkeytypes": "it matters to HostbasedAuthentication alone",
    "ipqos": "a network carries the connection with any mark, or with none",
    "kbdinteractivedevices": _NEVER_ASKS,
    "localcommand": "it is for the user's own sessions",
    "localforward": _OWN_FORWARDS,
    "loglevel": _SHOWS_NOTHING,
    "logverbose": _SHOWS_NOTHING,
    "numberofpasswordprompts": _NEVER_ASKS,
    "obscurekeystroketiming": _NO_TERMINAL,
    "permitlocalcommand": "it is for the user's own sessions",
    "permitremoteopen": _OWN_FORWARDS,
    "rekeylimit": "a run is over before; a host's own wish is followed",
    "remotecommand": "the suite runs its own commands",
    "remoteforward": _OWN_FORWARDS,
    "requesttty": _NO_TERMINAL,
    "serveralivecountmax": _OWN_WATCH,
    "serveraliveinterval": _OWN_WATCH,
    "sessiontype": "the suite runs its own commands",
    "stdinnull": "the suite runs its own commands",
    "streamlocalbindmask": _OWN_FORWARDS,
    "streamlocalbindunlink": _OWN_FORWARDS,
    "syslogfacility": _SHOWS_NOTHING,
    "tcpkeepalive": _OWN_WATCH,
    "tunnel": _OWN_FORWARDS,
    "tunneldevice": _OWN_FORWARDS,
    "updatehostkeys": _WRITES_NOTHING,
    "visualhostkey": _SHOWS_NOTHING,
    "warnweakcrypto": _SHOWS_NOTHING,
    "xauthlocation": _FORWARDS_NOTHING,
}

_A_KEY = "authorise a key on the host, and name it as IdentityFile"
_ADD = "load its keys into an agent"
_PIN = "pin the host's key in a known_hosts file or in the inventory"

NOT_SUPPORTED = {
    "controlpath": "the suite makes a connection of its own, which must log in; " + _A_KEY,
    "gssapiauthentication": _A_KEY,
    "gssapiclientidentity": _A_KEY,
    "gssapidelegatecredentials": _A_KEY,
    "gssapikexalgorithms": _A_KEY,
    "gssapikeyexchange": _A_KEY,
    "gssapirenewalforcesrekey": _A_KEY,
    "gssapiserveridentity": _A_KEY,
    "gssapitrustdns": _A_KEY,
    "hostbasedauthentication": _A_KEY,
    "nohostauthenticationforlocalhost": _PIN,
    "passwordauthentication": "the suite types no password; " + _A_KEY,
    "pkcs11provider": f"{_ADD}: ssh-add -s PROVIDER",
    "securitykeyprovider": f"{_ADD}: ssh-add -S PROVIDER KEY",
    "stricthostkeychecking": "no key is trusted unseen; " + _PIN,
    "verifyhostkeydns": "DNS vouches for no key; " + _PIN,
}

_NAMES = {
    "gssapiauthentication": "GSSAPIAuthentication",
    "hostbasedauthentication": "HostbasedAuthentication",
    "nohostauthenticationforlocalhost": "NoHostAuthenticationForLocalhost",
    "pkcs11provider": "PKCS11Provider",
    "securitykeyprovider": "SecurityKeyProvider",
    "controlpath": "ControlPath",
    "stricthostkeychecking": "StrictHostKeyChecking",
    "verifyhostkeydns": "VerifyHostKeyDNS",
}
_YES = frozenset({"yes", "true"})


def refusal(keyword: str) -> str:
    """The sentence that names an option that is not supported, and the remedy."""
    return f"{_NAMES.get(keyword, keyword)} is not supported: {NOT_SUPPORTED[keyword]}"


def unknown(given: SshSettings, default: SshSettings) -> tuple[str, ...]:
    """Options in no class that have another value than they have without any ssh_config."""
    classes = HONOURED.keys() | WITHOUT_MEANING.keys() | NOT_SUPPORTED.keys()
    return tuple(
        keyword
        for keyword, values in given.values.items()
        if keyword not in classes and values != default.all(keyword)
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
