"""Scan grants: the gateway's signed permission for one scan, checked by the connector before anything else."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError

from catalog.dataset import Dataset
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Mask
from connectors.sdk.masks import supports
from connectors.sdk.predicates import Predicate, Scalar, from_proto, to_proto, value_from_proto, value_to_proto
from sharing_stubs.sharing.connector.v1 import connector_pb2

_CONTEXT = b"sharing-scan-grant-v1\n"
_PAYLOAD_BYTES_MAX = 4 << 20
_LIFETIME_SECONDS_MAX = 600
_CLOCK_SKEW_SECONDS_MAX = 30
_COLUMNS_MAX = 1_000
_LOOKUP_VALUES_MAX = 1_000
_RELEASING = frozenset(ColumnAction) - {ColumnAction.DENY, ColumnAction.LOOKUP}


class GrantCode(StrEnum):
    """Why a grant is refused; sent to the gateway as it stands."""

    KEY_UNKNOWN = "KEY_UNKNOWN"
    SIGNATURE = "SIGNATURE"
    MALFORMED = "MALFORMED"
    AUDIENCE = "AUDIENCE"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    LIFETIME = "LIFETIME"
    REPLAYED = "REPLAYED"
    DATASET_UNKNOWN = "DATASET_UNKNOWN"
    COLUMN_UNKNOWN = "COLUMN_UNKNOWN"
    TREATMENT = "TREATMENT"
    CEILING = "CEILING"
    PREDICATE = "PREDICATE"


class GrantRefused(Exception):
    """A grant cannot be honoured; `code` says why, and nothing else leaves the connector."""

    def __init__(self, code: GrantCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantColumn:
    """One column and how it is treated."""

    name: str
    action: ColumnAction
    mask: Mask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupKeys:
    """The keys a row must match one of."""

    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanGrant:
    """Which values of one dataset may leave the department, and until when; see `ScanGrant` of connector.proto."""

    grant_id: str
    decision_id: str
    audience: str
    dataset: str
    purpose: str
    recipient: str
    columns: tuple[GrantColumn, ...]
    """In the order in which they are sent."""
    row_filter: Predicate
    pushed_filter: Predicate | None = None
    lookup: LookupKeys | None = None
    rows_max: int | None = None
    issued_at: int
    """Seconds since 1970-01-01 UTC, as is `expires_at`."""
    expires_at: int
    pseudonym_key: bytes = b""
    """32 bytes when a column is pseudonymised, otherwise empty."""


def sign_grant(grant: ScanGrant, *, key: Ed25519PrivateKey, key_id: str) -> connector_pb2.SignedScanGrant:
    """Serialise and sign a grant.

    Raises:
        ValueError: A literal cannot travel, or the connector would refuse the grant as malformed.
    """
    message = connector_pb2.ScanGrant(
        grant_id=grant.grant_id,
        decision_id=grant.decision_id,
        audience=grant.audience,
        dataset=grant.dataset,
        purpose=grant.purpose,
        recipient=grant.recipient,
        columns=[
            connector_pb2.ColumnGrant(name=column.name, action=str(column.action), mask=str(column.mask or ""))
            for column in grant.columns
        ],
        row_filter=to_proto(grant.row_filter),
        pushed_filter=None if grant.pushed_filter is None else to_proto(grant.pushed_filter),
        lookup=_lookup_to_proto(grant.lookup),
        rows_max=grant.rows_max or 0,
        issued_at=grant.issued_at,
        expires_at=grant.expires_at,
        pseudonym_key=grant.pseudonym_key,
    )
    if grant.rows_max == 0 or _read(message) != grant:
        raise ValueError("the grant does not survive the wire")
    payload = message.SerializeToString()
    return connector_pb2.SignedScanGrant(payload=payload, signature=key.sign(_CONTEXT + payload), key_id=key_id)


def _lookup_to_proto(lookup: LookupKeys | None) -> connector_pb2.LookupKeys | None:
    if lookup is None:
        return None
    return connector_pb2.LookupKeys(column=lookup.column, values=[value_to_proto(value) for value in lookup.values])


def verify_grant(
    signed: connector_pb2.SignedScanGrant, *, keys: Mapping[str, Ed25519PublicKey], audience: str, now: int
) -> ScanGrant:
    """Return the grant when the gateway signed it for this department and it is in force.

    Args:
        signed: As it arrived; nothing in it is trusted before the signature is verified.
        keys: The gateway's public keys by key id.
        audience: Department id of this connector.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        GrantRefused: Any doubt, with its code.
    """
    payload = signed_payload(signed, context=_CONTEXT, keys=keys)
    try:
        grant = _read(connector_pb2.ScanGrant.FromString(payload))
    except (DecodeError, ValueError):
        raise GrantRefused(GrantCode.MALFORMED) from None
    check_in_force(grant, audience=audience, now=now)
    return grant


def signed_payload(
    signed: connector_pb2.SignedScanGrant | connector_pb2.SignedInquiry,
    *,
    context: bytes,
    keys: Mapping[str, Ed25519PublicKey],
) -> bytes:
    """Return the bytes that the gateway signed.

    Args:
        signed: As it arrived.
        context: What is signed before the payload, so that a signature serves for one kind of message.
        keys: The gateway's public keys by key id.

    Raises:
        GrantRefused: The key is unknown, or the signature is not its.
    """
    key = keys.get(signed.key_id)
    if key is None:
        raise GrantRefused(GrantCode.KEY_UNKNOWN)
    if len(signed.payload) > _PAYLOAD_BYTES_MAX:
        raise GrantRefused(GrantCode.MALFORMED)
    try:
        key.verify(signed.signature, context + signed.payload)
    except InvalidSignature:
        raise GrantRefused(GrantCode.SIGNATURE) from None
    return signed.payload


def check_in_force(message: ScanGrant | connector_pb2.Inquiry, *, audience: str, now: int) -> None:
    """Raise GrantRefused unless the message is meant for `audience` and in force `now`."""
    if message.audience != audience:
        raise GrantRefused(GrantCode.AUDIENCE)
    if message.expires_at - message.issued_at > _LIFETIME_SECONDS_MAX:
        raise GrantRefused(GrantCode.LIFETIME)
    if message.issued_at > now + _CLOCK_SKEW_SECONDS_MAX:
        raise GrantRefused(GrantCode.NOT_YET_VALID)
    if message.expires_at <= now:
        raise GrantRefused(GrantCode.EXPIRED)


def _read(message: connector_pb2.ScanGrant) -> ScanGrant:
    """Read a grant that arrived. Raises ValueError when anything is missing, unknown or does not fit together."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise ValueError("a field is unknown; it may be a restriction")
    if not all((message.grant_id, message.decision_id, message.audience, message.dataset, message.purpose)):
        raise ValueError("an id is missing")
    if not message.HasField("row_filter"):
        raise ValueError("the row filter is missing")
    if message.rows_max < 0 or not 0 <= message.issued_at < message.expires_at:
        raise ValueError("a number is out of range")
    columns = _columns(message)
    pseudonymised = any(column.action is ColumnAction.PSEUDONYM for column in columns)
    if len(message.pseudonym_key) != (32 if pseudonymised else 0):
        raise ValueError("the pseudonym key does not fit the columns")
    return ScanGrant(
        grant_id=message.grant_id,
        decision_id=message.decision_id,
        audience=message.audience,
        dataset=message.dataset,
        purpose=message.purpose,
        recipient=message.recipient,
        columns=columns,
        row_filter=from_proto(message.row_filter),
        pushed_filter=from_proto(message.pushed_filter) if message.HasField("pushed_filter") else None,
        lookup=_lookup(message.lookup) if message.HasField("lookup") else None,
        rows_max=message.rows_max or None,
        issued_at=message.issued_at,
        expires_at=message.expires_at,
        pseudonym_key=message.pseudonym_key,
    )


