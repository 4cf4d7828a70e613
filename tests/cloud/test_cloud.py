"""The account's client: a simulated one reaches nothing but loopback, and errors are plain."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProxyConnectionError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, account_rows
from simulator_fixtures import Authority

from labkit.certificates import load_certificate, load_private_key
from labkit.cloud.account import Account
from labkit.cloud.aws_errors import translated
from labkit.cloud.opening import open_real
from labkit.cloud.preflight import caller_of
from labkit.cloud.resources import Resource
from labkit.cloud.session import aws_client, simulated_client
from labkit.errors import CloudError

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

FROM_OUTSIDE = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_DEFAULT_PROFILE": "no-such-profile",
    "AWS_ACCESS_KEY_ID": "real",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://192.0.2.1:1",
    "AWS_ENDPOINT_URL_IOT": "http://192.0.2.1:1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_RETRY_MODE": "garbage",
    "AWS_DEFAULTS_MODE": "garbage",
    "AWS_STS_REGIONAL_ENDPOINTS": "garbage",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "garbage",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "garbage",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "garbage",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "garbage",
    "AWS_SDK_UA_APP_ID": "x" * 100,
    "AWS_CSM_ENABLED": "true",
    "AWS_CA_BUNDLE": "/no/such/file",
    "AWS_DATA_PATH": "/no/such/folder",
    "AWS_METADATA_SERVICE_TIMEOUT": "garbage",
    "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/real",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/file",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "all_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "",
    "no_proxy": "",
}
"""All that could lead a client elsewhere, or astray; 192.0.2.1 is nobody's (RFC 5737)."""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment and configuration files that lead elsewhere, or are rubbish."""
    garbage = tmp_path / "config"
    garbage.write_bytes(b"[profile x\n\xff= = endpoint_url\n")
    files = {"AWS_CONFIG_FILE": str(garbage), "AWS_SHARED_CREDENTIALS_FILE": str(garbage)}
    for name, value in {**FROM_OUTSIDE, **files}.items():
        monkeypatch.setenv(name, value)
    return {**FROM_OUTSIDE, **files}


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that this process connects to, and every name that it looks up."""
    seen: list[str] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(self: socket.socket, address: tuple[str, int]) -> None:
        seen.append(address[0])
        connect(self, address)

    def looking_up(host: str, *arguments: object, **options: object) -> object:
        seen.append(host)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    return seen


def test_only_loopback_is_reached(
    lab: Lab, hostile: dict[str, str], connections: list[str]
) -> None:
    """Whatever the environment says, a simulated account is reached, and nothing else is."""
    assert lab.bench is not None
    client = simulated_client("iot", lab.bench.iot_endpoint_url, "us-east-1")
    account = Account(client, "us-east-1", "123456789012")
    assert account.endpoint() == lab.bench.mqtt_endpoint_name
    assert account.create_thing("loopback").arn.endswith(":123456789012:thing/loopback")
    assert client.meta.region_name == "us-east-1"
    assert connections
    assert set(connections) == {"127.0.0.1"}
    assert hostile["AWS_CONFIG_FILE"]


def test_the_recorder_of_connections_sees_others(
    hostile: dict[str, str], connections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: a client made the usual way is led elsewhere by the same kind of variable."""
    for name in hostile:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.invalid:1")
    with pytest.raises(EndpointConnectionError):
        aws_client("iot", "us-east-1").list_things()
    assert "elsewhere.invalid" in connections


