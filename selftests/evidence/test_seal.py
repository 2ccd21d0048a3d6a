"""A sealed folder holds, and what was changed, added or signed by others does not."""

import gzip
import io
import os
import subprocess
import tarfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.sealing import bundle, signature
from fleetmesh.sealing.seal import seal
from fleetmesh.sealing.verify import verify
from fleetmesh.sealing.vouched import Trust
from selftests.evidence.sealing import Keys, forge, record


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("keys"))


def refused(
    target: Path, keys: Keys, at: datetime | None = None, principal: str | None = None
) -> str:
    """What is refused of the target, as one text; empty where it holds."""
    report = verify(target, Trust(keys.allowed, at or datetime.now(UTC), principal))
    assert report.holds == (not report.amiss)
    return "\n".join(report.amiss)


def test_what_was_sealed_holds(tmp_path: Path, keys: Keys) -> None:
    folder = record(tmp_path)
    sealed = seal(folder, keys["operator"])
    assert refused(sealed.bundle, keys) == ""
    assert refused(folder, keys) == ""
    subprocess.run(["sha256sum", "--strict", "-c", SUMS], cwd=folder, check=True)
    listed = subprocess.run(
        ["tar", "-tzvf", sealed.bundle], check=True, capture_output=True, text=True
    )
    assert listed.stderr == ""
    assert len(listed.stdout.splitlines()) == len([f for f in folder.rglob("*") if f.is_file()])


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path, keys: Keys) -> None:
    first = seal(record(tmp_path / "a"), keys["operator"])
    again = tmp_path / "b" / first.bundle.name.removesuffix(bundle.SUFFIX)
    again.parent.mkdir()
    subprocess.run(["tar", "-xzf", first.bundle, "-C", again.parent], check=True)
    for file in again.rglob("*"):
        file.chmod(0o700)
        os.utime(file, (1, 1))
    assert seal(again, keys["operator"]).bundle.read_bytes() == first.bundle.read_bytes()


def test_a_folder_changed_after_its_seal_is_not_sealed_again(tmp_path: Path) -> None:
    folder = record(tmp_path)
    seal(folder)
    (folder / "run.json").write_text("{}")
    with pytest.raises(Refused, match=r"run\.json was altered"):
        seal(folder)


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a b", "ä"])
def test_names_that_need_escaping_are_refused(tmp_path: Path, name: str) -> None:
    folder = record(tmp_path)
    (folder / name).touch()
    with pytest.raises(Refused, match="would need escaping"):
        seal(folder)


def test_links_are_refused(tmp_path: Path) -> None:
    folder = record(tmp_path)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="neither a file nor a folder"):
        seal(folder)


def test_a_certificate_signs_and_holds_while_it_is_valid(tmp_path: Path, keys: Keys) -> None:
    sealed = seal(record(tmp_path), keys.certificate("ca", "-1d:+30m"))
    assert refused(sealed.bundle, keys) == ""
    later = refused(sealed.bundle, keys, datetime.now(UTC) + timedelta(days=2))
    assert 'certificate "her-id"' in later
    assert "is not valid at" in later
    assert refused(sealed.bundle, keys, principal="her@example") == ""
    assert "signature" in refused(sealed.bundle, keys, principal="op@example")


def test_an_expired_certificate_signs_nothing(tmp_path: Path, keys: Keys) -> None:
    folder = record(tmp_path)
    with pytest.raises(Refused, match="and not now"):
        seal(folder, keys.certificate("ca", "-3d:-2d"))
    assert not (folder / SIGNATURE).exists()


