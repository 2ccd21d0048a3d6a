"""Sessions with a fleet's hosts, and one consistent snapshot taken over them.

The order matters: requests through the tunnels, and from inside the cluster, are sent first and
their connections kept open, then every host's commands run as one batch, so that the sockets which
ss(8) lists include those that carried the answers. Questions to the Kubernetes APIs run beside the
batches.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from fleetmesh.gather import cluster_api, commands, services
from fleetmesh.gather.probe import (
    Clock,
    Exec,
    ExecInPod,
    Get,
    Kubernetes,
    Probe,
    ReadFile,
    Session,
    WriteAndReadBack,
)
from fleetmesh.gather.question import Asking, Question, by_host, questions
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.redaction import Redactor
from fleetmesh.sessions import Session as HostSession
from fleetmesh.sessions import Target, Unreachable, connect_all

_WORKERS = 24
_TOLD = 200  # characters of what broke


class Fleet:
    """Open sessions with the hosts of an inventory; a context manager that closes them all.

    What the kubeconfigs hold is made known to `redactor`, for whoever writes something.
    """

    def __init__(self, inventory: Inventory, redactor: Redactor | None = None) -> None:
        self.inventory = inventory
        self.redactor = redactor or Redactor()
        self.sessions: dict[str, HostSession | Unreachable] = {}

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for session in self.sessions.values():
            if not isinstance(session, Unreachable):
                session.close()

    @property
    def channels(self) -> dict[str, int]:
        """SSH session channels opened so far, by host."""
        return {
            host: session.channels
            for host, session in self.sessions.items()
            if not isinstance(session, Unreachable)
        }

    def connect(self, hosts: Iterable[str]) -> None:
        """Open a session with each of `hosts`, in parallel; a host is tried once a run."""
        wanted = [self._target(host) for host in hosts if host not in self.sessions]
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
        self.connect(dict.fromkeys(q.host for q in asked if q.host))
        snapshot = Snapshot() if into is None else into

        def hear(transcripts: list[Transcript]) -> None:
            for transcript in transcripts:
                snapshot.add(transcript)
            heard(transcripts)

        lost, reachable = [], []
        for question in asked:
            session = self.sessions.get(question.host)
            if isinstance(session, Unreachable) and not isinstance(question.probe, Session):
                lost.append(question.lost(session.cause))
            else:
                reachable.append(question)
        hear(lost)
        self._ask(reachable, hear)
        return snapshot

    def _ask(self, questions: list[Question], hear: Callable[[list[Transcript]], None]) -> None:
        def ask(kind: type[Probe] | tuple[type[Probe], ...]) -> list[Question]:
            return [question for question in questions if isinstance(question.probe, kind)]

        http = []
        with ExitStack() as held, ThreadPoolExecutor(_WORKERS, "gather") as pool:
            jobs: dict[Future[list[Transcript]], list[Question]] = {}
            kubeconfigs = self._kubeconfigs(pool, ask((Kubernetes, ExecInPod)))
            requests = [
                (q, pool.submit(services.get, self._session(q), q, self.inventory, index))
                for index, q in enumerate(ask(Get))
            ]
            for q in ask(WriteAndReadBack):
                write = services.write_and_read_back
                jobs[pool.submit(write, self._session(q), q, self.inventory)] = [q]
            for _, text in kubeconfigs.values():  # before anything is written that may repeat them
                self.redactor.learn_kubeconfig(text.result().text)
            hear([self._answer_session(question) for question in ask(Session)])
            hear([commands.read_file(question) for question in ask(ReadFile)])
            inside = []
            for cluster, (asked, text) in kubeconfigs.items():
                session = self._live(self.inventory.clusters[cluster].host)
                given = (self.inventory, text.result())
                inside += [
                    (question, pool.submit(cluster_api.Held, session, question, *given))
                    for question in asked
                    if isinstance(question.probe, ExecInPod)
                ]
                plain = [q for q in asked if isinstance(q.probe, Kubernetes)]
                jobs[pool.submit(cluster_api.ask, session, plain, *given)] = plain
            for q, request in requests:
                try:
                    transcript, open_connection = request.result()
                except Exception as error:  # noqa: BLE001 - as _answers
                    transcript, open_connection = _broke(q, error), lambda: None
                http.append(transcript)
                held.callback(open_connection)
            programs: dict[cluster_api.Held, Question] = {}
            for q, begun in inside:
                try:
                    program = begun.result()
                except Exception as error:  # noqa: BLE001 - as _answers
                    hear([_broke(q, error)])
                    continue
                held.callback(program.close)
                programs[program] = q
            for host, asked in by_host(ask((Exec, Clock))).items():
                job = pool.submit(commands.run_batch, self._live(host), asked, self.inventory)
                jobs[job] = asked
            for job in as_completed(jobs):
                hear(_answers(job, jobs[job]))
            ends = {pool.submit(program.finish): [q] for program, q in programs.items()}
            for job in as_completed(ends):
                hear(_answers(job, ends[job]))
        hear([self._attributed(transcript) for transcript in http])

    def _attributed(self, transcript: Transcript) -> Transcript:
        """A request that failed on a session which broke says nothing of the service."""
        session = self.sessions.get(transcript.host)
        if session is None or isinstance(session, Unreachable) or not session.lost:
            return transcript
        if transcript.lost or "refused" not in transcript.details:
            return transcript
        return replace(transcript, lost=session.lost)

    def _kubeconfigs(
        self, pool: ThreadPoolExecutor, questions: list[Question]
    ) -> dict[str, tuple[list[Question], "Future[cluster_api.Kubeconfig]"]]:
        asked: dict[str, list[Question]] = {}
        for question in questions:
            if isinstance(question.probe, (Kubernetes, ExecInPod)):
                asked.setdefault(question.probe.cluster, []).append(question)
        return {
            cluster: (
                group,
                pool.submit(
                    cluster_api.read_kubeconfig,
                    self._live(self.inventory.clusters[cluster].host),
                    self.inventory.clusters[cluster],
                    self.inventory.limits.command,
                ),
            )
            for cluster, group in asked.items()
        }

    def _answer_session(self, question: Question) -> Transcript:
        session = self.sessions[question.host]
        if isinstance(session, Unreachable):
            return question.answer(exit_status=255, stderr=session.cause.encode())
        seen = session.identity
        details = {
            "peer": seen.address,
            "host_key": seen.host_key or "",
            "fingerprint": seen.fingerprint or "",
        }
        text = "".join(f"{key}: {value}\n" for key, value in details.items())
        return question.answer(exit_status=0, stdout=text.encode(), details=details)

    def _session(self, question: Question) -> HostSession:
        return self._live(question.host)

    def _live(self, host: str) -> HostSession:
        session = self.sessions[host]
        if isinstance(session, Unreachable):
            raise session
        return session

    def _target(self, name: str) -> Target:
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


def _answers(job: Future[list[Transcript]], asked: list[Question]) -> list[Transcript]:
    """What came of a job. Where it broke on what a host said, only its own questions are lost."""
    try:
        return job.result()
    except Exception as error:  # noqa: BLE001 - RecursionError and MemoryError included
        return [_broke(question, error) for question in asked]


def _broke(question: Question, error: Exception) -> Transcript:
    told = f"{type(error).__name__}: {error}"[:_TOLD]
    return question.lost(f"{question.host}: asking for `{question.fact}` broke: {told}")
