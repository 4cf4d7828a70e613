"""The account panel: gaps before attaching, none after; it is read-only; refusals are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from lab_bench import THREADS_OF_PYSERIAL, account_rows

from labkit.errors import CloudError
from labkit.lab.lab import Lab
from labkit.manual.widgets.account_panel import AccountPanel

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ("bench_fixtures",)

pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


class Refusing:
    """A client that answers every call with the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refuse(*_: object, **__: object) -> object:
            raise self._error

        return refuse


def refusing(lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the lab's account answer every call with an error."""
    monkeypatch.setattr(lab.account, "client", Refusing(error))


def refresh(panel: AccountPanel) -> None:
    """Press and wait."""
    panel.press("read")
    panel.wait()


def test_from_gaps_to_whole(lab: Lab) -> None:
    """Each step closes its gap on the same panel; looking makes nothing and does no step."""
    panel = AccountPanel(lab)
    assert "certificate: not created yet" in repr(panel)
    assert not lab.workspace.path("deviceCert.pem").exists()
    lab.register_certificate()
    lab.create_thing()
    lab.create_policy()
    before = account_rows(lab)
    refresh(panel)
    assert account_rows(lab) == before
    assert "thing: exists; " in repr(panel)
    assert "INACTIVE; for the device's own key" in repr(panel)
    assert "policy to certificate: not attached" in repr(panel)
    assert "lab.attach_thing_and_policy()" in panel.html(live=False)
    lab.attach_thing_and_policy()
    lab.activate_certificate()
    refresh(panel)
    assert "Nothing is missing for a connection." in repr(panel)
    assert "Nothing is missing for a connection." in panel.html(live=False)


def test_view_and_twin(finished: Lab) -> None:
    """Both hold picture and verdict; only the view has its one button, which reads."""
    panel = AccountPanel(finished)
    assert "<button" not in panel.html(live=False)
    assert panel.html(live=True).count("<button") == 1
    for html in (panel.html(live=True), panel.html(live=False)):
        assert 'role="img"' in html
        assert "Nothing is missing" in html


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "any"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="nowhere"), "no answer"),
    ],
)
def test_an_account_that_tells_nothing(
    error: Exception, reason: str, finished: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refused question is listed; nothing is called right, or missing."""
    refusing(finished, monkeypatch, error)
    panel = AccountPanel(finished)
    assert f"not read: the certificate ({reason}" in repr(panel)
    assert f"not read: the certificate ({reason}" in panel.html(live=False)
    assert "could not be read" in repr(panel)
    assert "missing" not in repr(panel).lower()
    assert "not attached" not in repr(panel)


def test_an_account_that_cannot_be_opened(finished: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The panel shows the lab's message; refresh finds the account when it is back."""

    def closed(_lab: Lab) -> object:
        raise CloudError("no AWS profile can be read")

    with monkeypatch.context() as patch:
        patch.setattr(Lab, "account", property(closed))
        panel = AccountPanel(finished)
    assert "cannot be read: no AWS profile can be read" in repr(panel)
    assert "no AWS profile can be read" in panel.html(live=False)
    refresh(panel)
    assert "Nothing is missing" in repr(panel)
