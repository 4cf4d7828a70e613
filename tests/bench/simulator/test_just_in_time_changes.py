"""The route just-in-time: templates, what somebody has changed, what is undone, and the role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from just_in_time_devices import CLOSED, build_flash_boot, set_ca_macro
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, counts, end

from labkit import certificates, open_lab
from labkit.cloud import templates as cloud
from labkit.device.board import Board
from labkit.errors import CloudError, WorkspaceError
from labkit.lab.procedure.steps import headers, provisioning
from labkit.lab.procedure.steps.headers import CA_PEM
from labkit.workspace import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "just_in_time_fixtures")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]


# The template


@pytest.fixture
def needs_a_country(lab: Lab) -> Iterator[str]:
    """Let the CA run another template for a while, whose parameters have no value."""
    device = open_lab(lab.workspace.root, route="just-in-time", thing_name="accepted")
    device.register_ca_with_template()
    template = cloud.provisioning_template("labkit-hello-world")
    template["Parameters"] = {
        **template["Parameters"],  # type: ignore[dict-item]  # a mapping, as the template says
        "AWS::IoT::Certificate::Country": {"Type": "String"},
    }
    account = device.account
    role = "arn:aws:iam::123456789012:role/any"
    cloud.create_template(account, "needs-a-country", template, role)
    ca = certificates.load_certificate(device.file("rootCA.pem").read_bytes())
    ca_id = certificates.certificate_id(ca)
    account.client.update_ca_certificate(
        certificateId=ca_id, registrationConfig={"templateName": "needs-a-country"}
    )
    yield ca_id
    device.register_ca_with_template()
    assert cloud.automatic_ca(account, ca_id).template == "labkit-just-in-time"
    account.client.delete_provisioning_template(templateName="needs-a-country")


def test_a_parameter_without_a_value_leaves_it_pending(
    bare: Lab, needs_a_country: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject has no country: registered, PENDING_ACTIVATION, and the step says so."""
    bare.import_certificate()
    monkeypatch.setattr(
        provisioning.templates,
        "register_automatic_ca",
        lambda account, *_, **__: cloud.automatic_ca(account, needs_a_country),
    )
    with pytest.raises(CloudError, match=r"left it PENDING_ACTIVATION.*each parameter"):
        bare.first_connection()
    assert bare.account.certificate(bare.certificate_id).status == "PENDING_ACTIVATION"
    monkeypatch.undo()
    monkeypatch.setattr(provisioning, "_WAITS_S", (0.0,))
    assert CLOSED in bare.first_connection()  # which sets the CA right first
    assert bare.account.certificate(bare.certificate_id).status == "ACTIVE"


def test_a_template_is_set_right(accepted: Lab) -> None:
    """One that somebody disabled is enabled again."""
    client = accepted.account.client
    client.update_provisioning_template(templateName="labkit-just-in-time", enabled=False)
    assert repr(accepted.create_provisioning_template()) == (
        "provisioning template labkit-just-in-time: enabled"
    )
    reported = client.describe_provisioning_template(templateName="labkit-just-in-time")
    assert reported["enabled"]
    assert reported["type"] == "JITP"


def test_another_template_of_the_name_is_refused(accepted: Lab) -> None:
    """A template with another body is not changed."""
    other = {"Resources": {}}
    with pytest.raises(CloudError, match="labkit-just-in-time with another body"):
        cloud.create_template(accepted.account, "labkit-just-in-time", other, "unused")


# Changed by somebody


def test_a_certificate_put_out_of_use_stays_so(accepted: Lab) -> None:
    """INACTIVE is somebody's decision: no step takes it back, and the message says what it is."""
    certificate = accepted.account.set_certificate_status(accepted.certificate_id, "INACTIVE")
    with pytest.raises(CloudError, match=r"expected ACTIVE.*it is INACTIVE, with thing accepted"):
        accepted.run_hello_world()
    accepted.account.set_certificate_status(certificate.name, "ACTIVE")
    assert ACCEPTED in accepted.run_hello_world()


