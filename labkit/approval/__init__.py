"""Approval in production: a CSR signer's key in hardware, and a CA that trusts only that key.

The documentation recommends it: store the CSR signer's key in separate hardware, under a designated
administrator, and configure the certificate authority so that it only issues for requests signed by
that specific key. ::

    signer = open_signer(workspace, administrator="ada")
    authority = open_authority(workspace, ca_key)
    authority.register(signer.key.public_key(), signer.administrator)
    certificate = authority.issue(signer.request("pump-7", key), public_key=key)
    authority.log

Source: FreeRTOS documentation, Developer-mode key provisioning, Public Key Infrastructure Setup.
"""

from labkit.approval.audit import AuditLog, Decision
from labkit.approval.authority import Authority, open_authority, start_new_log
from labkit.approval.signer import LAB_PIN, Signer, approved_key, open_signer, rogue_signer

__all__ = [
    "LAB_PIN",
    "AuditLog",
    "Authority",
    "Decision",
    "Signer",
    "approved_key",
    "open_authority",
    "open_signer",
    "rogue_signer",
    "start_new_log",
]
