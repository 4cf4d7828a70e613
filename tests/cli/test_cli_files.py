"""`labkit key` and `labkit certificate`, against openssl, and what they refuse."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from certificate_faults import FAULTS, good_files
from certificate_makers import CODE, NOW, PEM, ec_key, make_ca, private_pem, public_pem
from cli_runner import Ended, assert_refused, labkit
from console_shapes import boot_202107, key, rows, text
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from labkit.cli import certificate as commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from certificate_faults import Files

    Change = Callable[[Files], Files]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a console log of two boots, the second with a new key."""
    path = tmp_path / "console.log"
    path.write_text(
        text(boot_202107(key("old"), makes_pair=False), boot_202107(key(), makes_pair=True))
    )
    return path


def openssl(*arguments: object) -> str:
    """Run openssl; it has to succeed."""
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# labkit key


@pytest.mark.parametrize("from_stdin", [False, True], ids=["file", "stdin"])
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("pem", key().pem.encode()),
        ("der", key().der),
        ("hex", key().der.hex().encode() + b"\n"),
    ],
    ids=["pem", "der", "hex"],
)
def test_key_prints_the_newest_key(
    log: Path, form: str, expected: bytes, *, from_stdin: bool
) -> None:
    """The newest dump's key comes in each format, from a file and from standard input."""
    source = "-" if from_stdin else log
    ended = labkit("key", source, "--format", form, stdin=log.read_bytes())
    assert (ended.code, ended.raw) == (0, expected)
    assert "note: it holds another key than the dump before it, line 4\n" in ended.err
    assert key("old").der.hex() not in ended.raw.hex()


def test_key_is_printed_as_pem(log: Path) -> None:
    """PEM is the default."""
    assert labkit("key", log).out == key().pem


def test_key_as_json(log: Path) -> None:
    """The JSON has the six members, rows and dumps as counts."""
    output = json.loads(labkit("key", log, "--format", "json").out)
    assert list(output) == ["der_hex", "sha256", "rows", "dumps", "generated", "notes"]
    assert (output["der_hex"], output["sha256"]) == (key().der.hex(), key().sha256)
    assert (output["rows"], output["dumps"], output["generated"]) == (6, 2, True)
    assert isinstance(output["notes"], list)


def test_key_as_json_of_an_old_release_cannot_tell_generated(tmp_path: Path) -> None:
    """Where the firmware does not say whether it made the key, `generated` is null."""
    log = tmp_path / "console.log"
    log.write_text(text([f"0 7 [iot_thread] {'Device public key, 91 bytes:'}", *rows(key())]))
    assert json.loads(labkit("key", log, "--format", "json").out)["generated"] is None


@pytest.mark.parametrize("form", ["pem", "der", "hex", "json"])
def test_key_to_a_file_is_what_it_prints(log: Path, tmp_path: Path, form: str) -> None:
    """`-o FILE` writes the bytes that standard output would get, and prints only notes."""
    printed = labkit("key", log, "--format", form)
    ended = labkit("key", log, "--format", form, "-o", tmp_path / "out")
    assert (ended.code, ended.raw, ended.err) == (0, b"", printed.err)
    assert (tmp_path / "out").read_bytes() == printed.raw
    assert labkit("key", log, "--format", form, "-o", "-").raw == printed.raw


@pytest.mark.parametrize("form", ["pem", "der", "hex", "json"])
def test_key_of_a_damaged_newest_dump_is_refused(log: Path, tmp_path: Path, form: str) -> None:
    """A lost byte in the newest dump: exit 1, the row named, no older key, nothing written."""
    row = rows(key())[3]
    log.write_text(log.read_text().replace(row, row[:5] + row[7:]))
    out = tmp_path / "out"
    assert_refused(labkit("key", log, "--format", form), "row 4", "15 bytes, expected 16")
    assert_refused(labkit("key", log, "--format", form, "-o", out), "row 4")
    assert not out.exists()


def test_key_of_a_log_without_a_dump_is_refused() -> None:
    """A log with no dump, an empty one and binary noise are refused in words."""
    for content in (b"", b"0 1 [a] hello\r\n", bytes(range(256)) * 9):
        assert_refused(labkit("key", "-", stdin=content), "dump")


