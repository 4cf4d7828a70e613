"""Subjects: both ways to write one give the same name, and mistakes are named."""

from __future__ import annotations

from contextlib import suppress

import pytest
from certificate_makers import NOW, ec_key, make_ca
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import certificates
from labkit.certificates import parse_subject
from labkit.errors import CertificateError

O, CN, OU = (  # noqa: E741 the attribute's own name
    NameOID.ORGANIZATION_NAME,
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
)


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Return a name with one attribute a part."""
    return x509.Name([x509.NameAttribute(*attribute) for attribute in attributes])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CN=my-thing", name((CN, "my-thing"))),
        ("/CN=my-thing", name((CN, "my-thing"))),
        ("CN=my-thing,O=My Lab", name((O, "My Lab"), (CN, "my-thing"))),
        ("CN=my-thing, O=My Lab ", name((O, "My Lab"), (CN, "my-thing"))),
        ("cn=my-thing", name((CN, "my-thing"))),
        ("/O=My Lab/CN=my-thing", name((O, "My Lab"), (CN, "my-thing"))),
        ("/O=My Lab/OU=a/OU=b/CN=x", name((O, "My Lab"), (OU, "a"), (OU, "b"), (CN, "x"))),
        (r"O=Lab\, Ltd", name((O, "Lab, Ltd"))),
        (r"O=a\+b", name((O, "a+b"))),
        (r"/O=a\/b\+c", name((O, "a/b+c"))),
        ("/O=a,b=c", name((O, "a,b=c"))),
        ("O=a/b", name((O, "a/b"))),
        (r"O=Caf\C3\A9", name((O, "Café"))),
        ("O=Café", name((O, "Café"))),
        (r"/O=\C3", name((O, "C3"))),
        (r"O=\ a\ ", name((O, " a "))),
        (r"O=\\", name((O, "\\"))),
        ("emailAddress=a@b.example", name((NameOID.EMAIL_ADDRESS, "a@b.example"))),
        ("C=DE", name((NameOID.COUNTRY_NAME, "DE"))),
    ],
)
def test_a_subject_is_read_in_both_forms(text: str, expected: x509.Name) -> None:
    """RFC 4514 from the end, openssl's form from the start, both with escapes."""
    assert parse_subject(text) == expected
    assert parse_subject(text).public_bytes() == expected.public_bytes()


def test_a_multi_valued_part_is_one_part() -> None:
    """A plus sign joins two attributes in both forms."""
    part = x509.RelativeDistinguishedName(
        [x509.NameAttribute(CN, "x"), x509.NameAttribute(NameOID.SERIAL_NUMBER, "7")]
    )
    assert parse_subject("CN=x+serialNumber=7").rdns == [part]
    assert parse_subject("/CN=x+serialNumber=7").rdns == [part]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'expected name=value, got "". Write it as "CN=my-thing'),
        ("/", 'expected name=value, got ""'),
        ("my-thing", 'Subject "my-thing": expected name=value, got "my-thing"'),
        ("CN=x,", 'expected name=value, got ""'),
        ("CN=x,Lab", 'expected name=value, got "Lab"'),
        ("/CN=x/Lab", 'expected name=value, got "Lab"'),
        ("NAME=x", '"NAME" is not a known attribute; use one of CN, C, ST,'),
        ("CN=", "length must be >= 1 and <= 64, but it was 0"),
        ("CN=" + "x" * 65, "but it was 65"),
        ("C=Germany", "C: Attribute's length must be >= 2 and <= 2, but it was 7"),
        ("CN=x\\", "nothing follows the last backslash"),
        (r"CN=\C3", "not UTF-8"),
        ("CN=x+CN=x", "duplicate"),
        ("CN=\ud800", "has no UTF-8 form"),
    ],
)
def test_a_mistaken_subject_is_refused_with_its_reason(text: str, message: str) -> None:
    """The message quotes the subject and says how to write one."""
    with pytest.raises(CertificateError) as caught:
        parse_subject(text)
    assert message.lower() in str(caught.value).lower()


VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


KINDS = [O, CN, OU, NameOID.SERIAL_NUMBER, NameOID.TITLE, NameOID.DN_QUALIFIER, NameOID.PSEUDONYM]


@given(st.lists(st.tuples(st.sampled_from(KINDS), VALUES), min_size=1, max_size=4))
@settings(max_examples=200)
def test_any_name_written_as_rfc_4514_is_read_again(
    attributes: list[tuple[x509.ObjectIdentifier, str]],
) -> None:
    """What `subject_text` writes, `parse_subject` reads, whatever the characters."""
    subject = name(*attributes)
    assert parse_subject(certificates.subject_text(subject)) == subject


@given(st.lists(st.tuples(st.sampled_from(["O", "CN", "OU"]), VALUES), min_size=1, max_size=4))
@settings(max_examples=200)
def test_any_name_written_for_openssl_is_read_again(attributes: list[tuple[str, str]]) -> None:
    """With every character of a value escaped, openssl's form gives the value back."""
    text = "".join(
        f"/{kind}=" + "".join(f"\\{character}" for character in value) for kind, value in attributes
    )
    kinds = {"O": O, "CN": CN, "OU": OU}
    assert parse_subject(text) == name(*((kinds[kind], value) for kind, value in attributes))


@given(st.text(max_size=40) | st.text(alphabet="CNO=,/+\\ ax\u00e9C3", max_size=40))
@settings(max_examples=300)
def test_any_text_is_a_subject_or_refused(text: str) -> None:
    """No text raises anything but CertificateError."""
    with suppress(CertificateError):
        assert parse_subject(text).rdns


def test_policy_variables_are_named_as_aws_names_them() -> None:
    """The first of several values has the bare name, each has one with its index."""
    csr = certificates.certificate_request(ec_key("signer"), parse_subject("/O=a/O=b/CN=my-thing"))
    ca = make_ca()
    variables = certificates.policy_variables(ca)
    assert variables["iot:Certificate.Subject.CommonName"] == "Lab root CA"
    assert variables["iot:Certificate.Issuer.Organization"] == "My Lab"
    assert "iot:Certificate.Subject.Country" not in variables
    certificate = certificates.root_ca(ec_key("ca"), csr.subject, now=NOW, serial_number=1)
    organization = "iot:Certificate.Subject.Organization"
    variables = certificates.policy_variables(certificate)
    assert [variables[organization + suffix] for suffix in ("", ".0", ".1")] == ["a", "a", "b"]


def test_every_attribute_is_shown_by_name() -> None:
    """Also those for which RFC 4514 has numbers; one that has no name keeps its number."""
    text = "dnQualifier=q,serialNumber=12,emailAddress=a@b.example,CN=my-thing"
    assert certificates.subject_text(parse_subject(text)) == text
    unnamed = name((x509.ObjectIdentifier("1.2.3.4"), "x"))
    assert certificates.subject_text(unnamed) == "1.2.3.4=x"
