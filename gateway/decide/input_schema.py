"""Tell whether a document has the form of a policy input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}


def load_input_schema(policies: Path | None = None) -> dict[str, Any]:
    """Return the schema of the input of the policies in a directory, or of those of the distribution.

    Raises:
        OSError, ValueError: It cannot be read.
    """
    root = files("policies") if policies is None else policies
    schema: dict[str, Any] = json.loads((root / "schema" / "input.json").read_text("utf-8"))
    return schema


def fits(document: object, schema: Mapping[str, Any]) -> bool:
    """Tell whether a document fits a schema that uses types, required and other properties, items and enums only."""
    kind = schema["type"]
    if not isinstance(document, _TYPES[kind]) or (isinstance(document, bool) and kind != "boolean"):
        return False
    if "enum" in schema and document not in schema["enum"]:
        return False
    if isinstance(document, list):
        return all(fits(item, schema["items"]) for item in document)
    if isinstance(document, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        if not set(schema.get("required", ())) <= set(document):
            return False
        return all(
            fits(item, known[name]) if name in known else isinstance(rest, dict) and fits(item, rest)
            for name, item in document.items()
        )
    return True