def test_key_never_overwrites_the_log(log: Path) -> None:
    """The log given as -o too, by whatever path, is refused and stays."""
    before = log.read_bytes()
    link = log.with_name("link")
    link.symlink_to(log)
    assert_refused(labkit("key", log, "-o", log), "console-log")
    assert_refused(labkit("key", log, "-o", link), "console-log")
    assert log.read_bytes() == before


def test_output_goes_through_links_and_into_pipes(log: Path, tmp_path: Path) -> None:
    """A symbolic link stays one, and a pipe or device is written to, never replaced."""
    target, link, pipe = (tmp_path / name for name in ("target", "link", "pipe"))
    link.symlink_to(target)
    assert labkit("key", log, "-o", link).code == 0
    assert link.is_symlink()
    assert target.read_text() == key().pem
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert labkit("key", log, "-o", pipe).code == 0
        is_a_pipe_still = stat.S_ISFIFO(pipe.stat().st_mode)
        if not is_a_pipe_still:
            reader.kill()
        assert reader.communicate(timeout=20)[0] == key().pem
    assert is_a_pipe_still


@pytest.mark.parametrize("output", ["a-file/key.pem", "/proc/nothing/key.pem"])
def test_output_that_cannot_be_written_is_refused(log: Path, tmp_path: Path, output: str) -> None:
    """An output that cannot be written is refused with its name."""
    (tmp_path / "a-file").write_text("here")
    assert_refused(labkit("key", log, "-o", tmp_path / output), output, "-o")


# labkit certificate


@pytest.fixture
def ca(tmp_path: Path) -> dict[str, Path]:
    """Return a CA's files, made by the command."""
    made = {"--ca": tmp_path / "rootCA.pem", "--ca-key": tmp_path / "rootCA.key"}
    ended = labkit("certificate", "new-ca", "--ca-key", made["--ca-key"], "-o", made["--ca"])
    assert (ended.code, ended.raw, ended.err) == (0, b"", "")
    return made


def issue(given: dict[str, Any], *more: object) -> Ended:
    """Run `labkit certificate issue`."""
    return labkit("certificate", "issue", *(item for pair in given.items() for item in pair), *more)


@pytest.fixture
def given(ca: dict[str, Path], tmp_path: Path) -> dict[str, Any]:
    """Return what a device certificate takes, with no fault in it."""
    public_key = tmp_path / "DevicePublicKey.pem"
    public_key.write_text(key().pem)
    out = tmp_path / "deviceCert.pem"
    return {**ca, "--public-key": public_key, "--subject": "CN=my-thing", "-o": out}


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("key_type", ["EC P-256", "RSA-2048"])
def test_new_ca_is_one_to_openssl(tmp_path: Path, key_type: str) -> None:
    """The CA verifies against itself, says CA:TRUE and keyCertSign, and its key is 0600."""
    pem, secret = tmp_path / "rootCA.pem", tmp_path / "rootCA.key"
    options = ["--key-type", key_type, "--subject", "CN=My CA,O=My Lab", "--days", 90]
    assert labkit("certificate", "new-ca", "--ca-key", secret, "-o", pem, *options).code == 0
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    shown = openssl("x509", "-in", pem, "-noout", "-text")
    assert "CA:TRUE" in shown
    assert "Certificate Sign" in shown
    assert "O = My Lab, CN = My CA" in shown
    assert openssl("verify", "-CAfile", pem, pem) == f"{pem}: OK\n"
    assert openssl("pkey", "-in", secret, "-pubout") == openssl(
        "x509", "-in", pem, "-noout", "-pubkey"
    )


def test_new_ca_never_overwrites(ca: dict[str, Path]) -> None:
    """A key or certificate that is there stays, and so does everything else."""
    before = {path: path.read_bytes() for path in ca.values()}
    other = ca["--ca"].with_name("other")
    for secret, out in ((ca["--ca-key"], other), (other, ca["--ca"])):
        ended = labkit("certificate", "new-ca", "--ca-key", secret, "-o", out)
        assert_refused(ended, "is not overwritten")
    assert_refused(labkit("certificate", "new-ca", "--ca-key", other, "-o", other), "ca-key")
    assert {path: path.read_bytes() for path in ca.values()} == before
    assert not other.exists()


