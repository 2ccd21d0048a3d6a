"""`pods/exec` over WebSocket: a command in a container, its streams as channels.

The first byte of a frame is its channel (in the base64 protocols, the first character). Only the
v4 and v5 protocols have a status channel; without one the exit status is lost. Only v5 can close
stdin. A client that leaves closes it, too, and ends nothing else: the command goes on in the pod,
and nobody hears what it says.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import pty
import secrets
import struct
import termios
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from . import status, tasks
from .sandbox import StartError, exit_code

if TYPE_CHECKING:
    from .pods import NodePod
    from .status import Object

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
# In the server's order of preference, whatever the client's.
PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
_CHUNK = 32 * 1024
_CLOSE_TIMEOUT = 2.0  # seconds for the client to answer our close
_OUTLIVING: set[asyncio.Task[int]] = set()  # commands whose client has left


@dataclass(frozen=True)
class Options:
    """What the query asks for."""

    command: list[str]
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @classmethod
    def of(cls, request: web.Request) -> Options:
        """Read the query."""
        flags = {
            name: request.query.get(name, "").lower() in ("true", "1")
            for name in ("stdin", "stdout", "stderr", "tty")
        }
        return cls(command=request.query.getall("command", []), **flags)


def container_of(pod: Object, wanted: str) -> str:
    """The container meant by `wanted`, which may be empty; raises ApiError 400."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    own = pod["metadata"]["name"]
    if wanted:
        added = pod["spec"].get("ephemeralContainers", [])
        if wanted not in (*names, *(container["name"] for container in added)):
            raise status.bad_request(f"container {wanted} is not valid for pod {own}")
        return wanted
    if len(names) > 1:
        choices = " ".join(names)
        raise status.bad_request(
            f"a container name must be specified for pod {own}, choose one of: [{choices}]"
        )
    name: str = names[0]
    return name


def offered(request: web.Request) -> list[str]:
    """The subprotocols the client offers."""
    headers = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [offer.strip() for header in headers for offer in header.split(",") if offer.strip()]


def check(request: web.Request, pod: NodePod, container: str) -> None:
    """Refuse what a kubelet refuses; raises ApiError with its plain text."""
    options = Options.of(request)
    if not (options.stdin or options.stdout or options.stderr):
        raise status.ApiError(400, "you must specify at least 1 of stdin, stdout, stderr")
    if not pod.container_runs(container):
        raise status.ApiError(500, f'container not found ("{container}")')


async def serve(request: web.Request, pod: NodePod, container: str) -> web.StreamResponse:
    """Run the command of a request that has been authorised and checked."""
    options = Options.of(request)
    offers = offered(request)
    chosen = next((p for p in PROTOCOLS if p in offers), "")
    if offers and not chosen:
        return web.Response(status=403, headers={"Connection": "close"})
    socket = web.WebSocketResponse(
        protocols=(chosen,) if chosen else (), compress=False, timeout=_CLOSE_TIMEOUT
    )
    await socket.prepare(request)
    with contextlib.suppress(ConnectionError):
        await _Session(socket, chosen, options).run(pod, container)
        await socket.close(code=1000)
    return socket


