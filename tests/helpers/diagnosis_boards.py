"""Scenarios of the simulated board, each with the cause that a diagnosis must name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import diagnosis_cases as cases
from board_bench import image
from diagnosis_cases import PLACEHOLDER, Made, account, headers, on_one_line

from labkit.diagnosis import Evidence
from labkit.policy import parse, resource_arn

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class OnBoard:
    """A boot of the simulated board, its best cause, and what decides it.

    Attributes:
        id: the cause.
        log: makes the log.
        alone: the best cause from the console alone; None where the console must not be sure.
        decided_by: makes the deciding evidence; None where the console decides.
    """

    id: str
    log: Callable[[Made], bytes]
    alone: str | None
    decided_by: Callable[[Made], Evidence] | None = None


def with_headers(**macros: Callable[[Made], str | None]) -> Callable[[Made], Evidence]:
    """Return what makes evidence of headers whose values are made from the board."""
    return lambda it: Evidence(headers=headers(**{name: of(it) for name, of in macros.items()}))


def with_account(**changes: object) -> Callable[[Made], Evidence]:
    """Return what makes evidence of the right certificate and an account with changes."""
    return lambda it: Evidence(
        headers=headers(certificate=it.certificate),
        ca=it.authority.pem,
        account=account(**({"policies": (cases.policy_of(it.release),)} | changes)),
        now=cases.NOW,
    )


def alert(it: Made) -> bytes:
    """Return a log of a board whose key is its own, which the server refuses with an alert."""
    log = it.serve().boot(certificate=it.others)
    return it.first_boot + log if it.release == "201910.00" else log


def closed(it: Made) -> bytes:
    """Return a log of a board whose connection ends after CONNECT."""
    return it.serve("close on connect").boot()


def provisioning(it: Made) -> bytes:
    """Return a log of the board's first boot, up to the end of provisioning."""
    end = b"vDevModeKeyProvisioning returned 0x0"
    return it.first_boot.partition(end)[0] + end + b"\r\n"


def without_a_row(log: bytes) -> bytes:
    """Return a log from which the third row of the dump is lost."""
    lines = log.split(b"\r\n")
    first = next(n for n, line in enumerate(lines) if line.startswith(b"3059 3013"))
    return b"\r\n".join(lines[: first + 2] + lines[first + 3 :])


def new_key(it: Made) -> bytes:
    """Return a log of a blank board that is given a certificate at once, and makes its key."""
    return it.blank().boot(image(it.release, certificate=it.certificate))


def forced_later(it: Made) -> bytes:
    """Return two boots of a board that makes another key at the second."""
    board, release = it.blank(), it.release
    return board.boot(image(release, endpoint="")) + board.boot(
        image(release, force="1", certificate=it.certificate)
    )


def imported(it: Made, key: str) -> bytes:
    """Return a log of a blank board that is given a certificate and a private key."""
    return it.blank().boot(image(it.release, certificate=it.certificate, key=key))


def no_key(it: Made) -> bytes:
    """Return a later boot of a blank board: its certificate's import fails, so it has no key."""
    log = it.blank().boot(image(it.release, certificate=PLACEHOLDER))
    return b"\r\n".join(line for line in log.split(b"\r\n") if b"provision" not in line)


def with_policy(it: Made, action: str, resource: str) -> Evidence:
    """Return evidence of an account whose one policy allows one action."""
    statement = {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource_arn(cases.REGION, cases.ACCOUNT_ID, resource),
    }
    policy = parse({"Version": "2012-10-17", "Statement": [statement]}, name="narrow")
    return with_account(policies=(policy,))(it)


P384, P256, RSA_4096 = cases.p384(), cases.p256(), cases.rsa_4096()

