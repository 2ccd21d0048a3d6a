"""A Prometheus of our own, on loopback, that reads textfiles as from a node_exporter."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

PATIENCE = 60.0
"""Seconds that a loaded machine may take for what takes one or two."""


@dataclass(frozen=True)
class Prometheus:
    """One that scrapes every second."""

    url: str

    def ask(self, path: str, **query: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def series(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The value of each series now, by its labels without those of the scrape."""
        return {
            tuple(sorted((k, v) for k, v in one["metric"].items() if k not in _SCRAPE)): float(
                one["value"][1]
            )
            for one in self.ask("query", query=query)["result"]
        }

    @property
    def alerts(self) -> set[str]:
        """The alerts that fire."""
        return {
            alert["labels"]["alertname"]
            for alert in self.ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }


_SCRAPE = ("__name__", "instance", "job")


@contextmanager
def prometheus(folder: Path, textfiles: Path, rules: Path) -> Iterator[Prometheus]:
    """Started with its data in `folder`; it reads all of `textfiles`, and alerts by `rules`."""

    class Exporter(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            text = b"".join(file.read_bytes() for file in sorted(textfiles.glob("*.prom")))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

    exporter = ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    thread = threading.Thread(target=exporter.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "node",
                "static_configs": [{"targets": [f"127.0.0.1:{exporter.server_address[1]}"]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))  # which is YAML, too
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        until(lambda: _is_up(port), (folder / "log").read_text)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)
        exporter.shutdown()
        thread.join()
        exporter.server_close()


def _is_up(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5):
            return True
    except (URLError, OSError):
        return False


def until(holds: Callable[[], bool], otherwise: Callable[[], Any] = str) -> None:
    """Wait until it holds; fail with `otherwise` if it does not in time."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.2)
