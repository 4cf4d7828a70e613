"""Private keys stay where they belong: in rootCA.key and on the board, and nowhere else."""

from __future__ import annotations

import base64
import json
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from lab_bench import labkit
from secret_traces import traces, where

from labkit import certificates, firmware
from labkit.bench.client import find
from labkit.support.seeding import Randomness
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SEED, THING = "secrets", "lab-device"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A whole run with every output: its folder, and all its texts."""
    return whole_run(tmp_path_factory.mktemp("lab") / "workspace")


@pytest.fixture(scope="module")
def run_of_option_1(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """The same on Option 1."""
    return whole_run(tmp_path_factory.mktemp("lab") / "workspace", LABKIT_ROUTE="option-1")


def whole_run(root: Path, **variables: str) -> tuple[Path, dict[str, bytes]]:
    """Run to the end, twice, and collect what was printed, returned and written."""
    debug = {"LABKIT_SEED": SEED, "LABKIT_DEBUG": "1", "PYTHONDEVMODE": "1"} | variables
    texts = {}
    for number, arguments in enumerate((["run"], ["run"], ["status"], ["board", "reset"])):
        done = labkit(root, *arguments, **debug)
        assert done.returncode == 0, done.stderr
        texts[f"output {number}"] = (done.stdout + done.stderr).encode()
    bench = find(Workspace.open(root, {}))
    assert bench is not None
    texts["control"] = json.dumps(bench.get()).encode()
    bench.stop()
    for path in root.rglob("*"):
        if path.is_file():
            texts[path.relative_to(root).as_posix()] = path.read_bytes()
    return root, texts


def test_the_cas_key(run: tuple[Path, dict[str, bytes]]) -> None:
    """The CA's key stands in rootCA.key, 0600, and nowhere else."""
    root, texts = run
    key = certificates.load_private_key(texts["ca/rootCA.key"])
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert where(traces(key), texts) == {"ca/rootCA.key"}
    assert stat.S_IMODE((root / "ca" / "rootCA.key").stat().st_mode) == 0o600


def test_the_boards_key(run: tuple[Path, dict[str, bytes]]) -> None:
    """The board's key stands in its flash, 0600, and nowhere else."""
    root, texts = run
    flash = f"bench/boards/{THING}/flash.json"
    key = load_der_private_key(base64.b64decode(json.loads(texts[flash])["private_key"]), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert where(traces(key), texts) == {flash}
    assert stat.S_IMODE((root / flash).stat().st_mode) == 0o600


@pytest.mark.parametrize("purpose", ["temporary CSR signer", "verification key"])
def test_throw_away_keys_are_nowhere(run: tuple[Path, dict[str, bytes]], purpose: str) -> None:
    """The keys of the request and of the verification certificate were never written."""
    _, texts = run
    code = certificates.common_name(
        certificates.load_certificate(texts["ca/verificationCert.pem"]).subject
    )
    key = Randomness(SEED).ec_key(THING if purpose.startswith("temp") else code, purpose)
    assert where(traces(key), texts) == set()
    public = certificates.public_key(
        certificates.load_request(texts[f"devices/{THING}/deviceCert.csr"])
        if purpose.startswith("temp")
        else certificates.load_certificate(texts["ca/verificationCert.pem"])
    )
    numbers = key.public_key().public_numbers()
    assert public.der.endswith(numbers.x.to_bytes(32) + numbers.y.to_bytes(32))


def test_what_was_backed_up_or_built_is_the_owners(run: tuple[Path, dict[str, bytes]]) -> None:
    """Images and backups may hold keys and passwords (Option 1): both are 0600."""
    root, _ = run
    kept = [root / "firmware" / "build" / "image.json"]
    kept += list((root / "devices" / THING / "backups").iterdir())
    assert len(kept) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((root / "bench").stat().st_mode) == 0o700


def test_the_imported_key(run_of_option_1: tuple[Path, dict[str, bytes]]) -> None:
    """Option 1's key: in the header, in the image built from it, on the board, and nowhere else."""
    root, texts = run_of_option_1
    device = f"devices/{THING}-option-1"
    header = f"{device}/firmware/demos/include/aws_clientcredential_keys.h"
    text = firmware.get(texts[header].decode(), "keyCLIENT_PRIVATE_KEY_PEM").value
    key = certificates.load_private_key(text or "")
    assert isinstance(key, rsa.RSAPrivateKey)
    lies = {
        header,
        f"{device}/firmware/build/image.json",
        f"bench/boards/{THING}-option-1/flash.json",
    }
    assert where(traces(key), texts) == lies
    assert {stat.S_IMODE((root / name).stat().st_mode) for name in lies} == {0o600}
    assert where([b"deviceCert.pem"], texts) >= {f"{device}/journal.jsonl"}


def test_traces_are_found_where_they_are() -> None:
    """The twin: each way of writing a key down is seen."""
    key = Randomness("x").ec_key("x", "x")
    other = Randomness("x").ec_key("x", "y")
    pem = certificates.private_key_to_pem(key)
    number = key.private_numbers().private_value
    texts = {
        "pem": pem,
        "header": pem.replace(b"\n", b'\\n" \\\n    "'),
        "hex": f"key: {number:064x}".encode(),
        "number": str(number).encode(),
        "other": certificates.private_key_to_pem(other),
    }
    assert where(traces(key), texts) == {"pem", "header", "hex", "number"}


def test_traces_of_an_rsa_key_are_found_where_they_are() -> None:
    """The twin for Option 1's key: a line of it is enough, its public half is none."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = certificates.private_key_to_pem(key)
    texts = {
        "pem": pem,
        "line": pem.splitlines()[-5],
        "prime": f"p = {key.private_numbers().p:x}".encode(),
        "public": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    assert where(traces(key), texts) == {"pem", "line", "prime"}
