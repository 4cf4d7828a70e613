"""The CSR signer's key in a token or a file, and a CA that issues only for what it signed."""

from __future__ import annotations

import copy
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
import render_pages
from approval_lab import CA_KEY, device_key, open_place
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from labkit import approval, certificates
from labkit.approval.token import KEY_LABEL, Token, TokenKey, real_token, softhsm_module
from labkit.errors import ApprovalError
from labkit.keys import PublicKey

if TYPE_CHECKING:
    from labkit.approval import Authority, Signer
    from labkit.workspace import Workspace

PUMP_7, PUMP_8 = device_key("pump-7"), device_key("pump-8")
WHERE = [pytest.param("token", marks=pytest.mark.needs("softhsm2-util")), "file"]
WRONG_PIN = "135791"


def open_signer(place: Workspace, where: str, pin: str | None = None) -> Signer:
    """Return the CSR signer of a lab with or without SoftHSM2."""
    module = softhsm_module if where == "token" else (lambda: None)
    return approval.open_signer(place, administrator="ada", pin=pin, variables={}, module=module)


KILLS = Path(__file__).resolve().parents[1] / "helpers/approval_kills.py"


@pytest.fixture(params=WHERE, scope="module")
def where(request: pytest.FixtureRequest) -> str:
    """Return where the signer's key is."""
    return str(request.param)


@pytest.fixture(scope="module")
def place(where: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with a CA in it."""
    return open_place(tmp_path_factory.mktemp(where))


@pytest.fixture(scope="module")
def signer(place: Workspace, where: str) -> Signer:
    """Return the workspace's CSR signer."""
    return open_signer(place, where)


@pytest.fixture
def authority(place: Workspace, signer: Signer) -> Authority:
    """Return a CA with a new log, in which the signer is registered."""
    approval.start_new_log(place)
    opened = approval.open_authority(place, CA_KEY)
    opened.register(signer.key.public_key(), "ada")
    return opened


def refused(authority: Authority, csr: x509.CertificateSigningRequest, reason: str) -> None:
    """Assert that a request is refused, and that the last line of the log has the reason."""
    lines = len(authority.log.decisions())
    key = PUMP_7 if reason.startswith(("replayed", "used")) else PUMP_8
    with pytest.raises(ApprovalError, match=reason) as caught:
        authority.issue(csr, public_key=key)
    last = authority.log.decisions()[-1]
    assert (last.decision, last.reason) == ("refused", str(caught.value))
    assert (last.device_key, last.certificate) == (key.sha256, "")
    assert authority.log.verify() == lines + 1


def test_what_is_approved_is_issued(authority: Authority, signer: Signer) -> None:
    """The certificate and its line have the approved name and the device's key."""
    certificate = authority.issue(signer.request("pump-7", PUMP_7), public_key=PUMP_7)
    assert certificates.common_name(certificate.subject) == "pump-7"
    assert certificates.public_key(certificate) == PUMP_7
    last = authority.log.decisions()[-1]
    assert (last.decision, last.who, last.name) == ("issued", "ada", "pump-7")
    assert last.certificate == certificates.to_pem(certificate)


def test_a_rogue_request_is_refused(authority: Authority) -> None:
    """A valid request for the same name and device, signed by another key, is refused."""
    refused(authority, approval.rogue_signer().request("pump-8", PUMP_8), "rogue request")
    assert authority.log.decisions()[-1].who == "unknown"


def test_a_damaged_request_is_refused(authority: Authority, signer: Signer) -> None:
    """A name that was changed after signing breaks the signature."""
    der = signer.request("pump-9", PUMP_8).public_bytes(Encoding.DER)
    changed = x509.load_der_x509_csr(der.replace(b"pump-9", b"pump-8"))
    refused(authority, changed, "changed after signing")
    assert authority.log.decisions()[-1].who == "unknown"


def test_a_replayed_request_is_refused(authority: Authority, signer: Signer) -> None:
    """The same request gets no second certificate; `issued` returns the first."""
    csr = signer.request("pump-7", PUMP_7)
    certificate = authority.issue(csr, public_key=PUMP_7)
    refused(authority, csr, "replayed request")
    assert authority.issued(csr) == certificate


def test_a_request_handed_in_many_times_at_once(authority: Authority, signer: Signer) -> None:
    """One of them gets the certificate, the others are refused as replayed."""
    csr = signer.request("pump-7", PUMP_7)

    def issue(_: int) -> bool:
        try:
            return bool(authority.issue(csr, public_key=PUMP_7))
        except ApprovalError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(issue, range(16))) == 1
    assert authority.log.verify() == 1 + 16


def test_a_used_device_key_is_refused(authority: Authority, signer: Signer) -> None:
    """A new approval, with another name, for a key that has a certificate."""
    authority.issue(signer.request("pump-7", PUMP_7), public_key=PUMP_7)
    refused(authority, signer.request("pump-9", PUMP_7), "used device key")


