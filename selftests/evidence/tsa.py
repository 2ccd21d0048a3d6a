"""Time stamping authorities: openssl-ts(1) where all is well, tokens made by hand for the rest."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import new
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_CONFIG = """
[own]
serial = {place}/serial
signer_cert = {place}/tsa.pem
signer_key = {place}/tsa.key
certs = {place}/chain.pem
signer_digest = {digest}
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ess_cert_id_alg = sha256
"""
_OIDS = {"sha1": "06052b0e03021a", "sha256": "0609608648016503040201",
         "sha384": "0609608648016503040202", "sha512": "0609608648016503040203"}  # fmt: skip


@dataclass(frozen=True)
class Authority:
    """Its keys and certificates in a folder of their own; `roots` is what one may trust."""

    place: Path
    digest: str = "sha256"

    @classmethod
    def make(
        cls,
        place: Path,
        name: str = "Authority",
        *,
        kind: str = "ec",
        digest: str = "sha256",
        usage: tuple[str, ...] = ("timeStamping",),
        critical: bool = True,
        between: bool = True,
        between_is_ca: bool = True,
        since: timedelta = timedelta(days=-1),
        until: timedelta = timedelta(days=10),
    ) -> "Authority":
        """`between` puts another authority between root and signer; `since` counts from now."""
        place.mkdir(parents=True)
        now = datetime.now(UTC)
        long = (now - timedelta(days=3650), now + timedelta(days=3650))
        root_key = _key(kind)
        root = _certificate(f"{name} Root", root_key, None, root_key, long, ca=True)
        issuer, issuer_key, chain = root, root_key, []
        if between:
            issuer_key = _key("rsa")
            issuer = _certificate(
                f"{name} Between", issuer_key, root, root_key, long, ca=between_is_ca
            )
            chain = [issuer]
        key = _key(kind)
        span = (now + since, now + until)
        own = _certificate(name, key, issuer, issuer_key, span, usage=usage, critical=critical)
        (place / "roots.pem").write_bytes(root.public_bytes(Encoding.PEM))
        (place / "tsa.pem").write_bytes(own.public_bytes(Encoding.PEM))
        (place / "chain.pem").write_bytes(
            b"".join(c.public_bytes(Encoding.PEM) for c in [*chain, root][: 1 + between])
        )
        (place / "tsa.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (place / "serial").write_text("01\n")
        (place / "tsa.cnf").write_text(_CONFIG.format(place=place, digest=digest))
        return cls(place, digest)

    @property
    def roots(self) -> Path:
        return self.place / "roots.pem"

    def reply(self, query: bytes) -> bytes:
        """What openssl-ts(1) answers."""
        (self.place / "query").write_bytes(query)
        _openssl("ts", "-reply", "-config", self.place / "tsa.cnf", "-section", "own",
                 "-queryfile", self.place / "query", "-out", self.place / "answer")  # fmt: skip
        return (self.place / "answer").read_bytes()

    def token(
        self,
        about: bytes,
        time: datetime | None = None,
        *,
        accuracy: int = 0,
        nonce: int = 0,
        imprint: str = "sha256",
        status: int = 0,
        content: str = "1.2.840.113549.1.9.16.1.4",
    ) -> bytes:
        """An answer that says what openssl-ts(1) would not; `accuracy` in seconds."""
        moment = time or datetime.now(UTC)
        algorithm = der(0x30, bytes.fromhex(_OIDS[imprint]), b"\x05\x00")
        said = der(
            0x30,
            number(1),
            bytes.fromhex("06032a0304"),
            der(0x30, algorithm, der(0x04, new(imprint, about).digest())),
            number(5),
            der(0x18, f"{moment.astimezone(UTC):%Y%m%d%H%M%S}Z".encode()),
            *([der(0x30, number(accuracy))] if accuracy else []),
            *([number(nonce)] if nonce else []),
        )
        (self.place / "said").write_bytes(said)
        _openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-cades", "-md", self.digest),
            *("-econtent_type", content, "-in", self.place / "said", "-outform", "DER"),
            *("-signer", self.place / "tsa.pem", "-inkey", self.place / "tsa.key"),
            *("-certfile", self.place / "chain.pem", "-out", self.place / "token"),
        )
        token = (self.place / "token").read_bytes()
        return der(0x30, der(0x30, number(status)), token)


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 128 | len(length))) + length + content


def number(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1))


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _key(kind: str) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "ec-384" else ec.SECP256R1())


def _certificate(
    name: str,
    key: Key,
    issuer: x509.Certificate | None,
    issuer_key: Key,
    span: tuple[datetime, datetime],
    *,
    ca: bool = False,
    usage: tuple[str, ...] = (),
    critical: bool = True,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if usage:
        purposes = {"timeStamping": ExtendedKeyUsageOID.TIME_STAMPING,
                    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING}  # fmt: skip
        made = made.add_extension(x509.ExtendedKeyUsage([purposes[u] for u in usage]), critical)
    return made.sign(issuer_key, hashes.SHA256())


Answered = Callable[[BaseHTTPRequestHandler, bytes], None]
"""What a server does with a query."""


def granted(reply: Callable[[bytes], bytes], **headers: str) -> Answered:
    """Answers as an authority does."""

    def answer(handler: BaseHTTPRequestHandler, query: bytes) -> None:
        content = reply(query)
        handler.send_response(200)
        for name, value in {"Content-Type": "application/timestamp-reply", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@contextmanager
def served(answer: Answered) -> Iterator[str]:
    """The address at which somebody answers so."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            with suppress(ConnectionError):
                answer(self, query)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
