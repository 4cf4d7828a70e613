"""Option 1: the imported key is accepted; a run can be ended and repeated at any point."""

from __future__ import annotations

import dataclasses
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, account_rows, counts, do_everything, end, files

from labkit import certificates, firmware, open_lab
from labkit.cloud.account import Account
from labkit.errors import CertificateError, CloudError, FirmwareError
from labkit.firmware.tree import find_sources
from labkit.lab.procedure import ROUTES, performing
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.headers import CA_PEM, CERTIFICATE_PEM, FORCE, PRIVATE_KEY_PEM
from labkit.support.seeding import Randomness
from labkit.workspace import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labkit.cloud.resources import NewCertificate
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

OPTION_1 = ROUTES["option-1"]


@pytest.fixture
def bare(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """A device on Option 1, in which nothing is done."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)
    return open_lab(lab.workspace.root, route="option-1", thing_name=name)


@pytest.fixture(scope="module")
def accepted(lab: Lab) -> Lab:
    """A device on Option 1 whose hello world was accepted; each test leaves it provisioned."""
    device = open_lab(lab.workspace.root, route="option-1", thing_name="accepted")
    do_everything(device)
    return device


def header(lab: Lab) -> Path:
    """Return the keys header."""
    return find_sources(lab.workspace.firmware).keys


def value(lab: Lab, macro: str) -> str | None:
    """Return what a macro says now."""
    return headers.value_now(lab.workbench("create_thing"), macro)


def set_by_hand(lab: Lab, macro: str, text: str | None) -> None:
    """Set a macro of the keys header or the provisioning source with a text editor."""
    sources = find_sources(lab.workspace.firmware)
    file = sources.provisioning if macro == FORCE else sources.keys
    old = firmware.decode(file.read_bytes())
    file.write_bytes(firmware.encode(firmware.edit(old, macro, text).new))


def own_certificates(lab: Lab) -> dict[str, str]:
    """Return the status of every certificate of the account, by id."""
    listed = lab.account.client.list_certificates(pageSize=250)["certificates"]
    return {each["certificateId"]: each["status"] for each in listed}


# All is well


def test_the_imported_key_is_accepted(bare: Lab) -> None:
    """The key that AWS IoT made is imported, and opens the connection; the board shows none."""
    capture = bare.run_hello_world()
    assert ACCEPTED in capture
    assert "Write certificate..." in capture
    assert "Device public key" not in capture
    assert "Waiting for" not in capture
    assert [entry["step"] for entry in bare.journal] == [step.name for step in OPTION_1.steps]
    certificate = certificates.load_certificate(bare.file("deviceCert.pem").read_bytes())
    key = certificates.load_private_key(value(bare, PRIVATE_KEY_PEM) or "")
    assert certificate.public_key() == key.public_key()
    assert value(bare, CERTIFICATE_PEM) == bare.file("deviceCert.pem").read_text()
    assert value(bare, CA_PEM) is None
    assert bare.account.certificate(bare.certificate_id).status == "ACTIVE"


@pytest.mark.slow
def test_an_older_release_accepts_it_too(tmp_path: Path, lab: Lab) -> None:
    """201910.00 imports the key as well; its header's "" for the CA stays as it is."""
    del lab  # its fixture cleans the environment
    older = open_lab(tmp_path, route="option-1", release="201910.00")
    assert ACCEPTED in older.run_hello_world()
    assert value(older, CA_PEM) == ""
    end(older)


def test_an_active_certificate_is_what_opens(accepted: Lab) -> None:
    """The twin: with the certificate INACTIVE the same board and key are refused."""
    accepted.account.set_certificate_status(accepted.certificate_id, "INACTIVE")
    refused = accepted.board.boot()
    assert "0x7780" in refused
    assert ACCEPTED not in refused
    assert ACCEPTED in accepted.run_hello_world()


@pytest.mark.parametrize("name", [step.name for step in OPTION_1.steps[:-1]])
def test_any_step_first(bare: Lab, name: str) -> None:
    """On a simulated bench a step first makes what it needs, and no more than that."""
    bare.perform(name)
    expected = [step.name for step in OPTION_1.before(OPTION_1.find(name))] + [name]
    assert [entry["step"] for entry in bare.journal] == expected


def test_everything_again_changes_nothing(accepted: Lab) -> None:
    """Every step again, forwards and backwards: nothing changes, the log only grows."""
    before, rows = files(accepted.workspace.device), account_rows(accepted)
    do_everything(accepted)
    for step in reversed(OPTION_1.steps):
        accepted.perform(step.name)
    after = files(accepted.workspace.device)
    for log in [name for name in before if "console." in name]:
        assert after.pop(log).startswith(before.pop(log))
    assert after == before
    assert account_rows(accepted) == rows


def test_shown_again_as_it_was_made(accepted: Lab) -> None:
    """The step says the same again: the certificate was made INACTIVE, the key is RSA-2048."""
    made = accepted.create_keys_and_certificate()
    assert repr(made).splitlines() == [
        (
            "certificate  INACTIVE, for an RSA-2048 key, in deviceCert.pem and "
            "keyCLIENT_CERTIFICATE_PEM"
        ),
        "private key  RSA-2048, 27 lines of PEM, in keyCLIENT_PRIVATE_KEY_PEM and nowhere else",
    ]
    assert made.certificate.name == accepted.certificate_id


def test_the_header_is_the_owners_alone(bare: Lab) -> None:
    """With the key in it the header is 0600, and stays so; its backup has no key."""
    assert stat.S_IMODE(header(bare).stat().st_mode) & 0o077
    bare.create_keys_and_certificate()
    assert stat.S_IMODE(header(bare).stat().st_mode) == 0o600
    backup = bare.workspace.device / "backups" / header(bare).name
    assert firmware.refuse_private_key(backup.read_text()).endswith("is NULL: no private key.")
    set_by_hand(bare, CERTIFICATE_PEM, None)
    bare.create_keys_and_certificate()
    assert stat.S_IMODE(header(bare).stat().st_mode) == 0o600


# Ended, lost, changed


def ends_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Let a run end where a function is called, as a kill there would end it."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, killed)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(certificates, "load_private_key"), (headers, "import_key_pair")],
    ids=["nothing written", "only deviceCert.pem written"],
)
def test_ended_before_the_key_was_in_the_header(
    bare: Lab, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """The key of the first try is lost: its certificate is deleted, and another pair is made."""
    before = own_certificates(bare)
    with monkeypatch.context() as patch:
        ends_at(patch, owner, name)
        with pytest.raises(KeyboardInterrupt):
            bare.create_keys_and_certificate()
    (orphan,) = set(own_certificates(bare)) - set(before)
    assert value(bare, PRIVATE_KEY_PEM) is None
    bare.create_keys_and_certificate()
    assert set(own_certificates(bare)) - set(before) == {bare.certificate_id}
    assert bare.certificate_id != orphan


def test_ended_in_the_moment_of_the_answer(bare: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The id of a certificate whose answer was lost is not known: it is left alone, INACTIVE."""
    before = own_certificates(bare)
    with monkeypatch.context() as patch:
        ends_at(patch, Ledger, "made")
        with pytest.raises(KeyboardInterrupt):
            bare.create_keys_and_certificate()
    (lost,) = set(own_certificates(bare)) - set(before)
    bare.create_keys_and_certificate()
    assert own_certificates(bare)[lost] == "INACTIVE"
    assert bare.account.attachments(bare.account.certificate(lost).arn) == ()
    bare.account.delete_certificate(lost)


def test_ended_before_the_journal_was_written(bare: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pair is in the header: it is found there, and no other is made."""
    with monkeypatch.context() as patch:
        ends_at(patch, performing, "Entry")
        with pytest.raises(KeyboardInterrupt):
            bare.create_keys_and_certificate()
    pem, number = value(bare, PRIVATE_KEY_PEM), len(own_certificates(bare))
    bare.create_keys_and_certificate()
    assert value(bare, PRIVATE_KEY_PEM) == pem
    assert len(own_certificates(bare)) == number


@pytest.mark.parametrize(
    "lose",
    [
        lambda lab: lab.workspace.path("deviceCert.pem").unlink(),
        lambda lab: lab.workspace.path("deviceCert.pem").write_text("damaged"),
        lambda lab: set_by_hand(lab, CERTIFICATE_PEM, None),
        lambda lab: set_by_hand(lab, CA_PEM, value(lab, CERTIFICATE_PEM)),
    ],
    ids=["file lost", "file damaged", "header's certificate lost", "another certificate as CA"],
)
def test_what_can_be_restored_is_restored(accepted: Lab, lose: Callable[[Lab], Any]) -> None:
    """As long as the key is in the header the pair stays: the certificate is put where it was."""
    before, number = accepted.certificate_id, len(own_certificates(accepted))
    lose(accepted)
    accepted.create_keys_and_certificate()
    assert value(accepted, CA_PEM) is None
    assert accepted.certificate_id == before
    assert value(accepted, CERTIFICATE_PEM) == accepted.file("deviceCert.pem").read_text()
    assert len(own_certificates(accepted)) == number


@pytest.mark.parametrize("text", [None, "Paste client private key here.", "another"])
def test_a_lost_key_is_replaced(accepted: Lab, text: str | None) -> None:
    """A key is returned once: without it another pair is made, and the old certificate is INACTIVE.

    It was in use, and the key may still be on the board: it is not deleted.
    """
    old = accepted.certificate_id
    if text == "another":
        text = certificates.private_key_to_pem(Randomness("x").ec_key("x", "x")).decode()
    if text and "Paste" in text:
        raw = header(accepted).read_text()
        start = raw.index("keyCLIENT_PRIVATE_KEY_PEM    \\")
        header(accepted).write_text(
            f'{raw[:start]}keyCLIENT_PRIVATE_KEY_PEM "{text}"\n#endif\n#endif\n'
        )
    else:
        set_by_hand(accepted, PRIVATE_KEY_PEM, text)
    accepted.activate_certificate()
    assert accepted.certificate_id != old
    assert own_certificates(accepted)[old] == "INACTIVE"
    assert own_certificates(accepted)[accepted.certificate_id] == "ACTIVE"


def test_a_certificate_that_the_account_lost(bare: Lab) -> None:
    """A certificate that was deleted in the account is worth nothing: another pair is made."""
    bare.activate_certificate()
    account, old = bare.account, bare.certificate_id
    arn = account.certificate(old).arn
    account.detach_policy("labkit-hello-world", arn)
    thing = bare.workspace.settings.thing_name
    account.client.detach_thing_principal(thingName=thing, principal=arn)
    account.set_certificate_status(old, "INACTIVE")
    account.delete_certificate(old)
    assert account.find_certificate(old) is None
    assert bare.activate_certificate().status == "ACTIVE"
    assert bare.certificate_id != old


def test_a_revoked_certificate_stays_revoked(bare: Lab) -> None:
    """Somebody revoked it for a reason: no other pair is made unasked, and the step says so."""
    bare.activate_certificate()
    number = len(own_certificates(bare))
    bare.account.set_certificate_status(bare.certificate_id, "REVOKED")
    with pytest.raises(CloudError, match="setting the device certificate ACTIVE: AWS answered"):
        bare.activate_certificate()
    assert len(own_certificates(bare)) == number


def test_somebody_elses_certificate_is_left_alone(bare: Lab, lab: Lab) -> None:
    """A certificate in use that this device's run has not made is not touched."""
    other = open_lab(lab.workspace.root, route="option-1", thing_name="somebody-else")
    other.activate_certificate()
    pem = other.file("deviceCert.pem").read_text()
    bare.workspace.path("deviceCert.pem").write_text(pem)
    bare.create_keys_and_certificate()
    assert bare.certificate_id != other.certificate_id
    assert own_certificates(bare)[other.certificate_id] == "ACTIVE"


# Refused


class Mixed(Account):
    """An account whose answer holds the certificate of one pair and the key of another."""

    def create_keys_and_certificate(self) -> NewCertificate:
        """Answer with the halves of two real answers."""
        one, other = (super(Mixed, self).create_keys_and_certificate() for _ in range(2))
        return dataclasses.replace(one, private_key_pem=other.private_key_pem)


def test_a_pair_that_does_not_belong_together_is_refused(bare: Lab) -> None:
    """The certificate must be for the key: nothing is written else, and no message holds a key."""
    account = bare.account
    given = {each.name: getattr(account, each.name) for each in dataclasses.fields(account)}
    bare._account = Mixed(**given)  # noqa: SLF001 the one seam
    journal = str(bare.workspace.journal.path)
    before = files(bare.workspace.device)
    with pytest.raises(
        CertificateError, match="expected the certificate of its private key, got"
    ) as caught:
        bare.create_keys_and_certificate()
    after = files(bare.workspace.device)
    assert b"BEGIN" not in after.pop(journal, b"")  # it may note what was made in the account
    failed = after.pop(str(bare.workspace.device / "failed.json"))
    assert b"create_keys_and_certificate" in failed
    assert b"BEGIN" not in failed
    assert after == before
    assert "BEGIN" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_device_that_would_make_its_own_key_is_refused(accepted: Lab) -> None:
    """With the macro at 1 the imported key would be replaced at the next boot: nothing is built."""
    set_by_hand(accepted, FORCE, "1")
    image = accepted.workspace.firmware / "build" / "image.json"
    before = image.read_bytes()
    with pytest.raises(FirmwareError, match=rf"{FORCE} is 1: expected 0, or the device makes"):
        accepted.run_hello_world()
    assert image.read_bytes() == before
    set_by_hand(accepted, FORCE, "0")
    assert ACCEPTED in accepted.run_hello_world()


# One tree for both routes, as on a real board


@pytest.mark.slow
def test_both_options_in_one_tree(tmp_path: Path, lab: Lab) -> None:
    """From Option 1 to Option 2 it says what to do; back again, another pair is made."""
    root = tmp_path / "lab"
    default = open_lab(root).workspace
    (root / "lab.toml").write_text(f'[device]\nfirmware = "{default.firmware}"\n')
    one, two = open_lab(root, route="option-1"), open_lab(root)
    assert one.workspace.firmware == two.workspace.firmware
    assert ACCEPTED in one.run_hello_world()
    first = one.certificate_id
    with pytest.raises(FirmwareError, match=r"header contains a private key.*NULL") as caught:
        two.force_key_generation()
    assert "BEGIN" not in str(caught.value)
    set_by_hand(two, PRIVATE_KEY_PEM, None)
    assert ACCEPTED in two.run_hello_world()
    assert value(two, CA_PEM)
    assert ACCEPTED in one.run_hello_world()
    assert value(one, CA_PEM) is None
    assert one.certificate_id != first
    assert own_certificates(one)[first] == "INACTIVE"
    assert counts(one)["things"] == 2
    assert lab.bench != one.bench
    end(one)
