"""`labkit preflight` and `labkit undo`: before and after writing to an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labkit.cli.options import (
    confirm_option,
    ends,
    open_lab,
    route_option,
    thing_option,
    workspace_option,
)

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab


def confirm(lab: Lab, digits: str | None) -> None:
    """Show the identity in a real account and confirm the account; do nothing for a simulated one.

    Raises:
        CloudError: the digits are another account's, or the run would fail for a known reason.
    """
    from labkit.errors import CloudError

    if lab.workspace.settings.account_is_simulated:
        return
    found = lab.preflight()
    click.echo(f"{found}\n")
    if found.obstacles:
        raise CloudError(
            f"the account is not ready: {'; '.join(found.obstacles)}. Nothing was written."
        )
    confirmation = lab.account.confirmation
    if digits is None and confirmation is not None and not confirmation.is_given:
        account_id = lab.account.account_id
        digits = click.prompt(f"This is REAL. Last four digits of the account {account_id}")
    click.echo(f"{lab.confirm_account(digits)}\n")


@click.command(
    epilog=ends(
        "labkit preflight\nlabkit preflight --route option-1 --confirm-account 1234",
        success="nothing is known that would make the run fail",
        failure="the run would fail, or the account does not answer; the output states why",
    )
)
@workspace_option
@thing_option
@route_option
@confirm_option
def preflight(
    workspace: Path | None, thing: str | None, route: str | None, confirm_account: str | None
) -> None:
    """Check the AWS identity and its permissions for a run.

    Nothing is written to the account.
    """
    lab = open_lab(workspace, thing_name=thing, route=route)
    found = lab.preflight()
    click.echo(str(found))
    if confirm_account is not None:
        click.echo(str(lab.confirm_account(confirm_account)))
    if found.obstacles:
        click.get_current_context().exit(1)


@click.command(
    epilog=ends(
        "labkit undo --dry-run\nlabkit undo\nlabkit undo --all",
        failure="a resource was kept; it is listed with the reason and its console URL",
    )
)
@workspace_option
@thing_option
@route_option
@click.option("--dry-run", is_flag=True, help="List the resources only; delete nothing.")
@click.option(
    "--all", "everything", is_flag=True, help="Include the resources of the workspace's other runs."
)
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
    """Delete the AWS resources that this device's run created.

    Nothing else is deleted.
    """
    lab = open_lab(workspace, thing_name=thing, route=route)
    if not dry_run:
        confirm(lab, confirm_account)
    done = lab.undo(everything=everything, dry_run=dry_run)
    click.echo(str(done))
    if done.left:
        click.get_current_context().exit(1)


COMMANDS = (preflight, undo)
