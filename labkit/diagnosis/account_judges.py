"""Judges that use the account's state: registration, status, policies, thing, endpoint.

Source: AWS IoT Core developer guide, diagnosing connectivity issues, just-in-time provisioning,
thing policy variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.diagnosis.finding import Finding
from labkit.diagnosis.signs import PROGRESS, Sign
from labkit.endpoint import fault_of as endpoint_fault
from labkit.endpoint import is_placeholder

if TYPE_CHECKING:
    from labkit.diagnosis.case import Case

_MQTT_PORTS = ("8883", "443")


def ca_not_registered(case: Case) -> Finding | None:
    """Judge whether the CA is unknown or not ACTIVE, for a certificate that is not registered."""
    account = case.account
    if account is None:
        return None
    if case.is_registered:
        return Finding("against", "the certificate is registered", "account")
    if case.is_issued_by_aws:
        return Finding("against", "AWS IoT's own CA issued the certificate", "certificate")
    if account.ca_status is None:
        return None
    if account.ca_status == "ACTIVE":
        return Finding("against", "the CA is registered and ACTIVE", "account")
    status = account.ca_status or "not registered"
    return Finding("for", f"the CA is {status} in {account.region}", "account")


def certificate_not_registered(case: Case) -> Finding | None:
    """Judge whether the certificate is unknown, while its CA is known and not automatic."""
    account = case.account
    if account is None or case.is_registered is None:
        return None
    if case.is_registered:
        return Finding("against", "the certificate is registered", "account")
    if account.ca_status not in (None, "ACTIVE") and not case.is_issued_by_aws:
        return None
    if account.auto_registration:
        return Finding("against", "its CA registers certificates automatically", "account")
    return Finding("for", f"the account has no such certificate in {account.region}", "account")


def not_active(case: Case) -> Finding | None:
    """Judge the certificate's status."""
    status = case.account.certificate_status if case.account else None
    if status is None:
        return None
    if status in ("", "ACTIVE"):
        return Finding("against", f"the certificate is {status or 'not registered'}", "account")
    if status == "PENDING_ACTIVATION" and case.account and case.account.auto_registration:
        return Finding("against", "just-in-time registration is in progress", "account")
    return Finding("for", f"the certificate is {status}", "account")


def just_in_time(case: Case) -> Finding | None:
    """Judge whether the certificate is, or was just, registered by its connection."""
    account = case.account
    if account is None or account.certificate_status is None:
        return None
    waits = account.certificate_status in ("", "PENDING_ACTIVATION")
    if waits and account.auto_registration:
        status = account.certificate_status or "not registered"
        text = f"the certificate is {status}, and its CA registers automatically"
        return Finding("for", text, "account")
    if account.auto_registration is False or account.ca_status == "":
        return Finding("against", "its CA does not register certificates automatically", "account")
    if not waits and _denied(case):
        return Finding(
            "against", "the certificate is registered, and its policies do not suffice", "account"
        )
    return None


def _denied(case: Case) -> bool:
    """Return whether the certificate's policies are known not to suffice."""
    if case.account and case.account.policies == ():
        return True
    connect = case.at_connect()
    return connect is not None and not connect


def no_policy(case: Case) -> Finding | None:
    """Judge whether any policy is effective for the certificate."""
    account = case.account
    if account is None or account.policies is None:
        return None
    if case.is_being_registered:
        return Finding("against", "the certificate's registration is not finished", "account")
    if account.policies:
        names = ", ".join(str(policy.name) for policy in account.policies)
        return Finding("against", f"attached: {names}", "account")
    return Finding("for", "no policy is attached to the certificate", "account")


def thing_not_attached(case: Case) -> Finding | None:
    """Judge whether a policy would allow CONNECT if the thing were attached."""
    account, client_id = case.account, case.thing_name
    if account is None or account.things is None:
        return None
    if not case.hello_world.connects_as_thing:
        text = "this release's client id is the same for every device, so no thing is needed"
        return Finding("against", text, "account")
    if case.is_being_registered or account.policies == ():
        return Finding("against", "the certificate has no policy that needs the thing", "account")
    if client_id is None:
        text = "the certificate is not attached to a thing"
        return None if account.things else Finding("for", text, "account")
    if client_id in account.things:
        return Finding("against", f"the certificate is attached to {client_id}", "account")
    return _attaching_helps(case, account.things, client_id)


def _attaching_helps(case: Case, things: tuple[str, ...], client_id: str) -> Finding | None:
    now = case.at_connect()
    then = case.at_connect(attached=True)
    if now is None or then is None:
        return None
    if now or not then:
        return Finding("against", f"attaching the thing would change nothing: {now}", "account")
    others = ", ".join(things) or "no thing"
    text = f"the client id is {client_id}, and the certificate is attached to {others}: {now}"
    return Finding("for", text, "account")


def policy_denies(case: Case) -> Finding | None:
    """Judge the policies by the action that failed: Connect, or one of those after it."""
    account = case.account
    if account is None or account.policies is None:
        return None
    if not account.policies or case.is_being_registered:
        return Finding("against", "no policy is attached that could deny", "account")
    connected = case.has(Sign.MQTT_CONNECTED)
    decision = case.after_connect() if connected else case.at_connect()
    if decision is None:
        return None
    if decision:
        return None if connected else Finding("against", f"{decision}", "account")
    by_thing = not connected and case.hello_world.connects_as_thing
    if by_thing and case.at_connect(attached=True):
        return Finding(
            "against", "the policies would allow it if the thing were attached", "account"
        )
    return Finding("for", f"{decision}", "account")


def wrong_endpoint(case: Case) -> Finding | None:
    """Judge whether the endpoint is the account's ATS endpoint."""
    host = case.host
    if host is None:
        return None
    endpoint = case.account.endpoint if case.account else None
    if endpoint is not None and host.lower() != endpoint.lower():
        return Finding(
            "for", f"the board uses {host}, the account's endpoint is {endpoint}", "account"
        )
    refused_by_board = case.has(Sign.UNTRUSTED, Sign.UNTIMELY)
    fault = endpoint_fault(host)
    if fault and not is_placeholder(host) and (refused_by_board or case.has(Sign.UNRESOLVED)):
        return Finding("for", f'the endpoint "{host}": {fault}', "headers")
    if endpoint is not None and not refused_by_board:
        return Finding("against", f"{host} is the account's endpoint", "account")
    return None


def transport(case: Case) -> Finding | None:
    """Judge port and endpoint where the network failed.

    A server that has answered proves that the port is right.
    """
    headers = case.evidence.headers
    answered = case.has(*PROGRESS, Sign.ALERT, Sign.UNTRUSTED, Sign.CLOSED, Sign.REFUSED)
    if headers and headers.port and headers.port not in _MQTT_PORTS and not answered:
        text = (
            f"clientcredentialMQTT_BROKER_PORT is {headers.port}, AWS IoT listens on 8883 and 443"
        )
        return Finding("for", text, "headers")
    endpoint = case.account.endpoint if case.account else None
    if endpoint and case.has(Sign.UNRESOLVED) and case.host == endpoint:
        return Finding("for", f"{endpoint} is the account's endpoint", "account")
    return None
