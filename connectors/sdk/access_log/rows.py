"""One row per entry: what of an entry's body auditors ask for, as columns.

DuckDB takes the bodies apart, outside Python's lock. A member that is missing, or is of another type than here, is null.
Divisions are 12 digits, as in official statistics; an entry that no known office caused belongs to the whole city, so that
only who may see everything sees it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import duckdb
import pyarrow as pa

from connectors.sdk.tlog.entry import read_header

_MEMORY_LIMIT: Final = "1GB"
_TEXT, _NUMBER, _TEXTS = "VARCHAR", "BIGINT", ["VARCHAR"]
_USED_COLUMNS = [{"name": _TEXT, "uses": _TEXTS, "action": _TEXT, "mask": _TEXT}]
_BODY: Final = json.dumps(
    {
        "requester": {"subject": _TEXT, "office": _TEXT, "office_kind": _TEXT, "division_code": _TEXT},
        "purpose": _TEXT,
        "case": _TEXT,
        "channel": _TEXT,
        "sql": _TEXT,
        "datasets": [{"name": _TEXT, "columns": _USED_COLUMNS, "people": _TEXTS}],
        "scans": [{"dataset": _TEXT, "controller": _TEXT, "lookup_values": _NUMBER}],
        "policy_input": {"query": {"datasets": [{"name": _TEXT, "columns": _USED_COLUMNS}]}},
        "denials": [{"code": _TEXT}],
        "reason": _TEXT,
        "outcome": _TEXT,
        "action": _TEXT,
        "target": _TEXT,
        "facts": {"purposes": _TEXTS},
        "intent": _TEXT,
        "sent": {"rows": _NUMBER, "bytes_sent": _NUMBER},
        "durations_micros": {"run": _NUMBER},
        "expires_at": _NUMBER,
        "obligations": {"rows_max": _NUMBER, "emergency": _TEXT},
        "decision_id": _TEXT,
        "policy_revision": _TEXT,
        "catalogue_revision": _TEXT,
        "first": _NUMBER,
        "parquet_sha256": _TEXT,
    }
)
_ROWS: Final = """
WITH parsed AS (SELECT * EXCLUDE (body), body AS body_text, from_json(body, $1) AS body FROM leaves)
SELECT sequence, entry_id, kind, recorded_at, CAST(recorded_at AT TIME ZONE 'Asia/Shanghai' AS DATE) AS recorded_on, place,
  coalesce(body.requester.subject, '') AS requester,
  body.requester.office AS office,
  body.requester.office_kind AS office_kind,
  rpad(coalesce(body.requester.division_code, '31'), 12, '0') AS division_code,
  nullif(body.purpose, '') AS purpose,
  nullif(body.case, '') AS case_number,
  body.channel AS channel,
  body.sql AS statement,
  nullif(array_to_string(list_transform(body.datasets, lambda d: d.name), ', '), '') AS datasets,
  body.outcome AS outcome,
  coalesce(body.reason, nullif(array_to_string(list_transform(body.denials, lambda d: d.code), ', '), '')) AS reasons,
  body.action AS action,
  body.target AS target,
  body.intent AS intent,
  body.sent.rows AS row_count,
  body.sent.bytes_sent AS bytes_sent,
  CASE WHEN kind = 'intent' THEN coalesce(list_sum(list_transform(body.scans, lambda s: s.lookup_values)), 0)::BIGINT
    END AS lookup_values,
  body.durations_micros.run AS duration_micros,
  try(to_timestamp(body.expires_at)) AS expires_at,
  body.obligations.emergency AS emergency,
  body.decision_id AS decision_id,
  body.policy_revision AS policy_revision,
  body.catalogue_revision AS catalogue_revision,
  list_transform(body.datasets, lambda d: d.name) AS dataset_names,
  body.facts.purposes AS decided_purposes,
  body.obligations.rows_max AS rows_max,
  CASE WHEN kind = 'sealed' THEN body.first END AS sealed_first,
  body.parquet_sha256 AS parquet_sha256,
  flatten(list_transform(
    CASE WHEN kind = 'denial' THEN list_transform(body.policy_input.query.datasets,
        lambda d: {'name': d.name, 'columns': d.columns, 'people': NULL::VARCHAR[]})
      ELSE body.datasets END,
    lambda d: list_transform(d.columns, lambda c: {
      'dataset': d.name,
      'controller': list_filter(body.scans, lambda s: s.dataset = d.name)[1].controller,
      'column_name': c.name,
      'uses': array_to_string(c.uses, ', '),
      'action': c.action,
      'mask': c.mask}))) AS accessed,
  flatten(list_transform(body.datasets, lambda d: list_transform(d.people, lambda p: {
      'dataset': d.name,
      'controller': list_filter(body.scans, lambda s: s.dataset = d.name)[1].controller,
      'person': p}))) AS people,
  list_transform(accessed, lambda a: a.column_name) || list_transform(accessed, lambda a: a.dataset || '.' || a.column_name)
    AS column_names,
  list_transform(people, lambda p: p.person) AS tokens,
  body_text AS body
FROM parsed
"""


HIDDEN: Final = (
    "place",
    "dataset_names",
    "column_names",
    "decided_purposes",
    "tokens",
    "accessed",
    "people",
    "rows_max",
    "sealed_first",
    "parquet_sha256",
    "body",
)
"""Columns that are no columns of `audit.access_log`; names are listed with and without their dataset."""


def entry_rows(
    leaves: Iterable[bytes], *, database: duckdb.DuckDBPyConnection, places: Iterable[int] | None = None
) -> pa.Table:
    """Return one row per entry, in order.

    Args:
        leaves: Entries in their byte form.
        database: Does the work (`connect`).
        places: Where each entry's frame stands in its segment; column `place` is null without.

    Returns:
        The catalogue's columns of `audit.access_log`; `place`; `body`, the entry's JSON text; and what only questions
        need: `HIDDEN`.

    Raises:
        ValueError: A leaf is no entry.
    """
    found = list(leaves)
    headers = [read_header(leaf) for leaf in found]
    bodies = pa.array([leaf[header.body_offset :] for leaf, header in zip(found, headers, strict=True)], pa.binary())
    times = pa.array([header.time_micros for header in headers], pa.timestamp("us", tz="UTC"))
    table = pa.table(
        {
            "sequence": pa.array([header.sequence for header in headers], pa.int64()),
            "entry_id": pa.array([header.entry_id for header in headers], pa.string()),
            "kind": pa.array([header.kind for header in headers], pa.string()),
            "recorded_at": times,
            "place": pa.array([None] * len(found) if places is None else list(places), pa.int64()),
            "body": bodies.cast(pa.string()),
        }
    )
    with database.cursor() as cursor:
        cursor.register("leaves", table)
        return cursor.sql(_ROWS, params=[_BODY]).to_arrow_table()


def connect() -> duckdb.DuckDBPyConnection:
    """Return a database in memory that fetches nothing and writes nothing; its times are UTC."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": "",
            "memory_limit": _MEMORY_LIMIT,
        }
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true")
    return connection
