"""No text of an inventory is ever run: it is refused by what it is, or taken as one word."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from fleetmesh.by_hand import on
from fleetmesh.facts import FACTS
from fleetmesh.facts.managers import MANAGERS
from fleetmesh.gather.cluster_api import kubeconfig_text
from fleetmesh.gather.commands import Batch, Exec, batch_text
from fleetmesh.gather.demands import permits
from fleetmesh.gather.permit import NONCE
from fleetmesh.gather.pod_exec import ExecInPod
from fleetmesh.gather.probe import errands, questions
from fleetmesh.inventory import Address, Cluster, Host, Inventory, InventoryError, load
from fleetmesh.text.shell import quote
from selftests.checks.test_catalogue import CHECKS
from selftests.checks.test_hints import hints as hints_of
from selftests.inventory import RUNBOOK

ROOT = Path(__file__).parents[2]
PWNED = "pwned"
RUNS = f"touch {PWNED}"
PAYLOADS = {
    "semicolon": f"; {RUNS}; ",
    "semicolon without blanks": f";touch${{IFS}}{PWNED};",
    "dollar": f"$({RUNS})",
    "dollar without blanks": f"$(touch$IFS'{PWNED}')",
    "backtick": f"`{RUNS}`",
    "pipe": f"|{RUNS}",
    "and": f"&{RUNS}&",
    "single quote": f"'; {RUNS}; '",
    "double quote": f'"; {RUNS}; "',
    "both quotes": f"'\"; {RUNS}; \"'",
    "newline": f"\n{RUNS}\n",
    "carriage return": f"\r\n{RUNS}\r\n",
    "nul": f"\0; {RUNS}",
    "escape": f"\x1b]0;x\x07; {RUNS}",
    "redirection": f" >{PWNED} <{PWNED} ",
    "braces": "{__import__('os').system('" + RUNS + "')}",
    "format": "{0.__class__}{inventory}%s%(x)s%n",
    "python": f"' + __import__('os').system('{RUNS}') + '",
    "comment": f" # ; {RUNS}",
    "option": f"-oProxyCommand={RUNS}",
    "long option": f"--kubeconfig=/dev/null --exec={RUNS}",
    "blank": f" {RUNS}",
    "glob": "*[a-z]?",
    "backslash": f"\\; {RUNS}",
    "home": "~root/~",
    "traversal": "/../../x",
    "scope": f"%;{RUNS};",
    "override": "\u202eabc\u200b",
    "surrogate": "\ud800",
}

Place = tuple[Any, ...]


def everything() -> dict[str, Any]:
    """The production inventory with every key that an inventory may have."""
    document: dict[str, Any] = yaml.safe_load(RUNBOOK.read_text())
    document["identity"] = "certificate"
    document["ssh_config"] = "ssh/config"
    document["waivers"] = [
        {"check": "PROD-04.path", "owner": "ops", "reason": "x", "only": "y",
         "expires": "2030-01-01T00:00:00Z"}
    ]  # fmt: skip
    document["hosts"]["workstation"] |= {
        "user": "op",
        "port": 2222,
        "addresses": ["192.0.2.3", "fd00::3"],
        "host_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a remark"],
    }
    document["services"]["state-hub"]["health"] |= {
        "status": 201,
        "text": "well of state-hub",
        "contains": "well of",
        "matches": "^well of",
        "headers": {"X-Service": "state-hub"},
    }
    document["clusters"]["railiance01"] |= {"context": "default"}
    del document["clusters"]["coulombcore"]["kubeconfig"]
    document["clusters"]["coulombcore"]["kubectl"] = "sudo -n k3s kubectl"
    document["probe"] |= {"with": "python", "container": "api"}
    document["monitoring"] = {
        "textfile": "/var/lib/prometheus/node-exporter",
        "dead_man": {"production": "https://hc-ping.com/${PING_KEY}/production"},
        "notify": {"ops": "mailtos://${SMTP_USER}:${SMTP_PASSWORD}@example.org?to=x@example.org"},
    }
    document["clusters"]["coulombcore"]["uid"] = "3b0e1d9e-6c1a-4a3c-9d62-2f3f0f1c9a11"
    return document


def texts(node: Any, at: Place = ()) -> Iterator[Place]:
    """Where the strings of a document stand."""
    if isinstance(node, str):
        yield at
    elif isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from texts(value, (*at, key))


def put(document: Any, place: Place, change: Callable[[str], str]) -> None:
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = change(document[place[-1]])


def changes(payload: str) -> dict[str, Callable[[str], str]]:
    return {
        "instead": lambda _: payload,
        "behind": lambda text: text + payload,
        "within": lambda text: text[:1] + payload + text[1:],
    }


def within(place: Place, location: tuple[str | int, ...]) -> bool:
    """Whether a problem at `location` names what stands at `place`."""
    shared = min(len(place), len(location))
    return shared > 0 and tuple(map(str, place[:shared])) == tuple(map(str, location[:shared]))


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A home, and programs that do nothing but what a far end's shell would do with their words."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "date", "timeout", "touch", "sed", "grep", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    nothing = "#!/bin/sh\nexit 0\n"
    nothings = ("ssh-keygen", "kubectl", "systemctl", "loginctl", "ss", "ip", "stat", "cat", "id")
    for name in (*nothings, "crontab", "bridge", "curl", "uname", "python", "sudo"):
        (programs / name).write_text(nothing)
        (programs / name).chmod(0o755)
    # As ssh hands the words behind its options and the host to the far end's shell.
    (programs / "ssh").write_text(
        "#!/bin/sh\n"
        "while :; do\n"
        "case $1 in -[BbcDEeFIiJLlmOopQRSWw]) shift 2 ;; -*) shift ;; *) break ;; esac; done\n"
        'shift; exec sh -c "$*"\n'
    )
    (programs / "ssh").chmod(0o755)
    (tmp_path / "home").mkdir()
    # The program in the pod finds a service that answers 500.
    (tmp_path / "lib/http").mkdir(parents=True)
    (tmp_path / "lib/http/__init__.py").write_text("")
    (tmp_path / "lib/http/client.py").write_text(
        "class Answer:\n    status = 500\n    def read(self, n): return b''\n"
        "class HTTPConnection:\n    def __init__(self, host, port): pass\n"
        "    def request(self, *words): pass\n    def getresponse(self): return Answer()\n"
    )
    return tmp_path


def sh(box: Path, command: str) -> None:
    """Run `command`; it must be one that a shell understands, and leave nothing behind."""
    script = box / "script"  # which may be longer than a word of a command line
    script.write_text(command, newline="")
    done = subprocess.run(
        [box / "bin/sh", script],
        cwd=box / "home",
        env={"PATH": str(box / "bin"), "HOME": str(box / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        errors="replace",
        timeout=60,
    )
    assert "Syntax error" not in done.stderr, done.stderr
    assert [file.name for file in (box / "home").iterdir()] == []


def ask_everything(box: Path, inventory: Inventory) -> None:
    """Run all that the suite would make somebody's shell or Python run."""
    asked = questions(FACTS.values(), inventory)
    clusters = [cluster for cluster in inventory.clusters.values() if cluster.kubeconfig]
    read = [kubeconfig_text(cluster, NONCE, 1) for cluster in clusters]
    batches = [group for errand, group in errands(asked) if issubclass(errand, Batch)]
    read += [batch_text(batch, inventory, NONCE) for batch in batches]
    commands = [script.partition(b";")[2].decode() for script in read]  # behind its length
    for question in asked:
        probe = question.probe
        if isinstance(probe, Exec):  # its command is in the batch
            assert question.command == on(inventory, probe.host, probe.command)
            assert shlex.split(question.command)[-1] == probe.command
        elif isinstance(probe, ExecInPod):
            inner = shlex.split(shlex.split(question.command)[-1])
            assert inner[-len(probe.command) :] == probe.command
            pod(box, probe)
        else:
            commands.append(question.command)
    hints = [text for check in CHECKS for text in hints_of(check, inventory)]
    for typed in (commands, hints):
        sh(box, "\n".join(f"( :\n{command}\n)" for command in dict.fromkeys(typed)))


