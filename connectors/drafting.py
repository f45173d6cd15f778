"""`connector draft`, loaded when it is called."""

from __future__ import annotations

from pathlib import Path

import typer
from pydantic import SecretStr

from connectors.draft import draft
from connectors.sdk.config import (
    ConfigInvalid,
    PostgresqlSettings,
    read_source,
)
from connectors.sdk.source import SourceError
from connectors.serving import fail, fail_with


def write(source: str, *, table: str, dataset: str, department: str, output: Path) -> None:
    """Write the first catalogue entry and configuration of a table."""
    entry, config = (output / f"{name}.yaml" for name in (dataset, department))
    if taken := [path for path in (entry, config) if path.exists()]:
        fail(f"{taken[0]} 已存在，请先移走", f"{taken[0]} exists; move it away first")
    try:
        is_uri = source.startswith(("postgresql://", "postgres://"))
        settings = PostgresqlSettings(kind="postgresql", uri=SecretStr(source)) if is_uri else read_source(Path(source))
        found = draft(settings, table=table, dataset=dataset, department=department)
        output.mkdir(parents=True, exist_ok=True)
        for path, text in ((entry, found.entry), (config, found.config)):
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
            typer.echo(path)
    except ConfigInvalid as invalid:
        fail_with(invalid)
    except (SourceError, ValueError, OSError) as error:
        detail = f"{error.code} {error.detail}" if isinstance(error, SourceError) else str(error)
        fail(f"无法读取该表：{detail}", f"the table cannot be read: {detail}")
