"""Commands about the account: look before the first write, and unmake what was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labkit.cli.options import confirm_option, route_option, thing_option, workspace_option

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab


def confirm(lab: Lab, digits: str | None) -> None:
    """Show who acts in a real account, and have it confirmed; a simulated one needs nothing.

    Raises:
        CloudError: the digits are another account's, or something is known to make the run fail.
    """
    from labkit.errors import CloudError

    if lab.workspace.settings.account_is_simulated:
        return
    told = lab.preflight()
    click.echo(f"{told}\n")
    if told.obstacles:
        raise CloudError(
            f"the account is not ready: {'; '.join(told.obstacles)}. Nothing was written."
        )
    confirmation = lab.account.confirmation
    if digits is None and confirmation is not None and not confirmation.is_given:
        account_id = lab.account.account_id
        digits = click.prompt(f"This is REAL. Last four digits of the account {account_id}")
    click.echo(f"{lab.confirm_account(digits)}\n")


@click.command(
    epilog="""\b
Examples:
  labkit preflight
  labkit preflight --route option-1 --confirm-account 1234"""
)
@workspace_option
@thing_option
@route_option
@confirm_option
def preflight(
    workspace: Path | None, thing: str | None, route: str | None, confirm_account: str | None
) -> None:
    """Show who acts in the account, where, and what is allowed; nothing is written to it.

    Exit code 1 where something is known that will make the run fail.
    """
    lab = _open(workspace, thing, route)
    told = lab.preflight()
    click.echo(str(told))
    if confirm_account is not None:
        click.echo(str(lab.confirm_account(confirm_account)))
    if told.obstacles:
        click.get_current_context().exit(1)


@click.command(
    epilog="""\b
Examples:
  labkit undo --dry-run
  labkit undo
  labkit undo --all"""
)
@workspace_option
@thing_option
@route_option
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--all", "everything", is_flag=True, help="What every run of the workspace made.")
@confirm_option
def undo(
    workspace: Path | None,
    thing: str | None,
    route: str | None,
    confirm_account: str | None,
    *,
    dry_run: bool,
    everything: bool,
) -> None:
    """Unmake in the account what the device's run has made there, and nothing else.

    Exit code 1 where something had to be left; it is named, with the console's address.
    """
    lab = _open(workspace, thing, route)
    if not dry_run:
        confirm(lab, confirm_account)
    done = lab.undo(everything=everything, dry_run=dry_run)
    click.echo(str(done))
    if done.left:
        click.get_current_context().exit(1)


def _open(workspace: Path | None, thing: str | None, route: str | None) -> Lab:
    from labkit.lab.lab import open_lab

    chosen = {"thing_name": thing, "route": route}
    return open_lab(workspace, **{name: value for name, value in chosen.items() if value})


COMMANDS = (preflight, undo)
