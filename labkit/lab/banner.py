"""The mode banner: which parts of a lab are real and which are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.workspace import DEFAULT_ROUTE, ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.cloud.account import Account
    from labkit.workspace import Workspace


def banner(workspace: Workspace, open_account: Callable[[], Account]) -> str:
    """Return the mode banner, the first output of every page.

    Args:
        workspace: the workspace, with its settings.
        open_account: returns the account; called only for a real one.
    """
    settings = workspace.settings
    if settings.board_is_simulated:
        board = (
            f"simulated: firmware {settings.release}; its clock runs fast, "
            "180 s of waiting pass at once"
        )
        if settings.board_is_on_real_network:
            board += "\n         it connects to AWS over this computer's network"
    else:
        board = f"REAL: {settings.device_url} at {settings.baud_rate} baud"
    account_id, region = settings.account_id, settings.region
    if settings.account_is_simulated:
        account = "simulated: it runs on this computer, nothing reaches AWS"
        if settings.ends_before_hello_world:
            account += "\n         the board cannot reach it: this ends before the hello world"
        elif settings.board_is_at_gateway:
            account += "\n         the board connects to its gateway; see labkit status"
    else:
        real = open_account()
        account = "REAL: what is made here is made in AWS"
        if real.is_on_this_computer:
            account = "stand-in: its endpoint is on this computer, nothing reaches AWS"
        account_id, region = real.account_id, real.region
    lines = [
        f"board    {board}",
        f"account  {account}",
        f"         account {account_id}, region {region}",
        f"device   thing {settings.thing_name}",
    ]
    if settings.route != DEFAULT_ROUTE:
        lines.append(f"route    {settings.route}, {ROUTES[settings.route]}")
    if settings.seed:
        lines.append(f"seed     {settings.seed}: every key and date here is derived from it")
    if not (settings.board_is_simulated and settings.account_is_simulated):
        lines.append(f"folder   {workspace.root}")
    return "\n".join(lines)
