"""The RO-Crate validator, with the JSON-LD context from the disk: no network is asked."""

from __future__ import annotations

import json
import warnings
from importlib import resources
from typing import TYPE_CHECKING
from unittest.mock import patch

from rocrate_validator import models, services
from rocrate_validator.utils import document_loader

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class Served:
    """A session that serves the context, which the validator looks at as well."""

    cache = None

    def get(self, url: str, **_: object) -> Answer:
        """Answer with the context; nobody else is asked."""
        assert url == CONTEXT
        return Answer()

    head = get


class Answer:
    """The answer."""

    status_code = 200
    headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012 as requests has it

    def json(self) -> object:
        """Return the context."""
        return context()

    @property
    def text(self) -> str:
        """The same as text."""
        return json.dumps(context())

    @property
    def content(self) -> bytes:
        """The same as bytes."""
        return self.text.encode()


def context() -> dict[str, object]:
    """Return the context that the rocrate package brings; it has every term of 1.1's."""
    data = resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text("utf-8")
    return {"@context": json.loads(data)["@context"]}


def violations(folder: Path) -> list[str]:
    """Return which requirements of RO-Crate 1.1 a crate violates."""
    settings = services.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="ro-crate-1.1",
        requirement_severity=models.Severity.REQUIRED,
    )
    from rocrate_validator.utils.http import HttpRequester  # noqa: PLC0415 made by the settings

    with (
        warnings.catch_warnings(action="ignore"),  # of the validator's own packages
        patch.object(HttpRequester(), "session", Served()),
        patch.object(document_loader, "_fetch_json_ld", lambda _url: context()),
    ):
        return [str(issue.message) for issue in services.validate(settings).get_issues()]
