"""The steps' own rules: what each one finds, keeps, makes again and refuses."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, another, counts, end

from labkit import certificates, firmware, open_lab
from labkit.errors import (
    CertificateError,
    CloudError,
    DeviceError,
    DumpError,
    FirmwareError,
    MacroNotFoundError,
    NoDumpError,
)
from labkit.firmware.tree import find_sources
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture
def bare(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """Another device of the lab, in which nothing is done."""
    return another(lab, request.node.name)


def do(lab: Lab, name: str) -> object:
    """Call a step's function by itself, as if it had never been done."""
    return lab.procedure.find(name).do(lab.workbench(name), None).value


# Headers


def test_the_tree_as_it_was_is_kept(bare: Lab) -> None:
    """What stood in a file before the first edit is kept, readable by its owner only."""
    file = find_sources(bare.workspace.firmware).credentials
    before = file.read_bytes()
    bare.set_endpoint_and_thing()
    backup = bare.workspace.device / "backups" / file.name
    assert file.read_bytes() != before
    assert backup.read_bytes() == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    file.write_bytes(before)
    bare.set_endpoint_and_thing()
    assert backup.read_bytes() == before


def test_a_private_key_in_the_header_is_refused(bare: Lab) -> None:
    """Option 2 leaves no private key in the keys header: nothing is written then."""
    bare.issue_certificate()
    bare.stop_key_generation()
    file = find_sources(bare.workspace.firmware).keys
    untouched = file.read_bytes()
    pem = certificates.private_key_to_pem(Randomness("x").ec_key("x", "x")).decode()
    text = firmware.edit(firmware.decode(untouched), "keyCLIENT_PRIVATE_KEY_PEM", pem).new
    file.write_bytes(firmware.encode(text))
    try:
        with pytest.raises(FirmwareError) as caught:
            bare.import_certificate()
        assert pem.splitlines()[1] not in str(caught.value)
        assert file.read_bytes() == firmware.encode(text)
    finally:
        file.write_bytes(untouched)
    assert "keyCLIENT_CERTIFICATE_PEM" in repr(bare.import_certificate())


def test_a_macro_that_is_missing_is_named(bare: Lab) -> None:
    """A header without the macro is an error that names it; the file stays as it was."""
    file = find_sources(bare.workspace.firmware).provisioning
    before = file.read_bytes()
    broken = before.replace(b"#define keyprovisioningFORCE", b"#define keyprovisioningFARCE")
    file.write_bytes(broken)
    try:
        with pytest.raises(MacroNotFoundError, match="keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"):
            bare.force_key_generation()
        assert file.read_bytes() == broken
    finally:
        file.write_bytes(before)


# The console


def test_nothing_to_extract(bare: Lab) -> None:
    """A log without a dump, or with a damaged one, gives no key and writes no file."""
    log = bare.workspace.path("console.log")
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"0 1 [iot_thread] nothing\r\n")
    with pytest.raises(NoDumpError):
        do(bare, "extract_public_key")
    log.write_bytes(
        b"0 1 [iot_thread] Device public key, 91 bytes:\r\n"
        b"3059 3013 0607 2a86 48ce 3d02 0106 082a \r\n1 2 [iot_thread] x\r\n"
    )
    with pytest.raises(DumpError):
        do(bare, "extract_public_key")
    assert not bare.workspace.path("DevicePublicKey.pem").exists()


def test_the_three_files_hold_one_key(bare: Lab) -> None:
    """Hex, DER and PEM are the same 91 bytes."""
    key = bare.extract_public_key()
    path = bare.workspace.path
    der = path("DevicePublicKeyDer.bin").read_bytes()
    assert len(der) == 91
    assert bytes.fromhex(path("DevicePublicKeyAsciiHex.txt").read_text()) == der == key.der
    assert path("DevicePublicKey.pem").read_text() == key.pem


def test_a_refused_hello_world_is_diagnosed(bare: Lab) -> None:
    """The error names the cause that the account tells, and what to do; nothing is journalled."""
    bare.run_demo_with_certificate()
    with pytest.raises(DeviceError, match=r"was not accepted.*Cause: ca-not-registered") as caught:
        do(bare, "run_hello_world")
    assert str(caught.value).endswith("For the evidence, call lab.diagnose().")
    assert "run_hello_world" not in [entry["step"] for entry in bare.journal]
    assert ACCEPTED in bare.run_hello_world()


# The CA and its certificates


def test_the_cas_key_is_the_owners_alone(lab: Lab) -> None:
    """rootCA.key is 0600, and found, not made, the second time."""
    lab.create_ca()
    file = lab.workspace.path("rootCA.key")
    before = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    do(lab, "create_ca")
    assert file.read_bytes() == before


