"""What the stewards and signers of the local city have and do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.catalogue import Catalogue
from catalog.vocabulary import SharingClass
from gateway.client import Profile, connect
from gateway.doors.cli.keys import signing_key
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

AGREEMENT_SECONDS = 365 * 86_400
CALL_SECONDS_MAX = 60
_SIGNERS = (
    ("emergency-signer-1", "shanghai", {"zh": "上海市 应急签署人", "en": "Signer of the city"}),
    ("emergency-signer-2", "dept-health", {"zh": "卫生健康委 应急签署人", "en": "Signer of the Health Commission"}),
)


def write_signers(path: Path, *, keys: Path) -> None:
    """Write who may sign emergencies; their private keys are in `keys`, made first when they do not exist."""
    entries = []
    for id, office, name in _SIGNERS:
        public = signing_key(keys / f"{id}.pem").public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        entries.append({"id": id, "name": name, "office": office, "public_key": pem})
    path.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), "utf-8")


def sign_agreements(catalogue: Catalogue, *, stewards: Mapping[str, Profile]) -> None:
    """Let each department's steward sign an agreement about its conditional datasets, for the whole city and a year.

    Raises:
        grpc.RpcError: The gateway refuses one.
    """
    for department, profile in stewards.items():
        datasets = [
            name
            for name, dataset in catalogue.datasets.items()
            if dataset.controller == department and dataset.sharing_class is SharingClass.CONDITIONAL
        ]
        if not datasets:
            continue
        agreement = governance_pb2.Agreement(
            id=f"{department}-base",
            recipient="31",
            datasets=datasets,
            purposes=[id for id, purpose in catalogue.purposes.items() if any(purpose.need(name) for name in datasets)],
            valid_until=int(time.time()) + AGREEMENT_SECONDS,
        )
        connection = connect(profile)
        try:
            stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
            request = governance_pb2.SignAgreementRequest(agreement=agreement)
            stub.SignAgreement(request, metadata=connection.headers(), timeout=CALL_SECONDS_MAX)
        finally:
            connection.close()