def pod(box: Path, probe: ExecInPod) -> None:
    """Run the program that runs in a pod."""
    subprocess.run(
        [sys.executable, *probe.command[1:]],
        cwd=box / "home",
        env={**os.environ, "PYTHONPATH": str(box / "lib")},
        capture_output=True,
        timeout=30,
    )
    assert [file.name for file in (box / "home").iterdir()] == []


def test_what_is_run_leaves_a_mark(box: Path) -> None:
    with pytest.raises(AssertionError, match=PWNED):
        sh(box, f"ssh coulombcore 'true; {RUNS}'")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("how", ["instead", "behind", "within"])
def test_hostile_text_is_refused_where_it_stands_or_never_run(
    tmp_path: Path, box: Path, how: str, payload: str
) -> None:
    file = tmp_path / "fleet.yaml"
    change = changes(payload)[how]
    wholly, places = everything(), list(texts(everything()))
    assert len(places) > 80
    for place in places:
        put(wholly, place, change)
    file.write_text(json.dumps(wholly))
    with pytest.raises(InventoryError) as caught:
        load(file)
    problems = caught.value.problems
    assert all(str(problem).isprintable() for problem in problems)
    accepted = [p for p in places if not any(within(p, problem.location) for problem in problems)]
    rest = everything()
    for place in accepted:
        put(rest, place, change)
    file.write_text(json.dumps(rest))
    inventory = load(file)
    for permit in permits([("all", list(FACTS.values()))], inventory).values():
        assert all(line.isprintable() for line in permit.lines.splitlines())
        assert permit.authorized_keys("KEY").strip().isprintable()
    ask_everything(box, inventory)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_names_are_refused(tmp_path: Path, payload: str) -> None:
    file = tmp_path / "fleet.yaml"
    document = everything()
    sections = [
        *(document[name] for name in ("hosts", "clusters", "services", "tunnels", "bridges")),
        *(document["workstation"][name] for name in ("retired", "interactive")),
        *(document["monitoring"][name] for name in ("dead_man", "notify")),
        document["deferrals"],
    ]
    names = []
    for section in sections:
        for key in list(section):
            section[key + payload] = section.pop(key)
            names.append(key + payload)
    file.write_text(json.dumps(document))
    with pytest.raises(InventoryError) as caught:
        load(file)
    refused = {str(step) for problem in caught.value.problems for step in problem.location}
    assert set(names) <= refused
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


