"""IAM roles, as far as AWS IoT looks at them: the simulated account has no IAM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from labkit.bench.simulator.account.context import Call

_ROLE = re.compile(r"arn:aws(-cn|-us-gov)?:iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,512}")


def require_role(call: Call, arn: str) -> None:
    """Refuse what is no ARN of a role of this account; what the role may do is not checked.

    Raises:
        Refusal: InvalidRequestException.

    Source: IAM user guide, IAM identifiers. That the role must be the account's own: AWS IoT
        passes roles (iam:PassRole), which does not reach across accounts.
    """
    match = _ROLE.fullmatch(arn)
    if match is None:
        raise Refusal("InvalidRequestException", f"The role ARN is not valid: {arn}")
    if match["account"] != call.identity.account_id:
        raise Refusal("InvalidRequestException", f"The role is another account's: {arn}")
