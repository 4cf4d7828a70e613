"""The errors of AWS and botocore as a `CloudError` with the next step.

Source: the error shapes of botocore's `iot`, `sts` and `iam` models; AWS general reference, Common
errors, for the codes that any call can answer. STS and IAM leave out the ending "Exception".
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from labkit.errors import CloudError
from labkit.support.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Answer = TypeVar("_Answer")

_NOT_FOUND = "ResourceNotFoundException"

_CODES = {
    "The session token has expired: sign in to AWS again.": "ExpiredTokenException ExpiredToken",
    "AWS does not know these credentials: check the profile.": (
        "UnrecognizedClientException InvalidClientTokenId"
    ),
    "Check the secret key and this computer's clock.": (
        "InvalidSignatureException SignatureDoesNotMatch"
    ),
    "The identity may not do this: ask for the action to be allowed.": (
        "AccessDeniedException AccessDenied ForbiddenException UnauthorizedException"
    ),
    "AWS takes no more calls for a moment: run the step again.": "ThrottlingException Throttling",
    "AWS has a problem of its own: run the step again in a minute.": (
        "InternalFailureException ServiceUnavailableException ServiceFailure"
    ),
    "A limit of the account is reached: delete what is not needed.": "LimitExceededException",
    "It was deleted, or is in another account or region.": f"{_NOT_FOUND} NoSuchEntity",
    "The account has another one of this name: delete it in the AWS IoT console, or choose another "
    "name.": "ResourceAlreadyExistsException",
    "Correct the value that the message names, and run the step again.": (
        "InvalidRequestException InvalidInput PolicyEvaluation"
    ),
    "Check the document with policy.parse(document), which names the place.": (
        "MalformedPolicyException"
    ),
    "If the certificate is ACTIVE, set it INACTIVE first. If it is REVOKED, that is final: issue a "
    "new certificate.": "CertificateStateException",
    "Something still uses it: detach it everywhere, then delete it; labkit undo does both in "
    "order.": "DeleteConflictException",
    "The certificate is being transferred to another account: cancel the transfer in the AWS IoT "
    "console first.": "TransferConflictException",
    "Someone else changed it at the same time: run the step again.": (
        "ConflictingResourceUpdateException VersionConflictException"
    ),
    "The verification certificate is for another account or region: make it again with this "
    "account's registration code.": "RegistrationCodeValidationException",
    "Check its dates and who signed it: labkit certificate show FILE.": (
        "CertificateValidationException"
    ),
    "Two registered CA certificates have the same subject and key: delete the one that is not "
    "needed in the AWS IoT console.": "CertificateConflictException",
}

_ERRORS = {
    "Choose a profile with AWS_PROFILE, or run aws configure.": (
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError"
    ),
    "The sign-in has ended. Sign in again: aws sso login --profile {profile}.": (
        "TokenRetrievalError SSOTokenLoadError UnauthorizedSSOTokenError SSOError"
    ),
    "Set account.region in lab.toml, or AWS_DEFAULT_REGION.": "NoRegionError",
    "Check the network, the proxy (HTTPS_PROXY) and the firewall. If a proxy inspects TLS, name "
    "its CA certificate in AWS_CA_BUNDLE.": (
        "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError "
        "ProxyConnectionError SSLError HTTPClientError"
    ),
    "What answered is not AWS: a proxy or a network's sign-in page, for example. Open a web page "
    "to sign in to the network, and check HTTPS_PROXY.": "ResponseParserError",
}
_NO_BENCH = (
    "Run the step again; it starts the simulated bench. If AWS_ENDPOINT_URL or a proxy is set, "
    "check it."
)
_BOTOCORE_ADVICE = {name: advice for advice, names in _ERRORS.items() for name in names.split()}

ADVICE: Mapping[str, str] = {
    code: advice for advice, codes in _CODES.items() for code in codes.split()
}
"""The next step for each error code."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate what botocore raises into a `CloudError`.

    Args:
        what: what is tried, such as "creating the thing my-thing".

    Raises:
        CloudError: what was tried, AWS's code and message, and the next step.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 costs 0.1 s
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 as above

    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        code, message = answer.get("Code", "an unnamed error"), answer.get("Message", "")
        if advice := ADVICE.get(code):
            message = f"{message.rstrip('.')}. {advice}"
        raise CloudError(f"{what}: AWS answered {code}: {message}".rstrip(), code=code) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise CloudError(f"{what}: {str(error).rstrip('.')}. {_advice(error)}") from error


def _advice(error: Exception) -> str:
    """Return the next step for an error of botocore's own."""
    if is_loopback(str(getattr(error, "kwargs", {}).get("endpoint_url"))):
        return _NO_BENCH
    names = (each.__name__ for each in type(error).__mro__)
    advice = next(filter(None, map(_BOTOCORE_ADVICE.get, names)), "Run the step again.")
    return advice.format(profile=os.environ.get("AWS_PROFILE", "default"))


def unless_missing(question: Callable[[], _Answer]) -> _Answer | None:
    """Return an answer, or None if the account does not have what is asked about.

    Raises:
        CloudError: AWS refuses for another reason.
    """
    try:
        return question()
    except CloudError as error:
        if error.code != _NOT_FOUND:
            raise
    return None
