"""What the gateway saw of one TLS handshake, in OpenSSL's own words, step by step.

OpenSSL tells each state that it has passed and each alert, also where TLS 1.3 encrypts them. No
key and no random number is in it.

Source: OpenSSL, SSL_CTX_set_info_callback; RFC 8446, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from OpenSSL import SSL

_CLOSE_NOTIFY = 0
"""The alert that ends every connection in good order."""

_MOST_STEPS = 40
"""More than any handshake has; a client cannot make the list longer."""

_HEADS = ("SSLv3/TLS ", "TLSv1.3 ")


@dataclass(slots=True)
class HandshakeSteps:
    """One handshake.

    Attributes:
        version: such as "TLSv1.3"; of what was negotiated.
        steps: such as "read client hello", in their order; each once.
        alert: the number of the alert that ended it, or None.
        alert_is_ours: whether the gateway sent it.
    """

    version: str = ""
    steps: list[str] = field(default_factory=list)
    alert: int | None = None
    alert_is_ours: bool = False

    def take(self, tls: SSL.Connection, where: int, value: int) -> None:
        """Take what OpenSSL tells."""
        if where & SSL.SSL_CB_ALERT and value & 0xFF != _CLOSE_NOTIFY:
            self.alert, self.alert_is_ours = value & 0xFF, bool(where & SSL.SSL_CB_WRITE)
        if not where & SSL.SSL_CB_LOOP:
            return
        state = tls.get_state_string().decode("ascii", "replace")
        head = next((head for head in _HEADS if state.startswith(head)), "")
        step = state.removeprefix(head)
        if head and step not in self.steps and len(self.steps) < _MOST_STEPS:
            self.steps.append(step)
            self.version = tls.get_protocol_version_name()


def observe(context: SSL.Context) -> None:
    """Have every connection of a context, whose app data has `handshake`, note its steps."""

    def tell(tls: SSL.Connection, where: int, value: int) -> None:
        tls.get_app_data().handshake.take(tls, where, value)

    context.set_info_callback(tell)
