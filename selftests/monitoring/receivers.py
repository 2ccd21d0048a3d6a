"""Local receivers, which note what they are sent, and misbehave as they are told."""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Misbehave = Callable[["Handler"], None]


@dataclass
class Receiver:
    """Where it listens, and what has arrived."""

    port: int = 0
    arrived: list[tuple[str, str]] = field(default_factory=list)
    """Path and body of each request, or sender and text of each mail."""
    status: int = 200
    answer: bytes = b"OK"
    headers: dict[str, str] = field(default_factory=dict)
    misbehave: Misbehave | None = None
    refuses: str = ""
    """What it says to the log-in or to a recipient of a mail instead of taking it."""
    seen: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request."""

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.arrived]

    @property
    def notices(self) -> list[tuple[str, str]]:
        """Title and text of what Apprise's json:// has brought."""
        bodies = [json.loads(body) for _, body in self.arrived]
        return [(body["title"], body["message"]) for body in bodies]


class Handler(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    receiver: Receiver

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if receiver.misbehave:
            receiver.misbehave(self)
            return
        receiver.arrived.append((self.path, body))
        receiver.seen.append(dict(self.headers))
        self.send_response(receiver.status)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(receiver.answer)))
        self.end_headers()
        self.wfile.write(receiver.answer)

    do_GET = do_POST


def hangs(_handler: Handler) -> None:
    """Takes the request and never answers."""
    time.sleep(60)


def drips(handler: Handler) -> None:
    """Sends its headers byte by byte, each before any deadline of a single read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(600):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def floods(handler: Handler) -> None:
    """Answers without end."""
    handler.wfile.write(b"HTTP/1.1 500 Broken\r\n\r\n")
    block = b"x" * (1 << 20)
    while True:
        handler.wfile.write(block)


def says_nothing(handler: Handler) -> None:
    """Closes the connection without an answer."""
    handler.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # the other side has gone, as it may


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as smtplib asks for."""

    receiver: Receiver

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        receiver, sender = self.receiver, ""
        self.say("220 receiver")
        while line := self.rfile.readline().decode().strip():
            word = line.partition(" ")[0].upper()
            if word in ("EHLO", "HELO"):
                self.say("250-receiver\r\n250 AUTH PLAIN LOGIN")
            elif word == "AUTH":
                receiver.seen.append({"auth": line})
                said = receiver.refuses.replace("{line}", line)
                self.say(f"535 5.7.8 {said}" if receiver.refuses else "235 2.7.0 welcome")
            elif word == "MAIL":
                sender = line
                self.say("250 ok")
            elif word == "RCPT":
                self.say(f"550 {receiver.refuses}" if receiver.refuses else "250 ok")
            elif word == "DATA":
                self.say("354 go on")
                content = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    content += part
                receiver.arrived.append((sender, content.decode()))
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def http(address: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver of HTTP requests."""
    receiver = Receiver()
    handler = type("Bound", (Handler,), {"receiver": receiver})
    yield from _serving(_Server((address, 0), handler), receiver)


@contextmanager
def smtp() -> Iterator[Receiver]:
    """A receiver of mail."""
    receiver = Receiver()
    handler = type("Bound", (_Mail,), {"receiver": receiver})
    yield from _serving(_MailServer(("127.0.0.1", 0), handler), receiver)


def _serving(server: socketserver.TCPServer, receiver: Receiver) -> Iterator[Receiver]:
    receiver.port = server.server_address[1]
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def mail(content: str) -> EmailMessage:
    """A mail as it was sent."""
    return message_from_bytes(content.encode(), policy=SMTP)
