"""The calls of which AWS's price list says that they cost nothing, and that touch nobody else's.

AWS charges for the registry of things, for messages and for connections (AWS IoT Core pricing),
not for certificates and policies. Left out as well: what changes the account for others, such as
a new registration code.
"""

from __future__ import annotations

import re

__all__ = ["FREE_OPERATIONS"]

FREE_OPERATIONS = frozenset(
    re.findall(
        r"\w+",
        """
AttachPolicy CreateCertificateFromCsr CreateKeysAndCertificate CreatePolicy CreatePolicyVersion
CreateProvisioningTemplate DeleteCACertificate DeleteCertificate DeletePolicy
DeletePolicyVersion DeleteProvisioningTemplate DescribeCACertificate DescribeCertificate
DescribeEndpoint DescribeProvisioningTemplate DetachPolicy GetCallerIdentity
GetEffectivePolicies GetPolicy GetRegistrationCode ListAttachedPolicies ListCACertificates
ListCertificates ListCertificatesByCA ListPolicies ListPolicyVersions ListProvisioningTemplates
ListTagsForResource ListTargetsForPolicy RegisterCACertificate RegisterCertificate
TestAuthorization UpdateCACertificate UpdateCertificate UpdateProvisioningTemplate
""",
    )
)
