"""A bundle reaches the issue once, whatever happens on the way; the token only the forge."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import pytest

from fleetmesh.__main__ import main
from fleetmesh.attach import forge_api
from fleetmesh.attach.attach import Parcel
from fleetmesh.attach.issue import target
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.sums import Refused
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.sealed_run import seal_folder
from fleetmesh.views.render import made
from selftests.attach.server import TOKEN, Break, World, serving
from selftests.evidence.sealing import ID, OTHER, Keys, forge, record

FORGES = ["forgejo", "github"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    """With the one view that a forge is told; the others take long to be compared."""
    folder = record(tmp_path_factory.mktemp("reports"))
    block = made(folder, read(folder), ["workplan.md"])["workplan.md"]
    (folder / "workplan.md").write_bytes(block)
    return seal(folder, keys["operator"]).bundle


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("FORGE_TOKEN", TOKEN)
    with serving() as served:
        yield served


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long would have been waited, in seconds; nothing is."""
    found: list[float] = []
    monkeypatch.setattr(forge_api, "sleep", found.append)
    return found


Sent = tuple[int, str]


@pytest.fixture
def send(world: World, bundle: Path, capsys: pytest.CaptureFixture[str]) -> "Send":
    return Send(world, bundle, capsys)


class Send:
    def __init__(self, world: World, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.bundle, self.capsys = world, bundle, capsys

    def __call__(self, kind: str, *options: object, bundle: Path | None = None) -> Sent:
        url = f"{self.world.url}/o/r/issues/7"
        status = main(
            ["attach", str(bundle or self.bundle), "--to", url, "--forge", kind, *map(str, options)]
        )
        out, err = self.capsys.readouterr()
        assert TOKEN not in out + err
        return status, out + err


def held(world: World, kind: str) -> list[tuple[str, str]]:
    """Name and digest of every bundle that the forge holds."""
    if kind == "github":
        return [(asset["name"], asset["digest"].removeprefix("sha256:")) for asset in world.assets]
    return [
        (kept["name"], sha256(world.contents[kept["uuid"]]).hexdigest())
        for kept in world.attachments
    ]


def digest(bundle: Path) -> str:
    return sha256(bundle.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", FORGES)
def test_bundle_and_block_arrive_once(
    send: Send, world: World, bundle: Path, keys: Keys, kind: str
) -> None:
    before = sorted(path.name for path in bundle.parent.rglob("*"))
    for _ in range(2):
        status, said = send(kind, "--allowed-signers", keys.allowed)
        assert status == 0, said
        assert held(world, kind) == [(bundle.name, digest(bundle))]
        (comment,) = world.comments
        assert comment["html_url"] in said
    assert comment["body"].startswith("### Fleet mesh verification: READY")
    assert f"SHA-256 `{digest(bundle)}`" in comment["body"]
    (place,) = [asset["browser_download_url"] for asset in (*world.assets, *world.attachments)]
    assert f"[{bundle.name}]({place})" in comment["body"]
    assert sorted(path.name for path in bundle.parent.rglob("*")) == before
    for file in bundle.parent.rglob("*"):
        assert file.is_dir() or TOKEN.encode() not in file.read_bytes()


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("lost", ["assets", "comments"])
def test_a_lost_answer_doubles_nothing(
    send: Send, world: World, waits: list[float], bundle: Path, kind: str, lost: str
) -> None:
    world.breaks.append(Break(f"POST .*{lost}", lose=True))
    status, said = send(kind)
    assert status == 0, said
    assert waits == [1.0]
    assert held(world, kind) == [(bundle.name, digest(bundle))]
    assert len(world.comments) == 1
    assert world.posted(lost) == 1


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("status", [429, 502, 503])
def test_it_waits_as_long_as_it_is_asked_to(
    send: Send, world: World, waits: list[float], kind: str, status: int
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    world.breaks += [
        Break("POST .*assets", status, {"Retry-After": "17"}),
        Break("POST .*assets", status, {"Retry-After": later}),
        Break("POST .*assets", status),
        Break("GET .*comments", status, {"Retry-After": "soon"}),
    ]
    assert send(kind)[0] == 0
    assert waits[0] == 17
    assert 30 < waits[1] <= 40
    assert waits[2:] == [4, 1]
    assert len(held(world, kind)) == len(world.comments) == 1


def test_github_s_limit_is_waited_for(send: Send, world: World, waits: list[float]) -> None:
    reset = str(int(time.time()) + 30)
    limited = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    world.breaks.append(Break("POST .*comments", 403, limited))
    assert send("github")[0] == 0
    assert 25 < waits[0] <= 30


@pytest.mark.parametrize("kind", FORGES)
def test_it_gives_up_with_the_reason(
    send: Send, world: World, waits: list[float], kind: str
) -> None:
    world.breaks += [Break("GET .*issues/7$")] * 6
    status, said = send(kind)
    assert status == 2
    assert "503 broken [token]; tried 6 times" in said
    assert waits == [1, 2, 4, 8, 16]
    world.breaks.append(Break("GET .*issues/7$", 429, {"Retry-After": "3600"}))
    status, said = send(kind)
    assert status == 2
    assert "asks to wait 3600 s" in said
    assert not held(world, kind)


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "is the token valid?"),
        (403, "may the token write"),
        (404, "is there such an issue"),
        (413, "larger than the forge takes"),
        (301, "has moved"),
        (422, "422 broken [token]"),
    ],
)
def test_what_is_final_is_not_tried_again(
    send: Send, world: World, waits: list[float], kind: str, status: int, advice: str
) -> None:
    world.breaks.append(Break("POST .*assets", status))
    done, said = send(kind)
    assert (done, waits) == (2, [])
    assert advice in said
    assert not world.comments


