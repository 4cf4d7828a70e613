"""The rules of issuing: each fault is refused with its own message, before anything is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificate_faults import (
    FAULTS,
    Files,
    good_files,
    issue_from,
)
from certificate_makers import (
    ec_key,
)

from labkit.certificates import signing
from labkit.errors import CertificateError, LabError, PublicKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count what the CA signs."""
    made: list[object] = []
    sign = signing.sign

    def counted(builder: x509.CertificateBuilder, key: object) -> x509.Certificate:
        made.append(builder)
        return sign(builder, key)

    monkeypatch.setattr(signing, "sign", counted)
    return made


@pytest.mark.parametrize(
    ("bad", "good", "message"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_each_fault_is_refused_before_signing_and_its_twin_is_not(
    bad: Callable[[Files], Files],
    good: Callable[[Files], Files],
    message: str,
    signatures: list[object],
) -> None:
    """A fault has its own message and leaves nothing signed; without it a certificate comes."""
    files = good_files()
    faulty, right = bad(files), good(files)
    signatures.clear()
    with pytest.raises((CertificateError, PublicKeyError), match=message) as caught:
        issue_from(faulty)
    assert not signatures
    assert isinstance(caught.value, LabError)
    assert issue_from(right).public_key() == ec_key("device").public_key()
    assert len(signatures) == 1
