"""A board as a program on this computer: it reads its headers with gcc, and connects by itself.

It is written without the simulator: OpenSSL does TLS, paho does MQTT, and gcc reads the macros. Its
serial port is a pseudo terminal, its flash a folder.

    python host_board.py run FLASH ADDRESS ROOT_CA   print the serial port, and boot at each reset
    python host_board.py build TREE FLASH            compile the headers; keep their values
    python host_board.py flash FLASH                 load them, and reset the board
"""

from __future__ import annotations

import json
import os
import pty
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import tty
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    import socket

TEXTS = (
    "clientcredentialMQTT_BROKER_ENDPOINT",
    "clientcredentialIOT_THING_NAME",
    "keyCLIENT_CERTIFICATE_PEM",
    "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM",
    "keyCLIENT_PRIVATE_KEY_PEM",
)
PROGRAM = """
#include <stdio.h>
#include "aws_clientcredential.h"
#include "aws_clientcredential_keys.h"
static void text(const char *name, const char *value) {
    printf("%s ", name);
    for (; value && *value; value++) printf("%02x", (unsigned char)*value);
    printf("\\n");
}
int main(void) {
@TEXTS@
    printf("port %d\\n", (int)clientcredentialMQTT_BROKER_PORT);
    return 0;
}
"""
ITERATIONS = 3
WAIT_S = 10.0


def build(tree: Path, flash: Path) -> None:
    """Compile the tree's headers and keep the values that the compiler saw."""
    program = PROGRAM.replace("@TEXTS@", "\n".join(f'    text("{it}", {it});' for it in TEXTS))
    sources = {path.name: path for path in tree.rglob("*") if path.is_file()}
    folder = sources["aws_clientcredential.h"].parent
    with tempfile.TemporaryDirectory() as place:
        source, binary = Path(place, "values.c"), Path(place, "values")
        source.write_text(program)
        subprocess.run(["gcc", "-I", folder, source, "-o", binary], check=True)
        lines = subprocess.check_output([binary], text=True).splitlines()
    values = dict(line.partition(" ")[::2] for line in lines)
    provisioning = sources["aws_dev_mode_key_provisioning.c"].read_text()
    values["force"] = next(
        line.split()[2]
        for line in provisioning.splitlines()
        if line.startswith("#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR")
    )
    (flash / "built.json").write_text(json.dumps(values))