def test_a_ca_without_its_key(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    """A CA certificate whose key is gone, or is another's, is refused: nothing is replaced."""
    del clean_environment
    lab = open_lab(tmp_path)
    lab.create_ca()
    key, certificate = lab.workspace.path("rootCA.key"), lab.workspace.path("rootCA.pem")
    kept, pem = key.read_bytes(), certificate.read_bytes()
    key.unlink()
    with pytest.raises(CertificateError, match=r"rootCA\.pem exists, but its key does not"):
        lab.create_ca()
    other = certificates.private_key_to_pem(Randomness("other").ec_key("x", "x"))
    key.write_bytes(other)
    with pytest.raises(CertificateError) as caught:
        lab.create_ca()
    assert other.decode().splitlines()[1] not in str(caught.value)
    assert certificate.read_bytes() == pem
    key.write_bytes(kept)
    lab.create_ca()
    end(lab)


def test_rsa_as_documented(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    """With ca.key = RSA-2048 the CA is as the documentation has it, and is accepted."""
    del clean_environment
    (tmp_path / "lab.toml").write_text('[ca]\nkey = "RSA-2048"\nsubject = "CN=RSA, O=Lab"\n')
    lab = open_lab(tmp_path)
    lab.create_ca()
    ca = certificates.load_certificate(lab.file("rootCA.pem").read_bytes())
    assert ca.public_key().key_size == 2048  # type: ignore[union-attr]
    assert ACCEPTED in lab.run_hello_world()
    end(lab)


def test_a_request_of_another_name_is_replaced(bare: Lab) -> None:
    """A request that is damaged is an error; one of another subject is made again."""
    file = bare.file("deviceCert.csr")
    signer = Randomness("x").ec_key("x", "x")
    other = certificates.certificate_request(signer, certificates.parse_subject("CN=other"))
    file.write_text(certificates.to_pem(other))
    request = bare.sign_request()
    assert certificates.common_name(request.subject) == bare.workspace.settings.thing_name
    before = file.read_bytes()
    bare.sign_request()
    assert file.read_bytes() == before


def test_the_signers_key_is_nowhere(bare: Lab) -> None:
    """The request is signed by a key that is not the device's, not the CA's, and not on disk."""
    bare.issue_certificate()
    request = certificates.load_request(bare.file("deviceCert.csr").read_bytes())
    signer = certificates.public_key(request)
    issued = certificates.load_certificate(bare.file("deviceCert.pem").read_bytes())
    ca = certificates.load_certificate(bare.file("rootCA.pem").read_bytes())
    assert certificates.public_key(issued) == bare.public_key != signer
    assert certificates.public_key(ca) != signer
    assert [
        path.name for path in bare.workspace.root.rglob("*.key") if "bench" not in str(path)
    ] == ["rootCA.key"]


# The account


def test_a_policy_that_says_something_else(lab: Lab) -> None:
    """A policy of the same name and another document is refused, not replaced."""
    client = lab.account.client
    lab.create_policy()
    attached = client.list_targets_for_policy(policyName="labkit-hello-world")["targets"]
    for target in attached:
        client.detach_policy(policyName="labkit-hello-world", target=target)
    client.delete_policy(policyName="labkit-hello-world")
    client.create_policy(
        policyName="labkit-hello-world",
        policyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Action": "iot:*", "Resource": "*"}]}',
    )
    with pytest.raises(CloudError, match="has another policy labkit-hello-world, with other"):
        lab.create_policy()
    client.delete_policy(policyName="labkit-hello-world")
    assert lab.create_policy().name == "labkit-hello-world"


def test_what_the_account_has_is_reused(bare: Lab) -> None:
    """CA, certificate and thing that are there are found: nothing is made twice."""
    bare.activate_certificate()
    before = counts(bare)
    for name in ("register_ca", "register_certificate", "create_thing", "create_policy"):
        do(bare, name)
    do(bare, "attach_thing_and_policy")
    assert counts(bare) == before
    assert do(bare, "register_certificate").status == "ACTIVE"  # type: ignore[attr-defined]


def test_a_ca_that_was_deactivated_is_active_again(bare: Lab) -> None:
    """A registered CA that is INACTIVE is set ACTIVE."""
    ca = bare.register_ca()
    bare.account.client.update_ca_certificate(certificateId=ca.name, newStatus="INACTIVE")
    assert bare.account.ca(ca.name).status == "INACTIVE"
    assert bare.register_ca().status == "ACTIVE"


def test_a_revoked_certificate_stays_revoked(bare: Lab) -> None:
    """REVOKED is terminal: the step says what AWS answered."""
    bare.activate_certificate()
    bare.account.client.update_certificate(certificateId=bare.certificate_id, newStatus="REVOKED")
    with pytest.raises(CloudError, match="setting the device certificate ACTIVE: AWS answered"):
        bare.activate_certificate()
