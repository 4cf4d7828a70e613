"""The procedure as data: every step of Option 2 once, in the documentation's order.

Whatever walks the procedure derives from `STEPS`: the calls on the pages (`lab.<step name>()`),
`labkit run`, resuming, opening any page first, `labkit status` and the journal. To add a step is
a row here, its function in `labkit.steps`, its test and its cells.

What a step needs and makes is named as the documentation names it: a file, a C macro (with
`=value` where another step sets another value), or `account: …` for what AWS IoT holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import NotReadyError
from labkit.steps import account, board, certificate, headers
from labkit.steps.headers import CA_PEM, CERTIFICATE_PEM, ENDPOINT, FORCE, THING_NAME
from labkit.workspace import Entry, sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.steps.workbench import Outcome, Workbench

__all__ = ["STEPS", "Step", "before", "find", "is_done", "missing", "not_ready", "perform"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the procedure.

    Attributes:
        name: its name, which is also the call on a page.
        page: the page that teaches it.
        section: the documentation's section.
        does: what it does, in a line.
        needs: what it needs, as an earlier step makes it.
        makes: what it makes.
        do: the function that does it; it is given the step's newest journal entry, if any.
    """

    name: str
    page: str
    section: str
    does: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    do: Callable[[Workbench, Entry | None], Outcome]

    @property
    def is_asked_again(self) -> bool:
        """Whether the journal's word is not enough: the account, or the hello world, must say."""
        return not self.makes or any(item.startswith("account: ") for item in self.makes)

    @property
    def is_on_board(self) -> bool:
        """Whether what it makes is an image on the board, which is as old as its build."""
        return any(item.startswith("console.log: ") for item in self.makes)


_03 = ("03-initial-configuration", "Initial Configuration")
_04 = ("04-demo-project-configuration", "Demo Project Configuration")
_05 = ("05-public-key-extraction", "Public Key Extraction")
_06 = ("06-public-key-infrastructure-setup", "Public Key Infrastructure Setup")
_07 = ("07-certificate-import", "Certificate Import")
_08 = ("08-device-authorization", "Device Authorization")

STEPS: tuple[Step, ...] = (
    Step(
        "set_endpoint_and_thing", *_03,
        "write the account's endpoint and the thing's name into aws_clientcredential.h",
        (), (ENDPOINT, THING_NAME), headers.set_endpoint_and_thing,
    ),
    Step(
        "force_key_generation", *_04,
        "set the macro that makes the device generate a key pair to 1",
        (), (f"{FORCE}=1",), headers.force_key_generation,
    ),
    Step(
        "run_demo_first", *_04,
        "build, flash and run the demo, which generates the key pair and then fails to connect",
        (ENDPOINT, f"{FORCE}=1"), ("console.log",), board.run_demo_first,
    ),
    Step(
        "extract_public_key", *_05,
        "read the device's public key out of the console and keep it as hex, DER and PEM",
        ("console.log",),
        ("DevicePublicKeyAsciiHex.txt", "DevicePublicKeyDer.bin", "DevicePublicKey.pem"),
        board.extract_public_key,
    ),
    Step(
        "stop_key_generation", *_05,
        "set the macro back to 0, so that the next boot keeps the key pair",
        ("DevicePublicKey.pem",), (f"{FORCE}=0",), headers.stop_key_generation,
    ),
    Step(
        "create_ca", *_06,
        "create the lab's certificate authority: its key and its self-signed certificate",
        (), ("rootCA.key", "rootCA.pem"), certificate.create_ca,
    ),
    Step(
        "register_ca", *_06,
        "prove to AWS IoT that the CA's key is ours, and register the CA certificate",
        ("rootCA.key", "rootCA.pem"), ("verificationCert.pem", "account: CA certificate"),
        account.register_ca,
    ),
    Step(
        "sign_request", *_06,
        "write a certificate signing request, signed by a throw-away key that is then destroyed",
        (), ("deviceCert.csr",), certificate.sign_request,
    ),
    Step(
        "issue_certificate", *_06,
        "issue the device's certificate: the request's subject, the device's own public key",
        ("DevicePublicKey.pem", "deviceCert.csr", "rootCA.key", "rootCA.pem"),
        ("deviceCert.pem",), certificate.issue_certificate,
    ),
    Step(
        "import_certificate", *_07,
        "write device and CA certificate into aws_clientcredential_keys.h",
        ("deviceCert.pem", "rootCA.pem", f"{FORCE}=0"), (CERTIFICATE_PEM, CA_PEM),
        headers.import_certificate,
    ),
    Step(
        "run_demo_with_certificate", *_07,
        "build, flash and run the demo: the certificate is on board, AWS IoT does not know it",
        (ENDPOINT, f"{FORCE}=0", CERTIFICATE_PEM, CA_PEM), ("console.log: certificate on board",),
        board.run_demo_with_certificate,
    ),
    Step(
        "register_certificate", *_08,
        "register the device's certificate with AWS IoT, INACTIVE as yet",
        ("deviceCert.pem", "account: CA certificate", "console.log: certificate on board"),
        ("account: certificate",), account.register_certificate,
    ),
    Step(
        "create_thing", *_08,
        "create the thing that the device is in AWS IoT",
        (), ("account: thing",), account.create_thing,
    ),
    Step(
        "create_policy", *_08,
        "create the policy that allows the hello world and nothing else",
        (), ("account: policy",), account.create_policy,
    ),
    Step(
        "attach_thing_and_policy", *_08,
        "attach the certificate to the thing, and the policy to the certificate",
        ("account: certificate", "account: thing", "account: policy"), ("account: attachments",),
        account.attach_thing_and_policy,
    ),
    Step(
        "activate_certificate", *_08,
        "set the certificate ACTIVE",
        ("account: certificate", "account: attachments"), ("account: ACTIVE",),
        account.activate_certificate,
    ),
    Step(
        "run_hello_world", *_08,
        "run the demo again: the hello world is accepted",
        ("console.log: certificate on board", "account: ACTIVE"), (), board.run_hello_world,
    ),
)  # fmt: skip
"""Option 2, onboard private key generation, from the settings to the accepted hello world."""