def test_a_key_in_the_agent_signs(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = subprocess.run(
        ["ssh-agent", "-s", "-a", tmp_path / "agent"], check=True, capture_output=True, text=True
    )
    process = started.stdout.partition("SSH_AGENT_PID=")[2].partition(";")[0]
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", keys["operator"]], check=True)
        public = tmp_path / "only.pub"
        public.write_text(keys["operator.pub"].read_text())
        sealed = seal(record(tmp_path), public)
    finally:
        subprocess.run(["kill", process], check=True)
    assert refused(sealed.bundle, keys) == ""


def test_a_verifier_s_own_mistake_says_nothing_of_the_bundle(tmp_path: Path, keys: Keys) -> None:
    bundle = seal(record(tmp_path), keys["operator"]).bundle
    with pytest.raises(Refused, match="there is no such file of allowed signers"):
        verify(bundle, Trust(tmp_path / "signerz", datetime.now(UTC)))


def test_who_signed_must_be_allowed(tmp_path: Path, keys: Keys) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    assert "does not allow" in refused(forge(folder, keys["stranger"]), keys)
    foreign = keys.certificate("other-ca", "-1d:+30m")
    assert "does not allow" in refused(forge(folder, foreign), keys)
    expired = keys.certificate("ca", "-3d:-2d")
    assert "is not valid at" in refused(forge(folder, expired), keys)
    early = keys.certificate("ca", "+1h:+2h")
    assert "is not valid at" in refused(forge(folder, early), keys)
    assert "is for 'file'" in refused(forge(folder, keys["operator"], "file"), keys)


def test_unsigned_holds_only_where_that_is_said(tmp_path: Path, keys: Keys) -> None:
    sealed = seal(record(tmp_path))
    assert "signature: there is none" in refused(sealed.bundle, keys)
    assert verify(sealed.bundle, Trust(None, datetime.now(UTC), unsigned=True)).holds


def repacked(target: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A bundle in the right container, with these entries after what it holds."""
    with tarfile.open(target) as old:
        kept = [(entry, old.extractfile(entry).read()) for entry in old]  # type: ignore[union-attr]
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as new:
        for entry, content in (*kept, *entries):
            new.addfile(entry, io.BytesIO(content))
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(raw.getvalue())
    return target


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("/etc/cron.d/x", tarfile.REGTYPE, "no plain file of a folder"),
        ("{id}/../../x", tarfile.REGTYPE, "no plain file of a folder"),
        ("{id}/link", tarfile.SYMTYPE, "no plain file of a folder"),
        ("{id}/hard", tarfile.LNKTYPE, "no plain file of a folder"),
        ("{id}/null", tarfile.CHRTYPE, "no plain file of a folder"),
        ("{id}/fifo", tarfile.FIFOTYPE, "no plain file of a folder"),
        ("{id}/dir", tarfile.DIRTYPE, "no plain file of a folder"),
        ("{id}/run.json", tarfile.REGTYPE, "twice"),
        ("{id}/run.json/x", tarfile.REGTYPE, "damaged"),
        ("other/run.json", tarfile.REGTYPE, "more than one folder"),
        ("{id}/zzz", tarfile.REGTYPE, "header or padding differs|was added"),
    ],
)
def test_an_archive_unpacks_nothing_but_plain_files(
    tmp_path: Path, keys: Keys, name: str, kind: bytes, said: str
) -> None:
    folder = record(tmp_path)
    target = seal(folder, keys["operator"]).bundle
    repacked(target, (entry(name.format(id=folder.name), kind, "/etc/passwd"), b""))
    assert any(part in refused(target, keys) for part in said.split("|"))


def test_what_is_unpacked_is_bounded(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = seal(record(tmp_path), keys["operator"]).bundle
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "LARGEST", 50_000)
        patch.setattr(bundle, "_FRAMES", 0)
        assert "more than 0 MiB" in refused(target, keys)
    monkeypatch.setattr(bundle, "MOST", 3)
    assert "more than 3 files" in refused(target, keys)


def test_the_same_content_packed_otherwise_is_refused(tmp_path: Path, keys: Keys) -> None:
    target = seal(record(tmp_path), keys["operator"]).bundle
    good = target.read_bytes()
    tar = gzip.decompress(good)
    for level in (0, 1, 6):
        squeeze = zlib.compressobj(level, zlib.DEFLATED, -15)
        target.write_bytes(good[:10] + squeeze.compress(tar) + squeeze.flush() + good[-8:])
        assert gzip.decompress(target.read_bytes()) == tar
        assert "the container differs" in refused(target, keys)
    target.write_bytes(good + b"\0")
    assert "more follows" in refused(target, keys)
    target.write_bytes(good + good)
    assert "more follows" in refused(target, keys)


def test_another_zlib_is_said_not_blamed(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(zlib, "ZLIB_RUNTIME_VERSION", "0.0")
        target = seal(record(tmp_path), keys["operator"]).bundle
    found = verify(target, Trust(keys.allowed, datetime.now(UTC)))
    assert found.holds
    assert "packed by another zlib" in found.findings[0].what


def test_a_signature_armoured_otherwise_is_refused(tmp_path: Path, keys: Keys) -> None:
    folder = record(tmp_path)
    seal(folder, keys["operator"])
    whole = (folder / SIGNATURE).read_bytes()
    head, first, second, *rest = whole.split(b"\n")
    joined = b"\n".join((head, first + second, *rest))
    for other in (
        joined,
        whole.replace(b"\n", b"\n\n", 3),
        whole + b"\n",
        whole.replace(b"\n", b"\r\n"),
        whole[:-1],
        b"x" + whole,
        b"",
    ):
        (folder / SIGNATURE).write_bytes(other)
        assert "not as ssh-keygen writes it" in refused(folder, keys)
    with pytest.raises(Refused):
        signature.read(b"")
