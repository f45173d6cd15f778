"""What people decide about sharing while the gateway runs: agreements, emergencies, revocations, consents."""

from catalog.governance.checks import (
    check_agreement,
    check_consent,
    check_declaration,
    check_stop,
    check_text,
    controller_of,
)
from catalog.governance.declaration import (
    SIGNERS_MIN,
    Declaration,
    Signature,
    Signer,
    load_signers,
    sign_declaration,
    verify_declaration,
)
from catalog.governance.records import (
    AgreementRecord,
    EmergencyRecord,
    Ending,
    GovernanceRefused,
    RegisterProblem,
    Revocation,
    RevocationKind,
    Stop,
    StopKind,
    StopRecord,
)

__all__ = [
    "SIGNERS_MIN",
    "AgreementRecord",
    "Declaration",
    "EmergencyRecord",
    "Ending",
    "GovernanceRefused",
    "RegisterProblem",
    "Revocation",
    "RevocationKind",
    "Signature",
    "Signer",
    "Stop",
    "StopKind",
    "StopRecord",
    "check_agreement",
    "check_consent",
    "check_declaration",
    "check_stop",
    "check_text",
    "controller_of",
    "load_signers",
    "sign_declaration",
    "verify_declaration",
]
