"""A bundle reaches the issue once, whatever happens on the way; the token only the forge."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import pytest

from fleetmesh.__main__ import main
from fleetmesh.attach import api
from fleetmesh.attach.attach import Parcel
from fleetmesh.attach.target import target
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.seal import seal
from fleetmesh.evidence.sums import Refused
from fleetmesh.sealing import seal_folder
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
    monkeypatch.setattr(api, "sleep", found.append)
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
