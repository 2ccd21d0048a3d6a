"""What distance costs: `-m production` beside one `ssh HOST true` and beside testinfra; needs root.

    sudo .venv/bin/python -m benchmarks.latency [RUNS]

All of it at 200 ms round trip and at 1 ms, by a proxy before each sshd that holds every byte back
for half a round trip, and the first for the TCP handshake. testinfra puts the same commands one by
one over its paramiko backend, as its checks would; it asks neither HTTP nor Kubernetes. The
rehearsal fleet is brought up if need be, and left up. Figures are the medians of whole processes,
from outside; the last answer is that of the record, the verdict is timed as it appears.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import yaml

from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import questions
from rehearsal import fleet
from rehearsal.paths import INVENTORY, PROJECT, SSH

VERDICT_WITHIN = 0.3
"""Seconds from the last answer to the verdict."""


@dataclass(frozen=True)
class Target:
    """What must hold at a round trip of so many seconds."""

    round_trip: float
    of_ssh: float | None
    """A run takes at most so many times as long as one `ssh HOST true`."""
    than_testinfra: float
    """And is at least so many times as fast as testinfra."""


TARGETS = (Target(0.2, 2.2, 5.0), Target(0.001, None, 2.0))


class Distance:
    """Proxies on loopback, one before each address, in a process's own event loop."""

    def __init__(self, addresses: list[str], round_trip: float) -> None:
        self._half = round_trip / 2
        self._addresses = addresses

    async def serve(self) -> None:
        """Listen; prints the ports on one line, and goes on until it is killed."""
        servers = [
            await asyncio.start_server(partial(self._carry, address), "127.0.0.1", 0)
            for address in self._addresses
        ]
        print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
        await asyncio.Event().wait()

    async def _carry(
        self, address: str, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        # sshd accepts with the third packet of the handshake, one and a half round trips from now.
        await asyncio.sleep(3 * self._half)
        far, forth = await asyncio.open_connection(address, 22)
        await asyncio.gather(self._pipe(near, forth, 0), self._pipe(far, back, self._half))

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, first: float
    ) -> None:
        loop = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not data:
                    sink.close()
                    return
                sink.write(data)

        arriving = asyncio.create_task(arrive())
        delay = first
        while True:
            try:
                data = await source.read(2**16)
            except ConnectionError:
                data = b""
            on_the_way.put_nowait((loop.time() + delay, data))
            delay = self._half
            if not data:
                break
        await arriving


@contextmanager
def far_away(round_trip: float) -> Iterator[Path]:
    """An inventory by which the hosts are so far away."""
    hosts = fleet.inventory().hosts
    addresses = [host.addresses[0] for host in hosts.values()]
    command = [sys.executable, "-m", __spec__.name, "proxies", str(round_trip), *addresses]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as proxies,
    ):
        try:
            assert proxies.stdout
            ports = proxies.stdout.readline().split()
            config = Path(folder) / "ssh_config"
            config.write_text(
                "".join(
                    f"Host {name}\n    HostName 127.0.0.1\n    Port {port}\n"
                    f"    HostKeyAlias {name}\n    User tegwick\n    IdentitiesOnly yes\n"
                    f"    IdentityFile {SSH / 'suite'}\n"
                    f"    UserKnownHostsFile {SSH / 'known_hosts'}\n    StrictHostKeyChecking yes\n"
                    for name, port in zip(hosts, ports, strict=True)
                )
            )
            document = yaml.safe_load(INVENTORY.read_text())
            # So a run need not first look whether the fleet is up, which no operator's does.
            document |= {"kind": "production", "ssh_config": str(config)}
            file = Path(folder) / "far.yaml"
            file.write_text(yaml.safe_dump(document, sort_keys=False))
            yield file
        finally:
            proxies.kill()


class Collected:
    """A plugin that keeps what the selected checks would run on each host."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep it."""
        from fixtures.command_line import inventory  # noqa: PLC0415 - which pytest loads itself
        from fixtures.facts import needed  # noqa: PLC0415

        chosen = inventory(session.config)
        self.commands = [
            (question.host, question.probe.command)
            for question in questions(needed(session.items, chosen), chosen)
            if isinstance(question.probe, Exec)
        ]


