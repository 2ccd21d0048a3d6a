"""A time that an authority vouches for: believed if it is trusted, and of this very signature."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fleetmesh.__main__ import main
from fleetmesh.evidence.sums import SIGNATURE, STAMP, SUMS, Refused
from fleetmesh.sealing import authority, timestamp
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.verify import verify
from fleetmesh.sealing.vouched import Trust
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record
from selftests.evidence.tsa import Answered, Authority, granted, served

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tsa") / "own")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    """A folder that the operator signed, without a token."""
    folder = record(tmp_path_factory.mktemp("signed"))
    seal(folder, keys["operator"])
    return folder


def judged(
    target: Path,
    keys: Keys,
    roots: Path | None,
    at: datetime | None = None,
    *,
    unsigned: bool = False,
) -> tuple[list[str], list[str]]:
    """What is refused of the target, and what holds."""
    trust = Trust(keys.allowed, at or datetime.now(UTC), roots=roots, unsigned=unsigned)
    findings = verify(target, trust).findings
    return [f.what for f in findings if f.holds is False], [f.what for f in findings if f.holds]


def by_openssl(folder: Path, roots: Path, at: datetime) -> bool:
    """What openssl-ts(1) says of the token."""
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-in", folder / STAMP, "-data", timestamp.covered(folder),
         "-CAfile", roots, "-attime", str(int(at.timestamp()))],
        capture_output=True,
    )  # fmt: skip
    return done.returncode == 0


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("rsa", "sha256"),
        ("rsa", "sha512"),
        ("ec", "sha256"),
        ("ec", "sha384"),
        ("ec-384", "sha512"),
    ],
)
def test_what_an_authority_stamped_holds_and_says_whose_time_it_is(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str],
    kind: str, digest: str, between: bool,
) -> None:  # fmt: skip
    own = Authority.make(tmp_path / "tsa", kind=kind, digest=digest, between=between)
    folder = record(tmp_path / "reports")
    with served(granted(own.reply)) as url:
        assert main(["seal", str(folder), "--sign", str(keys["operator"]), "--timestamp", url]) == 0
    assert re.search(r"^stamped: \S+Z \(± 1\.5 s\) by CN=Authority$", capsys.readouterr().out, re.M)
    bundle = folder.with_name(f"{ID}.tar.gz")
    given = ["verify", str(bundle), "--allowed-signers", str(keys.allowed)]
    assert main([*given, "--timestamp-roots", str(own.roots)]) == 0
    out = capsys.readouterr().out
    assert "by CN=Authority, for whom CN=Authority Root vouches; its certificate, until" in out
    assert "the stamp's time" in out
    assert by_openssl(folder, own.roots, datetime.now(UTC))
    assert main(given) == 0
    assert "it counts only with --timestamp-roots FILE" in capsys.readouterr().out


@pytest.mark.parametrize("imprint", ["sha256", "sha384", "sha512"])
def test_a_token_that_others_fetched_holds(
    tmp_path: Path, keys: Keys, signed: Path, tsa: Authority, imprint: str
) -> None:
    folder = Path(shutil.copytree(signed, tmp_path / ID))
    (folder / STAMP).write_bytes(
        tsa.token((folder / SIGNATURE).read_bytes(), imprint=imprint, nonce=7)
    )
    assert judged(forge(folder, None), keys, tsa.roots)[0] == []


def test_certificates_are_judged_as_of_the_token(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    """Though both have expired when somebody verifies: the signer's, and the authority's."""
    folder = record(tmp_path)
    with served(granted(tsa.reply)) as url:
        bundle = seal(folder, keys.certificate("ca", "-1d:+30m"), url).bundle
    later = datetime.now(UTC) + 9 * YEAR
    assert "is not valid at" in "".join(judged(bundle, keys, None, later)[0])
    refused, holds = judged(bundle, keys, tsa.roots, later)
    assert refused == []
    assert "expired since, and was valid then" in holds[2]
    assert f"as of {datetime.now(UTC):%Y-%m-%d}" in holds[3]


@pytest.mark.parametrize("when", ["valid-before", "valid-after"])
def test_a_key_that_may_sign_for_a_time_is_judged_as_of_the_token(
    tmp_path: Path, keys: Keys, signed: Path, tsa: Authority, when: str
) -> None:
    folder = Path(shutil.copytree(signed, tmp_path / ID))
    allowed = tmp_path / "allowed"
    now = datetime.now(UTC)
    bound = now + timedelta(hours=1 if when == "valid-before" else -1)
    option = f'{when}="{bound:%Y%m%d%H%M%SZ}"'
    allowed.write_text(f"op@example {option} {keys['operator.pub'].read_text()}")
    (folder / STAMP).write_bytes(tsa.token((folder / SIGNATURE).read_bytes()))
    for at in (now, now + YEAR):
        trust = Trust(allowed, at, roots=tsa.roots)
        assert verify(folder, trust).amiss == []
    outside = now + (YEAR if when == "valid-before" else -YEAR)
    assert verify(folder, Trust(allowed, outside)).amiss != []


def test_what_is_unsigned_is_stamped_itself(tmp_path: Path, keys: Keys, tsa: Authority) -> None:
    folder = record(tmp_path)
    with served(granted(tsa.reply)) as url:
        bundle = seal(folder, None, url).bundle
        assert timestamp.covered(folder).name == SUMS
        assert judged(bundle, keys, tsa.roots, unsigned=True)[0] == []
        with pytest.raises(Refused, match="say --timestamp as well"):
            seal(folder, keys["operator"])
        assert not (folder / SIGNATURE).exists()
        assert judged(seal(folder, keys["operator"], url).bundle, keys, tsa.roots)[0] == []


def test_whoever_trusts_an_authority_misses_a_token_that_was_taken_away(
    signed: Path, keys: Keys, tsa: Authority
) -> None:
    assert judged(signed, keys, tsa.roots)[0] == [
        "time stamp: there is none, so nobody vouches for when this was sealed"
    ]
    assert judged(signed, keys, None)[0] == []


Forged = Callable[[Path, bytes, Authority], tuple[bytes, Authority]]
"""An answer to lie beside a signature, and the authority that is trusted."""


def _of(**given: object) -> Forged:
    """The token of an authority that is otherwise, though its root is trusted."""

    def forged(place: Path, about: bytes, _: Authority) -> tuple[bytes, Authority]:
        own = Authority.make(place / "odd", **given)  # type: ignore[arg-type]
        return own.token(about), own

    return forged


def _says(**given: object) -> Forged:
    return lambda _, about, tsa: (tsa.token(about, **given), tsa)  # type: ignore[arg-type]


def _namesake(place: Path, about: bytes, tsa: Authority) -> tuple[bytes, Authority]:
    return Authority.make(place / "namesake").token(about), tsa


def _another_signature(_: Path, about: bytes, tsa: Authority) -> tuple[bytes, Authority]:
    token = tsa.token(about)
    return token[:-1] + bytes([token[-1] ^ 1]), tsa


def _another_time(_: Path, about: bytes, tsa: Authority) -> tuple[bytes, Authority]:
    now = datetime.now(UTC)
    token = tsa.token(about, now)
    at = token.index(f"{now:%Y%m%d}".encode())
    return token[:at] + b"2020" + token[at + 4 :], tsa


def _of_something_else(_: Path, about: bytes, tsa: Authority) -> tuple[bytes, Authority]:
    return tsa.token(about + b"x"), tsa


FORGED: dict[str, tuple[Forged, str]] = {
    "of something else": (_of_something_else, "of something else than what is sealed here"),
    "by a namesake": (_namesake, "vouches for: "),
    "with another signature": (_another_signature, "vouches for: "),
    "with another time": (_another_time, "vouches for: "),
    "by one that had expired": (_of(since=-2 * YEAR, until=-YEAR), "certificate has expired"),
    "by one not valid yet": (_of(since=YEAR, until=2 * YEAR), "certificate is not yet valid"),
    "by one for nothing": (_of(usage=()), "not one for time stamps alone"),
    "by one for code": (_of(usage=("codeSigning",)), "not one for time stamps alone"),
    "by one for more": (
        _of(usage=("timeStamping", "codeSigning")),
        "not one for time stamps alone",
    ),
    "by one for stamps perhaps": (_of(critical=False), "not one for time stamps alone"),
    "by one whom no authority made": (_of(between_is_ca=False), "vouches for: "),
    "with a weak digest": (_says(imprint="sha1"), "its digest is none of sha256"),
    "not granted": (_says(status=2), "did not grant it: rejection"),
    "that is none": (_says(content="1.2.840.113549.1.7.1"), ""),
    "empty": (lambda *given: (b"", given[2]), "no answer of an authority"),
    "html": (lambda *given: (b"<!DOCTYPE html>", given[2]), "no answer of an authority"),
}


@pytest.mark.parametrize(("forged", "said"), FORGED.values(), ids=FORGED)
def test_a_token_that_proves_nothing_is_refused_as_openssl_refuses_it(
    tmp_path: Path, keys: Keys, signed: Path, tsa: Authority, forged: Forged, said: str
) -> None:
    folder = Path(shutil.copytree(signed, tmp_path / ID))
    answer, trusted = forged(tmp_path, (folder / SIGNATURE).read_bytes(), tsa)
    (folder / STAMP).write_bytes(answer)
    (refused,) = judged(forge(folder, None), keys, trusted.roots)[0]
    assert refused.startswith("time stamp: ")
    assert said in refused
    if "sha256" not in said:  # which openssl-ts(1) takes
        assert not by_openssl(folder, trusted.roots, datetime.now(UTC))


def test_a_token_of_another_bundle_is_refused_without_any_root(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    one, other = record(tmp_path, ID), record(tmp_path, OTHER)
    with served(granted(tsa.reply)) as url:
        for folder in (one, other):
            seal(folder, keys["operator"], url)
    shutil.copy(one / STAMP, other / STAMP)
    (refused,) = judged(forge(other, None), keys, None)[0]
    assert refused == "time stamp: it is of something else than what is sealed here"


def test_the_time_must_be_one_that_can_be(
    tmp_path: Path, keys: Keys, signed: Path, tsa: Authority
) -> None:
    folder = Path(shutil.copytree(signed, tmp_path / ID))
    about, now = (folder / SIGNATURE).read_bytes(), datetime.now(UTC)
    (folder / STAMP).write_bytes(tsa.token(about, now + timedelta(hours=1)))
    assert judged(folder, keys, tsa.roots)[0][0].endswith("lies in the future")
    (folder / STAMP).write_bytes(tsa.token(about, now - timedelta(hours=1)))
    assert "which is after it was stamped" in judged(folder, keys, tsa.roots)[0][0]
    (folder / STAMP).write_bytes(tsa.token(about, now - timedelta(hours=1), accuracy=7200))
    assert judged(folder, keys, tsa.roots)[0] == []


def test_a_certificate_must_have_been_valid_for_all_that_the_time_may_mean(
    tmp_path: Path, keys: Keys, tsa: Authority
) -> None:
    folder = record(tmp_path)
    seal(folder, keys.certificate("ca", "-1d:+30m"))
    about = (folder / SIGNATURE).read_bytes()
    (folder / STAMP).write_bytes(tsa.token(about, accuracy=60))
    assert judged(folder, keys, tsa.roots)[0] == []
    (folder / STAMP).write_bytes(tsa.token(about, accuracy=3600))
    assert "is not valid at" in judged(folder, keys, tsa.roots)[0][0]


@pytest.mark.parametrize("what", ["absent", "empty", "no certificate", "a key"])
def test_roots_that_are_none_make_nothing_trusted(
    tmp_path: Path, keys: Keys, signed: Path, tsa: Authority, what: str
) -> None:
    folder, roots = Path(shutil.copytree(signed, tmp_path / ID)), tmp_path / "roots"
    (folder / STAMP).write_bytes(tsa.token((folder / SIGNATURE).read_bytes()))
    if what != "absent":
        text = {"empty": "", "a key": (tsa.place / "tsa.key").read_text()}
        roots.write_text(text.get(what, "certificate"))
    (refused,) = judged(folder, keys, roots)[0]
    assert str(roots) in refused


def test_a_damaged_token_is_refused_however_it_is_damaged(signed: Path, tsa: Authority) -> None:
    about = (signed / SIGNATURE).read_bytes()
    whole = tsa.token(about, accuracy=1, nonce=2**63)
    for at in range(0, len(whole), 5):
        for other in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            try:
                found = timestamp.trusted(other, about, tsa.roots)
            except Refused:
                continue
            assert found == timestamp.trusted(whole, about, tsa.roots), at


def _slow(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    for _second in range(50):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        time.sleep(0.05)


def _trickles(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    _slow(handler, b"")


def _status(code: int, **headers: str) -> Answered:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


def _hangs_up(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def _ends_early(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()


def _endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(10_000))


REJECTED = bytes.fromhex("3015301302010230") + b"\x0a\x0c\x08not\x1bnow!" + b"\x03\x02\x05\xa0"
UNHELPFUL: dict[str, tuple[Answered, str]] = {
    "an error": (_status(500), "it answers 500 Internal Server Error"),
    "not there": (_status(404), "it answers 404 Not Found"),
    "elsewhere": (
        _status(302, Location="http://user:pass@127.0.0.1:1/other"),
        "it leads to http://127.0.0.1:1/other: name that address",
    ),
    "slow": (_slow, "gave no whole answer within 0.5 s"),
    "trickling": (_trickles, "gave no whole answer within 0.5 s"),
    "endless": (_endless, "its answer holds more than 65536 bytes"),
    "hung up": (_hangs_up, "disconnected"),
    "cut off": (_ends_early, "peer closed connection"),
    "a page": (granted(lambda _: b"<html>"), "it is no answer of an authority"),
    "nothing": (granted(lambda _: b""), "it is no answer of an authority"),
    "rejected": (granted(lambda _: REJECTED), "did not grant it: rejection: not⟨ESC⟩now!"),
}


@pytest.mark.parametrize("what", UNHELPFUL)
def test_without_a_token_nothing_is_sealed(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str], what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = record(tmp_path)
    answer, said = UNHELPFUL[what]
    if "0.5 s" in said:
        monkeypatch.setattr(authority, "SECONDS", 0.5)
    with served(answer) as url:
        assert said in _refused(capsys, folder, keys, url.replace("//", "//me:secret@"))
    assert not any((folder / name).exists() for name in (SUMS, SIGNATURE, STAMP, "seal.json"))
    assert not list(tmp_path.glob("*.tar.gz"))


def _refused(capsys: pytest.CaptureFixture[str], folder: Path, keys: Keys, url: str) -> str:
    status = main(["seal", str(folder), "--sign", str(keys["operator"]), "--timestamp", url])
    err = capsys.readouterr().err
    assert status == 2
    assert err.startswith("fleetmesh: no time stamp: ")
    assert err.count("\n") == 1
    assert "secret" not in err
    return err


@pytest.mark.parametrize(
    "url",
    [
        *("nowhere", "ftp://127.0.0.1/", "http://", "http://[", "http://127.0.0.1:1"),
        *("http://127.0.0.1:x/", "http://\x1b/", "file:///etc/passwd"),
    ],
)
def test_an_address_that_is_none_is_said(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert "\x1b" not in _refused(capsys, record(tmp_path), keys, url)


@pytest.mark.parametrize("what", ["nonce", "content"])
def test_a_token_that_answers_another_request_is_not_taken(
    tmp_path: Path, keys: Keys, tsa: Authority, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    about = (folder / SIGNATURE).read_bytes() + (b"x" if what == "content" else b"")
    with served(granted(lambda _: tsa.token(about, nonce=7))) as url:
        status = main(["seal", str(folder), "--timestamp", url])
    assert status == 2
    told = "its nonce is another" if what == "nonce" else "of something else"
    assert told in capsys.readouterr().err
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities of these tests are on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
