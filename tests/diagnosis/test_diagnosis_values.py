"""Diagnosis of values that cannot work, of headers that cannot compile, and of further texts."""

from __future__ import annotations

import pytest

from labkit.diagnosis import Evidence, Headers, diagnose
from labkit.policy import connection_context, evaluate, parse

HOST = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com"
UNRESOLVED = "36 7016 [iot_thread] [ERROR][NET][7016] Failed to resolve {}.\r\n"
UNREADABLE = "19 1601 [iot_thread] TLS_Connect fail (0x1080, host)\r\n"


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        (f"https://{HOST}", "the scheme https://"),
        (f"{HOST}:8883", "has a port"),
        (f" {HOST}", "has a blank"),
        (HOST.replace("-ats", ""), "-ats is missing"),
        (HOST.replace("east", "est"), "no region us-est-1"),
        (HOST.replace("us-east-1", "cn-north-1"), "end in .amazonaws.com.cn"),
        (HOST.replace("-ats", ".credentials"), "the credentials provider"),
    ],
)
def test_an_endpoint_that_cannot_resolve(host: str, fault: str) -> None:
    """The log alone names what is wrong with the endpoint."""
    best = diagnose(UNRESOLVED.format(host)).best
    assert (best.id, best.confidence) == ("wrong-root-or-endpoint", 0.97)
    assert any(fault in item.text for item in best.evidence)


def test_a_correct_endpoint_that_does_not_resolve() -> None:
    """The twin: without a fault in the name, the network is the likely cause."""
    assert diagnose(UNRESOLVED.format(HOST)).best.id == "transport"


def headers(keys: str = "", credentials: str = "") -> Evidence:
    """Return the evidence of two headers."""
    return Evidence(headers=Headers.read(credentials=credentials, keys=keys, provisioning=""))


def test_a_header_that_cannot_compile() -> None:
    """The header and its line are named, and not the content that it seems to have."""
    keys = '#define keyCLIENT_CERTIFICATE_PEM "\n-----BEGIN PUBLIC KEY-----\nMFkw\n"\n'
    best = diagnose(UNREADABLE, headers(keys)).best
    assert best.id == "certificate-damaged"
    assert "the keys header cannot be compiled: line 1: " in best.evidence[-1].text


@pytest.mark.parametrize("name", ["my thing", "a/b", "arn:aws:iot:us-east-1:123456789012:thing/x"])
def test_a_thing_name_that_cannot_be(name: str) -> None:
    """A note names the macro; a name that AWS IoT accepts has none."""
    define = '#define clientcredentialIOT_THING_NAME "{}"\n'
    notes = diagnose(UNREADABLE, headers(credentials=define.format(name))).notes
    assert any("clientcredentialIOT_THING_NAME in the header: a thing's" in each for each in notes)
    assert diagnose(UNREADABLE, headers(credentials=define.format("my-thing"))).notes == ()


@pytest.mark.parametrize(
    ("line", "causes"),
    [
        ("I (4143) WIFI: WIFI_EVENT_STA_DISCONNECTED: 201", {"transport"}),
        ("9 1 [t] Disconnected from WiFi access point, reason code: 15.", {"transport"}),
        ("9 1 [t] Failed to initialize all the networks configured", {"transport"}),
        ("13 1 [MQTT] ERROR: Handshake failed with error code -456", {"wrong-root-or-endpoint"}),
        ("E (9) esp-tls-mbedtls: mbedtls_x509_crt_parse of client cert returned -0x2180",
         {"public-key-as-certificate", "certificate-damaged"}),
        ("[ERROR] [x.c:272] SSL_connect failed to perform TLS handshake.",
         {"wrong-root-or-endpoint"}),
    ],
)  # fmt: skip
def test_further_texts(line: str, causes: set[str]) -> None:
    """These texts have a cause."""
    assert diagnose(f"{line}\r\n").best.id in causes


def test_an_unknown_text_stays_unknown() -> None:
    """The twin: the unexplained line is listed."""
    best = diagnose("9 1 [t] ERROR: Handshake failed with error code -499\r\n").best
    assert best.id == "unknown"
    assert "-499" in best.evidence[0].text


@pytest.mark.parametrize(
    ("version", "allowed"), [("", False), ('"Version":"2008-10-17",', False),
                             ('"Version":"2012-10-17",', True)],
)  # fmt: skip
def test_a_policy_without_version_has_no_variables(version: str, allowed: bool) -> None:
    """Without Version a document has the language of 2008, in which ${…} is plain text."""
    arn = "arn:aws:iot:us-east-1:123456789012:client/"
    policy = parse(
        f'{{{version}"Statement":[{{"Effect":"Allow","Action":"iot:Connect",'
        f'"Resource":"{arn}${{iot:ClientId}}"}}]}}'
    )
    context = connection_context("my-thing", attached=True)
    assert bool(evaluate(policy, "iot:Connect", f"{arn}my-thing", context)) is allowed


ARN = "arn:aws:iot:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("action", "resource", "hint"),
    [
        ("iot:Publish", f"{ARN}topic/a/#", "plain text in a policy; its wildcard is *"),
        ("iot:Publish", f"{ARN}topic/+/b", "plain text in a policy; its wildcard is *"),
        ("iot:Publish", f"{ARN}topic/a/b".replace("us-east-1", "eu-west-1"), "another region"),
        ("iot:Publish", f"{ARN}topic/a/b".replace("123", "999"), "another region or account"),
        ("iot:Pubilsh", "*", "iot:Pubilsh is in the policy; did you mean iot:Publish?"),
        ("iot:Publish", f"{ARN}topic/other", ""),
    ],
)
def test_a_denial_names_the_likely_mistake(action: str, resource: str, hint: str) -> None:
    """The last row is the twin: a plain other topic has no hint."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }
    decision = evaluate(parse(document), "iot:Publish", f"{ARN}topic/a/b", {})
    assert not decision
    assert hint in decision.reason
    assert ("(" in decision.reason or "mean" in decision.reason) is bool(hint)
