"""What a secret looks like in this domain: what is assigned, sent, or given to a command.

The patterns are written for text as commands print it, and for the same inside a JSON string, where
a line break is `\\n` and a quote `\\"`. A rule errs towards taking too much only where the shape
itself says secret; names alone (`token: …`) must be followed by something that can be one. No
secret goes over a NUL, which parts arguments, nor over a line break, but for private keys.
Formats of the tokens of this world's services stand in catalogue.toml.
"""

import base64
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from fleetmesh.redaction.marks import MARK
from fleetmesh.redaction.passwords import COMMANDS, GAP
from fleetmesh.redaction.shape import Rule, Span, assigned, enclosed, shaped, value_at

_Q = rb"\\{0,7}[\"']"  # a quote, perhaps escaped
_START = rb"(?:^|[^\w.-]|\\[nrt])"
"""Where a word begins, also after a line break inside a JSON string."""
_WORD = (
    rb"(?:passw(?:or)?d|passphrase|passcode|pwd|[a-z0-9][_-](?:pass|pw)|"
    rb"(?:bind|root|db|user|admin)pw|"
    rb"(?:[^\Wkmy]|[^\Ws]k|[^\Wo]m|[^\Wb]y)pass|"  # but neither askpass, compass nor bypass
    rb"tokens?|secrets?|credentials?|"
    rb"(?:api|app|access|secret|private|shared|preshared|account|auth|signing|encryption|license|"
    rb"master|service|storage|deploy|setup|join|enrol(?:l?ment)?|registration|subscription|"
    rb"functions?)[_-]?key|psk|webhook(?:[_-]?url)?|client[_-]key[_-]data|connection[_-]?string)"
)
_SUFFIX = (
    rb"(?:[_-]?\d{1,4}|[_-](?:prod|prd|production|staging|stg|dev|test|old|new|primary|secondary|"
    rb"backup|root|admin|user|value|plain|base|base64|b64))?"
)
_NAME = rb"(?:[\w.-]*" + _WORD + rb"|pass|pw)" + _SUFFIX
"""A name that says secret: it *ends* with the word, unlike PasswordAuthentication or secretName."""
_BEFORE_COLON = rb"(?:[\w.-]*" + _WORD + rb"|(?-i:pass)|pw)" + _SUFFIX
"""As _NAME, but what `PASS:` begins is the result of a test."""
_IN_PROSE = rb"[\w.-]*" + _WORD + _SUFFIX
_NEEDS = (
    *(b"pass", b"pwd", b"pw", b"token", b"secret"),
    *(b"credential", b"key", b"psk", b"webhook", b"connection"),
)
_SECRET_NAME = re.compile(_NAME.decode() + r"\Z", re.IGNORECASE | re.ASCII)

_HARMLESS = re.compile(
    rb"""(?xi)
      (?: true | false | yes | no | none | null | nil | undefined | required | optional
        | absent | missing | unset | empty | string | int | bool | invalid | expired | unknown
        | revoked | unauthorized | forbidden | denied | default | prohibit-password
        | \d{1,5} | \d{4}-\d\d-\d\d
        | [*x.?=-]+ | (?:\xe2\x80\xa6)+ | <[^>]*>? | \$\{[^}]*\}? | \$[A-Z_][A-Z0-9_]*
        | \$\(.* | %[a-z%] | [{[]+[}\]]* | [|>][+-]? | \[[REDACT]*(?::.*)? | sha256[:-].*
        | (?:~|\.{1,2})?(?:/[\w.-]{1,24}){2,} | file:/[\w./-]* | env:[A-Z_]+ | fd:\d+ | ) \Z"""
)
"""Values that are none: words, numbers, variables, structures, paths, digests, nothing."""


_VARIABLE = re.compile(rb"\$\{\w+\}")


def says_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _SECRET_NAME.match(name) is not None


def is_harmless(value: bytes) -> bool:
    """Whether what is assigned to a secret's name is no secret."""
    return _HARMLESS.match(value) is not None


def decoded(word: bytes) -> bytes | None:
    """The printable text that a word of base64 holds; None where it holds none."""
    plain = word.rstrip(b"=").translate(_STANDARD)
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        content = base64.b64decode(plain + b"=" * (-len(plain) % 4))
        text = content.decode()
    except ValueError:
        return None
    return content if text.translate(_BLANKS).isprintable() else None


