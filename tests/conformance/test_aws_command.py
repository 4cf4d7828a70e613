"""The `aws` command line walks the documented chain at our account, and is refused as at AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import material
import pytest
from material import Authority, ec_key
from situation import policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from judge import Judge

pytestmark = pytest.mark.needs("aws")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the files lie that the command reads, and a home without a profile."""
    return tmp_path_factory.mktemp("aws")


@pytest.fixture(scope="module")
def environment(judge: Judge, folder: Path) -> dict[str, str]:
    """Return the variables with which the command is called: dummies, and nobody's profile."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LABKIT_", "PYTHON"))}
    # Our own environment's programs come after the machine's: the command is its own.
    ours = str(Path(sys.executable).parent)
    path = [part for part in kept["PATH"].split(os.pathsep) if part != ours]
    return kept | {
        "PATH": os.pathsep.join([*path, ours]),
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_DEFAULT_REGION": judge.region,
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


@pytest.fixture(scope="module")
def call(
    judge: Judge, folder: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that calls `aws iot` with our endpoint."""

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["aws", "--endpoint-url", str(judge.url), "--output", "json", "iot", *words]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return called


@pytest.fixture(scope="module")
def aws(call: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """Return a function that calls `aws iot`, demands success, and returns the answer."""

    def answered(*words: str) -> Any:  # noqa: ANN401 the command's JSON
        done = call(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return answered


@pytest.fixture(scope="module")
def ca(aws: Callable[..., Any], folder: Path) -> Authority:
    """A CA, registered by the command with a verification certificate."""
    ca = Authority("CN=Command line CA")
    code = aws("get-registration-code")["registrationCode"]
    (folder / "rootCA.pem").write_text(ca.pem)
    (folder / "verificationCert.pem").write_text(ca.verification(code))
    made = aws(
        "register-ca-certificate",
        "--ca-certificate",
        "file://rootCA.pem",
        "--verification-certificate",
        "file://verificationCert.pem",
        "--set-as-active",
    )
    assert made["certificateId"] == ca.id
    return ca


@pytest.mark.slow
def test_option_2_by_hand(aws: Callable[..., Any], ca: Authority, folder: Path) -> None:
    """Register, activate, attach, look, and take all of it away, with ten commands."""
    leaf = ca.issue("CN=command-line")
    (folder / "deviceCert.pem").write_text(leaf.pem)
    (folder / "policy.json").write_text(policy(("iot:Connect", "*")))
    made = aws(
        "register-certificate",
        "--certificate-pem",
        "file://deviceCert.pem",
        "--ca-certificate-pem",
        "file://rootCA.pem",
    )
    certificate, arn = made["certificateId"], made["certificateArn"]
    assert certificate == leaf.id
    aws("update-certificate", "--certificate-id", certificate, "--new-status", "ACTIVE")
    found = aws("describe-certificate", "--certificate-id", certificate)
    assert found["certificateDescription"]["status"] == "ACTIVE"

    aws("create-thing", "--thing-name", "command-line")
    aws("attach-thing-principal", "--thing-name", "command-line", "--principal", arn)
    document = ("--policy-document", "file://policy.json")
    aws("create-policy", "--policy-name", "command-line", *document)
    aws("attach-policy", "--policy-name", "command-line", "--target", arn)
    assert aws("list-thing-principals", "--thing-name", "command-line")["principals"] == [arn]
    policies = aws("list-attached-policies", "--target", arn)["policies"]
    assert [it["policyName"] for it in policies] == ["command-line"]
    listed = aws("list-certificates-by-ca", "--ca-certificate-id", ca.id)["certificates"]
    assert [it["certificateId"] for it in listed] == [certificate]

    aws("detach-policy", "--policy-name", "command-line", "--target", arn)
    aws("detach-thing-principal", "--thing-name", "command-line", "--principal", arn)
    aws("update-certificate", "--certificate-id", certificate, "--new-status", "INACTIVE")
    for words in (
        ("delete-certificate", "--certificate-id", certificate),
        ("delete-thing", "--thing-name", "command-line"),
        ("delete-policy", "--policy-name", "command-line"),
    ):
        aws(*words)
    assert aws("list-certificates")["certificates"] == []


@pytest.mark.slow
def test_option_1_by_hand(aws: Callable[..., Any], folder: Path) -> None:
    """The account makes keys and a certificate, and a certificate for a request of ours."""
    made = aws("create-keys-and-certificate", "--set-as-active")
    assert made["keyPair"]["PrivateKey"].startswith("-----BEGIN ")
    (folder / "deviceCert.csr").write_text(material.request(ec_key("device")))
    request = ("--certificate-signing-request", "file://deviceCert.csr")
    asked = aws("create-certificate-from-csr", *request)
    assert asked["certificateId"] == material.certificate_id(asked["certificatePem"])
    for certificate in (made["certificateId"], asked["certificateId"]):
        status = ("--new-status", "INACTIVE")
        aws("update-certificate", "--certificate-id", certificate, *status)
        aws("delete-certificate", "--certificate-id", certificate)


def test_endpoint(aws: Callable[..., Any]) -> None:
    """The command names the endpoint that boto3 is reported."""
    answer = aws("describe-endpoint", "--endpoint-type", "iot:Data-ATS")
    assert re.fullmatch(
        r"[a-z0-9]{14}-ats\.iot\.us-east-1\.amazonaws\.com", answer["endpointAddress"]
    )


def test_a_refusal_is_named(call: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The command fails, and says AWS's name of the error."""
    done = call("describe-thing", "--thing-name", "nobody")
    assert done.returncode != 0
    assert "(ResourceNotFoundException)" in done.stderr
    assert done.stdout == ""


def test_what_is_not_offered_is_named(
    call: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """A command of which the account knows nothing is denied, and not a fault."""
    done = call("list-jobs")
    assert done.returncode != 0
    assert "(AccessDeniedException)" in done.stderr
