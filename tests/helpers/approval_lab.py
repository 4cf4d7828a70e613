"""A certificate authority with an audit log, and signers, for the tests of approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates
from labkit.approval import open_authority
from labkit.keys import PublicKey
from labkit.support.seeding import SEEDED_DAY, Randomness
from labkit.workspace import Workspace, write

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.approval import Authority

RANDOMNESS = Randomness("approval")
CA_KEY = RANDOMNESS.ec_key("CA", "rootCA.key")


def device_key(name: str) -> PublicKey:
    """Return the public key of a device."""
    return PublicKey.from_key(RANDOMNESS.ec_key(name, "device key"))


def open_place(folder: Path) -> Workspace:
    """Return a workspace with a CA in it."""
    place = Workspace.open(folder, {"LABKIT_SEED": "approval"})
    ca = certificates.root_ca(
        CA_KEY, certificates.parse_subject("CN=Lab root CA"), now=SEEDED_DAY, serial_number=1
    )
    write(place.path("rootCA.pem"), certificates.to_pem(ca))
    return place


def open_ca(folder: Path) -> Authority:
    """Return the certificate authority of a new workspace."""
    return open_authority(open_place(folder), CA_KEY)