def _columns(message: connector_pb2.ScanGrant) -> tuple[GrantColumn, ...]:
    columns = tuple(
        GrantColumn(
            name=column.name, action=ColumnAction(column.action), mask=Mask(column.mask) if column.mask else None
        )
        for column in message.columns
    )
    if not 1 <= len(columns) <= _COLUMNS_MAX or len({column.name for column in columns}) != len(columns):
        raise ValueError("columns are missing, repeated or too many")
    for column in columns:
        masks = MASKS_OF_ACTION.get(column.action)
        fits = column.mask is None if masks is None else column.mask in masks
        if column.action not in _RELEASING or not fits:
            raise ValueError("a treatment does not release values, or its mask does not fit")
    return columns


def _lookup(message: connector_pb2.LookupKeys) -> LookupKeys:
    if not message.column or not 1 <= len(message.values) <= _LOOKUP_VALUES_MAX:
        raise ValueError("look-up keys are missing or too many")
    return LookupKeys(column=message.column, values=tuple(value_from_proto(value) for value in message.values))


def granted_schema(grant_columns: tuple[GrantColumn, ...], dataset: Dataset) -> pa.Schema:
    """Return the schema of the batches that a grant on `dataset` implies: grant order, catalogue types.

    A column under `null` is nullable; others keep the catalogue's nullability.

    Raises:
        GrantRefused: A column is unknown, or its type cannot be treated so.
    """
    fields = []
    for granted in grant_columns:
        column = dataset.column(granted.name)
        if column is None:
            raise GrantRefused(GrantCode.COLUMN_UNKNOWN)
        if not supports(column.arrow_type, action=granted.action, mask=granted.mask, buckets=column.buckets):
            raise GrantRefused(GrantCode.TREATMENT)
        nullable = column.nullable or granted.action is ColumnAction.NULL
        fields.append(pa.field(column.name, column.arrow_type, nullable=nullable))
    return pa.schema(fields)


def load_keys(path: Path) -> Mapping[str, Ed25519PublicKey]:
    """Read the gateway's public keys from a JWK set (RFC 7517, RFC 8037).

    Raises:
        ValueError: The file is no JWK set of at least one public Ed25519 key, each with its own `kid`.
        OSError: The file cannot be read.
    """
    document = json.loads(path.read_text("utf-8"))
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ValueError("the key file is not a JWK set")
    keys: dict[str, Ed25519PublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or (entry.get("kty"), entry.get("crv")) != ("OKP", "Ed25519") or "d" in entry:
            raise ValueError("a key is not a public Ed25519 key")
        key_id, encoded = entry.get("kid"), entry.get("x")
        if not isinstance(key_id, str) or not key_id or key_id in keys or not isinstance(encoded, str):
            raise ValueError("a key has no id of its own or no value")
        keys[key_id] = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return keys
