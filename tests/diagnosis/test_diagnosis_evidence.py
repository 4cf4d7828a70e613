"""What comes beside the console: headers in every release's shape, literals, certificates."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import diagnosis_cases as cases
import pytest
from board_bench import NOW, Authority, private_pem
from console_shapes import PRINTING, key
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from diagnosis_cases import ALERT_202012, account, c_literal, dump, headers, of_202012, on_one_line
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.diagnosis import Evidence, Headers, diagnose
from labkit.diagnosis.literals import What, read_certificate, read_private_key
from labkit.errors import DeviceError
from labkit.lab.header_evidence import read_headers

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.issue(key("device").load())
ALERT = of_202012("Write certificate...", PRINTING, dump(), *ALERT_202012)


def lost_line(pem: str) -> str:
    """Return PEM without its third line."""
    lines = pem.splitlines(keepends=True)
    return "".join(lines[:2] + lines[3:])


CERTIFICATES = {
    "as it should be": (CERTIFICATE, What.CERTIFICATE),
    "without line ends": (on_one_line(CERTIFICATE), What.CERTIFICATE),
    "with CRLF": (CERTIFICATE.replace("\n", "\r\n"), What.CERTIFICATE),
    "NULL": (None, What.MISSING),
    "empty": ("", What.MISSING),
    "placeholder": ("Paste client certificate here.", What.NO_PEM),
    "public key": (key("device").pem, What.PUBLIC_KEY),
    "a line lost": (lost_line(CERTIFICATE), What.DAMAGED),
    "no end": (CERTIFICATE[:300], What.DAMAGED),
    "not base64": (CERTIFICATE.replace("M", "*", 1), What.DAMAGED),
    "a request's label": (CERTIFICATE.replace("CERTIFICATE", "CERTIFICATE REQUEST"), What.DAMAGED),
}


@pytest.mark.parametrize(("value", "what"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificate_literals(value: str | None, what: What) -> None:
    """A certificate's literal is read as laxly as the firmware's converter reads it."""
    literal = headers(certificate=value).certificate
    assert literal is not None
    assert literal.what is what
    assert bool(literal.why) is (what not in (What.CERTIFICATE, What.MISSING))


def test_a_just_in_time_ca_needs_its_line_ends() -> None:
    r"""The same text without \n is a certificate to the converter, and none to mbedTLS."""
    text = on_one_line(AUTHORITY.pem)
    assert read_certificate(text, "x").what is What.CERTIFICATE
    assert read_certificate(text, "x", strict=True).what is What.DAMAGED
    assert read_certificate(AUTHORITY.pem, "x", strict=True).what is What.CERTIFICATE


P256 = private_pem(ec.generate_private_key(ec.SECP256R1()))
KEYS = {
    "EC P-256": (P256, What.PRIVATE_KEY),
    "EC P-256, SEC1": (
        private_pem(ec.generate_private_key(ec.SECP256R1()), "TraditionalOpenSSL"),
        What.PRIVATE_KEY,
    ),
    "RSA-2048": (
        private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        What.PRIVATE_KEY,
    ),
    "P-384": (cases.p384(), What.UNSUPPORTED),
    "RSA-4096": (cases.rsa_4096(), What.UNSUPPORTED),
    "without line ends": (on_one_line(P256), What.DAMAGED),
    "a line lost": (lost_line(P256), What.DAMAGED),
    "a certificate": (CERTIFICATE, What.DAMAGED),
    "placeholder": ("Paste client private key here.", What.NO_PEM),
    "NULL": (None, What.MISSING),
}


@pytest.mark.parametrize(("value", "what"), KEYS.values(), ids=KEYS)
def test_private_key_literals(value: str | None, what: What) -> None:
    """A private key's literal is judged as the firmware imports it; of the key nothing is kept."""
    literal = read_private_key(value, "x")
    assert literal.what is what
    assert (literal.spki is not None) is (what is What.PRIVATE_KEY)
    secret = (value or "").split("\n")[1:2] or [""]
    kept = repr([getattr(literal, name) for name in literal.__slots__])
    assert not secret[0] or secret[0] not in kept


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        (c_literal("a-ats.iot.x"), "a-ats.iot.x"),
        ('""', ""),
        ("NULL", ""),
        ("(NULL)", ""),
        ("SOME_OTHER_MACRO", None),
    ],
)
def test_what_a_header_does_not_tell_is_unknown(written: str, endpoint: str | None) -> None:
    """NULL and empty are known to be empty; what another macro decides is not known."""
    name = "clientcredentialMQTT_BROKER_ENDPOINT"
    read = Headers.read(credentials=f"#define {name} {written}\n", keys="", provisioning="")
    assert read.endpoint == endpoint
    assert (read.certificate, read.thing_name, read.force) == (None, None, None)


@pytest.mark.parametrize(("written", "force"), [("0", False), ("(1)", True), ("1", True)])
@pytest.mark.parametrize("name", ["KEY_PAIR", "KEYSET"])
def test_the_switch_under_both_names(name: str, written: str, force: bool) -> None:
    """The macro that makes a new key pair is found by its older name, too."""
    source = f"#define keyprovisioningFORCE_GENERATE_NEW_{name} {written}\n"
    assert Headers.read(credentials="", keys="", provisioning=source).force is force


def test_the_headers_of_a_tree(tmp_path: Path) -> None:
    """A tree's three files are read; of a folder with one of them, that one; of none, an error."""
    include = tmp_path / "demos" / "include"
    source = tmp_path / "demos" / "dev_mode_key_provisioning" / "src"
    include.mkdir(parents=True)
    source.mkdir(parents=True)
    keys = f"#define keyCLIENT_CERTIFICATE_PEM {c_literal(CERTIFICATE)}\n"
    (include / "aws_clientcredential_keys.h").write_text(keys)
    partial = read_headers(include)
    assert partial.certificate is not None
    assert partial.endpoint is None
    with pytest.raises(DeviceError):
        read_headers(source)
    (include / "aws_clientcredential.h").write_text("")
    (source / "aws_dev_mode_key_provisioning.c").write_text(
        "#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR 1\n"
    )
    whole = read_headers(tmp_path)
    assert whole.certificate is not None
    assert whole.force is True


def test_the_header_counts_before_the_file() -> None:
    """The board was built with its header: another file is only worth a note."""
    others = AUTHORITY.issue(key("another").load())
    evidence = Evidence(headers=headers(certificate=others), certificate=CERTIFICATE)
    found = diagnose(ALERT, evidence)
    assert found.best.id == "certificate-not-for-this-key"
    assert any("differs from the given file" in note for note in found.notes)
    same = Evidence(headers=headers(certificate=CERTIFICATE), certificate=CERTIFICATE)
    assert not diagnose(ALERT, same).notes
    only_file = Evidence(headers=headers(certificate=None), certificate=CERTIFICATE)
    assert diagnose(ALERT, only_file).best.id != "certificate-not-for-this-key"


def test_another_accounts_endpoint() -> None:
    """A board that talks to another account's endpoint is refused there as a stranger."""
    log = ALERT.replace("(0x7780, NULL)", "(0x7780, a1-ats.iot.eu-west-1.amazonaws.com)")
    evidence = Evidence(certificate=CERTIFICATE, account=account(), now=NOW)
    assert diagnose(log, evidence).best.id == "wrong-root-or-endpoint"
    assert diagnose(ALERT, evidence).best.id != "wrong-root-or-endpoint"


def test_the_thing_is_not_blamed_where_there_is_no_policy() -> None:
    """Where nothing is attached, the policy is what is missing; with a policy, the thing is."""
    log = of_202012("MQTT CONNECT: MQTTRecvFailed")
    bare = Evidence(account=account(things=(), policies=()))
    assert [cause.id for cause in diagnose(log, bare).causes if cause.confidence > 0.5] == [
        "no-policy"
    ]
    assert diagnose(log, Evidence(account=account(things=()))).best.id == "thing-not-attached"


def test_lines_that_a_mail_has_wrapped() -> None:
    """A copy wrapped at 72 columns loses the ends of its messages, not the cause."""
    log = of_202012(
        PRINTING,
        dump(),
        "Warning: the client certificate should be\nupdated. Please see",
        "ERROR: The handshake failed and it is likely due to a failure in\nPKCS #11. Consider",
        "TLS_Connect fail (0x7780,\na-ats.iot.us-east-1.amazonaws.com)",
    )
    assert diagnose(log).best.id == "no-certificate"


@given(
    at=st.integers(0, 2000),
    value=st.integers(0, 255),
    key_text=st.text(max_size=200),
    account_changes=st.fixed_dictionaries(
        {},
        optional={
            "certificate_status": st.sampled_from([None, "", "ACTIVE", "REVOKED", "ODD"]),
            "ca_status": st.sampled_from([None, "", "ACTIVE", "INACTIVE"]),
            "auto_registration": st.sampled_from([None, True, False]),
            "things": st.sampled_from([None, (), ("a", "b")]),
            "policies": st.sampled_from([None, ()]),
            "endpoint": st.sampled_from([None, "", "x"]),
            "region": st.text(max_size=5),
        },
    ),
    log=st.sampled_from(
        [
            ALERT,
            of_202012("TLS_Connect fail (0x2700, x)"),
            of_202012("MQTT CONNECT: MQTTRecvFailed"),
            of_202012("MQTT CONNECT: MQTTSuccess", "MQTT SUBSCRIBE: MQTTRecvFailed"),
            of_202012("Unable to parse private key."),
        ]
    ),
)
@settings(max_examples=200, deadline=None)
def test_no_evidence_raises(
    at: int, value: int, key_text: str, account_changes: dict[str, object], log: str
) -> None:
    """Whatever is changed in a certificate, written into a header or reported by an account."""
    der = bytearray(read_certificate(CERTIFICATE, "x").certificate.public_bytes(cases.DER))
    der[at % len(der)] = value
    evidence = Evidence(
        headers=Headers.read(credentials=key_text, keys=key_text, provisioning=key_text),
        certificate=bytes(der),
        ca=bytes(der),
        account=account(**account_changes),
        now=NOW + timedelta(days=value),
    )
    found = diagnose(log, evidence)
    assert repr(found)
    assert sum(cause.confidence for cause in found.causes) > 0
