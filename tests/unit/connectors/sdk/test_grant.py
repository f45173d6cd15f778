"""Grants: what was signed is what arrives, and every doubt has its code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.grant import (
    GrantCode,
    GrantColumn,
    GrantRefused,
    LookupKeys,
    ScanGrant,
    granted_schema,
    load_keys,
    sign_grant,
    verify_grant,
)
from connectors.sdk.predicates import Predicate, PredicateOp
from sharing_stubs.sharing.connector.v1 import connector_pb2
from tests.unit.connectors.conftest import DATASET

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_800_000_000
GRANT = ScanGrant(
    grant_id="g",
    decision_id="d",
    audience="testing",
    dataset="testing.thing",
    purpose="elderly-care-visits",
    recipient="310101002",
    columns=(
        GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.NAME),
        GrantColumn(name="id", action=ColumnAction.CLEAR),
        GrantColumn(name="division", action=ColumnAction.PSEUDONYM),
    ),
    row_filter=Predicate(op=PredicateOp.PREFIX, column="division", values=("310101002",)),
    pushed_filter=Predicate(op=PredicateOp.GE, column="id", values=(5,)),
    lookup=LookupKeys(column="id", values=(1, 2)),
    rows_max=10,
    issued_at=NOW,
    expires_at=NOW + 60,
    pseudonym_key=bytes(range(32)),
)
SIGNED = sign_grant(GRANT, key=KEY, key_id="k1")


def verify(signed: connector_pb2.SignedScanGrant, *, now: int = NOW) -> ScanGrant:
    return verify_grant(signed, keys={"k1": KEY.public_key()}, audience="testing", now=now)


def code_of(signed: connector_pb2.SignedScanGrant, *, now: int = NOW) -> GrantCode:
    with pytest.raises(GrantRefused) as caught:
        verify(signed, now=now)
    return caught.value.code


def resigned(message: connector_pb2.ScanGrant, *, extra: bytes = b"") -> connector_pb2.SignedScanGrant:
    """Sign any payload with the gateway's key, as a faulty gateway would."""
    payload = message.SerializeToString() + extra
    signature = KEY.sign(b"sharing-scan-grant-v1\n" + payload)
    return connector_pb2.SignedScanGrant(payload=payload, signature=signature, key_id="k1")


def test_a_grant_arrives_as_it_was_signed() -> None:
    """Every field survives, optional ones present or absent."""
    assert verify(SIGNED) == GRANT
    bare = replace(GRANT, pushed_filter=None, lookup=None, rows_max=None, columns=GRANT.columns[1:2], pseudonym_key=b"")
    assert verify(sign_grant(bare, key=KEY, key_id="k1")) == bare


@pytest.mark.parametrize(
    ("now", "code"),
    [(NOW - 31, GrantCode.NOT_YET_VALID), (NOW + 60, GrantCode.EXPIRED), (NOW + 1_000_000, GrantCode.EXPIRED)],
)
def test_a_grant_holds_for_its_time_only(now: int, code: GrantCode) -> None:
    """It ends at `expires_at`; half a minute of clock skew is allowed before `issued_at`."""
    assert code_of(SIGNED, now=now) is code
    assert verify(SIGNED, now=NOW - 30) == GRANT
    assert verify(SIGNED, now=NOW + 59) == GRANT


def test_a_grant_lives_ten_minutes_at_most() -> None:
    """A longer life is refused even while it is in force."""
    assert verify(sign_grant(replace(GRANT, expires_at=NOW + 600), key=KEY, key_id="k1")).expires_at == NOW + 600
    assert code_of(sign_grant(replace(GRANT, expires_at=NOW + 601), key=KEY, key_id="k1")) is GrantCode.LIFETIME


