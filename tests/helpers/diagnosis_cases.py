"""Console logs for tests of the diagnosis: simulated boards' own, and older releases' by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from board_bench import (
    ENDPOINT,
    NOW,
    NOWHERE,
    THING,
    Authority,
    BareBoard,
    Server,
    image,
    private_pem,
)
from console_shapes import HEADER, key, rows
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from labkit.bench.simulator.board.provisioning import load_key
from labkit.diagnosis import AccountState, Headers
from labkit.keys import PublicKey
from labkit.policy import Policy, generation, hello_world_policy, parse

if TYPE_CHECKING:
    from pathlib import Path

REGION, ACCOUNT_ID = "us-east-1", "123456789012"
DER = Encoding.DER
PLACEHOLDER = "Paste client certificate here."


def c_literal(value: str | None) -> str:
    """Return a value as a C string literal, or NULL."""
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def headers(
    *,
    certificate: str | None = None,
    ca: str | None = None,
    private_key: str | None = None,
    endpoint: str | None = ENDPOINT,
    thing: str = THING,
    port: str = "8883",
    force: str = "0",
) -> Headers:
    """Return a firmware tree's headers with these values."""
    return Headers.read(
        credentials=(
            f"#define clientcredentialMQTT_BROKER_ENDPOINT {c_literal(endpoint)}\n"
            f"#define clientcredentialIOT_THING_NAME {c_literal(thing)}\n"
            f"#define clientcredentialMQTT_BROKER_PORT {port}\n"
        ),
        keys=(
            f"#define keyCLIENT_CERTIFICATE_PEM {c_literal(certificate)}\n"
            f"#define keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM {c_literal(ca)}\n"
            f"#define keyCLIENT_PRIVATE_KEY_PEM {c_literal(private_key)}\n"
        ),
        provisioning=f"#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR {force}\n",
    )


def policy_of(release: str) -> Policy:
    """Return the policy that the hello world of a release needs."""
    document = hello_world_policy(REGION, ACCOUNT_ID, generation(release))
    return parse(document, name="hello-world")


def account(**changes: object) -> AccountState:
    """Return the state of an account in which all is right, with changes."""
    state: dict[str, object] = {
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "endpoint": ENDPOINT,
        "ca_status": "ACTIVE",
        "auto_registration": False,
        "certificate_status": "ACTIVE",
        "things": (THING,),
        "policies": (policy_of("202203.00"),),
        "clock": NOW,
    }
    return AccountState(**(state | changes))  # type: ignore[arg-type]  # as the fields are


class Made:
    """A board of one release with its key pair, a server that trusts its CA, and certificates."""

    def __init__(self, folder: Path, release: str) -> None:
        self.folder, self.release = folder, release
        self.authority = Authority()
        self.board = BareBoard(folder)
        self.first_boot = self.board.boot(image(release, endpoint=""))
        self.public_key = load_key(self.board.flash.read().private_key).public_key()
        self.certificate = self.authority.issue(self.public_key)
        self.others = self.authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key())
        self._servers: dict[str, Server] = {}
        self._blanks = 0

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers.values():
            server.close()

    def serve(self, behaviour: str = "accept", host: str = ENDPOINT) -> Made:
        """Let the endpoint be a server with the given behaviour."""
        if behaviour == "nowhere":
            self.board.network = type(self.board.network)(
                REGION, NOWHERE, self.board.network.root_ca_file, lambda: NOW
            )
            return self
        self.board.connect_to(self.server(behaviour, host))
        return self

    def server(self, behaviour: str = "accept", host: str = ENDPOINT) -> Server:
        """Return a server with the given behaviour, the same one each time."""
        name = f"{behaviour} {host}"
        if name not in self._servers:
            self._servers[name] = Server(
                self.folder, self.authority, behaviour=behaviour, host=host
            )
        return self._servers[name]

    def boot(self, **macros: str | None) -> bytes:
        """Boot an image with these macros; without a certificate named, the right one."""
        return self.board.boot(image(self.release, **({"certificate": self.certificate} | macros)))

    def blank(self) -> BareBoard:
        """Return a new board with an empty flash, on the same network."""
        self._blanks += 1
        folder = self.folder / f"blank {self._blanks}"
        folder.mkdir()
        board = BareBoard(folder, seed=f"blank {self._blanks}")
        board.connect_to(self.server())
        return board

    def damaged(self) -> str:
        """Return the certificate with a line lost."""
        lines = self.certificate.splitlines()
        return "\n".join([*lines[:2], *lines[3:], ""])

    def public_pem(self) -> str:
        """Return the public key as PEM."""
        return PublicKey.from_key(self.public_key).pem


def on_one_line(pem: str) -> str:
    """Return PEM without its line ends."""
    return pem.replace("\n", "")


def p384() -> str:
    """Return a P-384 private key."""
    return private_pem(ec.generate_private_key(ec.SECP384R1()))


def rsa_4096() -> str:
    """Return an RSA-4096 private key."""
    return private_pem(rsa.generate_private_key(public_exponent=65537, key_size=4096))


def p256() -> str:
    """Return a P-256 private key."""
    return private_pem(ec.generate_private_key(ec.SECP256R1()))


def of_202012(*messages: str) -> str:
    """Return a boot as 202011.00 to 202012.01 print it: library messages in three glued pieces.

    A message `LIBRARY: text` is a library's; any other is printed as it is.
    """
    out, number = "", 0
    for message in messages:
        level, _, text = message.partition(": ")
        prefixes = [f"{number + n} {40 + number + n} [iot_thread] " for n in range(3)]
        if level in ("ERROR", "INFO", "WARN") and text:
            out += f"{prefixes[0]}[{level}] [MQTT_MutualAuth_Demo] [mqtt_demo_mutual_auth.c:745] "
            out += f"{prefixes[1]}{text}{prefixes[2]}\r\n"
            number += 3
        else:
            out += f"{prefixes[0]}{message}\r\n"
            number += 1
    return out


def of_1_4(*messages: str) -> str:
    """Return a boot as releases 1.x print it, by several tasks."""
    return "".join(
        f"{number} {980 + 3 * number} [MQTT] {message}\r\n\r\n"
        for number, message in enumerate(messages)
    )


def dump(name: str = "device") -> str:
    """Return a dump's header and rows, to stand in a message."""
    return "\r\n".join([HEADER, *rows(key(name))])


ALERT_202012 = (
    "INFO: Creating a TLS connection to a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com:8883.",
    (
        "ERROR: Handshake failed with error code SSL - A fatal alert message was received from our "
        "peer : <No-Low-Level-Code> "
    ),
    "TLS_Connect fail (0x7780, NULL)",
    "ERROR: Failed to establish new connection. secureSocketStatus=-1.",
    "WARN: Connection to the broker failed. Attempting connection retry after backoff delay.",
)
ALERT_1_4 = (
    "Key provisioning done...",
    "MQTT echo attempting to connect to a1b2c3d4e5f6g7.iot.us-east-1.amazonaws.com.",
    "ERROR: Handshake failed with error code -30592 ",
    "About to close socket.",
    "ERROR:  MQTT echo failed to connect with error 1.",
)