class HostBoard:
    """The running board.

    Args:
        flash: the folder with its image and its key.
        console: the file descriptor of its serial port.
        address: where its network finds the endpoint: host and port are the headers' otherwise.
        root_ca: the root certificate that is compiled into it.
    """

    def __init__(self, flash: Path, console: int, address: str, root_ca: Path) -> None:
        self._flash, self._console = flash, console
        self._address, self._root_ca = address, root_ca
        self._number = 0

    def boot(self) -> None:
        """Run the firmware once: provisioning, then the hello world with its retries."""
        self._number = 0
        values = json.loads((self._flash / "image.json").read_text())
        texts = {name: bytes.fromhex(values[name]).decode() for name in TEXTS}
        key = self._provision(values["force"], texts)
        if "-----BEGIN" not in texts["keyCLIENT_CERTIFICATE_PEM"]:
            self._log("No client certificate is stored.")
            return
        for attempt in range(1, 4):
            if self._hello_world(texts, int(values["port"]), key):
                self._log("[INFO ][DEMO][7000] Demo completed successfully.")
                return
            self._log(f"Connection to the broker failed. Retry attempt {attempt} of 3.")
        self._log("[ERROR][DEMO][7000] Failed to establish MQTT connection: MQTTRecvFailed.")

    def _provision(self, force: str, texts: dict[str, str]) -> bytes:
        imported = texts["keyCLIENT_PRIVATE_KEY_PEM"]
        if imported:
            return imported.encode()
        file = self._flash / "key.pem"
        if force == "1" or not file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            options = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            file.write_bytes(made.private_bytes(*options))
        key = load_pem_private_key(file.read_bytes(), None)
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._log(f"Device public key, {len(der)} bytes:")
        for start in range(0, len(der), 16):
            row = der[start : start + 16].hex()
            groups = [row[at : at + 4] for at in range(0, len(row), 4)]
            self._print(" ".join(groups) + (" " if len(row) == 32 else ""))
        return file.read_bytes()

    def _hello_world(self, texts: dict[str, str], port: int, key: bytes) -> bool:
        host, thing = texts["clientcredentialMQTT_BROKER_ENDPOINT"], texts[TEXTS[1]]
        chain = texts["keyCLIENT_CERTIFICATE_PEM"] + texts[TEXTS[3]]
        self._log(f"Creating a TLS connection to {host}:{port}.")
        context = ssl.create_default_context(cafile=self._root_ca)
        context.check_hostname = False
        with tempfile.TemporaryDirectory() as place:
            pair = Path(place, "chain.pem"), Path(place, "key.pem")
            pair[0].write_text(chain)
            pair[1].write_bytes(key)
            context.load_cert_chain(*pair)
        received, closed = threading.Event(), threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, thing)
        client.tls_set_context(_Named(context, host))
        client.on_message = lambda *_: received.set()
        client.on_disconnect = lambda *_: closed.set()
        topic = f"{thing}/example/topic"
        subscribed = threading.Event()
        client.on_connect = lambda *_: client.subscribe(topic)
        client.on_subscribe = lambda *_: subscribed.set()
        try:
            client.connect(self._address, port)
        except (OSError, ssl.SSLError) as error:
            self._log(f"TLS_Connect fail (0x7780, {host}) {type(error).__name__}")
            return False
        client.loop_start()
        try:
            if not subscribed.wait(WAIT_S):
                return False
            for number in range(1, ITERATIONS + 1):
                received.clear()
                client.publish(topic, f"Hello World {number}")
                if not received.wait(WAIT_S) or closed.is_set():
                    return False
                self._log(f"[INFO ][DEMO][{number}] Demo iteration {number} completed.")
            return True
        finally:
            client.disconnect()
            client.loop_stop()

    def _log(self, text: str) -> None:
        self._print(f"{self._number} {self._number * 100} [iot_thread] {text}")
        self._number += 1

    def _print(self, line: str) -> None:
        os.write(self._console, line.encode() + b"\r\n")


class _Named:
    """A context whose server name is the endpoint's, whatever address is connected to."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._context, self._name = context, name

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._context, attribute)

    def wrap_socket(self, sock: socket.socket, **options: object) -> ssl.SSLSocket:
        """Wrap a socket under the endpoint's name."""
        return self._context.wrap_socket(sock, **(options | {"server_hostname": self._name}))


def run(flash: Path, address: str, root_ca: Path) -> None:
    """Wait for resets; each begins a boot in a process of its own, in place of the last one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    console, line = pty.openpty()
    tty.setraw(line)
    (flash / "pid").write_text(str(os.getpid()))
    print(os.ttyname(line), flush=True)  # noqa: T201 the answer
    boot = 0
    while True:
        signal.sigwait({signal.SIGUSR1})
        if boot:
            os.kill(boot, signal.SIGKILL)
            os.waitpid(boot, 0)
        boot = os.fork()
        if not boot:
            HostBoard(flash, console, address, root_ca).boot()
            os._exit(0)


def reset(flash: Path) -> None:
    """Press the reset button."""
    os.kill(int((flash / "pid").read_text()), signal.SIGUSR1)


def main(command: str, *arguments: str) -> None:
    """Run one of the commands."""
    match command, *arguments:
        case "run", flash, address, root_ca:
            run(Path(flash), address, Path(root_ca))
        case "build", tree, flash:
            build(Path(tree), Path(flash))
        case "flash", flash:
            (Path(flash) / "built.json").replace(Path(flash) / "image.json")
            reset(Path(flash))


if __name__ == "__main__":
    main(*sys.argv[1:])