class _Session:
    """One command and the WebSocket it is attached to."""

    def __init__(self, socket: web.WebSocketResponse, protocol: str, options: Options) -> None:
        self._socket = socket
        self._options = options
        self._base64 = "base64" in protocol
        self._has_status = protocol.startswith(("v4", "v5"))
        self._v5 = protocol.startswith("v5")
        self._terminal: int | None = None
        self._left = False

    async def run(self, pod: NodePod, container: str) -> None:
        options = self._options
        # Tells the client that the channel is open, on the lowest one it can read.
        await self._send(STDOUT if options.stdout else STDERR if options.stderr else ERROR, b"")
        try:
            if options.tty:
                process = await self._spawn_on_terminal(pod, container)
            else:
                process = await pod.spawn(
                    container, options.command,
                    stdin=PIPE if options.stdin else asyncio.subprocess.DEVNULL,
                    stdout=PIPE if options.stdout else asyncio.subprocess.DEVNULL,
                    stderr=PIPE if options.stderr else asyncio.subprocess.DEVNULL,
                )  # fmt: skip
        except StartError as error:
            await self._send_status(_cannot_start(str(error)))
            return
        receiving = asyncio.create_task(self._receive(process))
        working = asyncio.create_task(self._work(process))
        working.add_done_callback(self._close_terminal)
        try:
            await asyncio.wait({receiving, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await self._send_status(self._outcome(working.result()))
        finally:
            await tasks.end(receiving)
            if not working.done():
                self._left = True
                if process.stdin:
                    process.stdin.close()
                _OUTLIVING.add(working)
                working.add_done_callback(_OUTLIVING.discard)

    def _close_terminal(self, _: asyncio.Task[int]) -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    async def _spawn_on_terminal(self, pod: NodePod, container: str) -> Process:
        self._terminal, inside = pty.openpty()
        os.set_blocking(self._terminal, False)
        try:
            return await pod.spawn(
                container, self._options.command,
                stdin=inside, stdout=inside, stderr=inside, tty=True,
            )  # fmt: skip
        finally:
            os.close(inside)

    async def _work(self, process: Process) -> int:
        if self._terminal is not None:
            await self._pump_terminal(self._terminal)
        else:
            await asyncio.gather(
                self._pump(process.stdout, STDOUT), self._pump(process.stderr, STDERR)
            )
        return exit_code(await process.wait())

    async def _pump(self, stream: asyncio.StreamReader | None, channel: int) -> None:
        while stream and (data := await stream.read(_CHUNK)):
            await self._send(channel, data)

    async def _pump_terminal(self, terminal: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            readable = asyncio.Event()
            loop.add_reader(terminal, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(terminal)
            try:
                data = os.read(terminal, _CHUNK)
            except OSError:  # EIO: the last process closed it
                return
            await self._send(STDOUT, data)

    async def _receive(self, process: Process) -> None:
        async for message in self._socket:
            if message.type == WSMsgType.TEXT:
                channel, data = ord(message.data[0]) - ord("0"), base64.b64decode(message.data[1:])
            elif message.type == WSMsgType.BINARY and message.data:
                channel, data = message.data[0], message.data[1:]
            else:
                continue
            if channel == STDIN:
                await self._to_stdin(process, data)
            elif channel == RESIZE and self._terminal is not None:
                size = json.loads(data)
                packed = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, packed)
            elif channel == CLOSE and self._v5 and data == bytes([STDIN]) and process.stdin:
                process.stdin.close()

    async def _to_stdin(self, process: Process, data: bytes) -> None:
        with contextlib.suppress(ConnectionError, BlockingIOError):
            if self._terminal is not None:
                os.write(self._terminal, data)
            elif process.stdin:
                process.stdin.write(data)
                await process.stdin.drain()

    async def _send(self, channel: int, data: bytes) -> None:
        if self._left:
            return
        try:
            if self._base64:
                await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
            else:
                await self._socket.send_bytes(bytes([channel]) + data)
        except ConnectionError:
            self._left = True

    async def _send_status(self, outcome: Object) -> None:
        if self._has_status:
            await self._send(ERROR, json.dumps(outcome, separators=(",", ":")).encode())

    def _outcome(self, code: int) -> Object:
        if code == 0:
            return {"metadata": {}, "status": "Success"}
        words = " ".join(self._options.command)
        told = (
            f"command terminated with exit code {code}"
            if self._v5
            else f"error executing command [{words}], exit code {code}"
        )
        return {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: {told}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }


def _cannot_start(why: str) -> Object:
    message = (
        "error executing command in container: failed to exec in container: failed to start exec "
        f'"{secrets.token_hex(32)}": OCI runtime exec failed: exec failed: {why}'
    )
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }
