"""The hello world end to end: accepted with everything right, and each way of being refused.

What the board prints is held to what real firmware printed in the same situation, for both of the
releases that the simulated board has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end

from labkit import certificates, console, firmware, open_lab
from labkit.firmware.tree import find_sources
from labkit.keys import PublicKey
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM, FORCE
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit.device.capture import Capture
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

IN_THE_HANDSHAKE = {
    "202203.00": (
        "ERROR: TLS handshake failed trying to connect. SSL - A fatal alert message was received "
        "from our peer : <No-Low-Level-Code> \r\n"
    ),
    "201910.00": "ERROR: Handshake failed with error code -30592 \r\n",
}
AFTER_CONNECT = {
    "202203.00": (
        "TLS connection established to ",
        "[ERROR] A single byte was not read from the transport: transportStatus=-30848.\r\n",
        "[ERROR] CONNACK recv failed with status = MQTTRecvFailed.\r\n",
        "[ERROR] MQTT connection failed with status = MQTTRecvFailed.\r\n",
    ),
    "201910.00": (
        "Wait complete with result TIMEOUT.\r\n",
        "Network connection closed on error.\r\n",
    ),
}


@pytest.fixture(
    scope="module", params=["202203.00", pytest.param("201910.00", marks=pytest.mark.slow)]
)
def release(request: pytest.FixtureRequest) -> str:
    """One of the releases that the simulated board has."""
    return str(request.param)


@pytest.fixture(scope="module")
def accepted(
    release: str, tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A lab whose hello world was accepted."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("lab"), release=release)
    do_everything(lab)
    yield lab
    end(lab)


@pytest.fixture
def lab(accepted: Lab) -> Iterator[Lab]:
    """The lab, accepted before the test and, once all is set right, after it."""
    yield accepted
    assert ACCEPTED in accepted.run_hello_world()


def arn(lab: Lab) -> str:
    """Return the ARN of the device's certificate."""
    return str(lab.account.certificate(lab.certificate_id).arn)


def edit(file: Path, macro: str, value: str) -> None:
    """Set a macro by hand."""
    text = firmware.edit(firmware.decode(file.read_bytes()), macro, value).new
    file.write_bytes(firmware.encode(text))


def boot_with(lab: Lab, pem: str) -> Capture:
    """Put a certificate into the header, build, flash and boot."""
    edit(find_sources(lab.workspace.firmware).keys, CERTIFICATE_PEM, pem)
    lab.board.build()
    lab.board.flash()
    return lab.board.boot()


def set_aside(lab: Lab, certificate_id: str) -> None:
    """Make a certificate INACTIVE and delete it, in the order that AWS demands."""
    client, it = lab.account.client, lab.account.certificate(certificate_id)
    for thing in client.list_principal_things(principal=it.arn)["things"]:
        client.detach_thing_principal(thingName=thing, principal=it.arn)
    for policy in client.list_attached_policies(target=it.arn)["policies"]:
        client.detach_policy(policyName=policy["policyName"], target=it.arn)
    lab.account.set_certificate_status(it.name, "INACTIVE")
    client.delete_certificate(certificateId=it.name)


def verify_refused_in_the_handshake(lab: Lab, release: str, capture: Capture) -> None:
    """Verify the code and the text of an alert, as the release prints them, and nothing more."""
    endpoint = lab.account.endpoint()
    assert IN_THE_HANDSHAKE[release] in capture.text
    assert f"TLS_Connect fail (0x7780, {endpoint})" in capture.text
    assert capture.text.index("0x7780") > capture.text.index(IN_THE_HANDSHAKE[release])
    assert "TLS connection established" not in capture.text
    assert ACCEPTED not in capture
    assert lab.account.endpoint() in capture.text


def test_accepted_with_everything_right(lab: Lab) -> None:
    """With everything right the message goes through AWS IoT and comes back."""
    capture = lab.run_hello_world()
    assert ACCEPTED in capture
    assert "0x7" not in capture
    assert "hello world" in capture.text.lower()


def test_certificate_not_registered(lab: Lab, release: str) -> None:
    """A certificate of a known CA that nobody registered: an alert."""
    set_aside(lab, lab.certificate_id)
    verify_refused_in_the_handshake(lab, release, lab.board.boot())


def test_certificate_inactive(lab: Lab, release: str) -> None:
    """A registered certificate that is INACTIVE: an alert."""
    lab.account.set_certificate_status(lab.certificate_id, "INACTIVE")
    verify_refused_in_the_handshake(lab, release, lab.board.boot())


def test_no_policy(lab: Lab, release: str) -> None:
    """Without a policy the handshake succeeds, and the connection ends without a CONNACK."""
    lab.account.detach_policy(lab.hello_world.policy_name, arn(lab))
    capture = lab.board.boot()
    positions = [capture.text.find(words) for words in AFTER_CONNECT[release]]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert "0x7780" not in capture
    assert ACCEPTED not in capture


def test_no_thing(lab: Lab, release: str) -> None:
    """The same where the certificate is not attached to the thing that the client id names."""
    lab.account.client.detach_thing_principal(thingName="lab-device", principal=arn(lab))
    capture = lab.board.boot()
    assert all(words in capture.text for words in AFTER_CONNECT[release])
    assert ACCEPTED not in capture


def signed(ca_key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, key: PublicKey) -> str:
    """Sign a certificate for any key, with none of labkit's own checks, and return its PEM."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificates.parse_subject("CN=lab-device"))
        .issuer_name(ca.subject)
        .public_key(load_der_public_key(key.der))  # type: ignore[arg-type]  # a P-256 key
        .serial_number(x509.random_serial_number())
        .not_valid_before(ca.not_valid_before_utc)
        .not_valid_after(ca.not_valid_after_utc)
    )
    return certificates.to_pem(builder.sign(ca_key, hashes.SHA256()))


def test_the_csr_signers_key_in_the_certificate(lab: Lab, release: str) -> None:
    """-force_pubkey forgotten: registered, ACTIVE, attached, and still the device cannot use it."""
    ca = certificates.load_certificate(lab.file("rootCA.pem").read_bytes())
    ca_key = certificates.load_private_key(lab.file("rootCA.key").read_bytes())
    signer = PublicKey.from_key(Randomness("signer").ec_key("x", "csr").public_key())
    pem = signed(ca_key, ca, signer)
    registered = lab.account.register_certificate(pem, lab.file("rootCA.pem").read_text())
    lab.account.attach("lab-device", lab.hello_world.policy_name, registered.arn)
    lab.account.set_certificate_status(registered.name, "ACTIVE")
    capture = boot_with(lab, pem)
    verify_refused_in_the_handshake(lab, release, capture)
    set_aside(lab, registered.name)


def test_the_same_certificate_with_the_devices_key_is_accepted(lab: Lab) -> None:
    """The twin: signed the same way for the device's own key, it is let in."""
    ca = certificates.load_certificate(lab.file("rootCA.pem").read_bytes())
    ca_key = certificates.load_private_key(lab.file("rootCA.key").read_bytes())
    pem = signed(ca_key, ca, lab.public_key)
    registered = lab.account.register_certificate(pem, lab.file("rootCA.pem").read_text())
    lab.account.attach("lab-device", lab.hello_world.policy_name, registered.arn)
    lab.account.set_certificate_status(registered.name, "ACTIVE")
    assert ACCEPTED in boot_with(lab, pem)
    set_aside(lab, registered.name)


def test_unknown_ca(lab: Lab, release: str) -> None:
    """A certificate for the device's own key, of a CA that AWS IoT does not know: an alert."""
    key = Randomness().ec_key("another CA", "rootCA.key")
    ca = certificates.root_ca(
        key,
        certificates.parse_subject("CN=Another root CA"),
        now=certificates.load_certificate(lab.file("rootCA.pem").read_bytes()).not_valid_before_utc,
        serial_number=1 << 100,
    )
    capture = boot_with(lab, signed(key, ca, lab.public_key))
    verify_refused_in_the_handshake(lab, release, capture)


def test_macro_left_at_1(accepted: Lab, release: str) -> None:
    """The macro left at 1: the board makes another key pair, which its certificate is not for."""
    known = accepted.public_key
    edit(find_sources(accepted.workspace.firmware).provisioning, FORCE, "1")
    accepted.board.build()
    accepted.board.flash()
    capture = accepted.board.boot()
    verify_refused_in_the_handshake(accepted, release, capture)
    made = console.parse(capture.text).public_key()
    assert made != known
    with pytest.raises(Exception, match="the device's key has changed: expected") as caught:
        accepted.run_hello_world()
    assert known.short in str(caught.value)
    assert made.short in str(caught.value)
