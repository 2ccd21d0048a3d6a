"""What a secret looks like. Each rule knows a shape, and what has the shape but is harmless.

The patterns are written for text as commands print it, and for the same inside a JSON string, where
a line break is `\\n` and a quote `\\"`. A rule errs towards taking too much only where the shape
itself says secret; names alone (`token: …`) must be followed by something that can be one.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

MARK = re.compile(r"\[REDACTED:[a-z0-9-]+\]")

_Q = r"\\{0,7}[\"']"  # a quote, perhaps escaped
_END_OF_LINE = r"(?=\s*(?:\n|\r|\\{1,7}[nr]|\Z|\\{0,7}[\"']))"

_WORDS = (
    r"(?:passw(?:or)?d|passphrase|pwd|token|secret|api[_-]?key|secret[_-]?key|access[_-]?key|"
    r"private[_-]?key|client[_-]key[_-]data)"
)
NAME = rf"(?:[A-Za-z0-9_.-]{{0,64}}[_.-]|[a-z][A-Za-z0-9]{{0,48}}?|){_WORDS}"
"""A name that says secret: it *ends* with the word, unlike PasswordAuthentication or secretName."""

_HARMLESS = re.compile(
    r"""(?x)
      (?: (?i: true | false | yes | no | none | null | nil | undefined | required | optional
             | absent | missing | unset | empty | string | int | bool | invalid | expired | unknown
             | revoked | unauthorized | forbidden | denied | default | prohibit-password )
        | \d{1,5} | [*x.?…-]+ | <[^>]*>? | \$\{[^}]*\}? | \$[A-Z_][A-Z0-9_]* | \$\(.* | %[a-z%]
        | [{[]+[}\]]* | [|>][+-]? | \[REDACTED:.* | sha256[:-].*
        | (?:~|\.{1,2})?(?:/[\w.-]{1,24}){2,} | ) \Z"""
)
"""Values that are none: words, numbers, variables, structures, paths, digests, nothing."""


def is_harmless(value: str) -> bool:
    """Whether what is assigned to a secret's name is no secret."""
    return _HARMLESS.match(value) is not None


Judge = Callable[[str], object]


@dataclass(frozen=True)
class Rule:
    """One shape; the group `secret` is what is replaced, where `is_secret` agrees."""

    name: str
    pattern: re.Pattern[str]
    is_secret: Judge = len
    needs: tuple[str, ...] = ()
    """One of these, in lower case, stands in every text that the pattern matches."""


def _assigned(value: str) -> bool:
    return not is_harmless(value)


def _assigned_in_prose(value: str) -> bool:
    return len(value) >= 6 and any(c.isdigit() for c in value) and not is_harmless(value)


def _token_like(value: str) -> bool:
    return len(value) >= 20 or any(c.isdigit() for c in value)


def _basic(value: str) -> bool:
    decoded = decode(value)
    return decoded is not None and ":" in decoded


def _bootstrap(value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def decode(word: str) -> str | None:
    """The printable text that a word of base64 holds; None where it holds none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def _rule(
    name: str,
    pattern: str,
    is_secret: Judge = len,
    needs: tuple[str, ...] = (),
    flags: Literal[0] | re.RegexFlag = 0,
) -> Rule:
    return Rule(name, re.compile(pattern, flags), is_secret, needs)


_I = re.IGNORECASE
_NAMED = (
    *("passw", "passphrase", "pwd", "token", "secret", "apikey", "api_key", "api-key"),
    *("accesskey", "access_key", "access-key", "privatekey", "private_key", "private-key"),
    *("client-key-data", "client_key_data"),
)
_BEGIN = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_BREAK = r"[ \t]*(?:\r?\n|(?:\\{1,7}r)?\\{1,7}n)[ \t]*"
_VALUE = rf"(?:(?P<q>{_Q})(?P<secret>(?:(?!(?<!\\)(?P=q))[^\n])*)(?<!\\)(?P=q)"
_START = r"(?:(?<![\w.-])|(?<=\\n)|(?<=\\r)|(?<=\\t))"
"""Where a word begins, also after a line break inside a JSON string."""

RULES: tuple[Rule, ...] = (
    # Up to its END; without one, as long as whole lines of base64 or headers follow.
    _rule(
        "private-key",
        rf"(?P<secret>{_BEGIN}(?:(?:(?!-----BEGIN).)*?-----END [A-Z0-9 ]*PRIVATE KEY"
        r"(?: BLOCK)?-----"
        rf"|(?:(?:{_BREAK}){{1,3}}(?:[A-Za-z0-9+/=]+(?=[ \t]*(?:[\r\n\\\"']|\Z))|"
        r"[A-Z][A-Za-z-]+: [^\n\\]*))*))",
        needs=("private key",),
        flags=re.DOTALL,
    ),
    _rule(
        "jwt",
        rf"{_START}(?P<secret>eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)*)",
        needs=("eyj",),
    ),
    _rule(
        "k3s-token", rf"{_START}(?P<secret>K10[0-9a-f]{{8,}}::[\w.-]+:[^\s\"'\\]+)", needs=("k10",)
    ),
    _rule(
        "authorization",
        rf"\b(?:proxy-)?authorization(?:{_Q})?\s*[:=]\s*(?:{_Q})?(?:(?:bearer|basic|token|digest|"
        r"negotiate|apikey)\s+)?(?P<secret>[^\s\"'\\,;]{4,})",
        _assigned,
        needs=("authorization",),
        flags=_I,
    ),
    _rule(
        "authorization",
        r"\bbearer\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
        _token_like,
        needs=("bearer",),
        flags=_I,
    ),
    _rule(
        "authorization",
        r"\bbasic\s+(?P<secret>[A-Za-z0-9+/_-]{6,}={0,2})",
        _basic,
        needs=("basic",),
        flags=_I,
    ),
    _rule(
        "cookie",
        r"(?:^|\n|\\n|[\"'])(?:set-)?cookie:\s*(?P<secret>[^\s\"'\\][^\n\"'\\]*)",
        needs=("cookie:",),
        flags=_I,
    ),
    _rule(
        "url-password",
        r"\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@\"'?#\\]*:(?P<secret>[^\s/\"'?#\\<>]+)(?=@)",
        needs=("://",),
        flags=_I,
    ),
    _rule(
        "crypt-hash",
        r"(?P<secret>\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|scrypt|argon2(?:id|i|d))"
        r"\$[./A-Za-z0-9$=,+-]{20,})",
        needs=("$",),
    ),
    _rule(
        "crypt-hash", r"(?P<secret>\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2})", needs=("sha",)
    ),
    _rule(
        "token",
        rf"{_START}(?P<secret>gh[pousr]_[A-Za-z0-9]{{30,}}|github_pat_\w{{30,}}|glpat-[\w-]{{18,}}|"
        r"xox[abeoprs]-[\w-]{10,}|sk-[\w-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})",
        needs=("gh", "glpat-", "xox", "sk-", "age-secret"),
    ),
    _rule(
        "bootstrap-token",
        rf"{_START}(?P<secret>[a-z0-9]{{6}}\.[a-z0-9]{{16}})(?![\w.-]*[\w-])",
        _bootstrap,
        needs=(".",),
    ),
    # {"name": "DB_PASSWORD", "value": "…"}, as a container's environment is listed; YAML, too.
    _rule(
        "assignment",
        rf"\bname(?:{_Q})?\s*:\s*(?:{_Q})?{NAME}(?:{_Q})?,?(?:\s|\\{{1,7}}n){{0,40}}(?:{_Q})?value(?:{_Q})?"
        rf"\s*:\s*{_VALUE}|(?P<bare>[^\s\"'\\,;}}\]]+))",
        _assigned,
        needs=_NAMED,
        flags=_I,
    ),
    # PASSWORD=…, --token=…, ?access_token=…&
    _rule(
        "assignment",
        rf"(?<![A-Za-z0-9]){NAME}(?:{_Q})?\s?=\s?{_VALUE}|(?P<bare>[^\s\"'\\&;,<>]+))",
        _assigned,
        needs=_NAMED,
        flags=_I,
    ),
    # token: … as a line of YAML, a header, or a member of JSON
    _rule(
        "assignment",
        rf"(?:(?:^|\n|\\{{1,7}}n|[{{,])[ \t-]*(?:{_Q})?|{_Q}){NAME}(?:{_Q})?\s*:[ \t]*"
        rf"{_VALUE}|(?P<bare>[^\s\"'\\,;]+?)(?=[}}\])]*{_END_OF_LINE}))",
        _assigned,
        needs=_NAMED,
        flags=_I,
    ),
    _rule(
        "assignment",
        rf"(?<![A-Za-z0-9]){NAME}:\s?(?P<secret>[^\s\"'\\,;]+)",
        _assigned_in_prose,
        needs=_NAMED,
        flags=_I,
    ),
    _rule(
        "assignment",
        rf"(?<!\S)--?{NAME}\s+(?:{_Q})?(?P<secret>[^\s\"'\\-][^\s\"'\\]*)",
        _assigned,
        needs=_NAMED,
        flags=_I,
    ),
    _rule(
        "assignment",
        rf"\bcurl\b[^\n]{{0,500}}?\s(?:-u|--user)[ =]*(?:{_Q})?"
        r"[^\s:\"'\\]+:(?P<secret>[^\s\"'\\]+)",
        _assigned,
        needs=("curl",),
    ),
)

KIND_SECRET = re.compile(
    rf"(?:{_Q})?kind(?:{_Q})?\s*:\s*(?:{_Q})?Secret(?:List)?(?:{_Q}|\s|\\n|,|\Z)"
)
SECRET_JSON = re.compile(rf"{_Q}(?:data|stringData){_Q}\s*:\s*\{{(?P<members>[^{{}}]*)")
MEMBER = re.compile(rf":\s*(?P<q>{_Q})(?P<secret>(?:(?!(?<!\\)(?P=q)).)*)(?<!\\)(?P=q)", re.DOTALL)
SECRET_YAML = re.compile(
    r"^(?P<indent> *(?:- )?)(?:data|stringData):[ \t]*\n"
    r"(?P<members>(?:(?P=indent) +[^\n]*(?:\n|\Z)|[ \t]*\n)+)",
    re.MULTILINE,
)
LINE = re.compile(
    r"^[ \t]*[\w.-]+:[ \t]*(?P<secret>[^\n]*(?:\n[ \t]+(?![\w.-]+:)[^\n]+)*)", re.MULTILINE
)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
"""A JSON string, which may hold a document of its own."""
WORD = re.compile(r"(?:(?<![\w+/=\\-])|(?<=\\n)|(?<=\\r)|(?<=\\t))[A-Za-z0-9+/_-]{16,}={0,2}")
"""What may be base64."""