def commands() -> list[tuple[str, str]]:
    """What `-m production` runs, by host."""
    plugin = Collected()
    with redirect_stdout(StringIO()):
        pytest.main(["--collect-only", "-qqq", "-m", "production", "tests"], plugins=[plugin])
    return plugin.commands


def one_by_one(config: str, asked: list[tuple[str, str]]) -> None:
    """Run every command by itself, as testinfra does."""
    import testinfra  # noqa: PLC0415 - what is timed begins with it

    for host, command in asked:
        testinfra.get_host(f"paramiko://{host}", ssh_config=config).run(command)


def timed(command: list[str], *, ok: tuple[int, ...] = (0,), given: str = "") -> float:
    """Seconds of one process that must succeed."""
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=PROJECT, input=given, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - start
    if done.returncode not in ok:
        sys.exit(f"{command} exits with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def verified(inventory_file: Path) -> tuple[float, float]:
    """Seconds of one run, and of those from its last answer to its verdict."""
    with tempfile.TemporaryDirectory() as reports:
        command = [sys.executable, "-m", "fleetmesh", "check", "production"]
        command += ["--fleet", str(inventory_file), "--reports", reports]
        start, told, said = time.monotonic(), 0.0, ""
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout
            for line in run.stdout:
                said += line
                if " READY: " in line:
                    told = time.time()
        seconds = time.monotonic() - start
        if run.returncode != 0 or not told:
            sys.exit(f"the run is not READY:\n{said}")
        (record,) = Path(reports).glob("*/events.jsonl")
        answered = 0.0
        for event in map(json.loads, record.read_text().splitlines()):
            if event["event"] == "transcript" and event["host"] != "here":
                began = datetime.fromisoformat(event["started"]).timestamp()
                answered = max(answered, began + event["seconds"])
        return seconds, told - answered


def measure(target: Target, runs: int, asked: list[tuple[str, str]]) -> bool:
    """Measure and print at one distance; whether all of it is within its target."""
    with far_away(target.round_trip) as file:
        config = str(file.with_name("ssh_config"))
        alone, suite, verdicts, others = [], [], [], []
        one_alone = ["ssh", "-F", config, asked[0][0], "true"]
        by_testinfra = [sys.executable, "-m", __spec__.name, "testinfra", config]
        for _ in range(runs):  # in turn, so that what else the machine does hits all alike
            alone.append(timed(one_alone))
            seconds, verdict = verified(file)
            suite.append(seconds)
            verdicts.append(verdict)
            others.append(timed(by_testinfra, given=json.dumps(asked)))
    ssh, own, other = map(statistics.median, (alone, suite, others))
    print(f"round trip {target.round_trip * 1000:g} ms, medians of {runs}:")
    print(f"  ssh HOST true           {ssh:6.2f} s")
    print(f"  -m production           {own:6.2f} s")
    print(f"  testinfra, {len(asked)} commands {other:6.2f} s")
    bound = f", target <= {target.of_ssh:g}" if target.of_ssh else ""
    print(f"  a run is {own / ssh:.2f} x one ssh{bound}")
    print(
        f"  a run is {other / own:.2f} x as fast as testinfra, target >= {target.than_testinfra:g}"
    )
    late = statistics.median(verdicts)
    print(f"  last answer to verdict  {late:6.2f} s, target <= {VERDICT_WITHIN:g}", flush=True)
    close = target.of_ssh is None or own <= target.of_ssh * ssh
    return close and other >= target.than_testinfra * own and late <= VERDICT_WITHIN


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    match sys.argv[1:]:
        case ["proxies", round_trip, *addresses]:
            asyncio.run(Distance(addresses, float(round_trip)).serve())
            return 0
        case ["testinfra", config]:
            one_by_one(config, json.load(sys.stdin))
            return 0
        case words:
            fleet.up("after", lambda _: None)
            asked = commands()
            runs = int(words[0]) if words else 3
            met = [measure(target, runs, asked) for target in TARGETS]
            return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
