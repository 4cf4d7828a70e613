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
AttachPolicy AttachPrincipalPolicy CancelCertificateTransfer CreateCertificateFromCsr
CreateKeysAndCertificate
CreatePolicy CreatePolicyVersion CreateProvisioningTemplate DeleteCACertificate
DeleteCertificate DeletePolicy DeletePolicyVersion DeleteProvisioningTemplate
DescribeCACertificate DescribeCertificate DescribeDomainConfiguration DescribeEndpoint
DescribeEventConfigurations DescribeProvisioningTemplate DetachPolicy DetachPrincipalPolicy
GetCallerIdentity GetEffectivePolicies GetPolicy GetPolicyVersion GetRegistrationCode
ListAttachedPolicies ListCACertificates ListCertificates ListCertificatesByCA
ListDomainConfigurations ListOutgoingCertificates ListPolicies ListPolicyPrincipals
ListPolicyVersions ListPrincipalPolicies ListProvisioningTemplates ListTagsForResource
ListTargetsForPolicy RegisterCACertificate RegisterCertificate RegisterCertificateWithoutCA
SetDefaultPolicyVersion TagResource TestAuthorization UntagResource UpdateCACertificate
UpdateCertificate UpdateProvisioningTemplate
""",
    )
)