def test_a_taken_name_is_refused(authority: Authority, signer: Signer) -> None:
    """A new approval, for another key, with a name that has a certificate."""
    authority.issue(signer.request("pump-7", PUMP_7), public_key=PUMP_7)
    refused(authority, signer.request("pump-7", PUMP_8), "taken name")


def test_an_approval_is_for_one_key(authority: Authority, signer: Signer) -> None:
    """A request that names another device key, or no key as in the documentation, is refused."""
    refused(authority, signer.request("pump-8", PUMP_7), "names another device key")
    refused(authority, signer.request("pump-8"), "names no device key")
    authority.issue(signer.request("pump-8", PUMP_8), public_key=PUMP_8)


def test_one_signer_is_registered(authority: Authority, signer: Signer) -> None:
    """The same one again adds no line; another one is refused, also in the log."""
    lines = len(authority.log.decisions())
    authority.register(signer.key.public_key(), "ada")
    assert len(authority.log.decisions()) == lines
    with pytest.raises(ApprovalError, match="registered already, under ada"):
        authority.register(approval.rogue_signer().key.public_key(), "mallory")
    assert authority.log.decisions()[-1].decision == "refused"


def test_nothing_is_issued_before_a_registration(place: Workspace, signer: Signer) -> None:
    """A CA without a registered signer refuses every request."""
    approval.start_new_log(place)
    authority = approval.open_authority(place, CA_KEY)
    refused(authority, signer.request("pump-8", PUMP_8), "no CSR signer is registered")
    with pytest.raises(ApprovalError, match="no certificate was issued"):
        authority.issued(signer.request("pump-8", PUMP_8))


def test_the_rules_of_issuing_hold_too(authority: Authority, signer: Signer) -> None:
    """The CA's key is refused as a device key, even if approved; the refusal is in the log."""
    ca_key = PublicKey.from_key(CA_KEY)
    with pytest.raises(ApprovalError, match="CA"):
        authority.issue(signer.request("pump-9", ca_key), public_key=ca_key)
    assert authority.log.decisions()[-1].decision == "refused"


@pytest.mark.needs("openssl")
def test_openssl_makes_the_same_approval(tmp_path: Path) -> None:
    """The command on the page names the device key as labkit does."""
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k",
         "-subj", "/CN=pump-7", "-addext", f"subjectKeyIdentifier={PUMP_7.sha256}", "-out", "csr"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    csr = certificates.load_request((tmp_path / "csr").read_bytes())
    assert approval.approved_key(csr) == PUMP_7.sha256