@settings(max_examples=200, deadline=None, derandomize=True)
@given(position=st.integers(0, len(SIGNED.payload) * 8 - 1))
def test_no_flipped_bit_of_the_payload_passes(position: int) -> None:
    """The signature covers every bit."""
    payload = bytearray(SIGNED.payload)
    payload[position // 8] ^= 1 << position % 8
    changed = connector_pb2.SignedScanGrant(payload=bytes(payload), signature=SIGNED.signature, key_id="k1")
    assert code_of(changed) is GrantCode.SIGNATURE


@pytest.mark.parametrize("signature", [b"", b"x", SIGNED.signature[:-1], SIGNED.signature + b"\0", bytes(64)])
def test_a_broken_signature_is_refused(signature: bytes) -> None:
    """Wrong lengths are refused like wrong values."""
    assert (
        code_of(connector_pb2.SignedScanGrant(payload=SIGNED.payload, signature=signature, key_id="k1"))
        is GrantCode.SIGNATURE
    )


def test_a_signature_for_another_kind_of_message_is_refused() -> None:
    """The context string keeps other Ed25519 signatures of the gateway from being grants."""
    bare = connector_pb2.SignedScanGrant(payload=SIGNED.payload, signature=KEY.sign(SIGNED.payload), key_id="k1")
    assert code_of(bare) is GrantCode.SIGNATURE


def _changed(**changes: Any) -> connector_pb2.SignedScanGrant:
    message = connector_pb2.ScanGrant.FromString(SIGNED.payload)
    for name, value in changes.items():
        setattr(message, name, value)
    return resigned(message)


def _columns(*columns: tuple[str, str, str]) -> connector_pb2.SignedScanGrant:
    message = connector_pb2.ScanGrant.FromString(SIGNED.payload)
    del message.columns[:]
    message.columns.extend(
        connector_pb2.ColumnGrant(name=name, action=action, mask=mask) for name, action, mask in columns
    )
    if not any(action == "pseudonym" for _, action, _ in columns):
        message.pseudonym_key = b""
    return resigned(message)


def _without(field: str) -> connector_pb2.SignedScanGrant:
    message = connector_pb2.ScanGrant.FromString(SIGNED.payload)
    message.ClearField(field)  # type: ignore[arg-type]
    return resigned(message)


@pytest.mark.parametrize(
    "signed",
    [
        resigned(connector_pb2.ScanGrant()),
        resigned(connector_pb2.ScanGrant.FromString(SIGNED.payload), extra=b"\xff"),
        resigned(connector_pb2.ScanGrant.FromString(SIGNED.payload), extra=b"\xf2\x01\x01x"),
        _without("row_filter"),
        _without("grant_id"),
        _without("columns"),
        _without("pseudonym_key"),
        _changed(pseudonym_key=b"short"),
        _changed(rows_max=-1),
        _changed(issued_at=-1),
        _changed(expires_at=NOW),
        _columns(("id", "deny", "")),
        _columns(("id", "lookup", "")),
        _columns(("id", "shred", "")),
        _columns(("id", "clear", "name")),
        _columns(("id", "partial", "")),
        _columns(("id", "partial", "date_year")),
        _columns(("id", "clear", ""), ("id", "clear", "")),
        _columns(("id", "pseudonym", ""), *((f"c{n}", "clear", "") for n in range(1_000))),
    ],
)
def test_a_malformed_grant_is_refused_even_when_signed(signed: connector_pb2.SignedScanGrant) -> None:
    """Missing parts, unknown fields (which may be restrictions) and treatments that do not fit."""
    assert code_of(signed) is GrantCode.MALFORMED


def test_a_malformed_lookup_is_refused() -> None:
    """Look-up keys are at least one and bounded."""
    for values in ([], [connector_pb2.Value(integer=1)] * 1_001):
        message = connector_pb2.ScanGrant.FromString(SIGNED.payload)
        message.lookup.CopyFrom(connector_pb2.LookupKeys(column="id", values=values))
        assert code_of(resigned(message)) is GrantCode.MALFORMED


def test_a_grant_that_a_connector_would_refuse_is_not_signed() -> None:
    """The gateway finds its own mistake before it sends it."""
    for changes in ({"columns": ()}, {"rows_max": 0}, {"pseudonym_key": b""}, {"grant_id": ""}):
        with pytest.raises(ValueError, match=r"."):
            sign_grant(replace(GRANT, **changes), key=KEY, key_id="k1")  # type: ignore[arg-type]


def test_the_schema_follows_the_grant() -> None:
    """Grant order, catalogue types; only a nulled column becomes nullable."""
    columns = (
        GrantColumn(name="moment", action=ColumnAction.CLEAR),
        GrantColumn(name="id", action=ColumnAction.NULL),
        GrantColumn(name="division", action=ColumnAction.PSEUDONYM),
    )
    assert granted_schema(columns, DATASET) == pa.schema(
        [
            pa.field("moment", pa.timestamp("us", tz="UTC")),
            pa.field("id", pa.int64()),
            pa.field("division", pa.string(), nullable=False),
        ]
    )


def _jwk(**changes: Any) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik", **changes}


def test_keys_are_read_from_a_jwk_set(tmp_path: Path) -> None:
    """The public key of RFC 8032's first test vector is known by its kid."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [_jwk(), _jwk(kid="k2")]}), "utf-8")
    keys = load_keys(tmp_path / "keys.json")
    assert sorted(keys) == ["k1", "k2"]
    assert keys["k1"].public_bytes_raw() == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"keys": []},
        {"keys": ["k1"]},
        {"keys": [_jwk(kty="RSA")]},
        {"keys": [_jwk(crv="X25519")]},
        {"keys": [_jwk(d="secret")]},
        {"keys": [_jwk(kid="")]},
        {"keys": [_jwk(kid=None)]},
        {"keys": [_jwk(), _jwk()]},
        {"keys": [_jwk(x="AAAA")]},
        {"keys": [_jwk(x=None)]},
    ],
)
def test_a_doubtful_key_file_is_refused(tmp_path: Path, document: Any) -> None:
    """No key, a private key, a key without its own id or of another kind: none is used."""
    (tmp_path / "keys.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(ValueError, match=r"."):
        load_keys(tmp_path / "keys.json")