def test_what_the_account_lost_is_provisioned_again(accepted: Lab) -> None:
    """A certificate that was deleted is unknown: its next connection is a first one again."""
    account, certificate = accepted.account, accepted.account.certificate(accepted.certificate_id)
    account.client.detach_policy(policyName="labkit-hello-world", target=certificate.arn)
    thing = accepted.workspace.settings.thing_name
    account.client.detach_thing_principal(thingName=thing, principal=certificate.arn)
    account.set_certificate_status(certificate.name, "INACTIVE")
    account.delete_certificate(certificate.name)
    assert ACCEPTED in accepted.run_hello_world()
    assert account.certificate(certificate.name).status == "ACTIVE"
    assert CLOSED in accepted.first_connection()


def test_another_image_on_the_board_is_replaced(accepted: Lab) -> None:
    """What was flashed meanwhile gives way to the device's own: no second first connection."""
    set_ca_macro(accepted, None)
    build_flash_boot(accepted)
    assert ACCEPTED in accepted.run_hello_world()
    assert headers.value_now(accepted.workbench("first_connection"), CA_PEM)
    assert "JITP certificate" in accepted.board.boot()
    assert CLOSED in accepted.first_connection()


@pytest.mark.slow
def test_ended_between_the_connection_and_the_journal(
    bare: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is provisioned and the journal does not say so: the run goes on from there."""
    bare.import_certificate()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(provisioning, "_verify_provisioned", killed)
        with pytest.raises(KeyboardInterrupt):
            bare.first_connection()
    assert "first_connection" not in [entry["step"] for entry in bare.journal]
    assert ACCEPTED in bare.first_connection()
    assert ACCEPTED in bare.run_hello_world()
    assert Journal(bare.workspace.journal.path).newest("first_connection")


# A flash tool that starts the board


def test_the_boot_after_flashing_may_be_the_first_connection(
    bare: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flash tool starts the board; the boot that is captured is accepted, and all is well."""
    bare.import_certificate()
    flash = Board.flash

    def flash_and_start(board: Board, show: object = None) -> None:
        del show
        flash(board)
        board.boot()

    monkeypatch.setattr(Board, "flash", flash_and_start)
    capture = bare.first_connection()
    assert ACCEPTED in capture
    assert bare.account.certificate(bare.certificate_id).status == "ACTIVE"


# Undone


@pytest.mark.slow
def test_all_of_it_can_be_undone(tmp_path: Path, lab: Lab) -> None:
    """What AWS IoT made was noted beside what the steps made: all of it goes, in AWS's order."""
    del lab
    device = open_lab(tmp_path, route="just-in-time")
    device.run_hello_world()
    assert counts(device) == {"CAs": 1, "certificates": 1, "things": 1, "policies": 1}
    undone = device.undo()
    assert [item.kind for item in undone.items] == [
        *("policy attachment", "thing attachment", "certificate", "thing", "policy"),
        *("CA certificate", "provisioning template"),
    ]
    assert undone.left == ()
    assert set(counts(device).values()) == {0}
    assert device.account.client.list_provisioning_templates()["templates"] == []
    assert ACCEPTED in device.run_hello_world()
    end(device)


# The role


def test_a_real_account_needs_a_role(bare: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one in lab.toml the step says which to create, and asks AWS for nothing."""
    workbench = bare.workbench("create_provisioning_template")
    assert workbench.account.account_id  # opened while it is simulated
    monkeypatch.setattr(
        type(workbench.workspace.settings), "account_is_simulated", property(lambda _: False)
    )
    with pytest.raises(WorkspaceError, match=r"AWSIoTThingsRegistration.*provisioning_role"):
        provisioning.create_provisioning_template(workbench, None)


def test_the_role_of_lab_toml_is_taken(tmp_path: Path, lab: Lab) -> None:
    """lab.toml's role is the template's; text that is no role's ARN is refused at once."""
    del lab
    role = "arn:aws:iam::123456789012:role/provisioning"
    file = tmp_path / "lab.toml"
    file.write_text(f'[account]\nprovisioning_role = "{role}"\n')
    device = open_lab(tmp_path, route="just-in-time")
    device.create_provisioning_template()
    reported = device.account.client.describe_provisioning_template(
        templateName="labkit-just-in-time"
    )
    assert reported["provisioningRoleArn"] == role
    end(device)
    file.write_text('[account]\nprovisioning_role = "somebody"\n')
    with pytest.raises(WorkspaceError, match=r"provisioning_role in .* is 'somebody'; expected"):
        open_lab(tmp_path, route="just-in-time")
