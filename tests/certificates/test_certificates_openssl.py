"""Certificates against openssl: for the same inputs both make the same."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from labkit import certificates
from labkit.errors import CertificateError
from labkit.keys import PublicKey

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("openssl")

SUBJECT = "/C=DE/O=My Lab/OU=Bench 1/CN=my-thing"
SERIAL_NUMBER = 0x0123456789ABCDEF0123
CA_EXTENSIONS = (
    "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ca\n[dn]\nCN=Lab root CA\n"
)
CA_CONFIGURATION = CA_EXTENSIONS + "[ca]\nbasicConstraints=critical,CA:TRUE\n"


def openssl(arguments: str, *more: object, cwd: Path) -> str:
    """Run openssl in a folder, away from any configuration of this machine.

    Args:
        arguments: as one types them.
        more: arguments that hold blanks or come from elsewhere.
        cwd: the folder.
    """
    environment = os.environ | {"OPENSSL_CONF": str(cwd / "ca.cnf")}
    command = ["openssl", *shlex.split(arguments), *map(str, more)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_key(folder: Path, name: str, kind: str) -> None:
    """Make a private key with openssl, as the documentation does."""
    if kind == "RSA":
        openssl(f"genrsa -out {name} 2048", cwd=folder)
    else:
        openssl(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out",
            name,
            cwd=folder,
        )


@dataclass(frozen=True)
class Lab:
    """A folder with what the documented commands have made up to the device's certificate."""

    folder: Path

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.folder / name).read_bytes()

    @property
    def ca(self) -> x509.Certificate:
        """The CA's certificate."""
        return certificates.load_certificate(self.read("rootCA.pem"))

    @property
    def public_key(self) -> PublicKey:
        """The device's key."""
        return PublicKey.from_pem(self.read("DevicePublicKey.pem"))

    def openssl_issues(self) -> x509.Certificate:
        """Run the documented command, with a serial number of ours."""
        openssl(
            "x509 -req -in deviceCert.csr -CA rootCA.pem -CAkey rootCA.key -days 500 -sha256"
            " -out deviceCert.pem -force_pubkey DevicePublicKey.pem -set_serial",
            SERIAL_NUMBER,
            cwd=self.folder,
        )
        return certificates.load_certificate(self.read("deviceCert.pem"))

    def we_issue(
        self, now: datetime, *, x509v1: bool, csr: bytes | None = None
    ) -> x509.Certificate:
        """Issue from the same files, at a given time."""
        return certificates.Issuer(
            self.ca, certificates.load_private_key(self.read("rootCA.key"))
        ).issue(
            certificates.load_request(csr or self.read("deviceCert.csr")),
            public_key=self.public_key,
            now=now,
            serial_number=SERIAL_NUMBER,
            x509v1=x509v1,
        )