_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLANKS = str.maketrans("\r\n\t\0", "    ")


def _assigned(value: bytes) -> bool:
    return not is_harmless(value)


def _assigned_in_prose(value: bytes) -> bool:
    return len(value) >= 6 and re.search(rb"\d", value) is not None and not is_harmless(value)


def _token_like(value: bytes) -> bool:
    return len(value) >= 20 or re.search(rb"\d", value) is not None


def _digits_and_letters(value: bytes) -> bool:
    return bool(re.search(rb"\d", value) and re.search(rb"[A-Za-z]", value))


def _basic(value: bytes) -> bool:
    content = decoded(value)
    return content is not None and b":" in content


def _no_algorithm(value: bytes) -> bool:
    """Whether it is not one of OpenSSH's names of keys: `sk-ssh-ed25519-cert-v01`, ssh(1) -Q."""
    return not value.startswith((b"sk-ssh-", b"sk-ecdsa-"))


def _bootstrap(value: bytes) -> bool:
    """Whether it was drawn: a host's name may be as long, but has its digits after its letters.

    Of tokens, one in a hundred looks the same; where something calls it a token, it is one.
    """
    found = re.fullmatch(rb"[a-z0-9]{6}\.([a-z0-9]{16})\.*", value)
    return bool(found and re.search(rb"\d[a-z]", found[1]))


_BEGINS = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: ?\d{1,3}"
)
_BREAK = rb"(?:[ \t]*(?:\r?\n|(?:\\{1,7}r)?\\{1,7}n)[ \t]*)"
_KEY_HEADER = re.compile(_BREAK + rb"{1,3}[A-Z][A-Za-z-]{1,30}: [^\n\\\0]*+")
_OF_KEY = re.compile(
    rb"(?:" + _BREAK + rb"{1,3}|[ \t]+)(?:(?P<end>-----END [A-Z0-9 ]{0,40}PRIVATE KEY"
    rb"(?: BLOCK)?-----)|[A-Za-z0-9+/=]++(?=[ \t]*(?:[\r\n\\\"'\0]|\Z))|[A-Za-z0-9+/=]{24,}+)"
)


def _private_keys(data: bytes) -> Iterator[Span]:
    """Headers, and whole lines of base64 up to the END, or as long as they follow each other."""
    at = 0
    while begins := _BEGINS.search(data, at):
        at = begins.end()
        while header := _KEY_HEADER.match(data, at):
            at = header.end()
        while line := _OF_KEY.match(data, at):
            at = line.end()
            if line["end"]:
                break
        yield begins.start(), at


_KIND_SECRET = re.compile(
    rb"kind(?:" + _Q + rb")?[ \t]*:[ \t]*(?:" + _Q + rb")?Secret(?:List)?(?:[\\\"'\s,\0]|\Z)"
)
_WS = rb"(?:[ \t\r\n]|\\{1,7}[nrt])*+"
_JSON_DATA = re.compile(_Q + rb"(?:data|stringData)" + _Q + _WS + rb":" + _WS + rb"\{")
_MEMBER = re.compile(_WS + rb",?+" + _WS + _Q + rb"[\w.-]++" + _Q + _WS + rb":" + _WS)
_YAML_LINE = re.compile(rb"((?:- |[ \t])*+)([^\r\n\\\0\"']*+)(?:[^\r\n\\\0]|\\(?!n))*+")
_YAML_BREAK = re.compile(rb"\r?\n|\0|\\{1,7}n|[\"']")
_YAML_DATA = re.compile(rb"(?:data|stringData):[ \t]*\Z")
_YAML_KEY = re.compile(rb"[\w.-]++:[ \t]*+")


def _kubernetes_secrets(data: bytes) -> Iterator[Span | None]:
    """Every value of `data` and `stringData`, in JSON or YAML, where a Secret is in the text."""
    if not _KIND_SECRET.search(data):
        return
    at = 0
    while found := _JSON_DATA.search(data, at):
        at = found.end()
        while member := _MEMBER.match(data, at):
            start, end = value_at(data, member.end(), _BARE_MEMBER)
            if end <= at:
                break
            at = end
            if closing := _CLOSING.match(data, at):
                at = closing.end()
            yield (start, end) if start < end else None
    yield from _in_yaml(data)


