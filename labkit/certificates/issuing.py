"""Make the root CA, the verification certificate, the request and the device's certificate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labkit.certificates import rules, signing
from labkit.certificates.subjects import common_name, ignore_name_warnings
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.certificates.loading import SigningKey
    from labkit.certificates.rules import CertifiedKey
    from labkit.keys import PublicKey

DEVICE_CERTIFICATE_DAYS = 500
"""The documented command's `-days 500`."""

ROOT_CA_DAYS = 3650
"""Ten years: a CA must outlive the device certificates that it issues."""

VERIFICATION_CERTIFICATE_DAYS = 30
"""Used once, when the CA is registered; 30 days is ample."""

_REGISTRATION_CODE = re.compile(
    r"""[\s"'{]*(?:registrationCode["'\s:=]+)?(?P<code>[0-9a-f]{64})["'\s,}]*"""
)


def root_ca(
    key: SigningKey,
    subject: x509.Name,
    *,
    now: datetime,
    serial_number: int,
    valid_days: int = ROOT_CA_DAYS,
) -> x509.Certificate:
    """Make the certificate of a root CA: version 3, CA:TRUE, keyCertSign, self-signed.

    Args:
        key: the CA's private key, EC P-256 or RSA of 2048 bits or more.
        subject: the CA's name, with a common name; see `parse_subject`.
        now: the start of validity, with a time zone.
        serial_number: positive, at most 159 bits; it should be random, with 64 bits or more.
        valid_days: the validity in days.

    Raises:
        CertificateError: the key, the subject, the serial number or the validity is refused.

    Source: RFC 5280, section 4.2.1; AWS IoT Core developer guide, Register your CA certificate.
    """
    public_key = key.public_key()
    rules.verify_key_is_accepted(public_key, "the CA", "make one: openssl genrsa 2048")
    common_name(subject)
    usage = signing.key_usage(key_cert_sign=True, crl_sign=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    builder = signing.builder(
        subject,
        subject,
        public_key,
        serial_number=serial_number,
        valid=signing.validity(now, valid_days),
        extensions=(
            signing.extension(x509.BasicConstraints(ca=True, path_length=None), critical=True),
            signing.extension(usage, critical=True),
            signing.extension(identifier),
            signing.extension(issuer),
        ),
    )
    return signing.sign(builder, key)


def certificate_request(
    signer_key: SigningKey, subject: x509.Name
) -> x509.CertificateSigningRequest:
    """Make a certificate signing request (CSR), signed by a temporary key.

    The device cannot sign a request. This request carries the subject; `Issuer.issue` replaces its
    key by the device's.

    Args:
        signer_key: the temporary CSR signer, EC P-256 or RSA of 2048 bits or more.
        subject: the device's name, with a common name; see `parse_subject`.

    Raises:
        CertificateError: the key or the subject is refused.

    Source: RFC 2986; `openssl req -new -key tempCsrSigner.key -out deviceCert.csr`.
    """
    rules.verify_key_is_accepted(
        signer_key.public_key(), "the CSR signer", "make one: openssl genrsa 2048"
    )
    common_name(subject)
    builder = x509.CertificateSigningRequestBuilder(subject)
    return builder.sign(
        signer_key, hashes.SHA256(), ecdsa_deterministic=signing.deterministic(signer_key)
    )


class Issuer:
    """A certificate authority: its certificate and private key, checked once.

    Args:
        ca: the CA's certificate.
        ca_key: the CA's private key.

    Raises:
        CertificateError: the certificate must not sign certificates, or the key is another one.

    Attributes:
        ca: the CA's certificate.
    """

    def __init__(self, ca: x509.Certificate, ca_key: SigningKey) -> None:
        rules.verify_ca(ca)
        rules.verify_ca_key(ca, ca_key)
        self.ca = ca
        self._key = ca_key
        self._public_key = ca_key.public_key()
        self._public_key_der = rules.spki(self._public_key)
        self._name = ca.subject
        self._authority_key_identifier = signing.extension(_authority_key_identifier(ca))

    def __repr__(self) -> str:
        """Return one line with the CA's name and without the key."""
        return f"Issuer({self._name.rfc4514_string()})"

    def issue(
        self,
        csr: x509.CertificateSigningRequest,
        *,
        public_key: PublicKey,
        now: datetime,
        serial_number: int,
        valid_days: int = DEVICE_CERTIFICATE_DAYS,
        subject: x509.Name | None = None,
        x509v1: bool = False,
    ) -> x509.Certificate:
        """Issue the device's certificate: the request's subject, the device's public key.

        Every rule is checked before the CA signs. Afterwards the certificate is checked to hold the
        device's key and to verify with the CA's.

        Args:
            csr: the request, signed by the temporary CSR signer.
            public_key: the device's own key, from its console.
            now: the start of validity, with a time zone; fractions of a second are cut off.
            serial_number: positive, at most 159 bits; it should be random, with 64 bits or more.
            valid_days: the validity in days.
            subject: the subject; None for the request's.
            x509v1: make a version 1 certificate, without extensions, as the documented command
                does with OpenSSL before 3.2.

        Returns:
            The certificate: version 3, CA:FALSE, digitalSignature, clientAuth, both key
            identifiers, signed with SHA-256.

        Raises:
            CertificateError: a rule is violated.

        Source: `openssl x509 -req -in deviceCert.csr -CA rootCA.pem -CAkey rootCA.key
        -days 500 -sha256 -force_pubkey DevicePublicKey.pem`; RFC 5280, section 4.
        """
        signer_der = rules.spki(rules.verify_request(csr))
        rules.verify_device_key(public_key, signer_der=signer_der, ca_der=self._public_key_der)
        with ignore_name_warnings():
            name = csr.subject if subject is None else subject
        certificate = self._certify(
            name, _loaded(public_key), now, serial_number, valid_days, x509v1=x509v1
        )
        rules.verify_certified_key(
            certificate, public_key, signer_der=signer_der, ca_der=self._public_key_der
        )
        return certificate

    def verification_certificate(
        self,
        registration_code: str,
        *,
        public_key: CertifiedKey,
        now: datetime,
        serial_number: int,
        valid_days: int = VERIFICATION_CERTIFICATE_DAYS,
    ) -> x509.Certificate:
        """Make the certificate that proves to AWS IoT the possession of the CA's private key.

        Its common name is the account's registration code.

        Args:
            registration_code: 64 hexadecimal digits, from `GetRegistrationCode`; also in quotes,
                or in the JSON that the AWS CLI prints.
            public_key: the public key of a temporary key pair, not the CA's.
            now: the start of validity, with a time zone.
            serial_number: positive, at most 159 bits; it should be random, with 64 bits or more.
            valid_days: the validity in days.

        Raises:
            CertificateError: the registration code is malformed, or a rule is violated.

        Source: AWS IoT Core developer guide, Register your CA certificate.
        """
        code = _REGISTRATION_CODE.fullmatch(registration_code)
        if code is None:
            raise CertificateError(
                "Registration code: expected 64 hexadecimal digits in lower case, got "
                f"{len(registration_code)} characters. Get the code with: "
                "aws iot get-registration-code --query registrationCode --output text."
            )
        if rules.spki(public_key) == self._public_key_der:
            raise CertificateError(
                "Verification key: expected a temporary key, got the CA's own. "
                "Make one: openssl genrsa -out verificationCert.key 2048."
            )
        rules.verify_key_is_accepted(
            public_key, "the verification certificate", "make one: openssl genrsa 2048"
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, code["code"])])
        return self._certify(subject, public_key, now, serial_number, valid_days)

    def _certify(
        self,
        subject: x509.Name,
        public_key: CertifiedKey,
        now: datetime,
        serial_number: int,
        valid_days: int,
        *,
        x509v1: bool = False,
    ) -> x509.Certificate:
        """Check the rules for every certificate of this CA, and sign it."""
        common_name(subject)
        not_before, not_after = signing.validity(now, valid_days)
        rules.verify_ca_is_valid(self.ca, not_before)
        rules.verify_outlived_by(self.ca, not_before, not_after)
        builder = signing.builder(
            subject,
            self._name,
            public_key,
            serial_number=serial_number,
            valid=(not_before, not_after),
            extensions=() if x509v1 else self._client_extensions(public_key),
        )
        certificate = signing.sign(builder, self._key)
        if x509v1:
            certificate = signing.version_1(certificate, self._key)
        signature, message = certificate.signature, certificate.tbs_certificate_bytes
        if not rules.is_signed_by(self._public_key, signature, message):
            raise CertificateError("The CA's key did not sign this certificate. Issue it again.")
        return certificate

    def _client_extensions(
        self, public_key: CertifiedKey
    ) -> tuple[x509.Extension[x509.ExtensionType], ...]:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        return (
            _NOT_A_CA,
            _SIGNS,
            _CLIENT,
            signing.extension(identifier),
            self._authority_key_identifier,
        )


_NOT_A_CA = signing.extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
_SIGNS = signing.extension(signing.key_usage(digital_signature=True), critical=True)
_CLIENT = signing.extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))


def _authority_key_identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the CA's key identifier, or the usual digest if its certificate has none."""
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        own = x509.SubjectKeyIdentifier.from_public_key(ca.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _loaded(public_key: PublicKey) -> CertifiedKey:
    loaded = serialization.load_der_public_key(public_key.der)
    return rules.verify_key_is_accepted(loaded, "the device", "take DevicePublicKey.pem")
