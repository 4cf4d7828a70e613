"""The boto3 client of an account, simulated or real.

A simulated account must never be able to touch a real one: its client gets dummy credentials, an
endpoint on loopback and no proxy, and neither profile nor environment is asked for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.errors import CloudError
from labkit.support.loopback import is_loopback
from labkit.support.seams import sealed_session

if TYPE_CHECKING:
    from collections.abc import Iterator


def simulated_client(service: str, endpoint_url: str, region: str) -> Any:  # noqa: ANN401 boto3 makes clients at run time
    """Return a client that can reach the simulated account and nothing else.

    Raises:
        CloudError: the endpoint is not on loopback.
    """
    from botocore.config import Config  # noqa: PLC0415 costs 0.2 s

    if not is_loopback(endpoint_url):
        raise CloudError(
            f"the simulated account's endpoint is {endpoint_url}, which is not on this computer. "
            "Run `labkit stop` and start again."
        )
    return sealed_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106 not a secret: it opens nothing
        config=Config(
            proxies={}, retries={"max_attempts": 1}, ignore_configured_endpoint_urls=True
        ),
    )


def aws_client(service: str, region: str) -> Any:  # noqa: ANN401 as above
    """Return a client of the real account, as boto3 finds profile and credentials."""
    import boto3  # noqa: PLC0415 costs 0.5 s
    from botocore.config import Config  # noqa: PLC0415 costs 0.2 s
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 costs 0.2 s

    try:
        return boto3.session.Session().client(
            service, region_name=region, config=Config(retries={"mode": "adaptive"})
        )
    except BotoCoreError as error:
        raise CloudError(f"no AWS client can be made: {error}. Look at the profile.") from None


def session_secrets() -> Iterator[tuple[str, str]]:
    """Yield kind and text of the secrets in the credentials that boto3 finds."""
    import boto3  # noqa: PLC0415 costs 0.5 s
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 costs 0.2 s

    try:
        found = boto3.session.Session().get_credentials()
        credentials = found.get_frozen_credentials() if found else None
    except BotoCoreError:
        return
    if credentials and credentials.secret_key:
        yield "AWS secret access key", credentials.secret_key
    if credentials and credentials.token:
        yield "AWS session token", credentials.token


def found_region() -> str:
    """Return the region of the profile or the environment, as boto3 finds it.

    Raises:
        CloudError: there is none.
    """
    import boto3  # noqa: PLC0415 costs 0.5 s
    import botocore.session  # noqa: PLC0415 as above
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 costs 0.2 s

    try:
        region = boto3.session.Session().region_name
    except BotoCoreError as error:
        try:
            names = ", ".join(botocore.session.Session(profile="").available_profiles) or "none"
        except BotoCoreError:
            names = "none that can be read"
        raise CloudError(
            f"the AWS profile cannot be read: {error}. Profiles of this computer: {names}. Choose "
            "one with AWS_PROFILE."
        ) from None
    if not region:
        raise CloudError(
            "no AWS region is chosen: expected one in account.region of lab.toml, in "
            "AWS_DEFAULT_REGION, or in the profile (aws configure)."
        )
    return str(region)
