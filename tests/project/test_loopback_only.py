"""In simulated mode nothing leaves this computer, whatever is lying about."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from simulator_fixtures import REGION
from sockets_seen import Seen, by_hook, by_strace, without_aws

from labkit.bench.simulator.http import HttpServer, json_response
from labkit.cloud.account import Account
from labkit.cloud.session import simulated_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.bench.simulator.http import Request, Response

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "192.0.2.1"
"""An address of documentation (RFC 5737): nobody's, and routed nowhere."""

PLANTED = "PLANTEDKEY"
CONFIG = """\
[default]
region = eu-central-1
endpoint_url = http://192.0.2.1:1
services = elsewhere
credential_process = touch {touched}
use_fips_endpoint = true

[profile planted]
region = eu-north-1
endpoint_url = http://192.0.2.1:2
services = elsewhere
credential_process = touch {touched}
ca_bundle = /no/such/bundle
cli_pager =
csm_enabled = true

[services elsewhere]
iot =
  endpoint_url = http://192.0.2.1:3
sts =
  endpoint_url = http://192.0.2.1:4
"""


@pytest.fixture(scope="module")
def touched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that exists once a planted `credential_process` has run."""
    return tmp_path_factory.mktemp("planted") / "touched"


@pytest.fixture(scope="module")
def lying_about(touched: Path) -> dict[str, str]:
    """An environment with everything in it that leads AWS's tools to an account or a proxy."""
    config, credentials = touched.with_name("config"), touched.with_name("credentials")
    config.write_text(CONFIG.format(touched=touched))
    credentials.write_text(
        f"[planted]\naws_access_key_id = {PLANTED}\naws_secret_access_key = {PLANTED}\n"
    )
    token = touched.with_name("token")
    token.write_text("a token")
    elsewhere, proxies = f"http://{NOBODY}", ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return without_aws(
        AWS_PROFILE="planted",
        AWS_CONFIG_FILE=str(config),
        AWS_SHARED_CREDENTIALS_FILE=str(credentials),
        AWS_ACCESS_KEY_ID=PLANTED,
        AWS_SECRET_ACCESS_KEY=PLANTED,
        AWS_SESSION_TOKEN=PLANTED,
        AWS_REGION="eu-west-1",
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_ENDPOINT_URL=elsewhere,
        AWS_ENDPOINT_URL_IOT=elsewhere,
        AWS_ENDPOINT_URL_STS=elsewhere,
        AWS_USE_FIPS_ENDPOINT="true",
        AWS_USE_DUALSTACK_ENDPOINT="true",
        AWS_CA_BUNDLE="/no/such/bundle",
        AWS_CSM_ENABLED="true",
        AWS_CSM_HOST=NOBODY,
        AWS_ROLE_ARN="arn:aws:iam::999999999999:role/planted",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_CONTAINER_CREDENTIALS_FULL_URI=elsewhere,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=elsewhere,
        AWS_EC2_METADATA_DISABLED="false",
        **dict.fromkeys([*proxies, *map(str.lower, proxies)], f"{elsewhere}:3128"),
    )


# A whole run