def test_new_ca_leaves_no_key_whose_certificate_could_not_be_written(tmp_path: Path) -> None:
    """Where the certificate cannot be written the key is taken back, so one can call again."""
    (tmp_path / "a-file").write_text("here")
    secret = tmp_path / "rootCA.key"
    ended = labkit("certificate", "new-ca", "--ca-key", secret, "-o", tmp_path / "a-file/ca.pem")
    assert_refused(ended, "a-file/ca.pem cannot be written")
    assert not secret.exists()


@pytest.mark.needs("openssl")
def test_verification_certificate(ca: dict[str, Path], tmp_path: Path) -> None:
    """It names the registration code, and openssl verifies it; a wrong code is refused."""
    out = tmp_path / "verificationCert.pem"
    arguments = [item for pair in ca.items() for item in pair]
    command = ("certificate", "verification", *arguments, "-o", out, "--registration-code")
    assert_refused(labkit(*command, "not a code"))
    assert not out.exists()
    assert labkit(*command, CODE).code == 0
    assert openssl("x509", "-in", out, "-noout", "-subject") == f"subject=CN = {CODE}\n"
    assert openssl("verify", "-CAfile", ca["--ca"], out) == f"{out}: OK\n"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("version", [3, 1])
def test_issue_for_a_bare_key(given: dict[str, Any], form: str, version: int) -> None:
    """Verified by openssl; it holds the device's key, the subject, 500 days and the version."""
    if form == "DER":
        given["--public-key"].write_bytes(key().der)
    ended = issue(given, *(["--x509v1"] if version == 1 else []))
    assert (ended.code, ended.raw, ended.err) == (0, b"", "")
    out = given["-o"]
    assert openssl("x509", "-in", out, "-noout", "-pubkey") == key().pem
    shown = openssl("x509", "-in", out, "-noout", "-text")
    assert f"Version: {version} (" in shown
    assert "Subject: CN = my-thing" in shown
    assert ("TLS Web Client Authentication" in shown) == (version == 3)
    assert openssl("verify", "-CAfile", given["--ca"], out) == f"{out}: OK\n"
    made = x509.load_pem_x509_certificate(out.read_bytes())
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 500
    assert made.serial_number.bit_length() >= 64


@pytest.mark.needs("openssl")
def test_issue_takes_a_request_of_openssl(given: dict[str, Any], tmp_path: Path) -> None:
    """A CSR by a temporary key gives its subject; the key in the certificate is the device's."""
    signer, csr = tmp_path / "tempCsrSigner.key", tmp_path / "deviceCert.csr"
    openssl("genrsa", "-out", signer, 2048)
    openssl("req", "-new", "-key", signer, "-subj", "/O=My Lab/CN=from-csr", "-out", csr)
    del given["--subject"]
    assert issue(given, "--csr", csr, "--days", 30).code == 0
    shown = openssl("x509", "-in", given["-o"], "-noout", "-subject", "-pubkey")
    assert shown == f"subject=O = My Lab, CN = from-csr\n{key().pem}"
    assert issue(given, "--csr", csr, "--subject", "CN=other").code == 0
    assert "CN = other" in openssl("x509", "-in", given["-o"], "-noout", "-subject")


@pytest.mark.needs("openssl")
def test_issue_takes_the_documented_ca(given: dict[str, Any], tmp_path: Path) -> None:
    """A CA that openssl made as documented, RSA-2048 and PKCS #1 or #8, issues as well."""
    secret, pem = tmp_path / "opensslCA.key", tmp_path / "opensslCA.pem"
    openssl("genrsa", "-out", secret, 2048)
    openssl("req", "-x509", "-new", "-key", secret, "-days", 1024, "-subj", "/CN=CA", "-out", pem)
    assert issue({**given, "--ca": pem, "--ca-key": secret}).code == 0
    assert openssl("verify", "-CAfile", pem, given["-o"]) == f"{given['-o']}: OK\n"


def test_issue_needs_a_name(given: dict[str, Any]) -> None:
    """Without --subject and --csr it is a usage error."""
    del given["--subject"]
    ended = issue(given)
    assert ended.code == 2
    assert "--subject or --csr" in ended.err


