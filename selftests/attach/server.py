"""A server that behaves as the issue APIs of Forgejo and GitHub do, and breaks as told."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "tok-5f2c9a7e1b"


@dataclass
class Break:
    """Once, where method and path match: answer so, or carry it out and lose the answer."""

    match: str
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    lose: bool = False
    answer: Any = None


@dataclass
class World:
    """What the server holds; `asked` is what came in."""

    url: str = ""
    limit: int = 10_000_000
    attachments: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    release: dict[str, Any] | None = None
    assets: list[dict[str, Any]] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def posted(self, part: str) -> int:
        return sum(line.startswith("POST") and part in line for line in self.asked)


Answer = tuple[int, Any]


class Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = f"{self.command} {self.path}"
        self.world.asked.append(line)
        broken = next((b for b in self.world.breaks if re.search(b.match, line)), None)
        if broken:
            self.world.breaks.remove(broken)
            if not broken.lose:
                told = broken.answer
                told = {"message": f"broken {TOKEN}"} if told is None else told
                self._send(broken.status, told, broken.headers)
                return
        status, told = self._answer(urlsplit(self.path).path, body)
        if broken:
            self.close_connection = True
            return
        self._send(status, told)

    do_GET = do_POST = do_DELETE = _do

    def _send(self, status: int, told: Any, headers: dict[str, str] | None = None) -> None:
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    def _answer(self, path: str, body: bytes) -> Answer:
        github = path.startswith(("/api/v3/", "/api/uploads/"))
        scheme = "Bearer" if github else "token"
        if self.headers.get("Authorization") != f"{scheme} {TOKEN}":
            return 401, {"message": "token is required"}
        for pattern, method in ROUTES:
            match = re.fullmatch(pattern, f"{self.command} {path}")
            if match:
                return method(self, body, *match.groups())
        return 404, {"message": "Not Found"}

    @property
    def _name(self) -> str:
        return parse_qs(urlsplit(self.path).query)["name"][0]

    def issue(self, _body: bytes) -> Answer:
        return 200, {"number": 7}

    def attachments(self, _body: bytes) -> Answer:
        return 200, self.world.attachments

    def attach(self, body: bytes) -> Answer:
        if len(body) > self.world.limit:
            return 413, {"message": "file too large"}
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + body, policy=HTTP).iter_parts()
        assert part["content-disposition"].params["name"] == "attachment"
        content = part.get_content()
        uuid = f"u{len(self.world.attachments)}"
        self.world.contents[uuid] = content
        made = {
            "id": len(self.world.attachments), "uuid": uuid, "name": self._name,
            "size": len(content), "browser_download_url": f"{self.world.url}/attachments/{uuid}",
        }  # fmt: skip
        self.world.attachments.append(made)
        return 201, made

    def download(self, _body: bytes, uuid: str) -> Answer:
        return 200, self.world.contents[uuid]

    def comments(self, _body: bytes) -> Answer:
        return 200, self.world.comments

    def comment(self, body: bytes) -> Answer:
        number = len(self.world.comments)
        url = f"{self.world.url}/o/r/issues/7#issuecomment-{number}"
        self.world.comments.append({"id": number, "html_url": url, **json.loads(body)})
        return 201, self.world.comments[-1]

    def tagged(self, _body: bytes, tag: str) -> Answer:
        release = self.world.release
        if release is None or release["tag_name"] != tag:
            return 404, {"message": "Not Found"}
        return 200, release

    def make_release(self, body: bytes) -> Answer:
        if self.world.release:
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
        api = f"{self.world.url}/api/v3/repos/o/r/releases/1"
        upload = f"{self.world.url}/api/uploads/repos/o/r/releases/1/assets{{?name,label}}"
        self.world.release = {"url": api, "upload_url": upload, **json.loads(body)}
        return 201, self.world.release

    def assets(self, _body: bytes) -> Answer:
        return 200, self.world.assets

    def upload(self, body: bytes) -> Answer:
        if any(asset["name"] == self._name for asset in self.world.assets):
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
        number = len(self.world.assets)
        self.world.assets.append({
            "url": f"{self.world.url}/api/v3/repos/o/r/releases/assets/{number}", "id": number,
            "name": self._name, "size": len(body), "state": "uploaded",
            "digest": f"sha256:{sha256(body).hexdigest()}",
            "browser_download_url": f"{self.world.url}/o/r/releases/download/{self._name}",
        })  # fmt: skip
        return 201, self.world.assets[-1]

    def delete(self, _body: bytes, number: str) -> Answer:
        self.world.assets = [a for a in self.world.assets if a["id"] != int(number)]
        return 204, {}


_ISSUE = r"/api/v[13]/repos/o/r/issues/7"
_RELEASES = r"/api/v3/repos/o/r/releases"
ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    (f"GET {_ISSUE}", Handler.issue),
    (r"GET /api/v1/repos/o/r/issues/7/assets", Handler.attachments),
    (r"POST /api/v1/repos/o/r/issues/7/assets", Handler.attach),
    (r"GET /attachments/(\w+)", Handler.download),
    (f"GET {_ISSUE}/comments", Handler.comments),
    (f"POST {_ISSUE}/comments", Handler.comment),
    (rf"GET {_RELEASES}/tags/([\w-]+)", Handler.tagged),
    (f"POST {_RELEASES}", Handler.make_release),
    (f"GET {_RELEASES}/1/assets", Handler.assets),
    (r"POST /api/uploads/repos/o/r/releases/1/assets", Handler.upload),
    (rf"DELETE {_RELEASES}/assets/(\d+)", Handler.delete),
]


@contextmanager
def serving() -> Iterator[World]:
    world = World()
    handler = type("Served", (Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # who asked hung up
    world.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
