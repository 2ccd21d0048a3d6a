"""One running cluster: the API server and the loops behind it, from start to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from . import certificates, deployments, jobs, manifests, node, services
from .api import Api
from .kubelet import Kubelet
from .store import Store

if TYPE_CHECKING:
    from .config import ClusterConfig

_PATIENCE: dict[str, Any] = {"shutdown_timeout": 1.0}
_NEWER = tuple(map(int, aiohttp.__version__.split(".")[:2])) >= (3, 9)  # then it is the runner's
_SAVE_EVERY = 0.2  # seconds; what a client changed is saved before it is answered


async def serve(cluster: ClusterConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises ConfigError for a manifest that cannot be applied, SandboxError and OSError where the
    network or the port cannot be had, and whatever ends one of the loops.
    """
    tls = _server_context(cluster)
    store = Store(cluster.state_dir / "objects.json")
    node.bootstrap(cluster, store)
    if cluster.manifests_dir:
        manifests.apply(cluster.manifests_dir, store, cluster.service_cidr)
    store.save()
    await services.set_up_network(cluster)
    kubelet = Kubelet(cluster, store)
    of_runner, of_site = (_PATIENCE, {}) if _NEWER else ({}, _PATIENCE)
    runner = web.AppRunner(Api(cluster, store, kubelet).application(), **of_runner)
    await runner.setup()
    loops = [asyncio.create_task(loop) for loop in (
        kubelet.run(),
        deployments.run(store),
        jobs.run(store),
        services.proxy(cluster, store),
        node.heartbeat(cluster, store),
        node.watch_over(cluster, store),
        _save(store),
        _stop_requested(),
    )]  # fmt: skip
    try:
        site = web.TCPSite(
            runner, cluster.listen_host, cluster.listen_port, ssl_context=tls, **of_site
        )
        await site.start()
        _tell_service_manager("READY=1")
        ended, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await runner.cleanup()
        await kubelet.stop()
        await services.tear_down_network()
        store.save()


async def _stop_requested() -> None:
    requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, requested.set)
    await requested.wait()


async def _save(store: Store) -> None:
    while True:
        version = store.version
        store.save()
        await store.newer_than(version)
        await asyncio.sleep(_SAVE_EVERY)


def _server_context(cluster: ClusterConfig) -> ssl.SSLContext:
    directory = certificates.ensure(cluster)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL  # a bearer token will do as well
    return context


def _tell_service_manager(message: str) -> None:
    """sd_notify(3), for a unit of `Type=notify`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), address.replace("@", "\0", 1))
