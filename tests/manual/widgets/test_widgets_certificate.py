"""The certificate panel: plain words, who signed what by verifying, two side by side."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from certificate_makers import NOW, THING_NAME, ec_key, make_ca, unchecked_ca
from chains import CSR, chain, issue
from cryptography import x509
from lab_bench import THREADS_OF_PYSERIAL, end

from labkit import certificates, open_lab
from labkit.certificates.words import differences, explained, validity
from labkit.errors import CertificateError
from labkit.manual import widgets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Return a seeded lab whose certificate is issued."""
    lab = open_lab(tmp_path_factory.mktemp("lens") / "lab", seed="manual")
    lab.file("deviceCert.pem")
    yield lab
    end(lab)


def test_a_whole_chain_is_verified_and_says_so() -> None:
    """Each sentence is good, and the CSR signer's key is another one."""
    whole = chain(issue(), make_ca())
    assert whole.is_whole
    assert all(good for good, _ in whole.sentences())
    assert "signed the device's certificate: verified" in repr(whole)
    assert not whole.signer.is_certified


def test_a_ca_of_the_same_name_is_not_taken_for_the_issuer() -> None:
    """The name fits and the signature does not: broken, whatever the issuer says."""
    other = make_ca(ec_key("another ca"))
    assert other.subject == make_ca().subject
    broken = chain(issue(), other)
    assert not broken.is_whole
    assert "did NOT sign the device's certificate" in repr(broken)
    assert broken.root.problem is None


def test_whose_key_is_in_it_is_compared() -> None:
    """A certificate with the CSR signer's key holds that key, and not the device's."""
    forgotten = certificates.Issuer(make_ca(), ec_key("ca")).issue(
        certificates.certificate_request(ec_key("third"), THING_NAME),
        public_key=certificates.public_key(CSR),
        now=NOW,
        serial_number=3,
    )
    text = repr(chain(forgotten, make_ca()))
    assert "is NOT the device's own" in text
    assert "The certificate holds the CSR signer's key." in text


def test_the_root_is_no_csr_signer() -> None:
    """A request that the root's own key signed is reported as such."""
    csr = certificates.certificate_request(ec_key("ca"), THING_NAME)
    assert "NOT  The root's own key signed the request" in repr(chain(issue(), make_ca(), csr=csr))


