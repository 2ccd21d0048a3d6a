"""Runs to be sealed, and keys to seal them with."""

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetmesh.evidence import sums
from fleetmesh.evidence.closing import write_run_json
from fleetmesh.evidence.folder import read
from fleetmesh.evidence.journal import Journal
from fleetmesh.evidence.run import Result
from fleetmesh.gather import plain
from fleetmesh.sealing import bundle
from fleetmesh.sealing.signature import NAMESPACE
from fleetmesh.views.render import made
from selftests.evidence.conftest import WHEN, catalogue, finish, report, result, transcript

ID = "2026-11-24T024134Z_rehearsal_prereqs_0a1b2c"
OTHER = "2026-11-25T024134Z_rehearsal_prereqs_3d4e5f"


def record(
    reports: Path,
    name: str = ID,
    results: Iterable[Result] | None = None,
    *,
    verdict: str | None = "READY",
    left_out: Iterable[str] = (),
    **started: Any,
) -> Path:
    """A run's folder with all that a run leaves; without a `verdict` it breaks off."""
    folder, left_out = reports / name, tuple(left_out)
    folder.mkdir(parents=True)
    given = list(results) if results is not None else [
        result("t.py::test_a", transcript()),
        result("t.py::test_b", transcript("b", stdout=b"x" * 70_000), id="PRE-02"),
    ]  # fmt: skip
    checks = [{"nodeid": r.nodeid, "id": r.id, "check": r.check} for r in given]
    with Journal.begin(
        folder,
        {"format": 1, "run": name, "checks": checks, "left_out": len(left_out),
         "catalogue": catalogue((r.nodeid for r in given), *left_out)},
        **{
            "durable": False, "run": name, "fleet": "rehearsal", "kind": "rehearsal",
            "phases": ["prereqs"], "writes": False, "replayed": None,
            "inventory": "fleets/rehearsal.yaml", "inventory_digest": "d" * 64,
            "runbook": "CUST-WP-0054-T02", "started": plain.rfc3339(WHEN),
            "origin": {"user": "op", "host": "ws", "commit": None, "dirty": None, "tools": {}},
            **started,
        },
    ) as journal:  # fmt: skip
        report(journal, *given)
        if verdict:
            finish(journal, verdict)
    if verdict:
        run = read(folder)
        write_run_json(folder, run)
        (folder / "results.json").write_bytes(made(folder, run, ["results.json"])["results.json"])
    return folder


@dataclass(frozen=True)
class Keys:
    """Keys of an operator, a stranger and a certificate authority; who of them is allowed."""

    place: Path

    @classmethod
    def make(cls, place: Path) -> "Keys":
        for name in ("operator", "stranger", "ca", "other-ca"):
            _keygen("-q", "-t", "ed25519", "-N", "", "-C", "", "-f", place / name)
        keys = cls(place)
        operator, authority = (keys[f"{name}.pub"].read_text() for name in ("operator", "ca"))
        keys.allowed.write_text(
            f'op@example namespaces="{NAMESPACE}" {operator}'
            f'*@example cert-authority,namespaces="{NAMESPACE}" {authority}'
        )
        return keys

    def __getitem__(self, name: str) -> Path:
        return self.place / name

    @property
    def allowed(self) -> Path:
        return self.place / "allowed_signers"

    def certificate(self, ca: str, validity: str, key: str = "stranger") -> Path:
        """A certificate for a copy of `key`, whose private half lies beside it."""
        copy = self.place / f"{key}-{ca}-{''.join(filter(str.isalnum, validity))}"
        shutil.copy(self.place / key, copy)
        shutil.copy(self.place / f"{key}.pub", f"{copy}.pub")
        _keygen("-q", "-s", self.place / ca, "-I", "her-id", "-n", "her@example", "-V", validity,
                f"{copy}.pub")  # fmt: skip
        return Path(f"{copy}-cert.pub")


def forge(folder: Path, key: Path | None, namespace: str = NAMESPACE) -> Path:
    """Seal a folder as somebody would who does not ask our seal; an old signature stays else."""
    if key is not None:
        (folder / sums.SUMS).write_text(sums.lines(folder))
        (folder / sums.SIGNATURE).unlink(missing_ok=True)
        _keygen("-Y", "sign", "-f", key, "-n", namespace, folder / sums.SUMS)
    target = folder.with_name(f"{folder.name}{bundle.SUFFIX}")
    bundle.pack(folder, target)
    return target


def _keygen(*arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", *map(str, arguments)], check=True, capture_output=True)


Seal = Callable[..., Path]
