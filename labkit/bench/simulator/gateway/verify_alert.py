"""Refuse a client's certificate during the handshake, with a given alert.

OpenSSL derives the alert from the verification error at the moment of refusal, which
`seams.set_verify_with_reason` sets.

Source: OpenSSL, ssl/statem/statem_lib.c, `ssl_x509err2alert`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from OpenSSL import SSL

from labkit.support.seams import set_verify_with_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from OpenSSL import crypto

_NO_ISSUER = frozenset({2, 18, 19, 20, 21})
"""X509_V_ERR_… for a chain without a trusted end. The store of trusted CAs stays empty: the account
has the CAs."""

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: OpenSSL would use the wall clock."""


class Refuse(IntEnum):
    """A verification error of OpenSSL, named after the alert that it causes."""

    BAD_CERTIFICATE = 9
    """X509_V_ERR_CERT_NOT_YET_VALID."""

    CERTIFICATE_EXPIRED = 10
    """X509_V_ERR_CERT_HAS_EXPIRED."""

    UNKNOWN_CA = 20
    """X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY."""

    CERTIFICATE_UNKNOWN = 75
    """X509_V_ERR_OCSP_CERT_UNKNOWN."""


def set_verify(
    context: SSL.Context, judge: Callable[[SSL.Connection, crypto.X509], Refuse | None]
) -> None:
    """Require a certificate of every client and decide about it.

    OpenSSL still checks the key's strength, purpose and possession, but neither the signature of
    the certificate nor its dates: these are left to `judge`.

    Args:
        context: the server's settings.
        judge: called with the connection and the client's certificate; returns the error to
            refuse with, or None to accept. It may be called more than once per connection.
    """
    store = context.get_cert_store()
    if store is not None:
        store.set_flags(_NO_CHECK_TIME)
    refusals: list[Refuse] = []

    def verify(
        tls: SSL.Connection, certificate: crypto.X509, error: int, depth: int, _: int
    ) -> bool:
        refusals.clear()
        if depth > 0:
            return True
        refusal = judge(tls, certificate)
        if refusal is not None:
            refusals.append(refusal)
        return refusal is None and (error == 0 or error in _NO_ISSUER)

    mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    set_verify_with_reason(context, mode, verify, lambda: refusals[0] if refusals else None)
