"""Where a running connector is, for `connector check`: the `kind: check` of docs/connector-protocol.md."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import psutil
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from catalog.dataset import Dataset
from connectors.conformance.kit import Tls, check_connector
from connectors.conformance.report import Report
from connectors.conformance.target import CHANNEL_OPTIONS, KEY_ID, Target
from connectors.sdk.config import HostPort, TlsSettings
from connectors.sdk.identity import department_host
from connectors.sdk.peer import peer_certificate
from connectors.sdk.signing_key import signing_key
from connectors.sdk.tls import CertificateFiles, is_loopback, open_channel

_CALL_SECONDS_MAX = 60.0


class CheckSettings(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["check"]
    endpoint: HostPort
    department: str
    grant_private_key: Path
    """PEM file, Ed25519; made when missing."""
    tls: TlsSettings | None = None
    """As whom the kit calls: as the gateway. None speaks plaintext, to loopback only."""
    datasets: tuple[str, ...] = ()
    """Those to check; empty for all."""
    catalogue: Path | None = None
    """Directory of catalogue entries; None uses the entries of the distribution."""


def read_check_settings(path: Path) -> CheckSettings | None:
    """Read the file; relative paths count from its folder.

    Returns:
        The settings, or None when the file is of another kind.

    Raises:
        ValueError: It is of this kind, and wrong.
        OSError: It cannot be read.
    """
    try:
        document: Any = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    if not isinstance(document, dict) or document.get("kind") != "check":
        return None
    try:
        settings = CheckSettings.model_validate(document)
    except ValidationError as invalid:
        places = (".".join(str(part) for part in found["loc"]) for found in invalid.errors(include_input=False))
        raise ValueError(", ".join(places)) from None
    folder = path.resolve().parent
    changes: dict[str, Any] = {"grant_private_key": folder / settings.grant_private_key}
    if settings.tls is not None:
        changes["tls"] = TlsSettings(**{name: folder / file for name, file in settings.tls})
    if settings.catalogue is not None:
        changes["catalogue"] = folder / settings.catalogue
    return settings.model_copy(update=changes)


def check_key(path: Path) -> Ed25519PrivateKey:
    """Return the kit's key, made when missing, and write its public half beside it, with which a connector is started.

    Raises:
        OSError, ValueError: The file cannot be used.
    """
    key = signing_key(path)
    public = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    entry = {"kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": public, "use": "sig", "alg": "EdDSA"}
    path.with_name(path.name + ".jwks.json").write_text(json.dumps({"keys": [entry]}) + "\n", "utf-8")
    return key


def check_running(settings: CheckSettings, *, catalogue: Mapping[str, Dataset]) -> Report:
    """Check the connector that runs where the settings say.

    Args:
        settings: Where, and as whom the kit calls.
        catalogue: The catalogue's datasets.

    Raises:
        OSError, ValueError: A key or certificate cannot be used, or plaintext is asked for to another machine.
        PeerRefused: Nobody answers there with the department's certificate.
    """
    key, host = check_key(settings.grant_private_key), department_host(settings.department)
    files = None if settings.tls is None else CertificateFiles(**dict(settings.tls))
    pems = None if files is None else files.pems
    tls = None
    if files is not None and pems is not None:
        sha256 = peer_certificate(settings.endpoint, host=host, files=files)
        tls = Tls(roots=pems.ca or b"", host=host, certificate_sha256=sha256)
    with open_channel(settings.endpoint, host=host, pems=pems, options=CHANNEL_OPTIONS) as channel:
        target = Target(
            channel=channel,
            department=settings.department,
            key=key,
            clock=time.time,
            new_bytes=secrets.token_bytes,
            seconds_max=_CALL_SECONDS_MAX,
            started_at=int(time.time()),
        )
        return check_connector(
            target,
            endpoint=settings.endpoint,
            catalogue=catalogue,
            datasets=settings.datasets,
            tls=tls,
            pid=_listening_process(settings.endpoint),
        )


def _listening_process(endpoint: str) -> int | None:
    """Return the process that listens on a loopback port of this machine, if it can be seen."""
    if not is_loopback(endpoint):
        return None
    port = int(endpoint.rpartition(":")[2])
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    return next((c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr[1] == port), None)
