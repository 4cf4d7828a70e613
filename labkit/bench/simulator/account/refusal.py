"""How the account says no: AWS's own exception names."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 it is AWS's answer to a call, not a fault of the program
    """A call is refused, with one of the exceptions that the service model lists for it.

    Attributes:
        code: AWS's name, such as "ResourceNotFoundException"; the model knows its HTTP status.
        message: what boto3 shows after the code.
        fields: further members of the exception, such as `resourceId` and `resourceArn`.
    """

    def __init__(self, code: str, message: str, **fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