ON_BOARD = (
    OnBoard("ok", lambda it: it.serve().boot(), "ok"),
    OnBoard("ok", lambda it: it.serve().boot(jitr=it.authority.pem), "ok"),
    OnBoard(
        "no-certificate",
        lambda it: it.blank().boot(image(it.release)),
        "no-certificate",
        with_headers(certificate=lambda _: None),
    ),
    OnBoard(
        "certificate-not-for-this-key",
        alert,
        None,
        lambda it: Evidence(certificate=it.others),
    ),
    OnBoard(
        "ca-certificate-as-device-certificate",
        lambda it: it.serve().boot(certificate=it.authority.pem),
        None,
        lambda it: Evidence(certificate=it.authority.pem),
    ),
    OnBoard(
        "certificate-damaged",
        lambda it: it.serve().boot(certificate=it.damaged()),
        None,
        with_headers(certificate=Made.damaged),
    ),
    OnBoard(
        "public-key-as-certificate",
        lambda it: it.serve().boot(certificate=it.public_pem()),
        None,
        with_headers(certificate=Made.public_pem),
    ),
    OnBoard(
        "ca-literal-damaged",
        lambda it: it.serve().boot(jitr=on_one_line(it.authority.pem)),
        None,
        with_headers(
            certificate=lambda it: it.certificate, ca=lambda it: on_one_line(it.authority.pem)
        ),
    ),
    OnBoard(
        "key-literal-damaged",
        lambda it: imported(it, on_one_line(P256)),
        None,
        with_headers(private_key=lambda _: on_one_line(P256)),
    ),
    OnBoard(
        "unsupported-key",
        lambda it: imported(it, P384),
        None,
        with_headers(private_key=lambda _: P384),
    ),
    OnBoard(
        "placeholder-text",
        lambda it: it.serve().boot(certificate=PLACEHOLDER),
        "placeholder-text",
        with_headers(certificate=lambda _: PLACEHOLDER),
    ),
    OnBoard(
        "placeholder-text",
        lambda it: it.serve().boot(endpoint="Paste AWS IoT Broker endpoint here."),
        "placeholder-text",
    ),
    OnBoard(
        "wrong-root-or-endpoint",
        lambda it: it.serve(host="another.iot.us-east-1.amazonaws.com").boot(),
        "wrong-root-or-endpoint",
        with_account(endpoint="z9-ats.iot.us-east-1.amazonaws.com"),
    ),
    OnBoard("endpoint-empty", lambda it: it.serve().boot(endpoint=""), "endpoint-empty"),
    OnBoard(
        "server-closed-handshake",
        lambda it: it.serve("close on hello").boot(),
        "server-closed-handshake",
        with_account(),
    ),
    OnBoard(
        "jit-first-connection",
        closed,
        None,
        with_account(certificate_status="", auto_registration=True, things=None, policies=None),
    ),
    OnBoard(
        "jit-first-connection",
        closed,
        None,
        with_account(certificate_status="PENDING_ACTIVATION", auto_registration=True, policies=()),
    ),
    OnBoard("no-policy", closed, None, with_account(policies=())),
    OnBoard("thing-not-attached", closed, None, with_account(things=())),
    OnBoard(
        "policy-denies", closed, None, lambda it: with_policy(it, "iot:Connect", "client/other")
    ),
    OnBoard(
        "policy-denies",
        lambda it: it.serve("drop on publish").boot(),
        "policy-denies",
        lambda it: with_policy(it, "iot:Connect", "client/*"),
    ),
    OnBoard("policy-denies", lambda it: it.serve("refuse subscribe").boot(), "policy-denies"),
    OnBoard("ca-not-registered", alert, None, with_account(certificate_status="", ca_status="")),
    OnBoard(
        "ca-not-registered", alert, None, with_account(certificate_status="", ca_status="INACTIVE")
    ),
    OnBoard("certificate-not-registered", alert, None, with_account(certificate_status="")),
    OnBoard("certificate-not-active", alert, None, with_account(certificate_status="INACTIVE")),
    OnBoard("certificate-not-active", alert, None, with_account(certificate_status="REVOKED")),
    OnBoard(
        "certificate-expired",
        alert,
        None,
        lambda it: Evidence(certificate=it.certificate, now=cases.NOW + timedelta(days=91)),
    ),
    OnBoard(
        "clock-wrong",
        alert,
        None,
        lambda it: Evidence(certificate=it.certificate, now=cases.NOW - timedelta(days=2)),
    ),
    OnBoard(
        "clock-wrong",
        lambda it: it.serve(host="another.iot.us-east-1.amazonaws.com").boot(),
        "wrong-root-or-endpoint",
        lambda _: Evidence(account=account(), now=cases.NOW + timedelta(hours=1)),
    ),
    OnBoard(
        "transport",
        lambda it: it.serve().boot(port="1234"),
        "transport",
        lambda _: Evidence(headers=headers(port="1234")),
    ),
    OnBoard("transport", lambda it: it.serve("nowhere").boot(), "transport"),
    OnBoard("rows-lost", lambda it: without_a_row(provisioning(it)), "rows-lost"),
    OnBoard("ok", provisioning, "ok"),
    OnBoard("key-changed", new_key, "key-changed"),
    OnBoard("key-changed", forced_later, "key-changed"),
    OnBoard("private-key-missing", no_key, "private-key-missing"),
    OnBoard(
        "unsupported-key",
        lambda it: imported(it, RSA_4096),
        "unsupported-key",
    ),
)
