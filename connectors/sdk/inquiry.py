"""Inquiries: questions about a department's log or data, signed by the gateway, checked before anything is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError

from connectors.sdk.grant import GrantCode, GrantRefused, check_in_force, signed_payload
from sharing_stubs.sharing.connector.v1 import connector_pb2

SKETCH_KEY_BYTES = 16
_CONTEXT = b"sharing-inquiry-v1\n"


class Topic(Enum):
    """What an inquiry is about."""

    LOG = "log"
    """The department's log itself."""
    SUBJECT = "subject"
    """What the log has of one data subject."""
    DATASET = "dataset"
    """Numbers about a dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is asked of which department; see `Inquiry` of connector.proto."""

    inquiry_id: str
    audience: str
    from_time: int = 0
    """Seconds since 1970-01-01 UTC, as are all times; 0 for no bound."""
    until_time: int = 0
    identifier: str = ""
    """Kind of identifier that is looked for; empty unless a data subject is."""
    value: str = ""
    """The identifier; never recorded."""
    dataset: str = ""
    """Dataset that is to be profiled; empty otherwise."""
    sketch_key: bytes = b""
    """`SKETCH_KEY_BYTES` random bytes with a dataset; empty otherwise."""
    issued_at: int
    expires_at: int


def sign_inquiry(inquiry: Inquiry, *, key: Ed25519PrivateKey, key_id: str) -> connector_pb2.SignedInquiry:
    """Serialise and sign an inquiry."""
    payload = connector_pb2.Inquiry(
        inquiry_id=inquiry.inquiry_id,
        audience=inquiry.audience,
        from_time=inquiry.from_time,
        until_time=inquiry.until_time,
        identifier=inquiry.identifier,
        value=inquiry.value,
        dataset=inquiry.dataset,
        sketch_key=inquiry.sketch_key,
        issued_at=inquiry.issued_at,
        expires_at=inquiry.expires_at,
    ).SerializeToString()
    return connector_pb2.SignedInquiry(payload=payload, signature=key.sign(_CONTEXT + payload), key_id=key_id)


def verify_inquiry(
    signed: connector_pb2.SignedInquiry,
    *,
    keys: Mapping[str, Ed25519PublicKey],
    audience: str,
    about: Topic,
    now: int,
) -> Inquiry:
    """Return the inquiry when the gateway signed it for this department and it is in force.

    Args:
        signed: As it arrived.
        keys: The gateway's public keys by key id.
        audience: Department id of this connector.
        about: What it must be about; what belongs to another topic must be empty.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        GrantRefused: Any doubt, with its code.
    """
    payload = signed_payload(signed, context=_CONTEXT, keys=keys)
    try:
        message = connector_pb2.Inquiry.FromString(payload)
    except DecodeError:
        raise GrantRefused(GrantCode.MALFORMED) from None
    subject, dataset = about is Topic.SUBJECT, about is Topic.DATASET
    named = (bool(message.identifier), bool(message.value), bool(message.dataset), len(message.sketch_key))
    if not message.inquiry_id or named != (subject, subject, dataset, SKETCH_KEY_BYTES * dataset):
        raise GrantRefused(GrantCode.MALFORMED)
    check_in_force(message, audience=audience, now=now)
    return Inquiry(
        inquiry_id=message.inquiry_id,
        audience=message.audience,
        from_time=message.from_time,
        until_time=message.until_time,
        identifier=message.identifier,
        value=message.value,
        dataset=message.dataset,
        sketch_key=message.sketch_key,
        issued_at=message.issued_at,
        expires_at=message.expires_at,
    )