@pytest.fixture(scope="module")
def run(lying_about: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What a run from the first step to the hello world did, with the bench that it started."""
    folder = tmp_path_factory.mktemp("run")
    environment = lying_about | {"LABKIT_WORKSPACE": str(folder / "lab")}
    try:
        _, ended = by_hook(["-m", "labkit", "run"], environment, folder / "record")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "The device was accepted" in ended.stdout
    finally:
        seen, ended = by_hook(["-m", "labkit", "stop"], environment, folder / "record")
    assert ended.stdout == "the bench has ended\n"
    return seen


def test_a_run_stays_on_this_computer(run: list[Seen]) -> None:
    """No connection, datagram, name or listening socket of any of its processes is elsewhere."""
    assert [seen for seen in run if not seen.is_local] == []


@pytest.mark.parametrize(
    ("program", "events"),
    [
        ("-m labkit run", {"begin", "socket.connect"}),
        ("-m labkit.bench.simulator --state", {"begin", "socket.connect", "socket.bind"}),
        ("-m labkit stop", {"begin", "socket.connect"}),
    ],
)
def test_every_program_of_a_run_was_watched(
    run: list[Seen], program: str, events: set[str]
) -> None:
    """The run, which builds and flashes itself, and the bench with its board and gateway."""
    assert events <= {seen.event for seen in run if program in seen.program}


def test_nothing_that_was_planted_was_run(run: list[Seen], touched: Path) -> None:
    """The configuration file's credential_process, a command of anybody's, was not started."""
    assert run
    assert not touched.exists()


GOES_AWAY = f"""
import contextlib, socket, subprocess, sys
if len(sys.argv) == 1:
    sys.exit(subprocess.call([sys.executable, *sys.orig_argv[1:], "child"]))
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as away, contextlib.suppress(OSError):
        # Not through a gateway: the call is made, and nothing goes out.
        away.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
        away.sendto(b"x", ("{NOBODY}", 9)) if kind == socket.SOCK_DGRAM else away.connect(
            ("{NOBODY}", 9)
        )
with contextlib.suppress(OSError):
    # Only as a number: no name server is asked.
    socket.getaddrinfo("elsewhere.invalid", 9, flags=socket.AI_NUMERICHOST)
with socket.socket() as open_to_all:
    open_to_all.bind(("0.0.0.0", 0))
"""


def test_what_leaves_is_seen(lying_about: dict[str, str], tmp_path: Path) -> None:
    """The twin: a child that goes elsewhere, in each of four ways, is found by the same look."""
    seen, _ = by_hook(["-c", GOES_AWAY], lying_about, tmp_path / "record")
    assert {(each.event, each.host) for each in seen if not each.is_local} == {
        ("socket.connect", NOBODY),
        ("socket.sendto", NOBODY),
        ("socket.getaddrinfo", "elsewhere.invalid"),
        ("socket.bind", "0.0.0.0"),  # noqa: S104 this is the test
    }


# The same, as the kernel sees it


@pytest.mark.slow
@pytest.mark.needs("strace")
def test_a_run_makes_no_system_call_to_elsewhere(
    lying_about: dict[str, str], tmp_path: Path
) -> None:
    """Sockets that libraries open behind Python's back are seen, too, and there are some."""
    environment = lying_about | {"LABKIT_WORKSPACE": str(tmp_path / "lab")}
    labkit = f"'{sys.executable}' -m labkit"
    other = f"{labkit} run --thing imported --route option-1"
    script = f"{labkit} run; {other}; {labkit} stop"
    seen = by_strace(script, environment, tmp_path / "record")
    assert [each for each in seen if not each.is_local] == []
    assert {"connect", "bind"} <= {each.event for each in seen}
    programs = "\n".join(each.program for each in seen if each.event == "begin")
    assert "labkit.bench.simulator --state" in programs
    assert "labkit run" in programs


@pytest.mark.slow
@pytest.mark.needs("strace")
def test_a_page_makes_no_system_call_to_elsewhere(
    lying_about: dict[str, str], tmp_path: Path
) -> None:
    """Nor does a page, with its kernel, whose sockets are ZeroMQ's, and the steps before it."""
    page = ROOT / "notebooks" / "08-device-authorization.ipynb"
    script = f"'{sys.executable}' -m pytest -q -p no:cacheprovider --nbval '{page}'"
    seen = by_strace(script, lying_about, tmp_path / "record")
    assert [each for each in seen if not each.is_local] == []
    assert {"connect", "bind"} <= {each.event for each in seen}
    programs = "\n".join(each.program for each in seen if each.event == "begin")
    assert "ipykernel_launcher" in programs
    assert "labkit.bench.simulator --state" in programs


@pytest.mark.slow
@pytest.mark.needs("strace")
def test_a_system_call_to_elsewhere_is_seen(lying_about: dict[str, str], tmp_path: Path) -> None:
    """The twin."""
    program = tmp_path / "goes_away.py"
    program.write_text(GOES_AWAY)
    seen = by_strace(f"'{sys.executable}' '{program}'", lying_about, tmp_path / "record")
    away = {(each.event, each.host) for each in seen if not each.is_local}
    assert away == {("connect", NOBODY), ("sendto", NOBODY), ("bind", "0.0.0.0")}  # noqa: S104 this is the test


# Whose key it is


@pytest.fixture
def heard() -> Iterator[tuple[str, list[Request]]]:
    """A server on loopback that answers anything, and what it has heard."""
    requests: list[Request] = []

    def answer(request: Request) -> Response:
        requests.append(request)
        return json_response(200, {"endpointAddress": "here"})

    server = HttpServer(answer)
    yield server.start(), requests
    server.close()


@pytest.fixture
def planted(lying_about: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's environment is the planted one."""
    for name, text in lying_about.items():
        monkeypatch.setenv(name, text)


@pytest.mark.usefixtures("planted")
def test_calls_are_signed_with_nobodys_key(heard: tuple[str, list[Request]]) -> None:
    """The key's id is "simulated", there is no session token, and the region is the lab's."""
    url, requests = heard
    client = simulated_client("iot", url, REGION)
    assert Account(client, REGION, "123456789012").endpoint() == "here"
    client.close()
    [request] = requests
    assert "Credential=simulated/" in request.headers["authorization"]
    assert f"/{REGION}/iot/aws4_request" in request.headers["authorization"]
    assert "x-amz-security-token" not in request.headers
    assert PLANTED not in repr(request)


@pytest.mark.usefixtures("planted")
def test_the_usual_client_shows_the_planted_key(
    heard: tuple[str, list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: boto3's own way to make a client takes what is lying about."""
    url, requests = heard
    # What would lead it away from here, or send datagrams, is put away: only the keys stay.
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "AWS_CSM_ENABLED"):
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    no_other = Config(use_fips_endpoint=False, use_dualstack_endpoint=False)
    client = boto3.session.Session().client("iot", endpoint_url=url, config=no_other)
    client.describe_endpoint()
    client.close()
    [request] = requests
    assert f"Credential={PLANTED}/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == PLANTED