def test_a_bundle_over_the_limit_is_refused_by_the_forge(send: Send, world: World) -> None:
    world.limit = 1000
    assert "larger than the forge takes" in send("forgejo")[1]


def test_a_wrong_token_is_said(send: Send, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "another")
    assert "401 token is required: is the token valid?" in send("forgejo")[1]
    monkeypatch.setenv("FORGE_TOKEN", "a\nb")
    assert "holds what no token can" in send("forgejo")[1]
    monkeypatch.delenv("FORGE_TOKEN")
    assert "FORGE_TOKEN is not in the environment" in send("forgejo")[1]
    assert world.asked == ["GET /api/v1/repos/o/r/issues/7"]


@pytest.mark.parametrize("kind", FORGES)
def test_another_file_of_that_name_is_left_alone(
    send: Send, world: World, bundle: Path, keys: Keys, tmp_path: Path, kind: str
) -> None:
    send(kind)
    again = forge(record(tmp_path), keys["operator"])
    assert again.name == bundle.name
    status, said = send(kind, bundle=again)
    assert status == 2
    assert "is not the same: look at it first" in said
    assert len(held(world, kind)) == len(world.comments) == 1


def test_an_upload_that_broke_off_is_taken_away(send: Send, world: World, bundle: Path) -> None:
    send("github")
    world.assets[0] |= {"state": "starter", "size": 0}
    assert send("github")[0] == 0
    assert [asset["state"] for asset in world.assets] == ["uploaded"]
    assert held(world, "github") == [(bundle.name, digest(bundle))]


def test_the_token_follows_no_address_to_another_host(send: Send, world: World) -> None:
    send("github")
    assert world.release
    world.assets.clear()
    world.release["upload_url"] = "https://elsewhere.example/upload{?name}"
    assert "another origin: the token stays" in send("github")[1]
    world.release["url"] = "https://elsewhere.example/release"
    assert "another origin: the token stays" in send("github")[1]


@pytest.fixture
def elsewhere() -> Iterator[World]:
    """Another origin: the same host, another port."""
    with serving() as served:
        yield served


def _leads(world: World, elsewhere: World, said: str) -> None:
    assert f"{world.url} leads to {elsewhere.url}, another origin: the token stays" in said
    assert elsewhere.asked == []


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("place", ["{0}/x", "//{1}/x", "{0}/api/v1/repos/o/r/issues/7/comments"])
def test_the_token_follows_no_next_page_to_another_origin(
    send: Send, world: World, elsewhere: World, kind: str, place: str
) -> None:
    link = place.format(elsewhere.url, elsewhere.url.partition("//")[2])
    world.breaks.append(Break("GET .*comments", 200, {"Link": f'<{link}>; rel="next"'}, answer=[]))
    status, said = send(kind)
    assert status == 2
    _leads(world, elsewhere, said)


