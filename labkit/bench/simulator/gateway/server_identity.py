"""Who the gateway is: a lab-made root CA and the server certificate for the endpoint's name.

The pair stands in for Amazon Root CA 1 and the certificate that it vouches for. Both are valid
for decades, so that no board's clock has to be right, and both stay the same in a state folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from labkit import certificates
from labkit.bench.simulator.atomic_file import write_atomically
from labkit.bench.simulator.state_lock import StateDamagedError
from labkit.certificates import signing
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit.support.seeding import Randomness

_OWNER = "gateway"
_NOT_BEFORE = datetime(2015, 5, 26, tzinfo=UTC)
_VALID_DAYS = 30 * 365
_ROOT_NAME = "CN=Simulated Amazon Root CA 1,O=labkit"


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What the gateway shows to a client.

    Attributes:
        certificate: the server's certificate, for the endpoint's name.
        key: its key.
        root_file: the root CA's certificate, PEM, for clients to trust.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    root_file: Path


def server_identity(folder: Path, name: str, randomness: Randomness) -> ServerIdentity:
    """Return the gateway's identity, kept in a folder; made where it is missing.

    Args:
        folder: holds `rootCA.pem` and the keys, mode 0600.
        name: the endpoint's name.
        randomness: where keys and serial numbers come from.

    Raises:
        StateDamagedError: a file in the folder is no key or certificate.
    """
    try:
        return _kept_identity(folder, name, randomness)
    except CertificateError as error:
        raise StateDamagedError(
            f"{folder} does not hold the gateway's keys and certificates: {error} Move the folder"
            " away for a new gateway."
        ) from error


def _kept_identity(folder: Path, name: str, randomness: Randomness) -> ServerIdentity:
    folder.mkdir(parents=True, exist_ok=True)
    root_key = _kept_key(folder / "rootCA.key", randomness, "root CA")
    server_key = _kept_key(folder / "server.key", randomness, "server")
    root_file, server_file = folder / "rootCA.pem", folder / "server.pem"
    if not root_file.exists():
        write_atomically(
            root_file, certificates.to_pem(_root(root_key, randomness)).encode(), 0o644
        )
    root = certificates.load_certificate(root_file.read_bytes())
    if not _is_kept(server_file, name, root):
        issued = _issue(root, root_key, server_key, name, randomness)
        write_atomically(server_file, certificates.to_pem(issued).encode(), 0o644)
    server = certificates.load_certificate(server_file.read_bytes())
    return ServerIdentity(server, server_key, root_file)


def _kept_key(path: Path, randomness: Randomness, purpose: str) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        key = randomness.ec_key(_OWNER, f"{purpose} key")
        write_atomically(path, certificates.private_key_to_pem(key))
    kept: ec.EllipticCurvePrivateKey = certificates.load_private_key(path.read_bytes())  # type: ignore[assignment]  # an EC key was written
    return kept


def _is_kept(path: Path, name: str, root: x509.Certificate) -> bool:
    if not path.exists():
        return False
    kept = certificates.load_certificate(path.read_bytes())
    names = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName) == [name] and certificates.is_issued_by(
        kept, root
    )


def _root(key: ec.EllipticCurvePrivateKey, randomness: Randomness) -> x509.Certificate:
    return certificates.root_ca(
        key,
        certificates.parse_subject(_ROOT_NAME),
        now=_NOT_BEFORE,
        serial_number=randomness.serial_number(_OWNER, "root CA serial"),
        valid_days=_VALID_DAYS,
    )


def _issue(
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    server_key: ec.EllipticCurvePrivateKey,
    name: str,
    randomness: Randomness,
) -> x509.Certificate:
    """Issue the server's certificate, with what RFC 5280 and CA/Browser Forum clients demand."""
    public_key = server_key.public_key()
    root_identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    extensions = [
        signing.extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
        signing.extension(signing.key_usage(digital_signature=True), critical=True),
        signing.extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
        signing.extension(x509.SubjectAlternativeName([x509.DNSName(name)])),
        signing.extension(x509.SubjectKeyIdentifier.from_public_key(public_key)),
        signing.extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_identifier)
        ),
    ]
    filled_in = signing.builder(
        # A common name has at most 64 characters; the endpoint's name is in the SAN.
        certificates.parse_subject("CN=*.iot.amazonaws.com"),
        root.subject,
        public_key,
        serial_number=randomness.serial_number(_OWNER, f"server serial {name}"),
        valid=(_NOT_BEFORE, _NOT_BEFORE + timedelta(days=_VALID_DAYS - 1)),
        extensions=extensions,
    )
    return signing.sign(filled_in, root_key)
