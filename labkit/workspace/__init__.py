"""The workspace: where a lab keeps its certificate authority, its devices and its journal.

::

    workspace/lab.toml                  what is real and what is simulated
    workspace/seed.txt                  the seed that it was begun with, if any
    workspace/ca/                       rootCA.key, rootCA.pem, verificationCert.pem
    workspace/ca-just-in-time/          the same of the CA that registers devices just in time
    workspace/devices/<thing name>/     what one device's run makes, and journal.jsonl
    workspace/firmware/                 the firmware tree, unless lab.toml names another; a
                                        simulated board has one in its device's folder on the
                                        other routes
    workspace/bench/                    the simulated bench's own state
    workspace/pages/                    the reader's copies of the pages
    workspace/records/                  records of runs
    workspace/record-keys/              the keys that sign them
"""

from labkit.firmware.values import THING_NAME
from labkit.workspace.files import sha256_file, write
from labkit.workspace.journal import Entry, Journal, Note, read_journal
from labkit.workspace.ledger import Ledger, Made
from labkit.workspace.place import Workspace, checkout, default_root
from labkit.workspace.routes import DEFAULT_ROUTE, ROUTES
from labkit.workspace.settings import TREES, Settings
from labkit.workspace.switch import choose_port

__all__ = [
    "DEFAULT_ROUTE",
    "ROUTES",
    "THING_NAME",
    "TREES",
    "Entry",
    "Journal",
    "Ledger",
    "Made",
    "Note",
    "Settings",
    "Workspace",
    "checkout",
    "choose_port",
    "default_root",
    "read_journal",
    "sha256_file",
    "write",
]