_BARE_MEMBER = re.compile(rb"[^\s\"'\\,;}\0]*")
_CLOSING = re.compile(_Q)


def _in_yaml(data: bytes) -> Iterator[Span | None]:
    """Line by line, so that none is lost; a line break may be `\\n`, inside JSON."""
    depth, at = -1, 0
    while at < len(data):
        line = _YAML_LINE.match(data, at)
        assert line is not None  # it matches nothing, too
        indent, end = len(line[1]), line.end()
        if _YAML_DATA.match(line[2]):
            depth = indent
        elif depth >= 0 and line[0].strip():
            if indent <= depth:
                depth = -1
            else:
                key = _YAML_KEY.match(data, line.end(1), end)
                start = key.end() if key else line.end(1)
                shown = data[start:end].rstrip()
                yield (start, start + len(shown)) if not is_harmless(shown) else None
        brk = _YAML_BREAK.match(data, end)
        at = brk.end() if brk else end + 1


_VALUE = rb"[^\s\"'\\&;,<>\0]*"
_LAST = rb"[^\s\"'\\,;\0]*"
_END_OF_LINE = re.compile(rb"[}\])]*+[ \t]*+(?:[\r\n\0]|\\{1,7}[nr]|\Z|\\{0,7}[\"'])")
_EQUALS = rb"[ \t]{0,8}(?::=|=>|={1,3})[ \t]{0,8}"
_ANYWHERE = rb"(?:^|[^\w.-])"
_HEADER = rb"(?:^|[\s\0\"'])(?:-[a-zA-Z]*(?-i:H)|--header)(?:=|" + GAP + rb")?"
_AUTH = rb"(?:" + _ANYWHERE + rb"[\w.-]*auth=|(?:^|[\s\0\"'])--?[\w-]*auth" + GAP + rb")"
_USER = rb"[^\s:/@\"'\\,;\0]{0,64}:"
_FROM_STDIN = (
    rb"(?:sudo[^\n\0|]*? -[a-zA-Z]*S|chpasswd|--(?:password-)?stdin|--passphrase-fd|kinit|"
    rb"cryptsetup|smbpasswd)"
)
_FOR_A_SHELL = re.compile(
    rb"(?i)(?:^|[\s\"'\0=])(?:-[a-z]*c|--?[\w-]*(?:command|cmd|exec|shell))"
    rb"(?:\\{0,7}[\"'])?[ \t]*[=,]?(?:\s|\\{1,7}[nrt])*\Z"
)
"""An option that says that a command is in the quotes: an assignment there is one word of it."""
FOLDERS = ("PWD", "OLDPWD")
"""Variables of the shell that sound like passwords and hold where it is."""
_IS_FOLDER = re.compile(
    rb"(?:^|[\s\0\"':,{]|\\[nrt])(?:%s)\W*(?:value\W*)?\Z" % "|".join(FOLDERS).encode()
)
_FOLDER = re.compile(rb"(?:/[\w .@+-]*)+")


def _folder(before: bytes, value: bytes) -> bool:
    """Whether it is where a shell is, or was."""
    return bool(_FOLDER.fullmatch(value) and _IS_FOLDER.search(before))


def _of_user(value: bytes) -> bool:
    """Whether it is a password after a user's name; no address does."""
    return not value.startswith(b"//") and not is_harmless(value)


def _beside_variables(value: bytes) -> bool:
    """Whether a secret stands there, and not the name of a variable that holds it, among words."""
    rest = _VARIABLE.sub(b"", value)
    return rest == value or any(map(_token_like, re.split(rb"[-_/]", rest)))