@pytest.mark.parametrize(
    ("after", "word", "text"),
    [
        (timedelta(seconds=-1), "not yet valid", "not yet valid, begins in 0 days"),
        (timedelta(0), "valid", "valid, 500 days left"),
        (timedelta(days=499), "valid", "valid, 1 day left"),
        (timedelta(days=500), "valid", "valid, 0 days left"),
        (timedelta(days=500, seconds=1), "expired", "expired 0 days ago"),
        (timedelta(days=502), "expired", "expired 2 days ago"),
    ],
)
def test_days_left_are_counted_from_the_given_moment(
    after: timedelta, word: str, text: str
) -> None:
    """Both ends belong to the validity (RFC 5280, 4.1.2.5)."""
    certificate = issue()
    described = certificates.describe(certificate)
    found = validity(described, described.not_before + after)
    assert (found.word, str(found)) == (word, text)
    assert chain(certificate, make_ca(), now=described.not_before + after).is_whole == (
        word == "valid"
    )


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("good", [True, False])
def test_openssl_verifies_what_we_verify(tmp_path: Path, *, good: bool) -> None:
    """`openssl verify` comes to the same verdict on a true and on a namesake root."""
    root = make_ca() if good else make_ca(ec_key("another ca"))
    for name, certificate in (("root.pem", root), ("device.pem", issue())):
        (tmp_path / name).write_text(certificates.to_pem(certificate))
    done = subprocess.run(
        ["openssl", "verify", "-no_check_time", "-CAfile", "root.pem", "device.pem"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) is good is chain(issue(), root).is_whole


@pytest.mark.needs("openssl")
def test_the_words_are_the_facts_that_openssl_prints() -> None:
    """Serial number, dates, key usage and the rest, as `openssl x509` says them."""
    certificate = issue()
    options = [
        "-noout",
        "-serial",
        "-subject",
        "-issuer",
        "-fingerprint",
        "-sha256",
        "-dates",
        "-text",
    ]
    text = subprocess.run(
        ["openssl", "x509", *options, "-nameopt", "RFC2253", "-dateopt", "iso_8601"],
        input=certificates.to_pem(certificate).encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    ours = {field.name: field.value for field in explained(certificates.describe(certificate))}
    flat = text.replace(":", "").lower()
    assert f"serial={int(ours['serial number'], 16):02X}" in text
    assert f"subject={ours['subject']}" in text
    assert f"issuer={ours['issuer']}" in text
    assert ours["certificate id"] in flat
    assert ours["subjectKeyIdentifier"] in flat
    assert ours["authorityKeyIdentifier"] in flat
    assert f"notBefore={ours['valid from'].replace(' UTC', 'Z')}" in text
    assert f"notAfter={ours['valid until'].replace(' UTC', 'Z')}" in text
    assert "TLS Web Client Authentication" in text
    assert ours["extendedKeyUsage"] == "clientAuth"


def test_differences_are_words_and_sameness_is_too() -> None:
    """The device's and the CA's differ where they should; one with itself nowhere."""
    device, ca = (certificates.describe(each) for each in (issue(), make_ca()))
    found = {each.name: each.word for each in differences(device, ca)}
    assert found["issuer"] == "same"
    assert found["basicConstraints"] == "differs"
    assert found["extendedKeyUsage"] == "only in the first"
    back = {each.name: each.word for each in differences(ca, device)}
    assert back["extendedKeyUsage"] == "only in the second"
    assert {each.word for each in differences(device, device)} == {"same"}


def test_an_extension_without_words_differs_where_its_content_does() -> None:
    """Two subject alternative names are not the same because both are there."""
    one, other = (
        certificates.describe(
            unchecked_ca(ec_key("ca"), x509.SubjectAlternativeName([x509.DNSName(name)]))
        )
        for name in ("a.example", "b.example")
    )
    found = {each.name: each.word for each in differences(one, other)}
    assert found["2.5.29.17"] == "differs"


def test_a_page_shows_the_devices_certificate_and_its_chain(lab: Lab) -> None:
    """Live and stored, the HTML has all words of the text."""
    panel = widgets.certificate(lab)
    assert "ok   The key in it (1b3e 7698 a064 2614 …) is the device's own." in repr(panel)
    assert "valid, 500 days left" in repr(panel)
    for live in (True, False):
        html = unescape(re.sub(r"<[^>]*>", "\n", panel.html(live=live)))
        for line in panel.text().splitlines():
            for part in re.split(r" {2,}", line.removeprefix("ok ")):
                assert part.strip() in html


def test_two_certificates_are_compared(lab: Lab) -> None:
    """Each field is compared with the CA's; with itself, the certificate is the same."""
    panel = widgets.certificate(lab, lab.file("rootCA.pem").read_bytes())
    assert "basicConstraints        differs" in repr(panel)
    assert "differs" in panel.html(live=False)
    same = widgets.certificate(lab, lab.file("deviceCert.pem").read_bytes())
    assert "are the same" in repr(same)


@pytest.mark.parametrize("content", [b"", b"<b>hello</b>", None], ids=["empty", "text", "key"])
def test_what_is_not_a_certificate_is_refused(lab: Lab, content: bytes | None) -> None:
    """A private key or a text is an error; the message has nothing of it."""
    content = lab.file("rootCA.key").read_bytes() if content is None else content
    with pytest.raises(CertificateError) as error:
        widgets.certificate(lab, other=content)
    assert "PRIVATE" not in str(error.value)


def test_a_hostile_name_is_shown_and_not_run(lab: Lab) -> None:
    """Tags are escaped, and what cannot be seen is written out."""
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "<script>x</script>\x1b[31m\u202egood")]
    )
    panel = widgets.certificate(lab, other=unchecked_ca(ec_key("ca"), name=name))
    for live in (True, False):
        assert "<script>" not in panel.html(live=live)
        assert "&lt;script" in panel.html(live=live)
    assert "\x1b" not in repr(panel)
    assert "\\x1b" in repr(panel)
    assert "\\u202e" in repr(panel)
