"""Which keys to log in with, in which order, and doing it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fleetmesh.sessions import keys, options
from fleetmesh.sessions.agent import Agent, AgentProblem
from fleetmesh.sessions.algorithms import signature_algorithm
from fleetmesh.sessions.keys import InAgent, InFile, KeyProblem, Offer, fingerprint
from fleetmesh.sessions.ssh_config import Settings, home, where
from fleetmesh.sessions.target import Deadline
from fleetmesh.sessions.transport import Transport
from fleetmesh.sessions.userauth import Answer, Ended, Userauth
from fleetmesh.text.legible import brief

# ssh tries these where ssh_config names none; that one does not exist is no news.
DEFAULT_FILES = {
    *("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"),
    "id_mldsa44_ed25519",
}


class LoginFailed(Exception):
    """The host does not let us in; the text tells what was offered and what was left out."""


@dataclass
class _Candidates:
    """Keys to offer, best first, and why others are left out."""

    offers: list[Offer] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def log_in(transport: Transport, settings: Settings, deadline: Deadline) -> str:
    """Log in as ssh does; returns how. Raises LoginFailed, TimeoutError."""
    with ExitStack() as stack:
        return _Login(transport, settings, deadline, stack).go()


class _Login:
    def __init__(
        self, transport: Transport, settings: Settings, deadline: Deadline, stack: ExitStack
    ) -> None:
        self.transport = transport
        self.settings = settings
        self.deadline = deadline
        self.stack = stack
        self.auth = Userauth(transport, settings.user, deadline)
        self.offered: list[str] = []
        self.skipped: list[str] = []
        self.proofs: list[str] = []
        self.methods: tuple[str, ...] = ()
        self.signing: str | None = None

    def go(self) -> str:
        try:
            self.auth.start()
            answer = self._at_once()
            if not (answer.success or answer.partial):
                answer = self.auth.none()
                self.methods = answer.methods
                if answer.success:
                    return "none: the host asks for no proof"
                if "publickey" in self.settings.methods and "publickey" in answer.methods:
                    answer = self._with_keys(answer)
            if "keyboard-interactive" in self.settings.methods and not answer.success:
                answer = self._without_answers(answer)
        except (Ended, EOFError, OSError) as error:
            if self.deadline.passed or isinstance(error, TimeoutError):
                raise TimeoutError(self._waited_for()) from None
            ending = self.transport.farewell or "it closed the connection"
            raise self._failed(f"ended the login as {self.settings.user} ({ending})") from None
        if answer.success:
            return "publickey " + " and ".join(self.proofs) if self.proofs else "no prompt"
        raise self._failed(self._what_is_wanted(answer))

    def _at_once(self) -> Answer:
        """Sign with the only key that there is, before anything is asked: three round trips less.

        Among several, one that is refused with its signature stands as a failed log-in in the
        host's log. An agent may want a touch for it. And how to sign by RSA, the host has to tell.
        """
        if "publickey" not in self.settings.methods:
            return Answer()
        match self.candidates.offers:
            case [Offer(signer=InFile()) as offer] if keys.rsa_bits(offer.blob) is None:
                accepted = self.settings.pubkey_algorithms
                if algorithm := signature_algorithm(offer.type, accepted, ()):
                    self.offered = [offer.name]
                    answer = self.auth.prove(offer, algorithm)
                    if answer.success or answer.partial:
                        self.methods = answer.methods
                        self.proofs = [offer.name]
                        return answer
                    self.offered = []
        return Answer()

    def _with_keys(self, answer: Answer) -> Answer:
        """Offer one key after the other; where several are wanted, the rest after the first."""
        self.skipped += self.candidates.skipped
        for offer in self.candidates.offers:
            algorithm = self._algorithm(offer)
            if algorithm is None:
                continue
            self.offered.append(offer.name)
            self.signing = None
            probed = self.auth.probe(offer, algorithm)
            if not probed.acceptable:
                answer = probed
            else:
                self.signing = offer.name
                try:
                    answer = self.auth.prove(offer, algorithm)
                except AgentProblem as problem:
                    if self.deadline.passed:
                        raise TimeoutError from None
                    self.skipped.append(f"{offer.name} ({problem})")
                    continue
                self.signing = None
                if answer.success or answer.partial:
                    self.proofs.append(offer.name)
            if answer.success or "publickey" not in answer.methods:
                break
        return answer

    def _without_answers(self, answer: Answer) -> Answer:
        if "keyboard-interactive" not in answer.methods:
            return answer
        told = self.auth.keyboard_interactive()
        if told.prompts:
            return Answer(methods=answer.methods, prompts=told.prompts)
        return told

    def _algorithm(self, offer: Offer) -> str | None:
        """How to sign with a key; None, and why, where ssh would not sign with it, either."""
        bits = keys.rsa_bits(offer.blob)
        if bits is not None and bits < self.settings.rsa_size:
            wanted = f"RequiredRSASize wants {self.settings.rsa_size}"
            self.skipped.append(f"{offer.name} (has {bits} bits; {wanted})")
            return None
        accepted = self.settings.pubkey_algorithms
        known = self.transport.signature_algorithms
        algorithm = signature_algorithm(offer.type, accepted, known)
        if algorithm is None:
            if signature_algorithm(offer.type, accepted, ()):
                why = f"the host takes none of its signatures, only {brief(', '.join(known))}"
            else:
                why = f"PubkeyAcceptedAlgorithms has nothing for {offer.type}"
            self.skipped.append(f"{offer.name} ({why})")
        return algorithm

    @cached_property
    def candidates(self) -> _Candidates:
        """Certificates first, then the configured keys in their order, then the agent's others.

        Unlike ssh, the configured keys come before the agent's others: those would use up the
        server's MaxAuthTries.
        """
        found = _Candidates()
        settings = self.settings
        in_agent = self._agent_keys(found.skipped)
        configured: list[Offer] = []
        for file in settings.identity_files:
            if offer := _configured(file, in_agent, found.skipped):
                configured.append(offer)
                beside = file.with_name(file.name + "-cert.pub")
                # As ssh does: a broken one is as good as none, and those that are named suffice.
                if not settings.certificate_files and beside.exists():
                    found.offers += _certified(beside, [offer], found.skipped)
        for file in settings.certificate_files:
            found.offers += _certified(file, configured + in_agent, found.skipped)
        others = [] if settings.identities_only else in_agent
        seen: set[bytes] = set()
        for offer in configured + others:
            if offer.blob not in seen:
                seen.add(offer.blob)
                name = f"{offer.name} ({fingerprint(offer.blob)})"
                found.offers.append(Offer(offer.blob, offer.signer, name))
        return found

    def _agent_keys(self, skipped: list[str]) -> list[Offer]:
        path = self.settings.agent
        if path is None:
            return []
        # Half of the time: an agent that hangs must leave the keys in files a chance.
        at_first = Deadline(self.deadline.left / 2)
        try:
            agent = Agent(path, self.deadline, at_first)
            self.stack.callback(agent.close)
            agent.bind(*self.transport.proof, at_first)
            return [
                Offer(key.blob, InAgent(agent, key.blob), _agent_name(key.blob, key.comment))
                for key in agent.keys(at_first)
            ]
        except AgentProblem as problem:
            skipped.append(f"the agent at {path} ({problem})")
            return []

    def _what_is_wanted(self, answer: Answer) -> str:
        wanted = brief(", ".join(answer.methods)) or "nothing that it names"
        prompt = f": {brief(answer.prompts[0])!r}" if answer.prompts else ""
        if self.proofs:
            return f"accepted {' and '.join(self.proofs)} but wants another proof besides" + (
                f" ({wanted}{prompt}); the suite answers no prompts"
            )
        if not self.offered and "publickey" not in answer.methods:
            return f"accepts no keys, only {wanted}{prompt}"
        if "publickey" not in self.settings.methods:
            return f"was offered no key: ssh_config allows none; it accepts {wanted}"
        if not self.offered:
            return "has no key to log in with"
        return f"did not accept any of the keys for {self.settings.user}"

    def _failed(self, what: str) -> LoginFailed:
        parts = [what]
        if self.offered and not self.proofs:
            parts.append(f"offered: {', '.join(self.offered)}")
        if self.skipped:
            parts.append(f"left out: {', '.join(self.skipped)}")
        settings = self.settings
        parts += [
            f"{where(keyword, settings.name, settings.config)}: {options.refusal(keyword)}"
            for keyword in options.missed_at_login(settings.given, self.methods)
        ]
        if settings.control_path and settings.control_path.exists():
            parts.append(
                f"ssh itself may use the connection of {settings.control_path}: "
                + options.refusal("controlpath")
            )
        if self.auth.banners:
            parts.append(f"it says: {brief(' '.join(self.auth.banners))}")
        return LoginFailed("; ".join(parts))

    def _waited_for(self) -> str:
        if self.signing:
            return f"{self.signing} was to sign, and perhaps waits for a touch or a confirmation"
        return ""


def _configured(file: Path, in_agent: list[Offer], skipped: list[str]) -> Offer | None:
    """The key of an IdentityFile: from the agent if it holds it, else from the file."""
    blob = keys.public(file)
    for held in in_agent:
        if blob and held.blob == blob:
            return held
    try:
        blob, signer = keys.private(file)
    except FileNotFoundError:
        if file.parent != home() / ".ssh" or file.name not in DEFAULT_FILES:
            skipped.append(f"{file} (no such file)")
        return None
    except KeyProblem as problem:
        skipped.append(f"{file} ({problem})")
        return None
    return Offer(blob, signer, str(file))


def _certified(file: Path, offers: list[Offer], skipped: list[str]) -> Iterator[Offer]:
    """The certificate in `file`, where we have the key that it certifies."""
    try:
        certificate = keys.certificate(file)
    except FileNotFoundError:
        skipped.append(f"{file} (no such file)")
        return
    except KeyProblem as problem:
        skipped.append(f"{file} ({problem})")
        return
    for offer in offers:
        if keys.certifies(certificate, offer.blob):
            yield Offer(certificate, offer.signer, f"{offer.name} with the certificate {file}")
            return
    skipped.append(f"{file} (its private key is neither an IdentityFile nor in the agent)")


def _agent_name(blob: bytes, comment: str) -> str:
    return f"{brief(comment, 80) or keys.type_of(blob)} of the agent"
