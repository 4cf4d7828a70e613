"""A certificate authority that issues only for requests signed by one registered key."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.approval.audit import AuditLog, Decision
from labkit.approval.signer import approved_key
from labkit.certificates.rules import spki, verify_request
from labkit.errors import ApprovalError, LabError
from labkit.support.seeding import Clock, Randomness

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from labkit.keys import PublicKey
    from labkit.workspace import Workspace

_AFTER_THE_PROCEDURE = 60
"""Minutes of the seeded day: after every step of the procedure, so after the CA was made."""

_UNKNOWN = "unknown"


class Authority:
    """The lab's CA, with a registered CSR signer and an audit log.

    The log is its whole state: the registered signer, the used requests, device keys and names. A
    decision is in the log before its certificate is returned.

    Args:
        log: its audit log.
        ca: the CA's certificate.
        ca_key: the CA's private key.
        clock: the clock for the certificates and the log.
        randomness: the source of serial numbers.
    """

    def __init__(
        self,
        log: AuditLog,
        ca: x509.Certificate,
        ca_key: certificates.SigningKey,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.log = log
        self._issuer = certificates.Issuer(ca, ca_key)
        self._clock, self._randomness = clock, randomness

    def __repr__(self) -> str:
        """Return one line with the registered signer."""
        signer = _registered(self.log.decisions())
        whose = (
            f"issues for requests signed by {signer.who}'s key" if signer else "has no signer yet"
        )
        return f"certificate authority, {whose}"

    def register(self, signer_key: PublicKeyTypes, administrator: str) -> Decision:
        """Register the CSR signer. Registering the same one again changes nothing.

        Args:
            signer_key: the signer's public key.
            administrator: the administrator's name.

        Raises:
            ApprovalError: another signer is registered.
        """
        fingerprint = _sha256(signer_key)
        known = _registered(self.log.decisions())
        if known and (known.signer, known.who) == (fingerprint, administrator):
            return known

        def judge(before: tuple[Decision, ...]) -> Decision:
            decision, reason = "registered", "only requests signed by this key from now on"
            if other := _registered(before):
                decision = "refused"
                reason = f"another key is registered already, under {other.who}. Use that key."
            return self._decision(
                who=administrator, signer=fingerprint, decision=decision, reason=reason
            )

        return _granted(self.log.decide(judge))

    def issue(
        self, csr: x509.CertificateSigningRequest, *, public_key: PublicKey
    ) -> x509.Certificate:
        """Issue a certificate, or refuse. Either way the decision is written to the log first.

        Args:
            csr: the request; its subject and the device key that it names are approved.
            public_key: the device's public key.

        Raises:
            ApprovalError: the request is refused; the message is the reason in the log.
        """
        decision = _granted(self.log.decide(lambda before: self._judge(csr, public_key, before)))
        return certificates.load_certificate(decision.certificate.encode())

    def issued(self, csr: x509.CertificateSigningRequest) -> x509.Certificate:
        """Return the certificate that was issued for a request, for example after a crash.

        Raises:
            ApprovalError: no certificate was issued for it.
        """
        request = _request_sha256(csr)
        for each in _issued(self.log.decisions()):
            if each.request == request:
                return certificates.load_certificate(each.certificate.encode())
        raise ApprovalError("no certificate was issued for this request. Call issue().")

    def _judge(
        self,
        csr: x509.CertificateSigningRequest,
        public_key: PublicKey,
        before: tuple[Decision, ...],
    ) -> Decision:
        registered = _registered(before)
        signer, name, certificate = "", "", ""
        try:
            signer = _signer_sha256(csr)
            with certificates.ignore_name_warnings():
                name = certificates.common_name(csr.subject)
            reason = _refusal(csr, signer, name, public_key, before)
            if not reason:
                certificate = self._certificate(csr, public_key)
        except LabError as error:
            reason = str(error)
        is_known = registered is not None and registered.signer == signer
        return self._decision(
            who=registered.who if registered and is_known else _UNKNOWN,
            signer=signer,
            decision="refused" if reason else "issued",
            reason=reason or "approved, for this name and this key",
            request=_request_sha256(csr),
            name=name,
            device_key=public_key.sha256,
            certificate=certificate,
        )

    def _certificate(self, csr: x509.CertificateSigningRequest, public_key: PublicKey) -> str:
        certificate = self._issuer.issue(
            csr,
            public_key=public_key,
            now=self._clock.now(_AFTER_THE_PROCEDURE),
            serial_number=self._randomness.serial_number("approval", _request_sha256(csr)),
        )
        return certificates.to_pem(certificate)

    def _decision(self, **members: str) -> Decision:
        empty = dict.fromkeys(("request", "name", "device_key"), "")
        at = self._clock.now(_AFTER_THE_PROCEDURE).isoformat()
        return Decision(**{"at": at} | empty | members)


def _refusal(
    csr: x509.CertificateSigningRequest,
    signer: str,
    name: str,
    public_key: PublicKey,
    before: tuple[Decision, ...],
) -> str:
    """Return why a request is refused; empty if it is not. The signature is checked first."""
    registered = _registered(before)
    if registered is None:
        return "no CSR signer is registered. Register the administrator's key first."
    if signer != registered.signer:
        return (
            f"rogue request: expected a signature by {registered.who}'s registered key, got one by "
            "another key. Ask the administrator to sign the request."
        )
    if any(each.request == _request_sha256(csr) for each in _issued(before)):
        return (
            "replayed request: it was used already, and one approval is for one certificate. Get "
            "the certificate with issued()."
        )
    if approved_key(csr) != public_key.sha256:
        named = "names another device key" if approved_key(csr) else "names no device key"
        return (
            f"wrong key: the request {named}, expected {public_key.short} …. Ask the administrator "
            "to approve this name for this key."
        )
    return _taken(name, public_key, before)


def _taken(name: str, public_key: PublicKey, before: tuple[Decision, ...]) -> str:
    """Return which certificate has the key or the name already; empty if none has."""
    for each in _issued(before):
        if each.device_key == public_key.sha256:
            return (
                f"used device key: it has a certificate already, for {each.name!r}. Generate a new "
                "key pair on the device."
            )
        if each.name == name:
            return (
                f"taken name: {name!r} has a certificate already, for another key. Choose another "
                "name, or retire the old device first."
            )
    return ""


def open_authority(workspace: Workspace, ca_key: certificates.SigningKey) -> Authority:
    """Open the lab's CA with its audit log, in `approval/` next to the CA's certificate."""
    seed = workspace.settings.seed
    ca = certificates.load_certificate(workspace.path("rootCA.pem").read_bytes())
    return Authority(_log(workspace), ca, ca_key, Clock(seed), Randomness(seed))


def start_new_log(workspace: Workspace) -> None:
    """Start a new audit log and keep the old one as `audit.N.jsonl`; not for production."""
    path = _log(workspace).path
    if path.exists():
        names = (path.with_name(f"audit.{number}.jsonl") for number in itertools.count(1))
        path.rename(next(name for name in names if not name.exists()))


def _log(workspace: Workspace) -> AuditLog:
    return AuditLog(workspace.ca / "approval" / "audit.jsonl")


def _issued(decisions: tuple[Decision, ...]) -> list[Decision]:
    return [each for each in decisions if each.decision == "issued"]


def _registered(decisions: tuple[Decision, ...]) -> Decision | None:
    return next((each for each in decisions if each.decision == "registered"), None)


def _granted(decision: Decision) -> Decision:
    if decision.decision == "refused":
        raise ApprovalError(decision.reason)
    return decision


def _signer_sha256(csr: x509.CertificateSigningRequest) -> str:
    """Return the SHA-256 of the key that signed a request, after verifying the signature."""
    return _sha256(verify_request(csr))


def _request_sha256(csr: x509.CertificateSigningRequest) -> str:
    """Return the SHA-256 of the signed part, which does not depend on the signature's encoding."""
    return hashlib.sha256(csr.tbs_certrequest_bytes).hexdigest()


def _sha256(key: PublicKeyTypes) -> str:
    return hashlib.sha256(spki(key)).hexdigest()
