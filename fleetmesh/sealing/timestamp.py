"""Time stamps (RFC 3161): what an authority signed about when something existed.

An authority's certificates are judged as of the time that the token itself gives: those that have
expired since do no harm. Nobody is asked whether one was revoked.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import new
from pathlib import Path
from warnings import catch_warnings, simplefilter

from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import (
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import (
    PKIStatus,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from fleetmesh.evidence.files import MIB, content
from fleetmesh.evidence.sums import SIGNATURE, SUMS, Refused
from fleetmesh.sealing.der import in_order

LARGEST = 64 * 1024
"""Bytes of an authority's answer; with a chain of certificates it has about a tenth of it."""

_IMPRINTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_VAGUEST = timedelta(days=1)
_STATUS = {status.value: status.name.lower().replace("_", " ") for status in PKIStatus}


@dataclass(frozen=True)
class Stamp:
    """What a token says; only with a `root` did somebody whom the verifier trusts say it."""

    time: datetime
    accuracy: timedelta
    """By how much the time may be off, either way."""
    authority: str
    """The subject of the authority's certificate."""
    until: datetime
    """When that certificate ends."""
    root: str | None = None
    """The subject of the certificate that the verifier trusts."""

    def __str__(self) -> str:
        off = f" (± {self.accuracy.total_seconds():g} s)" if self.accuracy else ""
        return f"{self.time:%Y-%m-%dT%H:%M:%SZ}{off} by {self.authority}"

    @property
    def moments(self) -> tuple[datetime, ...]:
        """The ends of the span in which the time lies: what holds at both, holds at the time."""
        spread = {self.time - self.accuracy, self.time + self.accuracy}
        return tuple(sorted(spread))


def covered(folder: Path) -> Path:
    """The file that a token of `folder` is about: the signature, or else what it would cover."""
    signature = folder / SIGNATURE
    return signature if signature.exists() else folder / SUMS


@contextmanager
def _understood() -> Iterator[None]:
    """Refuse whatever the libraries cannot read, at once or when it is looked at."""
    try:
        with catch_warnings():
            simplefilter("ignore", CryptographyDeprecationWarning)  # what it will refuse one day
            yield
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - on damaged bytes they raise anything, even KeyError
        raise Refused(f"it is no answer of an authority by RFC 3161: {_brief(error)}") from None


@_understood()
def decoded(answer: bytes) -> TimeStampResponse:
    """An authority's answer that grants a token. Raises Refused for any other."""
    response = decode_timestamp_response(in_order(answer))
    if response.status != PKIStatus.GRANTED:
        said = _STATUS.get(response.status, f"status {response.status}")
        told = ": ".join((said, *response.status_string))
        raise Refused(f"the authority did not grant it: {told}")
    return response


@_understood()
def read(answer: bytes, about: bytes) -> Stamp:
    """What the token in `answer` says of `about`, whoever made it.

    Raises Refused where it is no token, or one of something else.
    """
    response = decoded(answer)
    info = response.tst_info
    imprint = info.message_imprint
    algorithm = _IMPRINTS.get(imprint.hash_algorithm.dotted_string)
    if algorithm is None:
        raise Refused(f"its digest is none of {', '.join(_IMPRINTS.values())}")
    if imprint.message != new(algorithm, about).digest():
        raise Refused("it is of something else than what is sealed here")
    signer = _signer(response)
    return Stamp(
        info.gen_time.astimezone(UTC),
        _accuracy(response),
        signer.subject.rfc4514_string(),
        signer.not_valid_after_utc,
    )


@_understood()
def trusted(answer: bytes, about: bytes, roots: Path) -> Stamp:
    """What the token says, by an authority for whom a root in `roots` (PEM) vouches.

    Raises Refused, saying why.
    """
    said = read(answer, about)
    response = decoded(answer)
    _is_for_stamping(_signer(response))
    why = "none of them is a root"
    anchors, others = _given(roots)
    for root in anchors:
        try:
            verifier = VerifierBuilder(roots=[root, *others]).build()
            verifier.verify_message(decoded(answer), about)
        except (VerificationError, ValueError) as error:
            why = _brief(error)
        else:
            return Stamp(**{**vars(said), "root": root.subject.rfc4514_string()})
    raise Refused(f"{said}, whom no certificate in {roots} vouches for: {why}")


def _given(roots: Path) -> tuple[list[Certificate], list[Certificate]]:
    """The roots, and what else may help a chain to lead to one."""
    try:
        found = load_pem_x509_certificates(content(roots, MIB))
    except OSError as error:
        raise Refused(f"{roots}: {error.strerror}") from None
    except ValueError:
        raise Refused(f"{roots} holds no certificates in PEM") from None
    own = [certificate.issuer == certificate.subject for certificate in found]
    return [c for c, o in zip(found, own, strict=True) if o], [
        c for c, o in zip(found, own, strict=True) if not o
    ]


def _signer(response: TimeStampResponse) -> Certificate:
    signers = response.signed_data.signer_infos
    if len(signers) != 1:
        raise Refused(f"{len(signers)} have signed it instead of one authority")
    (signer,) = signers
    for certificate in _certificates(response):
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate
    raise Refused("it lacks the certificate of the authority that signed it")


def _certificates(response: TimeStampResponse) -> Iterator[Certificate]:
    for encoded in response.signed_data.certificates:
        yield load_der_x509_certificate(encoded)


def _is_for_stamping(signer: Certificate) -> None:
    """RFC 3161, 2.3: for nothing but time stamps, and nobody may overlook that."""
    name = signer.subject.rfc4514_string()
    try:
        usage = signer.extensions.get_extension_for_class(ExtendedKeyUsage)
    except (ExtensionNotFound, ValueError):
        usage = None
    if usage is None or not usage.critical or list(usage.value) != [_STAMPING]:
        raise Refused(f"the certificate of {name} is not one for time stamps alone")


_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING


def _accuracy(response: TimeStampResponse) -> timedelta:
    """What the authority says of it; where it says nothing, its time is taken as it is."""
    given = response.tst_info.accuracy
    if given is None:
        return timedelta()
    off = timedelta(
        seconds=given.seconds or 0,
        milliseconds=given.millis or 0,
        microseconds=given.micros or 0,
    )
    if off > _VAGUEST:
        raise Refused(f"its time may be off by {off}, which says nothing")
    return off


def _brief(error: Exception) -> str:
    """Of OpenSSL's stack of errors, what it says of a certificate or of the signature."""
    text = str(error)
    found = re.findall(r'data: "Verify error: ([^"]+)"', text) or re.findall(
        r'reason: "([^"]+)"', text
    )
    return found[-1] if found else text.partition("ErrorStack")[0]