@pytest.mark.parametrize(
    ("bad", "good", "message"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_issue_refuses_each_fault_and_not_its_twin(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bad: Change,
    good: Change,
    message: str,
) -> None:
    """All faults that other tools let through: refused, no output file; without it, exit 0."""
    assert message
    for number, change in enumerate((bad, good)):
        inputs = change(good_files())
        monkeypatch.setattr(commands, "_now", lambda inputs=inputs: inputs.now)
        given = {"-o": tmp_path / f"out{number}", "--days": inputs.days}
        for name in ("csr", "ca", "ca_key", "public_key"):
            path = tmp_path / f"{name}{number}"
            path.write_bytes(getattr(inputs, name))
            given[f"--{name.replace('_', '-')}"] = path
        ended = issue(given)
        assert given["-o"].exists() == (change is good)
        if change is bad and inputs.days != 0:
            assert_refused(ended)
        else:
            assert ended.code == (0 if change is good else 2), ended.err


@pytest.mark.parametrize(
    "content",
    [
        private_pem(ec_key("device")),
        ec_key("device").private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        b"some text first\n" + private_pem(ec_key("device")),
    ],
    ids=["PEM", "DER", "after text"],
)
def test_a_private_key_given_by_mistake_is_not_echoed(
    given: dict[str, Any], content: bytes
) -> None:
    """A private key for a public key, request, CA or certificate is refused, nothing shown."""
    secret = given["-o"].with_name("secret")
    secret.write_bytes(content)
    lines = private_pem(ec_key("device")).decode().splitlines()[1:-1]
    refusals = [
        issue({**given, option: secret}) for option in ("--public-key", "--ca", "--csr")
    ] + [labkit("certificate", "show", secret), labkit("key", secret)]
    for ended in refusals:
        assert_refused(ended)
        assert not any(line in ended.err for line in lines)
        assert content.hex() not in ended.err
    assert not given["-o"].exists()


@pytest.mark.parametrize("option", ["--ca", "--ca-key", "--public-key"])
def test_issue_never_overwrites_what_it_reads(given: dict[str, Any], option: str) -> None:
    """An input named as -o too is refused and stays."""
    before = given[option].read_bytes()
    assert_refused(issue({**given, "-o": given[option]}), "-o")
    assert given[option].read_bytes() == before


def test_issue_never_overwrites_a_private_key(given: dict[str, Any]) -> None:
    """Any file that holds a private key is not an output; a certificate is replaced."""
    given["-o"].write_bytes(private_pem(ec_key("other")))
    assert_refused(issue(given), "holds a private key")
    given["-o"].write_text("an older certificate")
    assert issue(given).code == 0


def test_issue_with_an_encrypted_ca_key(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passphrase comes from LABKIT_CA_PASSPHRASE; without it, or with a wrong one, refused."""
    loaded = serialization.load_pem_private_key(given["--ca-key"].read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"correct horse")
    given["--ca-key"].write_bytes(
        loaded.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    monkeypatch.delenv("LABKIT_CA_PASSPHRASE", raising=False)
    assert_refused(issue(given), "encrypted", "passphrase")
    monkeypatch.setenv("LABKIT_CA_PASSPHRASE", "wrong")
    assert_refused(issue(given), "does not open")
    monkeypatch.setenv("LABKIT_CA_PASSPHRASE", "correct horse")
    assert issue(given).code == 0


def test_show_says_what_a_certificate_says(tmp_path: Path) -> None:
    """Subject, issuer, days and key are shown; a request is refused with what it is."""
    path = tmp_path / "ca.pem"
    path.write_bytes(make_ca(now=NOW).public_bytes(PEM))
    ended = labkit("certificate", "show", path)
    assert ended.code == 0
    assert "CN=Lab root CA,O=My Lab (itself)" in ended.out
    assert "basicConstraints: CA:TRUE" in ended.out
    path.write_bytes(good_files().csr)
    assert_refused(labkit("certificate", "show", path), "found a certificate request")


def test_show_of_a_public_key_is_refused(tmp_path: Path) -> None:
    """A public key is not a certificate, and the message states what it is."""
    path = tmp_path / "key.pem"
    path.write_bytes(public_pem(ec_key("device")))
    assert_refused(labkit("certificate", "show", path), "found a public key")
