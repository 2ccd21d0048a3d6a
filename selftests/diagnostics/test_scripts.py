"""What runs on a host: bounded, and silent about what is nobody's business."""

import json
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

SCRIPTS = ("bounded", "status", "sshd", "verbose", "pod_words")


def text(name: str) -> str:
    return files("fleetmesh.diagnostics").joinpath(f"{name}.sh").read_text()


def run(script: str, tmp_path: Path, **programs: str) -> str:
    for name, lines in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    done = subprocess.run(["shellcheck", "-"], input=text(name), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("end", "kept"), [("head", "1"), ("tail", "9999")])
def test_an_answer_is_bounded_and_ends_as_its_command(tmp_path: Path, end: str, kept: str) -> None:
    said = run(f"{text('bounded')}\nbounded {end} sh -c 'seq 9999; exit 3'; echo =$?", tmp_path)
    lines = said.splitlines()
    assert len(said) < 8200
    assert kept in (lines[0], lines[-2])
    assert lines[-1].endswith("=3")
    long = run(f"{text('bounded')}\nbounded head printf '%09999d' 1", tmp_path)
    assert len(long) == 501


def test_a_status_without_what_runs_in_the_unit(tmp_path: Path) -> None:
    said = "  Active: active (running)\n   CGroup: /user.slice\n        -7 ssh --secret\n"
    (tmp_path / "said").write_text(said)
    asked = "--user status --no-pager --full --lines=0 -- a.service"
    told = run(
        f"{text('status')}\nstatus_of a.service systemctl --user; echo =$?",
        tmp_path,
        systemctl=f'[ "$*" = "{asked}" ] && cat {tmp_path}/said; exit 3',
    )
    assert told == "  Active: active (running)\n=3\n"


JOURNAL = [
    "2026-11-27T03:29:00+00:00 sshd[1]: drop connection #0 from [203.0.113.9]:1 penalty: failed",
    "2026-11-27T03:29:01+00:00 sshd[1]: drop connection #0 from [198.51.100.1]:2 penalty: failed",
    "2026-11-27T03:29:02+00:00 sshd[2]: Invalid user admin from 203.0.113.9 port 5",
    "2026-11-27T03:29:02+00:00 sshd[2]: fatal: something",
    "2026-11-27T03:29:03+00:00 sshd[3]: Certificate invalid: expired",
    "2026-11-27T03:29:04+00:00 sshd[3]: Connection closed by user me 198.51.100.1 port 7",
    "2026-11-27T03:29:05+00:00 sshd[4]: error: connect_to 10.43.0.9 port 8000: failed.",
    "2026-11-27T03:29:06+00:00 sshd[5]: Accepted publickey for me from 198.51.100.11 port 3",
]


def test_of_sshd_only_what_is_about_the_fleet(tmp_path: Path) -> None:
    """Neither another client of the same process, nor one whose address only begins alike."""
    (tmp_path / "journal").write_text("\n".join(JOURNAL))
    script = f"{text('sshd')}\nknown='198.51.100.1 10.43.0.9'\nof_the_fleet"
    said = run(script, tmp_path, journalctl=f"cat {tmp_path}/journal").splitlines()
    assert said == [JOURNAL[1], JOURNAL[4], JOURNAL[5], JOURNAL[6]]


def test_of_sshd_that_may_not_be_read(tmp_path: Path) -> None:
    hint = "No journal files were opened due to insufficient permissions."
    script = f"{text('sshd')}\nknown=198.51.100.1\nof_the_fleet"
    assert run(script, tmp_path, journalctl=f"echo '{hint}' >&2; exit 1").strip() == hint


def test_the_words_of_the_tunnels_ssh_but_for_its_forwards(tmp_path: Path) -> None:
    script = (
        f"{text('bounded')}{files('fleetmesh.facts').joinpath('as_tunnel.sh').read_text()}"
        f"{text('verbose').replace('OPTIONS', '-o BatchMode=yes')}\n"
        "seconds=5 source=unit; verbose -N -T -fnq -Mv -i 'a key' -L 1:2:3 me@host"
    )
    said = run(script, tmp_path, ssh='printf "<%s>" "$@"; echo', timeout='shift 3; exec "$@"')
    assert said == (
        "source unit\n<-v><-o><BatchMode=yes><-T><-v><-i><a key><-L><1:2:3><me@host><true>\n"
    )


def test_what_kubectl_tells_of_each_pod(tmp_path: Path) -> None:
    listed = {"items": [{"metadata": {"name": name}} for name in ("hub-1-a", "hubs-1", "other")]}
    warning = {
        "reason": "BackOff", "message": 'it said "no"', "source": {"component": "kubelet"},
        "firstTimestamp": None, "lastTimestamp": "2026-11-27T03:29:00Z",
    }  # fmt: skip
    event = json.dumps({"items": [{"type": "Warning", **warning}]}, separators=(",", ":"))
    (tmp_path / "pods").write_text(json.dumps(listed, separators=(",", ":")))
    (tmp_path / "events").write_text(event)
    api = (
        f"case $1 in */pods) cat {tmp_path}/pods;; *events*) cat {tmp_path}/events;; "
        '*/hub-1-a/log*) echo one; echo two;; *) echo "$1" >&2;; esac'
    )
    script = f"{text('bounded')}{text('pod_words')}\nwords_of activity-core hub 3"
    pod, told, *log = run(script, tmp_path, api=api).splitlines()
    assert (pod, log) == ("pod hub-1-a", ["log one", "log two"])
    assert json.loads(told.removeprefix("event ")) == warning