@pytest.mark.parametrize("kind", FORGES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("match", ["GET .*issues/7$", "POST .*comments"])
def test_the_token_follows_no_redirection_to_another_origin(
    send: Send, world: World, elsewhere: World, kind: str, status: int, match: str
) -> None:
    world.breaks.append(Break(match, status, {"Location": f"{elsewhere.url}/moved"}))
    assert send(kind)[0] == 2
    world.breaks.append(Break(match, status, {"Location": f"{elsewhere.url}/moved"}))
    _leads(world, elsewhere, send(kind)[1])


@pytest.mark.parametrize("member", ["upload_url", "url"])
def test_the_token_follows_no_address_in_an_answer_to_another_origin(
    send: Send, world: World, elsewhere: World, member: str
) -> None:
    send("github")
    assert world.release
    world.assets.clear()
    world.release[member] = f"{elsewhere.url}/there{{?name}}"
    status, said = send("github")
    assert status == 2
    assert f"leads to {elsewhere.url}, another origin: the token stays" in said
    assert elsewhere.asked == []


def test_a_page_and_a_redirection_of_the_same_origin_are_followed(send: Send, world: World) -> None:
    again = f"{world.url}/api/v1/repos/o/r/issues/7"
    world.breaks += [
        Break("GET .*issues/7$", 307, {"Location": again}),
        Break("GET .*comments", 200, {"Link": f'<{again}/comments>; rel="next"'}, answer=[]),
    ]
    assert send("forgejo")[0] == 0
    for _ in range(9):
        world.breaks.append(Break("GET .*issues/7$", 307, {"Location": again}))
    assert send("forgejo")[0] == 2


def test_user_and_password_in_an_address_are_no_origin(send: Send, world: World) -> None:
    there = world.url.replace("http://", "http://x:y@")
    world.breaks.append(Break("GET .*issues/7$", 302, {"Location": f"{there}/o"}))
    assert "another origin: the token stays" in send("forgejo")[1]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_no_proxy_of_the_environment_sees_the_token(
    send: Send, elsewhere: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, elsewhere.url)
    assert send("forgejo")[0] == 0
    assert elsewhere.asked == []


def test_origins_are_compared_whole() -> None:
    with forge_api.ForgeApi(TOKEN, {}, ["http://[::1]:3000"]) as asked:
        assert str(asked._onward(asked._base, "/x")) == "http://[::1]:3000/x"
        for other in ("http://[::1]:3001/", "https://[::1]:3000/", "http://[::2]:3000/", "//a/"):
            with pytest.raises(Refused, match=r"http://\[::1\]:3000 leads to .*, another origin"):
                asked._onward(asked._base, other)
    with forge_api.ForgeApi(TOKEN, {}, ["https://Git.Example"]) as asked:
        assert asked._onward(asked._base, "https://git.example:443/x")


def test_only_github_s_uploads_are_another_place() -> None:
    assert target("https://github.com/o/r/issues/7").origins == (
        "https://api.github.com",
        "https://uploads.github.com",
    )
    assert target("https://acme.ghe.com/o/r/issues/7", "github").origins == (
        "https://api.acme.ghe.com",
        "https://uploads.acme.ghe.com",
    )
    for url, kind in (
        ("https://api.github.com.example/o/r/issues/7", "github"),
        ("https://api.example/o/r/issues/7", None),
        ("https://github.com:444/o/r/issues/7", "github"),
        ("http://localhost/o/r/issues/7", "github"),
        ("http://[::1]:3000/o/r/issues/7", None),
    ):
        assert target(url, kind).origins == (url.removesuffix("/o/r/issues/7"),)


@pytest.mark.parametrize("answer", [b"[" * 200_000, b"x" * (17 << 20), b'{"a": "\x1b[2J"}', b"[5]"])
def test_an_answer_is_bounded_and_legible(send: Send, world: World, answer: bytes) -> None:
    for match, status in (("GET .*comments", 200), ("GET .*issues/7$", 422)):
        world.breaks.append(Break(match, status, answer=answer))
        done, said = send("forgejo")
        assert done == 2
        assert len(said) < 2000
        assert "\x1b" not in said
        assert "Traceback" not in said


def test_a_compressed_answer_is_refused(send: Send, world: World) -> None:
    world.breaks.append(Break("GET .*comments", 200, {"Content-Encoding": "gzip"}, answer=b"x"))
    assert "the answer is compressed, unasked" in send("forgejo")[1]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://x/)[y](https://z", "a b", 5])
def test_an_address_that_would_change_the_comment_is_refused(
    send: Send, world: World, address: object
) -> None:
    world.breaks.append(
        Break("POST .*assets", 201, answer={"browser_download_url": address, "uuid": "u"})
    )
    assert "answers otherwise than forgejo does" in send("forgejo")[1]
    assert world.comments == []


def test_what_is_no_forge_is_said(send: Send, world: World) -> None:
    world.breaks.append(Break("GET .*/assets", 200))
    status, said = send("forgejo")
    assert status == 2
    assert "answers with no list" in said


def test_a_dry_run_asks_nobody(send: Send, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORGE_TOKEN")
    status, said = send("github", "--dry-run")
    assert status == 0
    assert "### Fleet mesh verification: READY" in said
    assert world.asked == []


def test_only_what_holds_is_sent(
    send: Send, world: World, keys: Keys, tmp_path: Path, bundle: Path
) -> None:
    unsigned = seal_folder(record(tmp_path / "a")).bundle
    assert "signature: there is none" in send("forgejo", bundle=unsigned)[1]
    incomplete = seal_folder(record(tmp_path / "b", OTHER, verdict=None), keys["operator"]).bundle
    assert "is INCOMPLETE; say --incomplete" in send("forgejo", bundle=incomplete)[1]
    stranger = seal_folder(record(tmp_path / "c"), keys["stranger"]).bundle
    only = ("--allowed-signers", keys.allowed)
    assert "does not allow" in send("forgejo", *only, bundle=stranger)[1]
    damaged = tmp_path / f"{ID}.tar.gz"
    damaged.write_bytes(bundle.read_bytes()[:-1])
    assert "does not hold: container" in send("forgejo", bundle=damaged)[1]
    assert "there is no such bundle" in send("forgejo", bundle=tmp_path / "c" / ID)[1]
    assert world.asked == []
    assert send("forgejo", "--unsigned", bundle=unsigned)[0] == 0
    assert send("forgejo", "--incomplete", bundle=incomplete)[0] == 0
    assert len(world.comments) == 2


def test_a_drill_is_sent_if_it_held(send: Send, world: World, keys: Keys, tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-24T024134Z_drill_0a1b2c"
    folder.mkdir()
    for told in ('{"holds": false, "conclusion": "stage 3 broke"}', "[]"):
        (folder / "drill.json").write_text(told)
        target = seal_folder(folder, keys["operator"]).bundle
        assert "say --incomplete" in send("forgejo", bundle=target)[1]
        (folder / "SHA256SUMS").unlink()
    assert world.asked == []
    (folder / "drill.json").write_text('{"holds": true, "conclusion": "it holds"}')
    assert send("forgejo", bundle=seal_folder(folder, keys["operator"]).bundle)[0] == 0
    assert "SHA-256" in world.comments[0]["body"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://github.com/o/r/issues/7", "https://api.github.com/repos/o/r/issues/7"),
        ("https://github.com/o/r/pull/7", "https://api.github.com/repos/o/r/issues/7"),
        ("https://git.example/o/r/issues/7#c", "https://git.example/api/v1/repos/o/r/issues/7"),
        ("https://x.example:8/f/o/r/pulls/7", "https://x.example:8/f/api/v1/repos/o/r/issues/7"),
        ("http://[::1]:3000/o/r/issues/7/", "http://[::1]:3000/api/v1/repos/o/r/issues/7"),
    ],
)
def test_addresses_that_name_an_issue(url: str, place: str) -> None:
    assert target(url).issue == place


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example/o/r/issues/7",
        "https://git.example/o/r",
        "https://git.example/o/r/issues/x",
        "https://me:secret@git.example/o/r/issues/7",
        "ftp://git.example/o/r/issues/7",
        "https://[/o/r/issues/7",
        "o/r#7",
    ],
)
def test_addresses_that_do_not(url: str) -> None:
    with pytest.raises(Refused) as refused:
        target(url)
    assert "secret" not in str(refused.value)


def test_a_block_that_no_forge_would_take_keeps_its_end() -> None:
    block = "### READY\n" + "- line\n" * 20_000 + "\n**Evidence**\n\n- bundle\n"
    body = Parcel(Path("b.tar.gz"), b"", block).body("address")
    assert len(body) < 65_536
    assert body.startswith("### READY")
    assert "There is more; the bundle has all of it.\n\n**Evidence**\n\n- bundle\n" in body