OWN: tuple[Rule, ...] = (
    Rule("private-key", _private_keys, (b"private key", b"private-lines")),
    Rule("kubernetes-secret", _kubernetes_secrets, (b"secret",)),
    Rule("jwt", shaped(_START + rb"(eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*)"), (b"eyj",)),
    Rule("k3s-token", shaped(_START + rb"(K10[0-9a-f]{8,}::[^\s\"'\\\0]+)"), (b"k10",)),
    Rule(
        "authorization",
        assigned(
            rb"(?i)\b(?:proxy-)?authorization(?:" + _Q + rb")?[ \t]*[:=][ \t]*(?:" + _Q + rb")?"
            rb"(?:(?:bearer|basic|token|digest|negotiate|apikey|api-key|bot|splunk)[ \t]+)?",
            rb"[^\s\"'\\,;\0]{4,}|",
            _assigned,
        ),
        (b"authorization",),
    ),
    Rule(
        "authorization",
        shaped(rb"(?i)\bbearer[ \t]+([A-Za-z0-9._~+/=-]{8,})", _token_like),
        (b"bearer",),
    ),
    Rule(
        "authorization",
        shaped(rb"(?i)\bbasic[ \t]+([A-Za-z0-9+/_-]{6,}={0,2})", _basic),
        (b"basic",),
    ),
    Rule(
        "cookie",
        shaped(
            rb"(?i)(?:^|[\n\0\"']|\\n)(?:set-)?cookie:[ \t]*([^\s\"'\\\0][^\n\"'\\\0]*)", _assigned
        ),
        (b"cookie:",),
    ),
    Rule(
        "url-password",
        shaped(rb"://[^\s:/@\"'?#\\\0\[]*:([^\s/\"'?#\\<>\0]+)@", _assigned),
        (b"://",),
    ),
    # With what should be encoded in one; digits before it are a port.
    Rule(
        "url-password",
        shaped(
            rb"://[^\s:/@\"'?#\\\0\[]*:((?:\d*[^\s\d/@\"'?#\\<>\0${%][^\s/@\"'?#\\<>\0]*|\d{6,})"
            rb"[/?#][^\s@\"'\\<>\0]*)@",
            _assigned,
        ),
        (b"://",),
    ),
    Rule(
        "url-password",
        shaped(rb"://([^\s:/@\"'?#\\<>\0]{20,})@", _digits_and_letters),
        (b"://",),
    ),
    # Whoever knows the address of such a hook may write to it.
    Rule(
        "webhook",
        shaped(
            rb"(?i)://(?:[\w.-]+\.)?(?:hooks\.slack\.com/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|"
            rb"webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/|hooks\.zapier\.com/|"
            rb"logic\.azure\.com[:/]|chat\.googleapis\.com/v1/|api\.telegram\.org/(?:file/)?bot|"
            rb"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/|maker\.ifttt\.com/|"
            rb"hc-ping\.com/|events\.pagerduty\.com/integration/)([^\s\"'\\<>\0]{8,})",
            _beside_variables,
        ),
        (b"://",),
    ),
    Rule(
        "webhook",
        shaped(
            rb"(?i)://[^\s\"'\\<>/\0]+/(?:[^\s\"'\\<>/\0]+/)*(?:in(?:coming)?[_-]?)?(?:web)?hooks?/"
            rb"([^\s\"'\\<>\0]{16,})",
            _token_like,
        ),
        (b"hook",),
    ),
    Rule(
        "crypt-hash",
        shaped(
            rb"(\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|scrypt|argon2(?:id|i|d))"
            rb"\$[./A-Za-z0-9$=,+-]{20,})"
        ),
        (b"$",),
    ),
    Rule("crypt-hash", shaped(rb"(\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2})"), (b"sha",)),
    # Wider than the catalogue's, which know the exact length.
    Rule(
        "token",
        shaped(
            _START + rb"(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|"
            rb"gl(?:pat|dt|ft|soat|rtr?|cbt|ptt|agent|imt|ffct|oas|wt)-[\w.-]{18,}|"
            rb"xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|sk-[\w-]{20,}|tskey-[\w-]{10,}|"
            rb"hv[sbr]\.[\w-]{16,}|(?:dop|doo|dor)_v1_\w{16,}|npm_\w{16,}|"
            rb"dckr_pat_[\w-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})",
            _no_algorithm,
        ),
        (
            b"gh",
            b"github_pat_",
            b"gl",
            b"xox",
            b"xapp",
            b"sk-",
            b"tskey",
            b"hv",
            b"_v1_",
            b"npm_",
            b"dckr_pat_",
            b"age-secret",
        ),
    ),
    Rule("bootstrap-token", shaped(_START + rb"([a-z0-9]{6}\.[\w.-]{16,})", _bootstrap), (b".",)),
    Rule(
        "bootstrap-token",
        shaped(rb"(?i)token[^\w\n\0]{1,4}([a-z0-9]{6}\.[a-z0-9]{16})(?:[^\w-]|$)"),
        (b"token",),
    ),
    # {"name": "DB_PASSWORD", "value": "…"}, as a container's environment is listed; YAML, too.
    Rule(
        "assignment",
        assigned(
            rb"(?i)\bname(?:"
            + _Q
            + rb")?[ \t]*:[ \t]*(?:"
            + _Q
            + rb")?"
            + _NAME
            + rb"(?:"
            + _Q
            + rb")?,?(?:\s|\\{1,7}n){0,40}(?:"
            + _Q
            + rb")?value(?:"
            + _Q
            + rb")?[ \t]*:[ \t]*",
            _LAST,
            _assigned,
            closers=b"}])",
            spares=_folder,
        ),
        _NEEDS,
    ),
    # PASSWORD=…, --token=…, ?access_token=…&
    Rule(
        "assignment",
        assigned(
            rb"(?i)" + _ANYWHERE + _NAME + rb"(?:" + _Q + rb")?" + _EQUALS,
            _VALUE,
            _assigned,
            spares=_folder,
        ),
        _NEEDS,
    ),
    # Environment="PASSWORD=…", -o 'SetEnv=PASSWORD=…', ["PASSWORD=…"]
    Rule(
        "assignment",
        enclosed(
            rb"(?i)(?:(?:^|[^\w-])(?:--?[\w-]*|environment|setenv|export|env|declare|typeset|"
            rb"readonly|local|set|[\w.]+=[^\s\"'\\\0]*)(?:"
            + _Q
            + rb")?[ \t]*[=,]?|[\[,\"'])(?:\s|\\{1,7}[nrt]){0,40}("
            + _Q
            + rb")(?:[\w.-]+=|setenv[ \t]+)?"
            + _NAME
            + rb"=",
            _assigned,
            unless=_FOR_A_SHELL,
            spares=_folder,
        ),
        _NEEDS,
    ),
    # The same in /proc, where nothing is quoted: -o, SetEnv=PASSWORD=…
    Rule(
        "assignment",
        enclosed(rb"(?i)(\0)[\w.-]+=" + _NAME + rb"=", _assigned, unless=_FOR_A_SHELL),
        _NEEDS,
    ),
    # ?sig=…, what signs an address
    Rule(
        "assignment",
        shaped(
            rb"(?i)(?:[?&]|&amp;|\\{1,7}u0026)[\w-]*sig(?:nature)?=([^\s\"'\\&;,<>\0]{8,})",
            _assigned,
        ),
        (b"sig",),
    ),
    # -H X-Api-Key:…, -H 'X-Api-Key: …'
    Rule(
        "assignment",
        assigned(rb"(?i)" + _HEADER + _NAME + rb":[ \t]*", rb"[^\s\"'\\\0]*", _assigned),
        _NEEDS,
    ),
    Rule(
        "assignment",
        enclosed(
            rb"(?i)" + _HEADER + rb"(" + _Q + rb")" + _NAME + rb":[ \t]*",
            _assigned,
            unless=_FOR_A_SHELL,
        ),
        _NEEDS,
    ),
    # --auth USER:PASSWORD, and in the addresses of socat proxyauth=USER:PASSWORD
    Rule(
        "command-password",
        assigned(rb"(?i)" + _AUTH + rb"(?:" + _Q + rb")?" + _USER, rb"[^\s\"'\\,;\0]*", _of_user),
        (b"auth",),
    ),
    Rule(
        "command-password",
        enclosed(rb"(?i)" + _AUTH + rb"(" + _Q + rb"|\0)" + _USER, _of_user, unless=_FOR_A_SHELL),
        (b"auth",),
    ),
    # token: … as a line of YAML, a header, or a member of JSON
    Rule(
        "assignment",
        assigned(
            rb"(?i)(?:^|[\n\0{,\"']|\\{1,7}[nrt])[ \t-]*(?:"
            + _Q
            + rb")?"
            + _BEFORE_COLON
            + rb"(?:"
            + _Q
            + rb")?[ \t]*:[ \t]*",
            _LAST,
            _assigned,
            follows=_END_OF_LINE,
            closers=b"}])",
            spares=_folder,
        ),
        _NEEDS,
    ),
    Rule(
        "assignment",
        assigned(
            rb"(?i)" + _ANYWHERE + _IN_PROSE + rb":[ \t]?", rb"[^\s\"'\\,;\0]*", _assigned_in_prose
        ),
        _NEEDS,
    ),
    # --token …, and in a list of arguments
    Rule(
        "assignment",
        assigned(
            rb"(?i)(?:^|[\s\0\"'])--?" + _NAME + rb"(?:[ \t]+|\0|\\{0,7}[\"'][ \t]*,[ \t]*)",
            rb"(?:[^\s\"'\\\0-][^\s\"'\\\0]*)?",
            _assigned,
        ),
        _NEEDS,
    ),
    # aws configure set aws_secret_access_key …
    Rule(
        "assignment",
        assigned(
            rb"(?i)\b(?:set|config)[ \t]+(?:--?[\w-]+[ \t]+)*" + _NAME + rb"[ \t]+",
            rb"(?:[^\s\"'\\\0=:-][^\s\"'\\\0]*)?",
            _token_like,
        ),
        (b"set", b"config"),
    ),
    # ~/.docker/config.json
    Rule(
        "authorization",
        assigned(_Q + rb"auth" + _Q + rb"[ \t]*:[ \t]*", _LAST, _basic),
        (b"auth",),
    ),
    # SQL and ~/.netrc
    Rule(
        "assignment",
        shaped(rb"(?i)\b(?:identified[ \t]+by|password)[ \t]+'([^'\n\0]+)'", _assigned),
        (b"identified", b"password"),
    ),
    Rule(
        "assignment",
        shaped(rb"(?i)\blogin[ \t]+[^\s\0]+[ \t]+password[ \t]+([^\s\"'\\\0]+)", _assigned),
        (b"password",),
    ),
    *(Rule("command-password", command.find, command.needs) for command in COMMANDS),
    Rule(
        "command-password",
        shaped(
            _START
            + rb"(?:echo|printf)[ \t]+(?:-[a-zA-Z]+[ \t]+)*(?:\"([^\"\n\0]*)\"|'([^'\n\0]*)'|"
            rb"([^\s\"'|\0]+))[ \t]*\|[^\n\0|]*" + _FROM_STDIN,
            _assigned,
        ),
        (b"echo", b"printf"),
    ),
    # sudo -S … <<< PASSWORD, and in front
    Rule(
        "command-password",
        assigned(
            _START + _FROM_STDIN + rb"[^\n\0|;]*?<<<[ \t]*", rb"[^\s\"'\\|;&<>\0]*", _assigned
        ),
        (b"<<<",),
    ),
    Rule(
        "command-password",
        shaped(
            rb"<<<[ \t]*(?:\"([^\"\n\0]*)\"|'([^'\n\0]*)'|([^\s\"'|;&<>\0]+))[ \t]+"
            rb"(?:[\w./=-]+[ \t]+)*?" + _FROM_STDIN,
            _assigned,
        ),
        (b"<<<",),
    ),
)


def _catalogue() -> Iterator[Rule]:
    with Path(__file__).with_name("catalogue.toml").open("rb") as file:
        for entry in tomllib.load(file)["rules"]:
            needs = tuple(word.encode() for word in entry["keywords"])
            yield Rule(entry["id"], shaped(entry["regex"].encode()), needs)


RULES: tuple[Rule, ...] = (*OWN, *_catalogue())
WORD = re.compile(rb"(?:(?<![\w+/=\\-])|(?<=\\[nrt]))[A-Za-z0-9+/_-]{16,}+={0,2}")
"""What may be base64."""
__all__ = ["MARK", "RULES", "WORD", "decoded", "is_harmless", "says_secret"]
