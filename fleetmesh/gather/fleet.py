"""Sessions with a fleet's hosts, and one consistent snapshot taken over them.

The order matters: requests through the tunnels, and from inside the cluster, are sent first and
their connections kept open, then every host's commands that list sockets run as one batch, so that
these include those that carried the answers. All else runs beside: every host's other commands, as
a batch of their own, and the questions to the Kubernetes APIs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from importlib import import_module
from itertools import count
from threading import Lock, Thread
from types import TracebackType

from fleetmesh.gather.awaited import Awaited
from fleetmesh.gather.cluster_api import read_kubeconfig
from fleetmesh.gather.probe import Asking, Errand, OfCluster, Question, errands, questions
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import HERE, Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.redaction import Redactor
from fleetmesh.sessions import Kubeconfig, Session, Target, Unreachable, connect_all

_WORKERS = 24
_TOLD = 200  # characters of what broke


class Fleet:
    """Open sessions with the hosts of an inventory; a context manager that closes them all.

    What the kubeconfigs hold is made known to `redactor`, for whoever writes something. Only if it
    `may_write`, something is added to what it asks: see `debug_container`.
    """

    def __init__(
        self, inventory: Inventory, redactor: Redactor | None = None, *, may_write: bool = False
    ) -> None:
        self.inventory = inventory
        self.redactor = redactor or Redactor()
        self.sessions: dict[str, Session | Unreachable] = {}
        self.requests: Iterator[int] = count()
        self.awaited = Awaited()
        self.may_write = may_write
        self.adding = Lock()
        self._kubeconfigs: dict[str, Future[Kubeconfig]] = {}
        self._closed: dict[str, int] = {}

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Close all sessions, and know of none: what is asked next opens new ones."""
        self._closed = self.channels
        for session in self.sessions.values():
            if not isinstance(session, Unreachable):
                session.close()
        self.sessions.clear()
        self._kubeconfigs.clear()

    @property
    def channels(self) -> dict[str, int]:
        """SSH session channels opened so far, by host."""
        return self._closed | {
            host: self._closed.get(host, 0) + session.channels
            for host, session in self.sessions.items()
            if not isinstance(session, Unreachable)
        }

    def connect(self, hosts: Iterable[str]) -> None:
        """Open a session with each of `hosts`, in parallel; a host is tried once a run."""
        wanted = [self.target(host) for host in hosts if host not in self.sessions]
        with ExitStack() as stack:
            for target in wanted:
                stack.enter_context(self.awaited.of(target.name, target.connect_deadline))
            self.sessions.update(connect_all(wanted))

    def gather(
        self,
        facts: Iterable[Asking],
        into: Snapshot | None = None,
        heard: Callable[[Iterable[Transcript]], None] = lambda _: None,
    ) -> Snapshot:
        """Ask everything that `facts` need to know; never raises for what a host does.

        Answers go into a snapshot, and to `heard` as they arrive: as they are, secrets and all.
        """
        asked = questions(facts, self.inventory)
        if heavy := {q.probe.errand.loads for q in asked} - {None}:
            Thread(target=lambda: [import_module(name) for name in heavy], daemon=True).start()
        self.connect(dict.fromkeys(q.host for q in asked if q.host))
        snapshot = Snapshot() if into is None else into

        def hear(transcripts: list[Transcript]) -> None:
            for transcript in transcripts:
                snapshot.add(transcript)
            heard(transcripts)

        lost, reachable = [], []
        for question in asked:
            session = self.sessions.get(question.host)
            if isinstance(session, Unreachable) and not question.probe.errand.to_the_lost:
                lost.append(question.lost(session.cause))
            else:
                reachable.append(question)
        hear(lost)
        self._ask(reachable, hear)
        return snapshot

    def live(self, host: str) -> Session:
        """The session with a host. Raises Unreachable."""
        session = self.sessions[host]
        if isinstance(session, Unreachable):
            raise session
        return session

    def kubeconfig(self, cluster: str) -> Kubeconfig:
        """A cluster's kubeconfig, read once for all who ask."""
        return self._kubeconfigs[cluster].result()

    def _ask(self, questions: list[Question], hear: Callable[[list[Transcript]], None]) -> None:
        sent = [errand(group, self) for errand, group in errands(questions)]
        held = [errand for errand in sent if errand.held]
        with (
            ExitStack() as leave,
            ThreadPoolExecutor(_WORKERS, "gather") as pool,
            self._given_up(pool),
        ):
            asked = dict.fromkeys(
                q.probe.cluster for q in questions if isinstance(q.probe, OfCluster)
            )
            unread = [cluster for cluster in asked if cluster not in self._kubeconfigs]
            for cluster in unread:
                self._read_kubeconfig(cluster, pool)
            begun = {pool.submit(self._begin, errand): errand for errand in held}
            jobs = {pool.submit(self._answers, e): e for e in sent if not (e.held or e.batch)}
            for cluster in unread:  # before anything is written that may repeat them
                self.redactor.learn_kubeconfig(self.kubeconfig(cluster).text)
            for errand in sent:  # not before: a host may allow one command at a time
                pool.submit(errand.prepare)  # what goes wrong shows where it is asked
            for job in as_completed(begun):
                leave.callback(begun[job].close)
                if error := job.exception():
                    hear(_broke(begun[job], error))
                    held.remove(begun[job])
            _hear(
                {pool.submit(self._answers, errand): errand for errand in sent if errand.batch},
                hear,
            )
            jobs |= {pool.submit(self._answers, errand): errand for errand in held}
            _hear(jobs, hear)

    @contextmanager
    def _given_up(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        """Whoever interrupts the block waits for no answers: without sessions none come."""
        try:
            yield
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            self.start_over()
            raise

    def _begin(self, errand: Errand) -> None:
        seconds, _ = errand.takes(errand.questions, self.inventory.limits)
        with self.awaited.of(errand.questions[0].host or HERE, seconds):
            errand.begin()

    def _answers(self, errand: Errand) -> list[Transcript]:
        _, seconds = errand.takes(errand.questions, self.inventory.limits)
        with self.awaited.of(errand.questions[0].host or HERE, seconds):
            return errand.answers()

    def _read_kubeconfig(self, name: str, pool: ThreadPoolExecutor) -> None:
        cluster = self.inventory.clusters[name]
        given = (self.live(cluster.host), cluster, self.inventory.limits.command)
        self._kubeconfigs[name] = pool.submit(read_kubeconfig, *given)

    def target(self, name: str) -> Target:
        """How a host of the inventory is reached."""
        host = self.inventory.hosts[name]
        return Target(
            name=name,
            ssh=host.ssh,
            user=host.user,
            port=host.port,
            host_keys=None if host.host_keys == "known_hosts" else host.host_keys,
            transport=host.transport,
            connect_deadline=self.inventory.limits.connect,
            ssh_config=self.inventory.ssh_config,
        )


def _hear(
    jobs: Mapping[Future[list[Transcript]], Errand], hear: Callable[[list[Transcript]], None]
) -> None:
    for job in as_completed(jobs):
        error = job.exception()
        hear(_broke(jobs[job], error) if error else job.result())


def _broke(errand: Errand, error: BaseException) -> list[Transcript]:
    """Where an errand broke on what a host said, only its own questions are lost."""
    if not isinstance(error, Exception):
        raise error
    told = f"{type(error).__name__}: {error}"[:_TOLD]
    return [
        question.lost(f"{question.host}: asking for `{question.fact}` broke: {told}")
        for question in errand.questions
    ]