def find(name: str) -> Step:
    """Return a step by its name."""
    return next(step for step in STEPS if step.name == name)


def before(step: Step) -> tuple[Step, ...]:
    """Return the steps that make what a step needs, and what those need, first ones first."""
    names: set[str] = set()
    wanted = list(step.needs)
    while wanted:
        item = wanted.pop()
        for maker in STEPS:
            if item in maker.makes and maker.name not in names:
                names.add(maker.name)
                wanted.extend(maker.needs)
    return tuple(each for each in STEPS if each.name in names)


def missing(workbench: Workbench, step: Step) -> Iterator[Step]:
    """Yield the earlier steps that a step needs and that are not done, first ones first."""
    return (each for each in before(step) if not is_done(workbench, each))


def is_done(workbench: Workbench, step: Step) -> bool:
    """Return whether the journal says that a step was done and what it made is still there.

    What the account holds is taken from the journal here; `Step.is_asked_again` tells where that
    is not enough.
    """
    journal = list(workbench.workspace.journal)
    entry = _newest(journal, step.name)
    if entry is None:
        return False
    kept = {item: value for item, value in entry.made.items() if _is_last(journal, entry, item)}
    untouched = all(_state(workbench, item, value) == value for item, value in kept.items())
    made = {item: value for each in journal for item, value in each.made.items()}
    up_to_date = all(
        item.endswith(".log") or made.get(item, value) == value
        for item, value in entry.read.items()
    )
    return untouched and up_to_date and not (step.is_on_board and _made_since(journal, entry))


def perform(workbench: Workbench, step: Step) -> object:
    """Do a step, write it into the journal if it changed anything, and return its value.

    Raises:
        NotReadyError: an earlier step has to be done first.
        LabError: the step says what went wrong; nothing is journalled then.
    """
    for earlier in missing(workbench, step):
        raise not_ready(step.name, earlier)
    journal = workbench.workspace.journal
    done = journal.newest(step.name) if is_done(workbench, step) else None
    read = done.read if done else _states(workbench, step.needs)
    outcome = step.do(workbench, done)
    made = _remade(workbench, done) if done else _states(workbench, step.makes)
    if done is None or (done.made, done.facts) != (made, outcome.facts):
        journal.add(Entry(step.name, workbench.now.isoformat(), read, made, outcome.facts))
    return outcome.value


def _remade(workbench: Workbench, done: Entry) -> dict[str, str]:
    """Return the states of what a done step made, those that a later step replaced as recorded."""
    entries = list(workbench.workspace.journal)
    return {
        item: (_state(workbench, item, state) or state) if _is_last(entries, done, item) else state
        for item, state in done.made.items()
    }


def not_ready(wanted: str, earlier: Step) -> NotReadyError:
    """Return the error that says which step, on which page, has to be done first."""
    return NotReadyError(
        f"{wanted} is not ready: expected {', '.join(earlier.makes)} to be there. Page "
        f"{earlier.page} does that: lab.{earlier.name}().",
        step=earlier.name,
        page=earlier.page,
    )


def _newest(journal: list[Entry], name: str) -> Entry | None:
    return next((entry for entry in reversed(journal) if entry.step == name), None)


def _made_since(journal: list[Entry], entry: Entry) -> bool:
    """Return whether anything that an entry read was made again later, be it the same again.

    It was something else in between, which may have been built and flashed.
    """
    later = journal[journal.index(entry) + 1 :]
    names = {_name(item) for item in entry.read}
    return any(_name(item) in names for each in later for item in each.made)


def _is_last(journal: list[Entry], entry: Entry, item: str) -> bool:
    """Return whether no later entry made the same item, or another value of the same macro."""
    later = journal[journal.index(entry) + 1 :]
    return not any(_name(item) == _name(made) for each in later for made in each.made)


def _name(item: str) -> str:
    """Return an item without the value that a step gives it."""
    return item.partition("=")[0]


def _states(workbench: Workbench, items: tuple[str, ...]) -> dict[str, str]:
    states = {item: _state(workbench, item) for item in items}
    return {item: state for item, state in states.items() if state is not None}


def _state(workbench: Workbench, item: str, recorded: str | None = None) -> str | None:
    """Return an item's SHA-256 now; of a log `<bytes>:<SHA-256>` of what was there when recorded.

    None where the item is missing, or is of the account.
    """
    if ": " in item:
        return None
    if item.endswith(".log"):
        path = workbench.workspace.path(item)
        if recorded is None and not path.exists():
            return None
        size = int(recorded.partition(":")[0]) if recorded else path.stat().st_size
        return f"{size}:{sha256_file(path, size)}"
    if "." in item:
        return sha256_file(workbench.workspace.path(item))
    value = headers.value_now(workbench, item.partition("=")[0])
    return None if value is None else hashlib.sha256(value.encode()).hexdigest()