REFERENCES = {
    "host",
    "cluster",
    "via",
    "to",
    "tunnel",
    "kind",
    "manager",
    "identity",
    "transport",
}  # and which program asks in the pod
REFERENCES |= {"with_"}


def poisoned(value: Any, change: Callable[[str], str], name: str = "") -> Any:
    """A copy of the model in which every text that is no reference is changed, unvalidated."""
    if isinstance(value, BaseModel):
        fields = {
            field: poisoned(getattr(value, field), change, field)
            for field in type(value).model_fields
        }
        copy = value.model_copy(update=fields)
        if hasattr(copy, "_id") and not isinstance(value, Host | Cluster):  # names refer to these
            copy._id = change(copy._id)
        return copy
    if isinstance(value, dict):
        return {key: poisoned(inner, change) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(poisoned(inner, change) for inner in value)
    if isinstance(value, str) and not isinstance(value, Address) and name not in REFERENCES:
        return change(value)
    return value


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize(
    "payload",
    [payload for payload in PAYLOADS.values() if not set("\0\ud800") & set(payload)],
    ids=[name for name, payload in PAYLOADS.items() if not set("\0\ud800") & set(payload)],
)
def test_quoting_alone_runs_nothing(box: Path, payload: str, manager: str) -> None:
    """Should a value ever come past its validation."""
    sound = load(RUNBOOK)
    inventory = poisoned(sound, changes(payload)["behind"])
    inventory = inventory.model_copy(update={"manager": manager, "identity": "certificate"})
    ask_everything(box, inventory)


@pytest.mark.parametrize("word", ["~/.kube/config", "~", "~/", "a b", "-x", "~/a b$(x)", "it's"])
def test_a_home_stays_free_to_expand(word: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"printf %s {quote(word)}"],
        env={"HOME": "/h"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    expanded = word.replace("~/", "/h/", 1) if word.startswith("~/") and word[2:] else word
    assert done.stdout == expanded