@pytest.mark.needs("openssl")
def test_openssl_verifies_a_request(signer: Signer, tmp_path: Path) -> None:
    """It verifies the signature and shows the device key's SHA-256; a changed byte fails."""
    csr = signer.request("pump-7", PUMP_7)
    for name, pem in (("good", certificates.to_pem(csr)), ("bad", _damaged(csr))):
        (tmp_path / name).write_text(pem)
    good, bad = (
        subprocess.run(
            ["openssl", "req", "-in", tmp_path / name, "-verify", "-noout", "-text"],
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("good", "bad")
    )
    assert "OK" in good.stderr + good.stdout
    assert "sha256WithRSAEncryption" in good.stdout
    assert PUMP_7.sha256 in good.stdout.replace(":", "").lower().replace("\n", "")
    assert "OK" not in bad.stderr


def test_a_wrong_pin_is_refused(place: Workspace, where: str, signer: Signer) -> None:
    """No message and no repr has the PIN, and the right one still works."""
    with pytest.raises(ApprovalError, match="the PIN was refused") as caught:
        open_signer(place, where, pin=WRONG_PIN)
    assert WRONG_PIN not in str(caught.value)
    assert approval.LAB_PIN not in repr(signer) + repr(signer.key) + signer.custody()
    assert open_signer(place, where).key.public_key() == signer.key.public_key()


def test_a_pin_that_cannot_be_one(place: Workspace, where: str) -> None:
    """It is refused before a token counts it as a wrong PIN."""
    with pytest.raises(ApprovalError, match="expected 4 to 255 bytes, got 3"):
        open_signer(place, where, pin="123")


def test_no_pin_is_written(place: Workspace, signer: Signer) -> None:
    """No file of the workspace has the PIN or an unencrypted private key."""
    assert signer.key.key_size == 2048
    for file in filter(Path.is_file, place.ca.rglob("*")):
        content = file.read_bytes()
        assert approval.LAB_PIN.encode() not in content
        assert b"BEGIN PRIVATE KEY" not in content
        if file.name == "csr-signer.pem":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.needs("softhsm2-util")
def test_the_token_keeps_its_key(tmp_path: Path) -> None:
    """The token refuses its private exponent, and signs only with the algorithm of requests."""
    signer = open_signer(open_place(tmp_path), "token")
    assert isinstance(signer.key, TokenKey)
    assert copy.copy(signer.key) is copy.deepcopy(signer.key) is signer.key
    assert "CKR_ATTRIBUTE_SENSITIVE" in signer.custody()
    with pytest.raises(ApprovalError, match="CKR_ATTRIBUTE_SENSITIVE"):
        certificates.private_key_to_pem(signer.key)
    with pytest.raises(ApprovalError, match="only signs"):
        signer.key.decrypt(b"", padding.PKCS1v15())
    with pytest.raises(ApprovalError, match="PKCS #1"):
        signer.key.sign(b"", padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 refused


@pytest.mark.needs("softhsm2-util")
def test_two_first_openings_make_one_key(tmp_path: Path) -> None:
    """Two kernels that open the signer at the same time get the same key."""
    place = open_place(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: open_signer(place, "token"), range(2))
    assert first.key.public_key() == second.key.public_key()


@pytest.mark.needs("pkcs11-tool")
@pytest.mark.needs("softhsm2-util")
def test_another_program_finds_the_key(tmp_path: Path) -> None:
    """OpenSC's pkcs11-tool sees a private key that is sensitive and was never extractable."""
    place = open_place(tmp_path)
    open_signer(place, "token")
    folder = place.ca / "approval" / "token"
    listed = subprocess.run(
        ["pkcs11-tool", "--module", str(softhsm_module()), "--token-label", KEY_LABEL, "--login",
         "--pin", approval.LAB_PIN, "--list-objects", "--type", "privkey"],
        env={"SOFTHSM2_CONF": str(folder / "softhsm2.conf"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "sensitive" in listed
    assert "never extractable" in listed


def test_what_a_tokens_refusal_says() -> None:
    """A wrong PIN, a lock and a missing key each say what to do."""
    token = Token(Path("/m.so"), "real")
    assert "Enter the PIN" in token.refusal({"error": "PinIncorrect"})
    assert "locked after too many" in token.refusal({"error": "PinLocked"})
    assert "--keypairgen" in token.refusal({"error": "NoSuchKey"})
    assert "DeviceRemoved" in token.refusal({"error": "DeviceRemoved"})


def test_real_hardware_is_named_by_variables(tmp_path: Path) -> None:
    """With module and label; one of them alone is an error."""
    module = tmp_path / "module.so"
    named = {"LABKIT_PKCS11_MODULE": str(module), "LABKIT_PKCS11_TOKEN": "real"}
    assert real_token({}) is None
    with pytest.raises(ApprovalError, match="expected the file of a PKCS #11 module"):
        real_token(named)
    module.touch()
    assert real_token(named) == Token(module, "real")
    with pytest.raises(ApprovalError, match="LABKIT_PKCS11_TOKEN"):
        real_token({"LABKIT_PKCS11_MODULE": str(module)})
    with pytest.raises(ApprovalError, match=r"module\.so"):
        TokenKey(Token(module, "real"), "1234")


def test_the_page_says_where_softhsm2_is_missing(tmp_path: Path) -> None:
    """The message has the package; an existing token is not replaced by a file."""
    place = open_place(tmp_path)
    assert "apt install softhsm2" in open_signer(place, "file").custody()
    other = open_place(tmp_path / "other")
    (other.ca / "approval" / "token").mkdir(parents=True)
    with pytest.raises(ApprovalError, match="not installed any more"):
        open_signer(other, "file")


@pytest.mark.slow
def test_a_kill_at_any_line(tmp_path: Path) -> None:
    """After a kill anywhere the log is valid, and the request gets one certificate."""
    done = subprocess.run(
        [
            sys.executable,
            KILLS,
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kills, used = map(int, done.stdout.split())
    assert kills > 50
    assert 0 < used < kills


def _damaged(csr: x509.CertificateSigningRequest) -> str:
    der = csr.public_bytes(Encoding.DER)
    return certificates.to_pem(x509.load_der_x509_csr(der[:-1] + bytes([der[-1] ^ 1])))


@pytest.mark.slow
def test_the_page_is_the_same_with_a_key_in_a_file(tmp_path: Path) -> None:
    """Without SoftHSM2 the page runs to its end, and only the cell about it differs."""
    stored = nbformat.read(render_pages.PAGES / "11-csr-signer-in-production.ipynb", 4)
    without = copy.deepcopy(stored)
    opening = next(cell for cell in without.cells if cell.cell_type == "code")
    missing = "from labkit.approval import token\ntoken.SOFTHSM_PLACES = ()"
    opening.source = f"{missing}\n{opening.source}"
    nbformat.write(without, tmp_path / "page.ipynb")
    rendered = nbformat.reads(render_pages.render(tmp_path / "page.ipynb"), 4)
    others = [
        now.metadata.get("tags")
        for before, now in zip(stored.cells, rendered.cells, strict=True)
        if before.get("outputs") != now.get("outputs")
    ]
    assert others == [["nbval-ignore-output"]]
    assert "apt install softhsm2" in str(rendered)
