"""DuckDB's parser as a second opinion on what a statement contains."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field

import duckdb

from gateway.parse.allowed import ENGINE_FUNCTIONS, ENGINE_KINDS

_STAR_KEYS = frozenset(
    {"class", "type", "alias", "query_location", "query_location_length", "relation_name", "columns"}
)
"""Of a star without EXCLUDE, REPLACE, RENAME or COLUMNS."""


@dataclass(slots=True)
class EngineReading:
    """What DuckDB finds in a statement."""

    refused: bool = False
    """It does not parse, is not one SELECT, or holds something outside the allow-lists."""
    tables: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Every table name in FROM and JOIN, lower case, CTE references too."""

    def visit(self, node: dict[str, object]) -> dict[str, object]:
        """Take note of one JSON object of the serialised statement and return it."""
        kind, family = node.get("type", "TYPE"), node.get("class", "TYPE")
        if not (isinstance(kind, str) and kind in ENGINE_KINDS and isinstance(family, str) and family in ENGINE_KINDS):
            self.refused = True
        if kind == "STAR" and (node.get("columns") or not node.keys() <= _STAR_KEYS):
            self.refused = True
        if kind == "BASE_TABLE":
            names = [str(node.get(part, "")) for part in ("catalog_name", "schema_name", "table_name")]
            self.tables[tuple(name.lower() for name in names if name)] += 1
        elif "function_name" in node and (node["function_name"] not in ENGINE_FUNCTIONS or node.get("schema")):
            self.refused = True
        return node


class EngineParser:
    """Parses with DuckDB without binding or running anything. Safe to share between threads.

    The statement is only ever the bound parameter of `json_serialize_sql`, a pure function from text to the JSON of
    DuckDB's own syntax tree, in an empty in-memory database without file, network or extension access.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "threads": "1",
                "memory_limit": "256MB",
            },
        )
        # The optimizer would evaluate the function once more while folding constants.
        self._connection.execute("PRAGMA disable_optimizer")
        self._connection.execute("SET lock_configuration = true")
        self._serialize = self._connection.extract_statements(
            "SELECT json_serialize_sql($1, skip_null := true, skip_empty := true)"
        )[0]
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def read(self, sql: str) -> EngineReading:
        """Return what DuckDB finds in `sql`."""
        reading = EngineReading()
        try:
            with self._lock:
                row = self._connection.execute(self._serialize, [sql]).fetchone()
        except duckdb.Error:
            reading.refused = True
            return reading
        document = json.loads(row[0], object_hook=reading.visit) if row else {}
        if document.get("error") is not False or len(document.get("statements", ())) != 1:
            reading.refused = True
        return reading
