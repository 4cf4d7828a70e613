"""The gateway's certificates: a root CA of the lab, and the server certificate.

They replace Amazon Root CA 1 and the certificate below it. Both are valid for decades, so that the
clock of a board does not matter, and both stay the same in a state folder.
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
    """The gateway's certificates and key.

    Attributes:
        certificate: the server's certificate, for the endpoint's name.
        key: its private key.
        root_file: the root CA's certificate, PEM, which clients must trust.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    root_file: Path


def server_identity(folder: Path, name: str, randomness: Randomness) -> ServerIdentity:
    """Return the gateway's identity from a folder; create it if it is missing.

    Args:
        folder: contains `rootCA.pem` and the keys, mode 0600.
        name: the endpoint's name.
        randomness: the source of keys and serial numbers.

    Raises:
        StateDamagedError: a file in the folder is not a key or a certificate.
    """
    try:
        return _stored_identity(folder, name, randomness)
    except CertificateError as error:
        raise StateDamagedError(
            f"{folder} does not contain the gateway's keys and certificates: {error} Move the"
            " folder to another place; the next start creates new ones."
        ) from error


def _stored_identity(folder: Path, name: str, randomness: Randomness) -> ServerIdentity:
    folder.mkdir(parents=True, exist_ok=True)
    root_key = _stored_key(folder / "rootCA.key", randomness, "root CA")
    server_key = _stored_key(folder / "server.key", randomness, "server")
    root_file, server_file = folder / "rootCA.pem", folder / "server.pem"
    if not root_file.exists():
        write_atomically(
            root_file, certificates.to_pem(_root(root_key, randomness)).encode(), 0o644
        )
    root = certificates.load_certificate(root_file.read_bytes())
    if not _is_stored(server_file, name, root):
        issued = _issue(root, root_key, server_key, name, randomness)
        write_atomically(server_file, certificates.to_pem(issued).encode(), 0o644)
    server = certificates.load_certificate(server_file.read_bytes())
    return ServerIdentity(server, server_key, root_file)


def _stored_key(path: Path, randomness: Randomness, purpose: str) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        new = randomness.ec_key(_OWNER, f"{purpose} key")
        write_atomically(path, certificates.private_key_to_pem(new))
    key: ec.EllipticCurvePrivateKey = certificates.load_private_key(path.read_bytes())  # type: ignore[assignment]  # an EC key was written
    return key


def _is_stored(path: Path, name: str, root: x509.Certificate) -> bool:
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
    """Issue the server's certificate with the extensions that RFC 5280 and browsers require."""
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