@pytest.fixture(scope="module", params=["EC", "RSA"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Make keys, CA and request with openssl: the CA's kind of key is given, the signer is RSA."""
    folder = tmp_path_factory.mktemp(f"openssl-{request.param}")
    (folder / "ca.cnf").write_text(CA_CONFIGURATION, "ascii")
    make_key(folder, "rootCA.key", request.param)
    make_key(folder, "tempCsrSigner.key", "RSA")
    make_key(folder, "device.key", "EC")
    openssl("req -x509 -new -key rootCA.key -sha256 -days 1024 -out rootCA.pem", cwd=folder)
    openssl("req -new -key tempCsrSigner.key -out deviceCert.csr -subj", SUBJECT, cwd=folder)
    openssl("pkey -in device.key -pubout -out DevicePublicKey.pem", cwd=folder)
    return Lab(folder)


def test_both_issue_the_same_certificate_field_by_field(lab: Lab) -> None:
    """Subject, issuer, key, serial number, signature algorithm and length of validity agree."""
    theirs = lab.openssl_issues()
    for x509v1 in (False, True):
        ours = lab.we_issue(theirs.not_valid_before_utc, x509v1=x509v1)
        for field in (
            "subject",
            "issuer",
            "serial_number",
            "signature_algorithm_oid",
            "signature_algorithm_parameters",
            "not_valid_before_utc",
            "not_valid_after_utc",
        ):
            assert _plain(getattr(ours, field)) == _plain(getattr(theirs, field)), field
        assert certificates.public_key(ours) == certificates.public_key(theirs) == lab.public_key
        assert ours.not_valid_after_utc - ours.not_valid_before_utc == timedelta(days=500)
        certificates.verify_issued_by(theirs, lab.ca)


def _plain(value: object) -> object:
    # Padding and hash objects are compared by what they are; they have no equality of their own.
    return value if isinstance(value, x509.Name | int | datetime) else _kind(value)


def _kind(value: object) -> object:
    algorithm = getattr(value, "algorithm", None)
    return getattr(value, "dotted_string", (type(value), type(algorithm)))


def test_the_version_1_shape_is_openssls_byte_for_byte(lab: Lab) -> None:
    """With openssl's serial number and dates what is signed is the same; RSA signs the same too."""
    theirs = lab.openssl_issues()
    ours = lab.we_issue(theirs.not_valid_before_utc, x509v1=True)
    if theirs.version is x509.Version.v1:  # OpenSSL 3.2 and later makes version 3 of its own
        assert ours.tbs_certificate_bytes == theirs.tbs_certificate_bytes
    if theirs.version is x509.Version.v1 and isinstance(lab.ca.public_key(), rsa.RSAPublicKey):
        assert ours.signature == theirs.signature
    other = lab.we_issue(theirs.not_valid_before_utc + timedelta(seconds=1), x509v1=True)
    assert other.tbs_certificate_bytes != theirs.tbs_certificate_bytes


@pytest.mark.parametrize("x509v1", [False, True])
def test_openssl_verifies_what_we_issue(lab: Lab, *, x509v1: bool) -> None:
    """`openssl verify` accepts ours under our CA, and not under a namesake of another key."""
    ours = lab.we_issue(datetime.now(UTC), x509v1=x509v1)
    (lab.folder / "ours.pem").write_text(certificates.to_pem(ours), "ascii")
    assert openssl("verify -CAfile rootCA.pem ours.pem", cwd=lab.folder) == "ours.pem: OK\n"
    make_key(lab.folder, "other.key", "EC")
    openssl("req -x509 -new -key other.key -sha256 -days 1024 -out other.pem", cwd=lab.folder)
    with pytest.raises(AssertionError, match="verification failed"):
        openssl("verify -CAfile other.pem ours.pem", cwd=lab.folder)


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_openssl_verifies_our_whole_chain_strictly(tmp_path: Path, kind: str) -> None:
    """Root, verification and device certificate of ours pass `-x509_strict` as a TLS client's."""
    (tmp_path / "ca.cnf").write_text(CA_CONFIGURATION, "ascii")
    for name in ("rootCA", "signer", "device"):
        make_key(tmp_path, f"{name}.key", "EC" if name == "device" else kind)
    key, signer, device = (
        certificates.load_private_key((tmp_path / f"{name}.key").read_bytes())
        for name in ("rootCA", "signer", "device")
    )
    now = datetime.now(UTC)
    name = certificates.parse_subject("CN=Lab root CA,O=My Lab")
    ca = certificates.root_ca(key, name, now=now, serial_number=1)
    issuer = certificates.Issuer(ca, key)
    csr = certificates.certificate_request(signer, certificates.parse_subject(SUBJECT))
    verification = issuer.verification_certificate(
        "ab" * 32, public_key=signer.public_key(), now=now, serial_number=2
    )
    certificate = issuer.issue(csr, public_key=PublicKey.from_key(device), now=now, serial_number=3)
    for file, document in (
        ("ca.pem", ca),
        ("verification.pem", verification),
        ("device.pem", certificate),
        ("request.csr", csr),
    ):
        (tmp_path / file).write_text(certificates.to_pem(document), "ascii")
    for file in ("ca.pem", "verification.pem", "device.pem"):
        purpose = "-check_ss_sig" if file == "ca.pem" else "-purpose sslclient"
        command = f"verify -x509_strict {purpose} -CAfile ca.pem {file}"
        assert openssl(command, cwd=tmp_path) == f"{file}: OK\n"
    openssl("req -in request.csr -verify -noout", cwd=tmp_path)
    with pytest.raises(AssertionError, match="verification failed"):
        openssl(
            "verify -x509_strict -purpose sslserver -CAfile ca.pem device.pem",
            cwd=tmp_path,
        )


def test_our_request_can_be_used_with_openssl(lab: Lab) -> None:
    """From our request openssl issues the same as from its own: names are encoded alike."""
    theirs = certificates.load_request(lab.read("deviceCert.csr"))
    signer = certificates.load_private_key(lab.read("tempCsrSigner.key"))
    ours = certificates.certificate_request(signer, certificates.parse_subject(SUBJECT))
    assert ours.subject.public_bytes() == theirs.subject.public_bytes()
    (lab.folder / "deviceCert.csr").write_text(certificates.to_pem(ours), "ascii")
    try:
        assert lab.openssl_issues().subject == ours.subject
    finally:
        (lab.folder / "deviceCert.csr").write_text(certificates.to_pem(theirs), "ascii")


@pytest.mark.parametrize(
    "subject",
    [
        "/CN=my-thing",
        "/O=Lab, Ltd/CN=x",
        r"/O=a\/b/CN=x",
        "/CN=x+serialNumber=7",
        "/DC=example/DC=lab/UID=7/CN=x",
        "/C=DE/ST=Berlin/L=Berlin/O=My Lab/OU=a/CN=x/emailAddress=a@b.example",
        r"/O=a\+b\\c/CN=x=y",
        "/GN=Ada/SN=L/title=Dr/initials=A/dnQualifier=1/CN=x",
    ],
)
def test_subjects_are_read_as_openssl_reads_them(tmp_path: Path, subject: str) -> None:
    """`-subj` and `parse_subject` give the same bytes."""
    (tmp_path / "ca.cnf").write_text(CA_CONFIGURATION, "ascii")
    make_key(tmp_path, "key", "EC")
    pem = openssl("req -new -key key -subj", subject, cwd=tmp_path)
    theirs = certificates.load_request(pem[pem.index("-----") :])
    assert certificates.parse_subject(subject).public_bytes() == theirs.subject.public_bytes()


def test_what_openssl_issues_for_the_wrong_key_we_tell_apart(lab: Lab) -> None:
    """Without -force_pubkey openssl certifies the CSR signer's key; we name it."""
    openssl(
        "x509 -req -in deviceCert.csr -CA rootCA.pem -CAkey rootCA.key -days 500 -sha256"
        " -out forgotten.pem -set_serial 7",
        cwd=lab.folder,
    )
    with pytest.raises(CertificateError, match="the CSR signer's: -force_pubkey was missing"):
        certificates.verify_device_certificate(
            certificates.load_certificate(lab.read("forgotten.pem")),
            public_key=lab.public_key,
            ca=lab.ca,
            csr=certificates.load_request(lab.read("deviceCert.csr")),
        )
    certificates.verify_device_certificate(
        lab.openssl_issues(),
        public_key=lab.public_key,
        ca=lab.ca,
        csr=certificates.load_request(lab.read("deviceCert.csr")),
    )


def test_openssl_reads_our_keys(tmp_path: Path) -> None:
    """A key that we encrypted opens with the passphrase in openssl, and not without."""
    (tmp_path / "ca.cnf").write_text(CA_CONFIGURATION, "ascii")
    make_key(tmp_path, "key", "EC")
    key = certificates.load_private_key((tmp_path / "key").read_bytes())
    (tmp_path / "locked").write_bytes(certificates.private_key_to_pem(key, "correct horse"))
    command = "pkey -in locked -pubout -passin"
    public = openssl(command, "pass:correct horse", cwd=tmp_path)
    assert PublicKey.from_pem(public) == PublicKey.from_key(key)
    with pytest.raises(AssertionError, match=r"bad decrypt|Could not"):
        openssl(command, "pass:battery", cwd=tmp_path)


def test_our_id_is_openssls_fingerprint(lab: Lab) -> None:
    """AWS IoT's certificateId is what openssl calls the SHA-256 fingerprint."""
    printed = openssl("x509 -in rootCA.pem -noout -fingerprint -sha256", cwd=lab.folder)
    expected = printed.split("=")[1].strip().replace(":", "").lower()
    assert certificates.certificate_id(lab.ca) == expected
    assert certificates.load_certificate(lab.ca.public_bytes(serialization.Encoding.DER)) == lab.ca


@pytest.mark.parametrize("digest", ["md5", "sha1"])
def test_an_old_hash_in_a_request_is_named(lab: Lab, digest: str) -> None:
    """A request signed with MD5 or SHA-1 is not called damaged; with SHA-512 it is taken."""
    make = f"req -new -key tempCsrSigner.key -out {digest}.csr -subj /CN=my-thing"
    now = datetime.now(UTC)
    openssl(f"{make} -{digest}", cwd=lab.folder)
    with pytest.raises(CertificateError, match=f"with SHA-256, got one with {digest.upper()}"):
        lab.we_issue(now, x509v1=False, csr=lab.read(f"{digest}.csr"))
    openssl(f"{make} -sha512", cwd=lab.folder)
    assert lab.we_issue(now, x509v1=False, csr=lab.read(f"{digest}.csr"))


def test_an_rsa_pss_ca_is_refused(tmp_path: Path) -> None:
    """A key for PSS alone would sign in vain: openssl finds no issuer of what it signed."""
    (tmp_path / "ca.cnf").write_text(CA_CONFIGURATION)
    for kind in ("RSA-PSS", "RSA"):
        openssl(f"genpkey -algorithm {kind} -pkeyopt rsa_keygen_bits:2048 -out k", cwd=tmp_path)
        openssl("req -x509 -new -key k -days 900 -out ca.pem", cwd=tmp_path)
        ca = certificates.load_certificate((tmp_path / "ca.pem").read_bytes())
        if kind == "RSA":
            certificates.verify_ca(ca)
            continue
        with pytest.raises(CertificateError, match="expected plain RSA, got RSASSA-PSS"):
            certificates.verify_ca(ca)