@pytest.mark.parametrize(
    "url",
    [
        "https://iot.us-east-1.amazonaws.com",
        "http://192.0.2.1:80",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://0.0.0.0:80",
        "",
    ],
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    """An endpoint that is not this computer's own is refused before a client is made."""
    with pytest.raises(CloudError, match="which is not on this computer"):
        simulated_client("iot", url, "us-east-1")


def test_a_whole_run_in_a_hostile_environment(lab: Lab, hostile: dict[str, str]) -> None:
    """`labkit run` reaches its bench and is accepted, whatever the environment says."""
    done = subprocess.run(
        [sys.executable, "-m", "labkit", "run", "--thing", "hostile"],
        env={**os.environ, **hostile, "LABKIT_WORKSPACE": str(lab.workspace.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "The device was accepted" in done.stdout


# Errors in plain words


def refusal(code: str, message: str = "the reason") -> ClientError:
    """Return what botocore raises when AWS refuses."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateThing")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ExpiredTokenException", "sign in to AWS again"),
        ("UnrecognizedClientException", "check the profile"),
        ("InvalidSignatureException", "computer's clock"),
        ("AccessDeniedException", "ask for the action to be allowed"),
        ("ForbiddenException", "ask for the action to be allowed"),
        ("ThrottlingException", "run the step again"),
        ("LimitExceededException", "delete what is not needed"),
        ("ResourceNotFoundException", "another account or region"),
        ("SomethingNewException", ""),
    ],
)
def test_refusals_say_what_was_tried_and_what_to_do(code: str, advice: str) -> None:
    """A refusal says what was tried, AWS's code and message, and what to do about it."""
    with pytest.raises(CloudError) as caught, translated("creating the thing x"):
        raise refusal(code)
    output = str(caught.value)
    assert output.startswith(f"creating the thing x: AWS answered {code}: the reason")
    assert advice in output
    assert caught.value.code == code
    assert isinstance(caught.value.__cause__, ClientError)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (NoCredentialsError(), "Choose a profile with AWS_PROFILE, or run aws configure."),
        (TokenRetrievalError(provider="sso", error_msg="x"), "aws sso login --profile berlin"),
        (UnauthorizedSSOTokenError(), "aws sso login --profile berlin"),
        (NoRegionError(), "Set account.region in lab.toml"),
        (ProxyConnectionError(proxy_url="http://x"), "Check the network, the proxy"),
        (ConnectTimeoutError(endpoint_url="http://x"), "Check the network, the proxy"),
        (ResponseParserError("x"), "What answered is not AWS"),
        (ParamValidationError(report="x"), "Run the step again."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_of_botocore_has_a_next_step(
    error: BotoCoreError, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause decides what to do; the profile's name is the one that was chosen."""
    monkeypatch.setenv("AWS_PROFILE", "berlin")
    with pytest.raises(CloudError, match=re.escape(advice)), translated("asking"):
        raise error


def test_a_page_instead_of_an_answer_is_not_aws() -> None:
    """A network's sign-in page gives an answer without an account."""
    for page in ({}, {"ResponseMetadata": {}}):
        sts = SimpleNamespace(get_caller_identity=lambda page=page: page)
        with pytest.raises(CloudError, match="what answered is not AWS"):
            caller_of(sts)
    whole = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/x"}
    assert caller_of(SimpleNamespace(get_caller_identity=lambda: whole)) == whole


@pytest.mark.parametrize("region", ["us-est-1", "eu-centrl-1", "ap-southeats-2"])
def test_a_mistyped_region_is_refused_before_any_call(region: str, tmp_path: Path) -> None:
    """The message names it and the region that was meant; no network is needed."""
    with pytest.raises(CloudError, match=rf"no region {region}; did you mean "):
        open_real(region, (), tmp_path / "confirmed", notes=None, label="x")


def test_errors_of_other_kinds_pass(lab: Lab) -> None:
    """What botocore did not raise is not translated; no answer at all is a plain error."""
    with pytest.raises(ZeroDivisionError), translated("dividing"):
        raise ZeroDivisionError
    closed = simulated_client("iot", "http://127.0.0.1:9", "us-east-1")
    with pytest.raises(
        CloudError, match=r"^asking for the MQTT endpoint: .*127\.0\.0\.1:9.* again"
    ):
        Account(closed, "us-east-1", "123456789012").endpoint()
    with pytest.raises(CloudError, match="reading the device certificate: AWS answered Resource"):
        lab.account.certificate("0" * 64)


def test_a_missing_profile_of_a_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is not there is an error that names it."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(CloudError, match=r"no-such-profile.* Look at the profile"):
        aws_client("iot", "us-east-1")


def test_resources_read_as_one_line() -> None:
    """A resource shows its kind, its name and its status; long ids are cut."""
    assert repr(Resource("thing", "lab-device", "arn")) == "thing lab-device"
    assert repr(Resource("certificate", "ab" * 32, "arn", "ACTIVE")) == (
        "certificate abababababababab…: ACTIVE"
    )
    assert repr(Resource("thing", "x" * 128, "arn")) == f"thing {'x' * 128}"


# The account


def test_what_there_is_is_found(finished: Lab) -> None:
    """Each act done again finds what there is, and the account's rows stay as they are."""
    account, path = finished.account, finished.workspace.path
    rows = account_rows(finished)
    ca, certificate = path("rootCA.pem").read_text(), path("deviceCert.pem").read_text()
    first = account.register_ca(ca, path("verificationCert.pem").read_text())
    assert first.status == "ACTIVE"
    registered = account.register_certificate(certificate, ca)
    assert (registered.name, registered.status) == (finished.certificate_id, "ACTIVE")
    assert account.set_certificate_status(registered.name, "ACTIVE").status == "ACTIVE"
    account.create_thing("lab-device")
    account.attach("lab-device", "labkit-hello-world", registered.arn)
    assert account.attachments(registered.arn) == ("thing lab-device", "policy labkit-hello-world")
    assert account_rows(finished) == rows
    assert ACCEPTED in finished.run_hello_world()


def test_a_policy_with_another_document_is_refused(finished: Lab) -> None:
    """A policy of that name is taken only if it says the same."""
    document = {"Version": "2012-10-17", "Statement": []}
    with pytest.raises(
        CloudError, match=r"another policy labkit-hello-world, with other statements"
    ):
        finished.account.create_policy("labkit-hello-world", document)


def test_refusals_other_than_being_there_pass(lab: Lab) -> None:
    """Only what is there already is reused: another refusal is an error."""
    with pytest.raises(CloudError, match=r"registering the CA certificate: AWS answered \w+Valid"):
        lab.account.register_ca(Authority().pem, "no certificate")
    arn = lab.account.certificate(lab.certificate_id).arn
    with pytest.raises(CloudError, match="attaching the certificate and the thing nowhere"):
        lab.account.attach("nowhere", "labkit-hello-world", arn)


def test_a_key_pair_of_the_account(lab: Lab) -> None:
    """AWS IoT makes RSA-2048 and an INACTIVE certificate for it; the key is in no repr."""
    new = lab.account.create_keys_and_certificate()
    key = load_private_key(new.private_key_pem)
    assert key.public_key() == load_certificate(new.certificate_pem).public_key()
    assert key.key_size == 2048
    assert new.private_key_pem.splitlines()[1] not in repr(new)
    assert lab.account.find_certificate(new.resource.name) == new.resource
    assert new.resource.status == "INACTIVE"
    other = lab.account.create_keys_and_certificate()
    assert other.resource != new.resource
    for each in (new, other):
        lab.account.delete_certificate(each.resource.name)


def test_a_certificate_that_is_not_there(lab: Lab) -> None:
    """Looking for it gives None; deleting it is an error; another error does not mean absence."""
    assert lab.account.find_certificate("0" * 64) is None
    with pytest.raises(CloudError, match="deleting the device certificate: AWS answered Resource"):
        lab.account.delete_certificate("0" * 64)
    with pytest.raises(CloudError, match="reading the device certificate: "):
        lab.account.find_certificate("no id")


def test_a_certificate_in_use_is_not_deleted(lab: Lab) -> None:
    """AWS IoT deletes no ACTIVE certificate: the error says so, and it stays."""
    new = lab.account.create_keys_and_certificate().resource
    lab.account.set_certificate_status(new.name, "ACTIVE")
    with pytest.raises(CloudError, match="CertificateStateException"):
        lab.account.delete_certificate(new.name)
    assert lab.account.find_certificate(new.name) is not None
    lab.account.set_certificate_status(new.name, "INACTIVE")
    lab.account.delete_certificate(new.name)
    assert lab.account.find_certificate(new.name) is None
